//! The HTTP side of a replica: health, status, metrics, and the application's own routes.

mod error;
mod guard;
mod health;
mod metrics;
mod newcomers;
mod openapi;
mod serve;
mod whole_body;

pub use error::ApiError;
pub(crate) use serve::serve;

use crate::error::NodeError;
use crate::handle::NodeHandle;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router, middleware};
use guard::Guard;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

/// Bytes of a request's body at most: a signed request in hexadecimal, with room.
const BODY_BYTES_MAX: usize = 2 * outvote_types::limits::MAX_REQUEST_BYTES + 64 * 1024;
/// How long a request may take until its answer begins, its body included; a stream of events then goes on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often `/readyz` looks whether work that waits also commits.
pub(crate) const PROGRESS_WINDOW: Duration = Duration::from_secs(5);

/// An application's own routes and their lines in `/openapi.json`.
#[derive(Debug, Default)]
pub struct AppRoutes {
    /// The routes; whatever the node does not serve itself ends up here.
    pub router: Router,
    /// Path and summary of each.
    pub documented: Vec<(&'static str, &'static str)>,
}

/// The routes of a node with the application's merged in.
pub(crate) fn router(handle: &NodeHandle, application: AppRoutes, hosts: Vec<String>) -> Router {
    let document = Arc::new(openapi::document(&application.documented));
    let origins = handle
        .committee()
        .http
        .iter()
        .filter(|http| !http.is_empty())
        .map(|http| format!("http://{http}"))
        .collect();
    let guard = Arc::new(Guard::new(hosts, origins));
    let health = health::Health::watch(handle);
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz).with_state(health))
        .route("/status", get(status).with_state(handle.clone()))
        .route("/metrics", get(metrics::metrics).with_state(handle.clone()))
        .route("/openapi.json", get(move || async move { Json((*document).clone()) }))
        // The application may have a fallback of its own, such as its page; without one, `in_our_shape` words the bare 404.
        .merge(application.router)
        .method_not_allowed_fallback(|| async { error::method_not_allowed() })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(whole_body::Room::default(), whole_body::take))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_TIMEOUT))
        .layer(middleware::map_response(error::in_our_shape))
        .layer(middleware::from_fn_with_state(guard, guard::check))
}

async fn status(
    axum::extract::State(handle): axum::extract::State<NodeHandle>,
) -> Json<crate::report::Report> {
    Json(handle.report())
}

/// Listens and serves until the process ends.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address).await.map_err(|source| NodeError::Listen {
        address,
        key: "network.http",
        source,
    })
}

/// What is said for a path that nobody serves.
pub fn no_such_route() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no-such-route",
        "nothing is served here",
        "see /openapi.json for the routes",
    )
}

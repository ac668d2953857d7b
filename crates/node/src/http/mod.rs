//! The HTTP side of a replica: health, status, metrics, and the application's own routes.

mod error;
mod guard;
mod health;
mod metrics;
mod newcomers;
mod openapi;
mod routes;
mod runtime;
pub mod schema;
mod serve;
mod whole_body;

pub use error::ApiError;
pub use openapi::Route;
pub use routes::AppRoutes;
pub(crate) use runtime::HttpRuntime;
pub(crate) use serve::{serve, serve_stream};

use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::report::Report;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::{Json, Router, middleware};
use guard::Guard;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
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

/// The routes of a node with the application's merged in.
pub(crate) fn router(handle: &NodeHandle, application: AppRoutes, hosts: Vec<String>) -> Router {
    let origins = handle
        .committee()
        .http
        .iter()
        .filter(|http| !http.is_empty())
        .map(|http| format!("http://{http}"))
        .collect();
    let guard = Arc::new(Guard::new(hosts, origins));
    // Filled in once all routes are known, this document's own among them.
    let document = Arc::new(OnceLock::new());
    // The application may have a fallback of its own, such as its page; without one, `in_our_shape` words the bare 404.
    let (router, documented) = own(handle, Arc::clone(&document)).merge(application).into_parts();
    document.get_or_init(|| openapi::document(&documented));
    router
        .method_not_allowed_fallback(|| async { error::method_not_allowed() })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(whole_body::Room::default(), whole_body::take))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, ANSWER_TIMEOUT))
        .layer(middleware::map_response(error::in_our_shape))
        .layer(middleware::from_fn_with_state(guard, guard::check))
}

/// What every node serves.
fn own(handle: &NodeHandle, document: Arc<OnceLock<Value>>) -> AppRoutes {
    let health = AppRoutes::new()
        .get("/livez", Route::text("The process lives", "text/plain"), health::livez)
        .get("/readyz", health::about_readyz(), health::readyz)
        .with_state(health::Health::watch(handle));
    let reports = AppRoutes::new()
        .get("/status", Route::new("The cluster as this replica sees it", Report::schema()), status)
        .get("/metrics", Route::text("Prometheus metrics", metrics::MEDIA_TYPE), metrics::metrics)
        .with_state(handle.clone());
    let about = Route::new("This document", schema::open_object(&[], "OpenAPI 3.1"));
    let own = move || async move { Json(document.get().cloned().unwrap_or_default()) };
    health.merge(reports).merge(AppRoutes::new().get("/openapi.json", about, own))
}

async fn status(State(handle): State<NodeHandle>) -> Json<Report> {
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

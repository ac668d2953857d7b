//! A request's body is taken in whole, and in time, before anybody looks at it.

use super::BODY_BYTES_MAX;
use super::error::ApiError;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// From the head to the end of the body at most. The longest body takes 2 Mbit/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The middleware around every route.
pub(crate) async fn take(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        // Too long, or broken off: then nobody reads the answer.
        Ok(Err(_)) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        // A byte a second holds nobody else's place for ever.
        Err(_) => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the request's body did not come in time",
            "send the whole body at once",
        )
        .into_response(),
    }
}

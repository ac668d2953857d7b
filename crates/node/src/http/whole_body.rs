//! A request's body is taken in whole, and in time, before anybody looks at it.

use super::BODY_BYTES_MAX;
use super::error::ApiError;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// From the head to the end of the body at most. The longest body takes 2 Mbit/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of long bodies that are being taken in or dealt with at most, all connections together.
const ALL_BODIES_BYTES_MAX: usize = 64 << 20;
/// So much of each body needs no room: long bodies keep no short one out, and the number of connections bounds these.
const SHORT_BODY_BYTES: usize = 64 << 10;

/// Room for bodies that all connections share.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ALL_BODIES_BYTES_MAX)))
    }
}

/// The middleware around every route.
pub(crate) async fn take(State(room): State<Room>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    if head.method == Method::GET || head.method == Method::HEAD {
        // They have none; what comes nevertheless nobody keeps.
        return next.run(Request::from_parts(head, Body::empty())).await;
    }
    match tokio::time::timeout(BODY_TIMEOUT, collect(body, &room)).await {
        Ok(Ok((bytes, _held))) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Ok(Err(refusal)) => refusal,
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

/// Joins what comes, whatever the pieces are, so that many small ones cost no more than a large one.
async fn collect(mut body: Body, room: &Room) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Response> {
    let (mut bytes, mut held) = (Vec::new(), None::<OwnedSemaphorePermit>);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE.into_response());
        }
        let before = bytes.len().max(SHORT_BODY_BYTES);
        let more = (bytes.len() + data.len()).saturating_sub(before);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&room.0).try_acquire_many_owned(more).map_err(|_| busy())?;
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
}

fn busy() -> Response {
    ApiError::unavailable("too many requests are being read", "try again in a moment, or at another replica")
        .into_response()
}

fn broken(error: &axum::Error) -> Response {
    let cause = std::error::Error::source(error);
    if cause.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    ApiError::bad_input("the request's body broke off", "send as many bytes as the head says").into_response()
}

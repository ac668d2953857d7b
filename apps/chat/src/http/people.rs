//! Who is who, and where a session stands.

use super::error::ask;
use super::extract::{Segment, key};
use crate::answer::{ChatAnswer, IdentityView};
use crate::question::ChatQuestion;
use axum::Json;
use axum::extract::State;
use outvote_node::schema::{count, hexadecimal, object, text};
use outvote_node::{ApiError, NodeHandle, Route};
use serde_json::{Value, json};

/// What stands for a key in a path.
const KEY: &str = "a public key, 64 hexadecimal digits";

fn identity_schema() -> Value {
    object(&[("name", text()), ("key", hexadecimal()), ("since_us", count())])
}

pub(crate) fn about_identity() -> Route {
    Route::new("Who has a key", identity_schema()).path("key", KEY)
}

/// `GET /api/v1/identities/{key}`
pub(crate) async fn identity(
    State(handle): State<NodeHandle>,
    Segment(text): Segment,
) -> Result<Json<IdentityView>, ApiError> {
    view(ask(&handle, &ChatQuestion::Identity { key: key(&text)? }).await?)
}

pub(crate) fn about_name() -> Route {
    Route::new("Who has a name", identity_schema()).path("name", "the name, percent-encoded")
}

/// `GET /api/v1/names/{name}`
pub(crate) async fn by_name(
    State(handle): State<NodeHandle>,
    Segment(name): Segment,
) -> Result<Json<IdentityView>, ApiError> {
    view(ask(&handle, &ChatQuestion::IdentityByName { name }).await?)
}

fn view(answer: ChatAnswer) -> Result<Json<IdentityView>, ApiError> {
    match answer {
        ChatAnswer::Identity { identity } => Ok(Json(identity)),
        _ => Err(super::error::unexpected()),
    }
}

pub(crate) fn about_session() -> Route {
    let answer = object(&[("next_nonce", count())]);
    Route::new("Where a session stands at this replica: the nonce that it executes next", answer)
        .path("key", KEY)
}

/// `GET /api/v1/sessions/{key}`
pub(crate) async fn session(
    State(handle): State<NodeHandle>,
    Segment(text): Segment,
) -> Result<Json<Value>, ApiError> {
    let next = handle.next_nonce(key(&text)?).await;
    let next =
        next.ok_or_else(|| ApiError::unavailable("this replica cannot say now", "ask another replica"))?;
    Ok(Json(json!({"next_nonce": next.0})))
}

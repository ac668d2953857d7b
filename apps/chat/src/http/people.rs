//! Who is who, and where a session stands.

use super::error::ask;
use super::extract::{Segment, key};
use crate::answer::{ChatAnswer, IdentityView};
use crate::question::ChatQuestion;
use axum::Json;
use axum::extract::State;
use outvote_node::{ApiError, NodeHandle};
use serde_json::{Value, json};

/// `GET /api/v1/identities/{key}`
pub(crate) async fn identity(
    State(handle): State<NodeHandle>,
    Segment(text): Segment,
) -> Result<Json<IdentityView>, ApiError> {
    view(ask(&handle, &ChatQuestion::Identity { key: key(&text)? }).await?)
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

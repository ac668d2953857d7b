//! Refusals and failures in the shape that all HTTP errors have.

use crate::answer::{ChatAnswer, ChatError};
use crate::question::ChatQuestion;
use axum::http::StatusCode;
use outvote_client::ClientError;
use outvote_node::{ApiError, NodeHandle};

/// Asks this replica's own state.
pub(crate) async fn ask(handle: &NodeHandle, question: &ChatQuestion) -> Result<ChatAnswer, ApiError> {
    let Some((_, answer)) = handle.query(question.encode()).await else {
        let hint = "ask another replica, or try again in a second";
        return Err(ApiError::unavailable("this replica repairs its state or stops", hint));
    };
    ChatAnswer::parse(&answer).map_err(from_chat)
}

/// The codes and what a browser is told with them.
const CODES: [(&str, StatusCode); 13] = [
    ("no-such-room", StatusCode::NOT_FOUND),
    ("not-registered", StatusCode::NOT_FOUND),
    ("not-a-member", StatusCode::FORBIDDEN),
    ("not-the-owner", StatusCode::FORBIDDEN),
    ("room-exists", StatusCode::CONFLICT),
    ("name-taken", StatusCode::CONFLICT),
    ("already-registered", StatusCode::CONFLICT),
    ("text-too-long", StatusCode::BAD_REQUEST),
    ("text-empty", StatusCode::BAD_REQUEST),
    ("bad-name", StatusCode::BAD_REQUEST),
    ("bad-operation", StatusCode::BAD_REQUEST),
    ("range-too-large", StatusCode::BAD_REQUEST),
    ("state-damaged", StatusCode::SERVICE_UNAVAILABLE),
];

fn from_chat(error: ChatError) -> ApiError {
    match error {
        ChatError::Refused { code, message } => {
            let known = CODES.iter().find(|(known, _)| *known == code);
            let (code, status) = known.copied().unwrap_or(("refused", StatusCode::BAD_REQUEST));
            ApiError::new(status, code, message, "")
        }
        // The replica in this process runs the very code that reads its answers here.
        ChatError::Foreign(error) => ApiError::unavailable(error.to_string(), "run matching versions"),
    }
}

/// What a failed client means to whoever asked.
pub(crate) fn from_client(error: &ClientError) -> ApiError {
    match error {
        ClientError::Submit(error) => ApiError::new(
            StatusCode::CONFLICT,
            "not-taken",
            error.to_string(),
            "see /api/v1/sessions for the next nonce",
        ),
        ClientError::Refused { reason, .. } => {
            ApiError::new(StatusCode::BAD_REQUEST, "refused", reason.clone(), "see `outvote traitor --help`")
        }
        other => ApiError::unavailable(other.to_string(), "try again, or ask another replica"),
    }
}

/// A path that is served under another method.
pub(crate) async fn wrong_method() -> ApiError {
    let hint = "see /openapi.json for the routes";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "this path takes another method", hint)
}

/// An answer to another question: this process runs two versions of the chat at once, which does not happen.
pub(crate) fn unexpected() -> ApiError {
    ApiError::unavailable("the chat answered another question", "run matching versions")
}

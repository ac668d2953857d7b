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

/// The codes, and what a browser is told with them: the status and the cure.
const CODES: [(&str, StatusCode, &str); 13] = [
    ("no-such-room", StatusCode::NOT_FOUND, "see /api/v1/rooms for the rooms there are"),
    ("not-registered", StatusCode::NOT_FOUND, "register first: hand a signed operation to /api/v1/submit"),
    (
        "not-a-member",
        StatusCode::FORBIDDEN,
        "ask the room's owner for an invitation; members name their key as `reader`",
    ),
    ("not-the-owner", StatusCode::FORBIDDEN, "ask the room's owner, whom /api/v1/rooms names"),
    ("room-exists", StatusCode::CONFLICT, "join the room, or take another name"),
    ("name-taken", StatusCode::CONFLICT, "take another name"),
    ("already-registered", StatusCode::CONFLICT, "go on under that name: another one needs another key"),
    ("text-too-long", StatusCode::BAD_REQUEST, "send it in parts"),
    ("text-empty", StatusCode::BAD_REQUEST, "say something"),
    ("bad-name", StatusCode::BAD_REQUEST, "take a name of 1 to 64 bytes of UTF-8 without control characters"),
    (
        "bad-operation",
        StatusCode::BAD_REQUEST,
        "run matching versions; /openapi.json says what is served here",
    ),
    ("range-too-large", StatusCode::BAD_REQUEST, "ask for a smaller page"),
    ("state-damaged", StatusCode::SERVICE_UNAVAILABLE, "ask another replica while this one repairs itself"),
];

/// What is told with a code of a newer chat.
const OTHER: (&str, StatusCode, &str) =
    ("refused", StatusCode::BAD_REQUEST, "see the message; /openapi.json says what is served here");

/// Nobody is left without a cure: a new code does not compile without one.
const _: () = {
    let mut at = 0;
    while at < CODES.len() {
        assert!(!CODES[at].2.is_empty(), "every code comes with a hint");
        at += 1;
    }
};

fn from_chat(error: ChatError) -> ApiError {
    match error {
        ChatError::Refused { code, message } => {
            let known = CODES.iter().find(|(known, ..)| *known == code);
            let (code, status, hint) = *known.unwrap_or(&OTHER);
            ApiError::new(status, code, message, hint)
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

//! The one shape of errors: `{"error":{"code","message","hint"}}`, always a 4xx for bad input.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error that a caller of the HTTP interface sees.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: String,
}

impl ApiError {
    /// An error with a stable code, a sentence on what is wrong and one on how to fix it.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { status, code, message: message.into(), hint: hint.into() }
    }

    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// 400: the input is malformed.
    pub fn bad_input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-input", message, hint)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", message, hint)
    }

    /// 503: this replica cannot serve that now.
    pub fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, hint)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message, "hint": self.hint}});
        (self.status, Json(body)).into_response()
    }
}

/// What is said to a method that a route does not have.
pub(crate) fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this route does not take this method",
        "see /openapi.json for the routes",
    )
}

/// Gives errors that the layers below say in plain text the one shape that all others have.
pub(crate) async fn in_our_shape(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str().is_ok_and(|kind| kind.starts_with("application/") && kind.contains("json"))
    });
    if !status.is_client_error() || is_json {
        return response;
    }
    let (code, message, hint) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("body-too-large", "the request's body is too long", "a signed request has at most 1 MiB")
        }
        StatusCode::REQUEST_TIMEOUT => {
            ("timeout", "the answer took too long", "try again, or ask another replica")
        }
        StatusCode::NOT_FOUND => return super::no_such_route().into_response(),
        StatusCode::METHOD_NOT_ALLOWED => return method_not_allowed().into_response(),
        _ => ("bad-request", "the request cannot be understood", "see /openapi.json for the routes"),
    };
    let mut shaped = ApiError::new(status, code, message, hint).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        shaped.headers_mut().insert(header::ALLOW, allow.clone());
    }
    shaped
}

//! Reading paths, queries and bodies, with errors in the one shape.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use outvote_node::ApiError;
use outvote_types::PublicKey;
use serde::de::DeserializeOwned;

/// One part of a path, decoded.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(error) => Err(ApiError::bad_input(error.body_text(), "percent-encode the name as UTF-8")),
        }
    }
}

/// The query of a URL. Unknown parameters are refused, so that a typo is not an answer to another question.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(ApiError::bad_input(error.body_text(), "see /openapi.json")),
        }
    }
}

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // W04: a form on a foreign page can send no such type without being asked first.
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind
            .is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
        if !is_json {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(ApiError::new(
                status,
                "not-json",
                "the body is no JSON",
                "send content-type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            ApiError::new(error.status(), "bad-body", error.body_text(), "a request has at most 1 MiB")
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            ApiError::bad_input(format!("the body is not what is expected: {error}"), "see /openapi.json")
        })
    }
}

/// A key in hexadecimal.
pub(crate) fn key(text: &str) -> Result<PublicKey, ApiError> {
    PublicKey::from_hex(text)
        .ok_or_else(|| ApiError::bad_input("this is no key", "a key has 64 hexadecimal digits"))
}

/// A key in hexadecimal, if there is one.
pub(crate) fn optional_key(text: Option<&str>) -> Result<Option<PublicKey>, ApiError> {
    text.map(key).transpose()
}

//! The page: files that were built from `web/` and compiled into the program. Nothing is read from a disk, so no path leads
//! out.

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use outvote_node::{ApiError, Route, no_such_route};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dist/"]
#[allow_missing = true]
struct Dist;

/// Files below this have a digest in their names: what a name stands for never changes.
const HASHED: &str = "assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";

pub(crate) fn about() -> Route {
    Route::text("The page", "text/html")
}

/// Whatever no other route serves.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return super::error::wrong_method().await.into_response();
    }
    let path = match uri.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let Some(file) = Dist::get(path) else {
        return if path == "index.html" {
            not_built().into_response()
        } else {
            no_such_route().into_response()
        };
    };
    let tag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let cached = if path.starts_with(HASHED) { FOR_EVER } else { ASK_EACH_TIME };
    let kind = with_charset(file.metadata.mimetype());
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let head = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cached.into()), (header::ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    // Without a copy: the bytes are part of the program.
    let body = match file.data {
        std::borrow::Cow::Borrowed(bytes) => Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => Body::from(bytes),
    };
    (head, body).into_response()
}

fn with_charset(kind: &str) -> String {
    if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.into() }
}

fn not_built() -> ApiError {
    let message = "this program was built without the page";
    ApiError::not_found(message, "build web/ first, then the program; `outvote chat` works without it")
}

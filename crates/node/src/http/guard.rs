//! Who may talk to the HTTP side: Host and Origin are checked, headers that a browser obeys are set.

use super::error::ApiError;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// The names and origins that are let in.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
    policy: HeaderValue,
}

impl Guard {
    /// `hosts` besides the loopback names and address literals; `origins` of the committee's pages, such as
    /// `http://127.0.0.1:4001`.
    pub(crate) fn new(hosts: Vec<String>, origins: Vec<String>) -> Self {
        // Trusted types: what builds HTML from text has to be the page's own framework, which does so from its templates alone.
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' {}; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; \
             trusted-types svelte-trusted-html",
            origins.join(" ")
        );
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        Self { hosts, origins, policy }
    }

    /// An address literal cannot be rebound by DNS; a name can, so names must be listed.
    fn is_host_allowed(&self, host: &str) -> bool {
        let name = host_name(host);
        let is_literal = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_literal
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|h| h.eq_ignore_ascii_case(name))
    }

    fn is_origin_allowed(&self, origin: &str, host: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
            || origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
    }
}

/// A `Host` without its port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The middleware around every route.
pub(crate) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let host = text(request.headers(), header::HOST).unwrap_or_default().to_string();
    if !guard.is_host_allowed(&host) {
        let hint = "open the page by its address, or add the name to network.http_hosts";
        return ApiError::new(
            StatusCode::FORBIDDEN,
            "host-not-allowed",
            "this host name is not served here",
            hint,
        )
        .into_response();
    }
    let origin = text(request.headers(), header::ORIGIN).map(str::to_string);
    if let Some(origin) = &origin
        && !guard.is_origin_allowed(origin, &host)
    {
        let hint = "only pages of this committee's replicas may call this interface";
        return ApiError::new(
            StatusCode::FORBIDDEN,
            "origin-not-allowed",
            "this origin is not served here",
            hint,
        )
        .into_response();
    }
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, guard.policy.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(&origin).ok()) {
        // No credentials are ever allowed: no cookie carries authority, each operation is signed by its author's key.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    }
    response
}

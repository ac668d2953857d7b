//! `/openapi.json`: the node's own routes; an application adds its own under `/api/v1`.

use serde_json::{Value, json};

fn operation(summary: &str) -> Value {
    json!({"get": {"summary": summary, "responses": {"200": {"description": "done"}, "4XX": {"description": "see error"}}}})
}

/// The document, OpenAPI 3.1, with the application's routes: path and summary.
pub(crate) fn document(more: &[(&str, &str)]) -> Value {
    let own = [
        ("/livez", "The process lives"),
        ("/readyz", "The replica can serve: caught up, a quorum reachable, and waiting work commits"),
        ("/status", "The cluster as this replica sees it"),
        ("/metrics", "Prometheus metrics"),
        ("/openapi.json", "This document"),
    ];
    let paths: serde_json::Map<String, Value> =
        own.iter().chain(more).map(|(path, summary)| ((*path).to_string(), operation(summary))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Outvote", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
    })
}

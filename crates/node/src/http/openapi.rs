//! `/openapi.json`, made of what the routes say of themselves.

use super::routes::Documented;
use super::schema;
use serde_json::{Map, Value, json};

/// What a route is asked with and answers.
#[derive(Clone, Debug)]
pub struct Route {
    summary: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    media_type: &'static str,
    answer: Value,
}

impl Route {
    /// A route that answers with JSON of this shape, see [`crate::schema`]. It is asked with nothing yet.
    #[must_use]
    pub fn new(summary: &'static str, answer: Value) -> Self {
        Self { summary, parameters: Vec::new(), body: None, media_type: "application/json", answer }
    }

    /// A route that answers with text of this media type.
    #[must_use]
    pub fn text(summary: &'static str, media_type: &'static str) -> Self {
        Self { media_type, ..Self::new(summary, schema::text()) }
    }

    /// Says what a part of the path stands for.
    #[must_use]
    pub fn path(self, name: &'static str, about: &'static str) -> Self {
        self.parameter("path", name, about, schema::text(), true)
    }

    /// Adds a parameter of the query that may be left out.
    #[must_use]
    pub fn query(self, name: &'static str, about: &'static str, shape: Value) -> Self {
        self.parameter("query", name, about, shape, false)
    }

    /// Adds a parameter of the query that must be there.
    #[must_use]
    pub fn required_query(self, name: &'static str, about: &'static str, shape: Value) -> Self {
        self.parameter("query", name, about, shape, true)
    }

    /// Takes a body of JSON of this shape.
    #[must_use]
    pub fn body(self, shape: Value) -> Self {
        Self { body: Some(shape), ..self }
    }

    fn parameter(mut self, place: &str, name: &str, about: &str, shape: Value, is_required: bool) -> Self {
        self.parameters.push(json!({
            "in": place, "name": name, "description": about, "required": is_required, "schema": shape,
        }));
        self
    }

    fn in_json(&self) -> Value {
        let error = json!({"$ref": "#/components/responses/Error"});
        let answer = json!({
            "description": "done", "content": {self.media_type: {"schema": self.answer}},
        });
        let mut route = json!({
            "summary": self.summary, "parameters": self.parameters,
            "responses": {"200": answer, "4XX": error, "5XX": error},
        });
        if let Some(body) = &self.body {
            route["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": body}}});
        }
        route
    }
}

/// The shape that all errors have.
fn error() -> Value {
    let words = [("code", schema::text()), ("message", schema::text()), ("hint", schema::text())];
    schema::object(&[("error", schema::object(&words))])
}

/// The document, OpenAPI 3.1.
pub(crate) fn document(routes: &[Documented]) -> Value {
    let mut paths = Map::new();
    for Documented { path, method, route } in routes {
        let entry = paths.entry(*path).or_insert_with(|| json!({}));
        entry[*method] = route.in_json();
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Outvote", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {
            "responses": {"Error": {
                "description": "What is wrong, and how to mend it: `code` is for programs, the others are for people",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }},
            "schemas": {"Error": error()},
        },
    })
}

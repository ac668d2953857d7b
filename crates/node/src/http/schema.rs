//! Words for the shapes of JSON, as JSON Schema says them.

use serde_json::{Map, Value, json};

/// Text.
#[must_use]
pub fn text() -> Value {
    json!({"type": "string"})
}

/// Text in one of a few forms.
#[must_use]
pub fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hexadecimal() -> Value {
    json!({"type": "string", "pattern": "^[0-9a-f]*$"})
}

/// A whole number.
#[must_use]
pub fn whole() -> Value {
    json!({"type": "integer"})
}

/// A whole number from 0.
#[must_use]
pub fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// Yes or no.
#[must_use]
pub fn flag() -> Value {
    json!({"type": "boolean"})
}

/// Several of a shape.
#[must_use]
pub fn list(of: Value) -> Value {
    json!({"type": "array", "items": of})
}

/// The shape, or nothing.
#[must_use]
pub fn maybe(shape: Value) -> Value {
    json!({"anyOf": [shape, {"type": "null"}]})
}

/// An object with exactly these fields.
#[must_use]
pub fn object(fields: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let shapes: Map<String, Value> =
        fields.iter().map(|(name, shape)| ((*name).into(), shape.clone())).collect();
    json!({"type": "object", "properties": shapes, "required": names, "additionalProperties": false})
}

/// An object that has these fields among others; `about` says where to read on.
#[must_use]
pub fn open_object(fields: &[(&str, Value)], about: &str) -> Value {
    let mut shape = object(fields);
    shape["additionalProperties"] = true.into();
    shape["description"] = about.into();
    shape
}

//! Signed requests, and what came of them with its receipt.

use super::extract::Json;
use super::gateway::Gateway;
use crate::answer::{ChatAnswer, ChatError};
use axum::extract::State;
use outvote_client::{Client, Outcome, Receipt, Ticket};
use outvote_node::schema::{count, hexadecimal, list, maybe, object, one_of, open_object, text};
use outvote_node::{ApiError, Route};
use outvote_types::{Answer, Request, decode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the receipt of a committed operation is waited for: the replicas have it, some of them may still execute.
pub(super) const RECEIPT_PATIENCE: Duration = Duration::from_secs(5);
/// How long the receipt of a rejected one is: a request that no block executed has none.
const REJECTED_RECEIPT_PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn receipt_schema() -> Value {
    open_object(&[("format", text()), ("cluster", hexadecimal())], "docs/receipt.md says every field")
}

pub(crate) fn about_submit() -> Route {
    let said =
        open_object(&[("kind", text())], "what came of an operation; its kind says which fields follow");
    let committed = object(&[
        ("outcome", one_of(&["committed"])),
        ("sequence", count()),
        ("answer", maybe(said.clone())),
        ("answers", list(maybe(said))),
        ("receipt", maybe(receipt_schema())),
    ]);
    let rejected = object(&[
        ("outcome", one_of(&["rejected"])),
        ("code", text()),
        ("reason", text()),
        ("receipt", maybe(receipt_schema())),
    ]);
    let pending = object(&[("outcome", one_of(&["pending"]))]);
    let about =
        "Hands a signed request in, and answers with its outcome and the receipt of its first operation";
    Route::new(about, json!({"oneOf": [committed, rejected, pending]}))
        .body(object(&[("request", hexadecimal())]))
}

/// The body of a submission.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Submission {
    request: String,
}

/// `POST /api/v1/submit`
pub(crate) async fn submit(
    State(gateway): State<Gateway>,
    Json(submission): Json<Submission>,
) -> Result<axum::Json<Value>, ApiError> {
    let bytes = hex::decode(&submission.request).map_err(|error| {
        ApiError::bad_input(format!("request: {error}"), "the canonical bytes of a Request in hexadecimal")
    })?;
    let request: Request = decode(&bytes).map_err(|error| {
        ApiError::bad_input(error.to_string(), "the canonical bytes of a Request in hexadecimal")
    })?;
    let (client, finished) = gateway.submit(request).await?;
    Ok(axum::Json(match finished.outcome {
        Outcome::Committed(committed) => {
            let receipt = receipt_of(&client, finished.ticket, RECEIPT_PATIENCE).await;
            let results: Vec<Value> = committed.results.iter().map(|result| shown(&result.answer)).collect();
            json!({
                "outcome": "committed",
                "sequence": committed.sequence.0,
                "answer": results.first(),
                "answers": results,
                "receipt": receipt,
            })
        }
        Outcome::Rejected(rejected) => {
            let receipt = receipt_of(&client, finished.ticket, REJECTED_RECEIPT_PATIENCE).await;
            json!({"outcome": "rejected", "code": rejected.code, "reason": rejected.reason, "receipt": receipt})
        }
        Outcome::Pending => json!({"outcome": "pending"}),
    }))
}

/// The receipt of a request's first operation, if it can be had in time.
async fn receipt_of(client: &Client, ticket: Ticket, patience: Duration) -> Option<Receipt> {
    tokio::time::timeout(patience, client.receipt(ticket, 0)).await.ok()?.ok()
}

/// An answer as JSON: the chat's own, or `{"kind":"refused","code","message"}`.
fn shown(answer: &Answer) -> Value {
    match ChatAnswer::parse(answer) {
        Ok(answer) => json!(answer),
        Err(ChatError::Refused { code, message }) => {
            json!({"kind": "refused", "code": code, "message": message})
        }
        Err(ChatError::Foreign(_)) => Value::Null,
    }
}

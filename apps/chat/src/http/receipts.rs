//! Receipts by their place. A receipt holds what was said, so whoever may not read a room gets none of it either.

use super::error::{ask, from_client};
use super::extract::{Asked, optional_key};
use super::gateway::Gateway;
use super::requests::{RECEIPT_PATIENCE, receipt_schema};
use super::rooms::READER;
use crate::operation::ChatOperation;
use crate::question::ChatQuestion;
use axum::extract::State;
use axum::http::StatusCode;
use outvote_client::{ClientError, Receipt};
use outvote_node::schema::{count, hexadecimal};
use outvote_node::{ApiError, NodeHandle, Route};
use outvote_types::{PublicKey, ResultKind, Sequence};
use serde::Deserialize;

pub(crate) fn about() -> Route {
    Route::new("The receipt of an operation by its place, which its message shows", receipt_schema())
        .required_query("sequence", "the block that executed it", count())
        .required_query("position", "its place among that block's results", count())
        .query("reader", READER, hexadecimal())
}

/// The query for a receipt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptQuery {
    sequence: u64,
    position: u32,
    reader: Option<String>,
}

/// `GET /api/v1/receipts?sequence=S&position=P`
pub(crate) async fn receipt(
    State((gateway, handle)): State<(Gateway, NodeHandle)>,
    Asked(query): Asked<ReceiptQuery>,
) -> Result<axum::Json<Receipt>, ApiError> {
    let reader = optional_key(query.reader.as_deref())?;
    let client = gateway.client(false).await?;
    let asking = client.receipt_at(Sequence(query.sequence), query.position);
    match tokio::time::timeout(RECEIPT_PATIENCE, asking).await {
        Ok(Ok(receipt)) => {
            check_access(&handle, &receipt, reader).await?;
            Ok(axum::Json(receipt))
        }
        Err(_) | Ok(Err(ClientError::Deadline)) => {
            let message = format!(
                "no replica has a receipt for position {} of block {}",
                query.position, query.sequence
            );
            let hint = "take sequence and position from the message, or ask again in a moment";
            Err(ApiError::new(StatusCode::NOT_FOUND, "no-receipt", message, hint))
        }
        Ok(Err(error)) => Err(from_client(&error)),
    }
}

/// The same check as for a page of the room's history, by the state as it is now. Authors get what is theirs.
async fn check_access(
    handle: &NodeHandle,
    receipt: &Receipt,
    reader: Option<PublicKey>,
) -> Result<(), ApiError> {
    let operation = &receipt.operation;
    if reader.is_some_and(|reader| reader.0 == operation.author.0) {
        return Ok(());
    }
    let Some(room) = room_of(&operation.payload.0, operation.query) else { return Ok(()) };
    let question = ChatQuestion::History { room, before: Some(0), after: None, limit: 1, reader };
    match ask(handle, &question).await {
        // What was refused for want of a room is in none.
        Err(error)
            if error.code() == "no-such-room"
                && ResultKind::from(receipt.result.kind) != ResultKind::Applied =>
        {
            Ok(())
        }
        outcome => outcome.map(drop),
    }
}

/// The room that an operation or an ordered question is about.
fn room_of(payload: &[u8], is_question: bool) -> Option<String> {
    if is_question {
        return match ChatQuestion::decode(payload).ok()? {
            ChatQuestion::Members { room, .. } | ChatQuestion::History { room, .. } => Some(room),
            // These are answered to everybody; which rooms somebody is in is checked where rooms are listed.
            _ => None,
        };
    }
    match ChatOperation::decode(payload).ok()? {
        ChatOperation::Register { .. } => None,
        ChatOperation::CreateRoom { room, .. }
        | ChatOperation::Join { room }
        | ChatOperation::Leave { room }
        | ChatOperation::Invite { room, .. }
        | ChatOperation::Remove { room, .. }
        | ChatOperation::Post { room, .. } => Some(room),
    }
}

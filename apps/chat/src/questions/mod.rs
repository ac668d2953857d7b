//! The answers, one file per kind of question.

mod history;
mod identity;
mod members;
mod rooms;

use crate::answer::ChatAnswer;
use crate::question::{ChatQuestion, MAX_PAGE};
use crate::refusal::Refusal;
use crate::store::Records;

/// What a question comes to.
type Result = std::result::Result<ChatAnswer, Refusal>;

/// Answers one question.
pub(crate) fn answer(question: ChatQuestion, state: Records<'_>) -> Result {
    match question {
        ChatQuestion::Rooms { as_key, after, limit } => rooms::list(as_key, after, page(limit), state),
        ChatQuestion::Room { room } => rooms::one(room, state),
        ChatQuestion::Members { room, reader, after, limit } => {
            members::list(room, reader, after, page(limit), state)
        }
        ChatQuestion::History { room, before, after, limit, reader } => {
            let window = history::Window { before, after, limit: page(limit) };
            history::page(room, window, reader, state)
        }
        ChatQuestion::Head { room } => history::head(room, state),
        ChatQuestion::Identity { key } => identity::by_key(key, state),
        ChatQuestion::IdentityByName { name } => identity::by_name(name, state),
        ChatQuestion::IndexAt { room, sequence } => history::index_at(room, sequence, state),
    }
}

/// The entries of a page.
fn page(limit: u32) -> u32 {
    if limit == 0 { MAX_PAGE } else { limit.min(MAX_PAGE) }
}

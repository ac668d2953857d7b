//! The messages of a room, whole and in order: the dense index shows if one is missing.

use super::{ask, misfit};
use crate::failure::Failure;
use outvote::Client;
use outvote_chat::terminal::{escape_lines, escape_name};
use outvote_chat::{ChatAnswer, ChatQuestion, MAX_PAGE, MessageView};
use outvote_types::{PublicKey, Sequence};

/// Microseconds of a day and of a minute.
const DAY_US: u64 = 86_400_000_000;
const MINUTE_US: u64 = 60_000_000;

/// The latest `limit` messages with an index below `before`, oldest first, over as many pages as it takes.
pub(super) async fn latest(
    client: &Client,
    room: &str,
    reader: Option<PublicKey>,
    mut before: Option<u64>,
    limit: u64,
) -> Result<(Vec<MessageView>, u64, Sequence), Failure> {
    let mut found: Vec<MessageView> = Vec::new();
    loop {
        let missing = limit.saturating_sub(found.len() as u64);
        let page = u32::try_from(missing).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        let question = ChatQuestion::History { room: room.into(), before, after: None, limit: page, reader };
        let (ChatAnswer::History { mut messages, next_index }, sequence) = ask(client, &question).await?
        else {
            return Err(misfit());
        };
        let first = messages.first().map(|message| message.index);
        messages.append(&mut found);
        found = messages;
        match first {
            Some(first) if first > 0 && (found.len() as u64) < limit => before = Some(first),
            _ => {
                let surplus = found.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
                found.drain(..surplus);
                return Ok((found, next_index, sequence));
            }
        }
    }
}

/// The messages from `next` on that stand by now, oldest first: one page, without a gap.
pub(super) async fn newer(
    client: &Client,
    room: &str,
    reader: Option<PublicKey>,
    next: u64,
) -> Result<Vec<MessageView>, Failure> {
    // The place before the first message is the largest number, which the chat lets wrap to 0.
    let after = Some(next.wrapping_sub(1));
    let question = ChatQuestion::History { room: room.into(), before: None, after, limit: MAX_PAGE, reader };
    match ask(client, &question).await? {
        (ChatAnswer::History { messages, .. }, _) => Ok(messages),
        _ => Err(misfit()),
    }
}

/// A message on a line, with nothing in it that could move the cursor.
pub(super) fn in_words(message: &MessageView) -> String {
    let head = format!("{} {}: ", clock(message.time_us), escape_name(&message.author));
    let indent = head.chars().count();
    head + &escape_lines(&message.text, indent)
}

/// The time of day, UTC, as `HH:MM`.
pub(super) fn clock(time_us: u64) -> String {
    let minutes = time_us % DAY_US / MINUTE_US;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

//! What was said in a room, by pages from any point.

use super::Result;
use crate::answer::{ChatAnswer, MessageView};
use crate::refusal::Refusal;
use crate::store::Records;
use outvote_types::planted::{self, Bug};
use outvote_types::{PublicKey, Sequence};
use std::collections::BTreeMap;

/// Bytes of the texts of one page at most, so that an answer stays far below the protocol's bound.
const PAGE_BYTES_MAX: usize = 512 * 1024;

/// Which messages are wanted.
pub(super) struct Window {
    pub(super) before: Option<u64>,
    pub(super) after: Option<u64>,
    pub(super) limit: u32,
}

pub(super) fn page(name: String, window: Window, reader: Option<PublicKey>, state: Records<'_>) -> Result {
    let room = state.room(&name)?;
    if !planted::is_on(Bug::HistoryForOutsiders) {
        state.check_access(&name, &room, reader.as_ref())?;
    }
    let end = window.before.unwrap_or(u64::MAX).min(room.next_index);
    let mut page = Page { name, state, names: BTreeMap::new(), messages: Vec::new(), bytes: 0 };
    if let Some(after) = window.after {
        // u64::MAX, the place before the first message, wraps to 0.
        let first = after.wrapping_add(1);
        page.take((first..end).take(window.limit as usize))?;
    } else {
        page.take((0..end).rev().take(window.limit as usize))?;
        page.messages.reverse();
    }
    Ok(ChatAnswer::History { messages: page.messages, next_index: room.next_index })
}

pub(super) fn head(name: String, state: Records<'_>) -> Result {
    let room = state.room(&name)?;
    Ok(ChatAnswer::Head { room: name, next_index: room.next_index })
}

pub(super) fn index_at(name: String, sequence: Sequence, state: Records<'_>) -> Result {
    let room = state.room(&name)?;
    // Later messages stand in the same or a later block: a binary search finds the first that is late enough.
    let (mut low, mut high) = (0, room.next_index);
    while low < high {
        let middle = low + (high - low) / 2;
        if state.message(&name, middle)?.sequence < sequence {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(ChatAnswer::Head { room: name, next_index: low })
}

struct Page<'a> {
    name: String,
    state: Records<'a>,
    names: BTreeMap<PublicKey, String>,
    messages: Vec<MessageView>,
    bytes: usize,
}

impl Page<'_> {
    /// Takes messages until the page is full. A first message always fits.
    fn take(&mut self, indices: impl Iterator<Item = u64>) -> std::result::Result<(), Refusal> {
        for index in indices {
            let message = self.state.message(&self.name, index)?;
            self.bytes += message.text.len();
            if self.bytes > PAGE_BYTES_MAX && !self.messages.is_empty() {
                break;
            }
            let author = match self.names.get(&message.author) {
                Some(name) => name.clone(),
                None => {
                    let name = self.state.name_of(&message.author)?;
                    self.names.insert(message.author, name.clone());
                    name
                }
            };
            self.messages.push(MessageView {
                index,
                sequence: message.sequence.0,
                position: message.position,
                room: self.name.clone(),
                author,
                key: message.author,
                time_us: message.time.0,
                text: message.text,
                edited: message.edited,
                deleted: message.deleted,
            });
        }
        Ok(())
    }
}

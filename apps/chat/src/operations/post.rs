//! Says something in a room: the message gets the room's next index, so that no gateway can withhold it unseen.

use super::Result;
use crate::answer::ChatAnswer;
use crate::operation::MAX_TEXT_BYTES;
use crate::records::Message;
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;
use outvote_types::planted::{self, Bug};

pub(super) fn apply(context: &Context, name: String, text: String, state: &mut Writer<'_, '_>) -> Result {
    if text.is_empty() {
        return Err(Refusal::TextEmpty);
    }
    if text.len() > MAX_TEXT_BYTES && !planted::is_on(Bug::TextUnbounded) {
        return Err(Refusal::TextTooLong(text.len()));
    }
    let mut room = state.read().room(&name)?;
    state.read().check_access(&name, &room, Some(&context.author))?;
    let index = if planted::is_on(Bug::RoomIndexShared) { context.sequence.0 } else { room.next_index };
    // 2^64 messages never come; a room that claims to have them is damaged.
    room.next_index = index.checked_add(1).ok_or(Refusal::StateDamaged)?;
    let Context { time, sequence, position, author, .. } = *context;
    let message = Message { author, sequence, position, time, text, edited: false, deleted: false };
    state.save_message(&name, index, &message);
    state.save_room(&name, &room);
    Ok(ChatAnswer::Posted { room: name, index, sequence: sequence.0, position, time_us: time.0 })
}

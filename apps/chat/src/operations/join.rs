//! Enters a room's list of members. A public room takes everybody, an invite-only room only whom it has.

use super::Result;
use crate::answer::ChatAnswer;
use crate::records::Member;
use crate::store::Writer;
use outvote_execution::Context;

pub(super) fn apply(context: &Context, name: String, state: &mut Writer<'_, '_>) -> Result {
    let mut room = state.read().room(&name)?;
    state.read().check_access(&name, &room, Some(&context.author))?;
    // Joining twice is no error: the second time there is nothing to do.
    if state.read().member(&name, &context.author)?.is_none() {
        state.add_member(&name, &mut room, &context.author, &Member { since: context.time });
    }
    Ok(ChatAnswer::Joined { room: name })
}

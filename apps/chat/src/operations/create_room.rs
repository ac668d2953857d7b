//! Opens a room. Its author owns it and is its first member.

use super::Result;
use crate::answer::ChatAnswer;
use crate::names::is_name;
use crate::operation::Access;
use crate::records::{Member, Room};
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;
use outvote_types::planted::{self, Bug};

pub(super) fn apply(context: &Context, name: String, access: Access, state: &mut Writer<'_, '_>) -> Result {
    if !is_name(&name) {
        return Err(Refusal::BadName(name));
    }
    if state.read().find_room(&name)?.is_some() && !planted::is_on(Bug::RoomTakenOver) {
        return Err(Refusal::RoomExists(name));
    }
    let mut room = Room { access, owner: context.author, created: context.time, next_index: 0, members: 0 };
    state.add_member(&name, &mut room, &context.author, &Member { since: context.time });
    Ok(ChatAnswer::RoomCreated { room: name })
}

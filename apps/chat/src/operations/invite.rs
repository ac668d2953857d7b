//! The owner of an invite-only room lets somebody in.

use super::Result;
use crate::answer::ChatAnswer;
use crate::operation::Access;
use crate::records::{Member, Room};
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;
use outvote_types::PublicKey;
use outvote_types::planted::{self, Bug};

pub(super) fn apply(
    context: &Context,
    name: String,
    member: PublicKey,
    state: &mut Writer<'_, '_>,
) -> Result {
    let mut room = state.read().room(&name)?;
    check_owner(context, &name, &room)?;
    state.read().identity(&member)?.ok_or(Refusal::NoSuchKey(member))?;
    // Inviting twice is no error: the second time there is nothing to do.
    if state.read().member(&name, &member)?.is_none() || planted::is_on(Bug::InviteCountsTwice) {
        state.add_member(&name, &mut room, &member, &Member { since: context.time });
    }
    Ok(ChatAnswer::Invited { room: name, member })
}

/// Whether the author may say who is in the room.
pub(super) fn check_owner(context: &Context, name: &str, room: &Room) -> std::result::Result<(), Refusal> {
    if room.access == Access::Public {
        return Err(Refusal::RoomIsPublic(name.into()));
    }
    if room.owner != context.author && !planted::is_on(Bug::AnybodyInvites) {
        return Err(Refusal::NotTheOwner(name.into()));
    }
    Ok(())
}

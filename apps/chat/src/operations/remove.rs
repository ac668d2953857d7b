//! The owner of an invite-only room puts somebody out. What they post or ask from here on in the order is refused (K14).

use super::Result;
use super::invite::check_owner;
use crate::answer::ChatAnswer;
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;
use outvote_types::PublicKey;

pub(super) fn apply(
    context: &Context,
    name: String,
    member: PublicKey,
    state: &mut Writer<'_, '_>,
) -> Result {
    let mut room = state.read().room(&name)?;
    check_owner(context, &name, &room)?;
    if state.read().member(&name, &member)?.is_none() {
        return Err(Refusal::NoSuchMember(name, member));
    }
    state.drop_member(&name, &mut room, &member);
    Ok(ChatAnswer::Removed { room: name, member })
}

//! Leaves a room. An owner who leaves stays the owner, and may invite themselves again.

use super::Result;
use crate::answer::ChatAnswer;
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;

pub(super) fn apply(context: &Context, name: String, state: &mut Writer<'_, '_>) -> Result {
    let mut room = state.read().room(&name)?;
    if state.read().member(&name, &context.author)?.is_none() {
        return Err(Refusal::NoSuchMember(name, context.author));
    }
    state.drop_member(&name, &mut room, &context.author);
    Ok(ChatAnswer::Left { room: name })
}

//! The rules, one file per operation. A new operation is a new file and a line here.

mod create_room;
mod invite;
mod join;
mod leave;
mod post;
mod register;
mod remove;

use crate::answer::ChatAnswer;
use crate::operation::ChatOperation;
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;
use outvote_types::planted::{self, Bug};

/// What an operation comes to. What a refused one wrote is undone by the executor.
type Result = std::result::Result<ChatAnswer, Refusal>;

/// Applies one operation.
pub(crate) fn apply(context: &Context, operation: ChatOperation, state: &mut Writer<'_, '_>) -> Result {
    if let ChatOperation::Register { name } = operation {
        return register::apply(context, name, state);
    }
    // Everything else is done by somebody with a name.
    if !planted::is_on(Bug::StrangersPost) {
        state.read().identity(&context.author)?.ok_or(Refusal::NotRegistered)?;
    }
    match operation {
        ChatOperation::Register { name } => register::apply(context, name, state),
        ChatOperation::CreateRoom { room, access } => create_room::apply(context, room, access, state),
        ChatOperation::Join { room } => join::apply(context, room, state),
        ChatOperation::Leave { room } => leave::apply(context, room, state),
        ChatOperation::Invite { room, member } => invite::apply(context, room, member, state),
        ChatOperation::Remove { room, member } => remove::apply(context, room, member, state),
        ChatOperation::Post { room, text } => post::apply(context, room, text, state),
    }
}

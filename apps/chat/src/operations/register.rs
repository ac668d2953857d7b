//! Takes a name for a key: unique, first come, for ever.

use super::Result;
use crate::answer::ChatAnswer;
use crate::names::is_name;
use crate::records::Identity;
use crate::refusal::Refusal;
use crate::store::Writer;
use outvote_execution::Context;
use outvote_types::planted::{self, Bug};

pub(super) fn apply(context: &Context, name: String, state: &mut Writer<'_, '_>) -> Result {
    if !is_name(&name) {
        return Err(Refusal::BadName(name));
    }
    if let Some(identity) = state.read().identity(&context.author)? {
        return Err(Refusal::AlreadyRegistered(identity.name));
    }
    if state.read().key_of(&name)?.is_some() && !planted::is_on(Bug::NameTakenTwice) {
        return Err(Refusal::NameTaken(name));
    }
    state.save_identity(&context.author, &Identity { name: name.clone(), since: context.time });
    Ok(ChatAnswer::Registered { name })
}

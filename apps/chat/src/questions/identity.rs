//! Who has a key, and who has a name.

use super::Result;
use crate::answer::{ChatAnswer, IdentityView};
use crate::refusal::Refusal;
use crate::store::Records;
use outvote_types::PublicKey;

pub(super) fn by_key(key: PublicKey, state: Records<'_>) -> Result {
    let identity = state.identity(&key)?.ok_or(Refusal::NoSuchKey(key))?;
    let view = IdentityView { name: identity.name, key, since_us: identity.since.0 };
    Ok(ChatAnswer::Identity { identity: view })
}

pub(super) fn by_name(name: String, state: Records<'_>) -> Result {
    match state.key_of(&name)? {
        Some(key) => by_key(key, state),
        None => Err(Refusal::NoSuchName(name)),
    }
}

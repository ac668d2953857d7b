//! Who is in a room.

use super::Result;
use crate::answer::{ChatAnswer, MemberView};
use crate::keys;
use crate::records::Member;
use crate::refusal::Refusal;
use crate::store::{Records, record};
use outvote_types::PublicKey;
use outvote_types::planted::{self, Bug};

pub(super) fn list(
    name: String,
    reader: Option<PublicKey>,
    after: Option<PublicKey>,
    limit: u32,
    state: Records<'_>,
) -> Result {
    let room = state.room(&name)?;
    if !planted::is_on(Bug::MembersForOutsiders) {
        state.check_access(&name, &room, reader.as_ref())?;
    }
    let from = keys::behind_member(&name, after.as_ref());
    let pairs = state.0.range(&from, &keys::end_of_members(&name), limit as usize);
    let is_last = pairs.len() < limit as usize;
    let mut members = Vec::with_capacity(pairs.len());
    for (bytes, value) in &pairs {
        let key = keys::member_key(&name, bytes).ok_or(Refusal::StateDamaged)?;
        let member: Member = record(value)?;
        members.push(MemberView { key, name: state.name_of(&key)?, since_us: member.since.0 });
    }
    let next = members.last().filter(|_| !is_last).map(|member| member.key);
    Ok(ChatAnswer::Members { members, next })
}

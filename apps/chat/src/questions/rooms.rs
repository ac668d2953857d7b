//! Which rooms there are.

use super::Result;
use crate::answer::{ChatAnswer, RoomView};
use crate::keys;
use crate::operation::Access;
use crate::records::Room;
use crate::refusal::Refusal;
use crate::store::{Records, record};
use outvote_types::PublicKey;
use outvote_types::planted::{self, Bug};

/// Rooms looked at for one page at most: many that the asker may not see must not make a question expensive.
const ROOMS_SCANNED_MAX: usize = 1000;

pub(super) fn list(
    as_key: Option<PublicKey>,
    after: Option<String>,
    limit: u32,
    state: Records<'_>,
) -> Result {
    let from = keys::behind_room(after.as_deref());
    let pairs = state.0.range(&from, &keys::end_of_rooms(), ROOMS_SCANNED_MAX);
    let mut is_last = pairs.len() < ROOMS_SCANNED_MAX;
    let (mut rooms, mut seen) = (Vec::new(), None);
    for (key, value) in pairs {
        if rooms.len() == limit as usize {
            is_last = false;
            break;
        }
        let name = keys::room_name(&key).ok_or(Refusal::StateDamaged)?;
        let room: Room = record(&value)?;
        // An invite-only room is listed for its members.
        let is_listed = match (room.access, &as_key) {
            (Access::Public, _) => true,
            (Access::InviteOnly, Some(key)) => room.owner == *key || state.member(&name, key)?.is_some(),
            (Access::InviteOnly, None) => planted::is_on(Bug::SecretRoomsListed),
        };
        if is_listed {
            rooms.push(view(name.clone(), room, state)?);
        }
        seen = Some(name);
    }
    Ok(ChatAnswer::Rooms { rooms, next: seen.filter(|_| !is_last) })
}

pub(super) fn one(name: String, state: Records<'_>) -> Result {
    let room = state.room(&name)?;
    Ok(ChatAnswer::Room { room: view(name, room, state)? })
}

fn view(name: String, room: Room, state: Records<'_>) -> std::result::Result<RoomView, Refusal> {
    Ok(RoomView {
        room: name,
        access: room.access,
        owner: room.owner,
        owner_name: state.name_of(&room.owner)?,
        created_us: room.created.0,
        next_index: room.next_index,
        members: room.members,
    })
}

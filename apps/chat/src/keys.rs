//! Where everything stands in the ordered key-value space. One tag byte, then the parts; numbers big-endian, so that they
//! sort. A room's name that is followed by more carries its length first, so that no room's keys run into another's.
//!
//! | key | value |
//! | --- | --- |
//! | `i` key(32) | [`crate::records::Identity`] |
//! | `n` name | the key(32) of whoever has it |
//! | `r` room | [`crate::records::Room`] |
//! | `m` length(1) room index(8) | [`crate::records::Message`] |
//! | `p` length(1) room key(32) | [`crate::records::Member`] |
//!
//! What comes later takes tags of its own: nothing here has to move.

use outvote_types::PublicKey;

const IDENTITY: u8 = b'i';
const NAME: u8 = b'n';
const ROOM: u8 = b'r';
const MESSAGE: u8 = b'm';
const MEMBER: u8 = b'p';

fn key(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![tag];
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// `tag length room`. Only rooms that exist have keys, so the name is a valid one and its length fits a byte.
fn in_room(tag: u8, room: &str, rest: &[u8]) -> Vec<u8> {
    let length = u8::try_from(room.len()).unwrap_or(u8::MAX);
    key(tag, &[&[length], room.as_bytes(), rest])
}

pub(crate) fn identity(of: &PublicKey) -> Vec<u8> {
    key(IDENTITY, &[&of.0])
}

pub(crate) fn name(name: &str) -> Vec<u8> {
    key(NAME, &[name.as_bytes()])
}

pub(crate) fn room(room: &str) -> Vec<u8> {
    key(ROOM, &[room.as_bytes()])
}

/// The first key behind that of this room, or of all rooms.
pub(crate) fn behind_room(room: Option<&str>) -> Vec<u8> {
    match room {
        Some(room) => key(ROOM, &[room.as_bytes(), &[0]]),
        None => key(ROOM, &[]),
    }
}

pub(crate) fn end_of_rooms() -> Vec<u8> {
    vec![ROOM + 1]
}

/// The name in a room's key.
pub(crate) fn room_name(key: &[u8]) -> Option<String> {
    let (tag, name) = key.split_first()?;
    (*tag == ROOM).then(|| String::from_utf8(name.to_vec()).ok())?
}

pub(crate) fn message(room: &str, index: u64) -> Vec<u8> {
    in_room(MESSAGE, room, &index.to_be_bytes())
}

pub(crate) fn member(room: &str, of: &PublicKey) -> Vec<u8> {
    in_room(MEMBER, room, &of.0)
}

/// The first key behind that of this member, or before all members.
pub(crate) fn behind_member(room: &str, of: Option<&PublicKey>) -> Vec<u8> {
    match of {
        Some(of) => in_room(MEMBER, room, &[&of.0[..], &[0]].concat()),
        None => in_room(MEMBER, room, &[]),
    }
}

/// The first key behind those of all members.
pub(crate) fn end_of_members(room: &str) -> Vec<u8> {
    in_room(MEMBER, room, &[u8::MAX; 33])
}

/// The member in a member's key.
pub(crate) fn member_key(room: &str, key: &[u8]) -> Option<PublicKey> {
    let bytes = key.get(2 + room.len()..)?;
    bytes.try_into().ok().map(PublicKey)
}

//! What is kept.

use crate::operation::Access;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{PublicKey, Sequence, WallTime};

/// A person: a key with a name.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) since: WallTime,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Room {
    pub(crate) access: Access,
    pub(crate) owner: PublicKey,
    pub(crate) created: WallTime,
    /// The index of the next message. All smaller ones stand: a gateway cannot withhold one unseen.
    pub(crate) next_index: u64,
    /// How many members there are.
    pub(crate) members: u64,
}

/// Somebody is in a room.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Member {
    pub(crate) since: WallTime,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Message {
    pub(crate) author: PublicKey,
    pub(crate) sequence: Sequence,
    pub(crate) position: u32,
    pub(crate) time: WallTime,
    pub(crate) text: String,
    pub(crate) edited: bool,
    pub(crate) deleted: bool,
}

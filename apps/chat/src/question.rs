//! What people can ask.

use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{DecodeError, PublicKey, Sequence, decode, encode};

/// Entries of one page at most; `limit`s above it, and 0, mean this many.
pub const MAX_PAGE: u32 = 500;

/// What only reads. A `reader` or `as_key` is what the asker claims to be: it keeps the honest from seeing what is not
/// theirs, and it is no secret, since every replica can read everything.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ChatQuestion {
    /// Public rooms, and the invite-only rooms of `as_key`, by name. Answered by [`crate::ChatAnswer::Rooms`].
    Rooms {
        /// Whose invite-only rooms to list too.
        as_key: Option<PublicKey>,
        /// Only rooms behind this name; for the next page, the `next` of the last.
        #[borsh(deserialize_with = "outvote_types::bounded::maybe_text")]
        after: Option<String>,
        /// See [`MAX_PAGE`].
        limit: u32,
    } = 0,
    /// One room. Answered by [`crate::ChatAnswer::Room`].
    Room {
        /// Which.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
    } = 1,
    /// Who is in a room, by key. Answered by [`crate::ChatAnswer::Members`].
    Members {
        /// Which.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// Who asks; a member, if the room is invite-only.
        reader: Option<PublicKey>,
        /// Only members behind this key; for the next page, the `next` of the last.
        after: Option<PublicKey>,
        /// See [`MAX_PAGE`].
        limit: u32,
    } = 2,
    /// A page of messages, oldest first. Answered by [`crate::ChatAnswer::History`].
    ///
    /// Without `after`, the latest messages (below `before`); with it, the earliest above `after` (and below `before`). A page
    /// may hold fewer than `limit` messages when they are long: go on from its edge.
    History {
        /// Which room.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// Only messages with a smaller index.
        before: Option<u64>,
        /// Only messages with a larger index; `u64::MAX`, which no message has, stands for the place before the first.
        after: Option<u64>,
        /// See [`MAX_PAGE`].
        limit: u32,
        /// Who asks; a member, if the room is invite-only.
        reader: Option<PublicKey>,
    } = 3,
    /// The index that the room's next message will get. Answered by [`crate::ChatAnswer::Head`]. Asked of f+1 replicas, it
    /// tells whether a gateway withholds the latest messages.
    Head {
        /// Which room.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
    } = 4,
    /// Who has this key. Answered by [`crate::ChatAnswer::Identity`].
    Identity {
        /// The key.
        key: PublicKey,
    } = 5,
    /// Who has this name. Answered by [`crate::ChatAnswer::Identity`].
    IdentityByName {
        /// The name.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        name: String,
    } = 6,
    /// The index of the room's first message at or behind a place of the agreed order; its next index if there is none.
    /// Answered by [`crate::ChatAnswer::Head`].
    IndexAt {
        /// Which room.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// The place.
        sequence: Sequence,
    } = 7,
}

impl ChatQuestion {
    /// The question's bytes, for a query, ordered or not.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a question's bytes.
    ///
    /// # Errors
    /// When these are not exactly the canonical bytes of one.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }
}

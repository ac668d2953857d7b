//! What people can do.

use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{DecodeError, PublicKey, decode, encode};

/// Bytes of one message's text at most, UTF-8.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Who may read and post in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, serde::Serialize)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Access {
    /// Everybody who is registered.
    Public = 0,
    /// Its members, whom the owner invites and removes.
    InviteOnly = 1,
}

/// What changes the chat. The author is the operation's author key, else its session's key.
///
/// The numbers are the wire format: they are never reused, and what comes later takes the next one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ChatOperation {
    /// Takes a name for the author's key. First come, for ever.
    Register {
        /// See [`crate::is_name`].
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        name: String,
    } = 0,
    /// Opens a room, owned by the author, who is its first member.
    CreateRoom {
        /// See [`crate::is_name`].
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// For whom.
        access: Access,
    } = 1,
    /// Enters a public room's list of members.
    Join {
        /// Which.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
    } = 2,
    /// Leaves a room. Its owner stays the owner.
    Leave {
        /// Which.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
    } = 3,
    /// The owner lets somebody into an invite-only room.
    Invite {
        /// Which.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// Whom.
        member: PublicKey,
    } = 4,
    /// The owner puts somebody out of an invite-only room.
    Remove {
        /// Which.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// Whom.
        member: PublicKey,
    } = 5,
    /// Says something.
    Post {
        /// Where.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        room: String,
        /// At most [`MAX_TEXT_BYTES`]; any characters, kept byte for byte.
        #[borsh(deserialize_with = "outvote_types::bounded::text")]
        text: String,
    } = 6,
}

impl ChatOperation {
    /// The operation's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads an operation's bytes.
    ///
    /// # Errors
    /// When these are not exactly the canonical bytes of one.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }
}

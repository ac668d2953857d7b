//! What people are told.

use crate::operation::Access;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_types::{Answer, DecodeError, PublicKey, decode, encode};
use serde::{Serialize, Serializer};

fn hex_key<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&key.to_hex())
}

fn hex_optional_key<S: Serializer>(key: &Option<PublicKey>, serializer: S) -> Result<S::Ok, S::Error> {
    Serialize::serialize(&key.map(|key| key.to_hex()), serializer)
}

/// A message as it is shown. Its JSON is the one of `chat history`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct MessageView {
    /// Its place in the room, from 0 without gaps.
    pub index: u64,
    /// The block that holds it.
    pub sequence: u64,
    /// Its place among that block's results: with `sequence`, what its receipt is asked by.
    pub position: u32,
    /// The room.
    pub room: String,
    /// The author's name.
    pub author: String,
    /// The author's key.
    #[serde(serialize_with = "hex_key")]
    pub key: PublicKey,
    /// The agreed time, microseconds since the Unix epoch.
    pub time_us: u64,
    /// What was said, byte for byte.
    pub text: String,
    /// Whether the text is not the first one.
    pub edited: bool,
    /// Whether the text was taken away.
    pub deleted: bool,
}

/// A room as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct RoomView {
    /// Its name.
    pub room: String,
    /// For whom it is.
    pub access: Access,
    /// Its owner's key.
    #[serde(serialize_with = "hex_key")]
    pub owner: PublicKey,
    /// Its owner's name.
    pub owner_name: String,
    /// When it was opened, microseconds since the Unix epoch.
    pub created_us: u64,
    /// The index that its next message will get, which is the number of messages.
    pub next_index: u64,
    /// The number of members.
    pub members: u64,
}

/// A member as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct MemberView {
    /// The key.
    #[serde(serialize_with = "hex_key")]
    pub key: PublicKey,
    /// The name.
    pub name: String,
    /// Since when, microseconds since the Unix epoch.
    pub since_us: u64,
}

/// A person as shown.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct IdentityView {
    /// The name.
    pub name: String,
    /// The key.
    #[serde(serialize_with = "hex_key")]
    pub key: PublicKey,
    /// Since when, microseconds since the Unix epoch.
    pub since_us: u64,
}

/// The answer to a [`crate::ChatOperation`] or a [`crate::ChatQuestion`].
///
/// Answers to operations have the operation's number, answers to questions count from 128.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[borsh(use_discriminant = true)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[repr(u8)]
pub enum ChatAnswer {
    /// The name is taken, by the author.
    Registered {
        /// The name.
        name: String,
    } = 0,
    /// The room is open.
    RoomCreated {
        /// The room.
        room: String,
    } = 1,
    /// The author is a member.
    Joined {
        /// The room.
        room: String,
    } = 2,
    /// The author is no member any more.
    Left {
        /// The room.
        room: String,
    } = 3,
    /// The person is a member.
    Invited {
        /// The room.
        room: String,
        /// Whose key.
        #[serde(serialize_with = "hex_key")]
        member: PublicKey,
    } = 4,
    /// The person is no member any more.
    Removed {
        /// The room.
        room: String,
        /// Whose key.
        #[serde(serialize_with = "hex_key")]
        member: PublicKey,
    } = 5,
    /// The message stands.
    Posted {
        /// The room.
        room: String,
        /// Its place in the room, from 0 without gaps.
        index: u64,
        /// The block that holds it.
        sequence: u64,
        /// Its place among that block's results.
        position: u32,
        /// The agreed time, microseconds since the Unix epoch.
        time_us: u64,
    } = 6,
    /// Rooms by name.
    Rooms {
        /// The rooms.
        rooms: Vec<RoomView>,
        /// Where the next page begins; `None` at the end. A page may be empty and not the last.
        next: Option<String>,
    } = 128,
    /// One room.
    Room {
        /// The room.
        room: RoomView,
    } = 129,
    /// Members by key.
    Members {
        /// The members.
        members: Vec<MemberView>,
        /// Where the next page begins; `None` at the end.
        #[serde(serialize_with = "hex_optional_key")]
        next: Option<PublicKey>,
    } = 130,
    /// Messages, oldest first.
    History {
        /// The messages.
        messages: Vec<MessageView>,
        /// The index that the room's next message will get.
        next_index: u64,
    } = 131,
    /// A place in a room.
    Head {
        /// The room.
        room: String,
        /// The index.
        next_index: u64,
    } = 132,
    /// One person.
    Identity {
        /// The person.
        identity: IdentityView,
    } = 133,
}

/// Why there is no [`ChatAnswer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// All honest replicas refused alike.
    #[error("refused: {message} ({code})")]
    Refused {
        /// A stable word for programs, such as `no-such-room`.
        code: String,
        /// A sentence for people.
        message: String,
    },
    /// The answer is no answer of this application.
    #[error("the cluster does not run this chat, or a newer one: {0}")]
    Foreign(#[from] DecodeError),
}

impl ChatAnswer {
    /// The answer's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what the cluster answered.
    ///
    /// # Errors
    /// When the cluster refused the operation, or runs another application.
    pub fn parse(answer: &Answer) -> Result<Self, ChatError> {
        match answer {
            Answer::Done(bytes) => Ok(decode(bytes)?),
            Answer::Refused { code, message } => {
                Err(ChatError::Refused { code: code.clone(), message: message.clone() })
            }
        }
    }
}

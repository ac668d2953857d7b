//! Why something is refused: all honest replicas give the same reason.

use crate::names::{MAX_NAME_BYTES, quoted};
use crate::operation::MAX_TEXT_BYTES;
use outvote_types::{Answer, PublicKey};
use std::fmt;

/// A refusal. Its code is stable, its sentence names the thing and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such room.
    NoSuchRoom(String),
    /// The room's name is taken.
    RoomExists(String),
    /// The person's name is taken.
    NameTaken(String),
    /// The key has a name already: this one.
    AlreadyRegistered(String),
    /// The author's key has no name.
    NotRegistered,
    /// Nobody has this key.
    NoSuchKey(PublicKey),
    /// Nobody has this name.
    NoSuchName(String),
    /// The asker or author is no member of this invite-only room.
    NotAMember(String),
    /// The person is no member of this room.
    NoSuchMember(String, PublicKey),
    /// Only the owner may do that in this room.
    NotTheOwner(String),
    /// Nobody needs an invitation to this room.
    RoomIsPublic(String),
    /// So many bytes are too many.
    TextTooLong(usize),
    /// Nothing was said.
    TextEmpty,
    /// See [`crate::is_name`].
    BadName(String),
    /// The bytes are no operation, or no question.
    BadOperation(&'static str),
    /// A record that this replica wrote cannot be read: its state is damaged. Others outvote it, and it repairs itself.
    StateDamaged,
}

impl Refusal {
    /// The stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchRoom(_) => "no-such-room",
            Self::RoomExists(_) => "room-exists",
            Self::NameTaken(_) => "name-taken",
            Self::AlreadyRegistered(_) => "already-registered",
            Self::NotRegistered | Self::NoSuchKey(_) | Self::NoSuchName(_) => "not-registered",
            Self::NotAMember(_) | Self::NoSuchMember(..) => "not-a-member",
            Self::NotTheOwner(_) => "not-the-owner",
            Self::TextTooLong(_) => "text-too-long",
            Self::TextEmpty => "text-empty",
            Self::BadName(_) => "bad-name",
            Self::RoomIsPublic(_) | Self::BadOperation(_) => "bad-operation",
            Self::StateDamaged => "state-damaged",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRoom(room) => {
                write!(f, "there is no room {}: create it first, or see the list of rooms", quoted(room))
            }
            Self::RoomExists(room) => {
                write!(f, "there is a room {} already: join it, or take another name", quoted(room))
            }
            Self::NameTaken(name) => {
                write!(f, "the name {} belongs to another key: take another name", quoted(name))
            }
            Self::AlreadyRegistered(name) => {
                write!(f, "this key is registered as {} already, for ever", quoted(name))
            }
            Self::NotRegistered => f.write_str("this key has no name yet: register one first"),
            Self::NoSuchKey(key) => write!(f, "nobody is registered with the key {}", key.to_hex()),
            Self::NoSuchName(name) => write!(f, "nobody is registered as {}", quoted(name)),
            Self::NotAMember(room) => {
                write!(f, "the room {} is for its members: ask its owner for an invitation", quoted(room))
            }
            Self::NoSuchMember(room, key) => {
                write!(f, "the key {} is no member of the room {}", key.to_hex(), quoted(room))
            }
            Self::NotTheOwner(room) => write!(f, "only the owner of the room {} may do that", quoted(room)),
            Self::RoomIsPublic(room) => {
                write!(
                    f,
                    "the room {} is public: everybody may join, nobody is invited or removed",
                    quoted(room)
                )
            }
            Self::TextTooLong(bytes) => {
                write!(
                    f,
                    "the text has {bytes} bytes and at most {MAX_TEXT_BYTES} are taken: send it in parts"
                )
            }
            Self::TextEmpty => f.write_str("the text is empty: say something"),
            Self::BadName(name) => write!(
                f,
                "{} is no name: 1 to {MAX_NAME_BYTES} bytes of UTF-8, no control characters, not only white space",
                quoted(name)
            ),
            Self::BadOperation(what) => {
                write!(f, "these bytes are no {what} of this chat: use a matching program")
            }
            Self::StateDamaged => {
                f.write_str("this replica's state is damaged: ask another one while it repairs itself")
            }
        }
    }
}

impl From<&Refusal> for Answer {
    fn from(refusal: &Refusal) -> Self {
        Self::refused(refusal.code(), &refusal.to_string())
    }
}

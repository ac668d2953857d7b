//! Reading and writing records, for operations and questions alike.

use crate::keys;
use crate::names::is_name;
use crate::operation::Access;
use crate::records::{Identity, Member, Message, Room};
use crate::refusal::Refusal;
use borsh::{BorshDeserialize, BorshSerialize};
use outvote_execution::{StateReader, StateWriter};
use outvote_types::planted::{self, Bug};
use outvote_types::{PublicKey, decode, encode};

/// The records, read.
#[derive(Clone, Copy)]
pub(crate) struct Records<'a>(pub(crate) StateReader<'a>);

/// Reads a value that this application wrote.
pub(crate) fn record<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, Refusal> {
    decode(bytes).map_err(|_| Refusal::StateDamaged)
}

impl Records<'_> {
    fn load<T: BorshDeserialize>(&self, key: &[u8]) -> Result<Option<T>, Refusal> {
        self.0.get(key).map(|bytes| record(&bytes)).transpose()
    }

    pub(crate) fn identity(&self, key: &PublicKey) -> Result<Option<Identity>, Refusal> {
        self.load(&keys::identity(key))
    }

    /// The name of somebody who has written or done something, and so is registered.
    pub(crate) fn name_of(&self, key: &PublicKey) -> Result<String, Refusal> {
        Ok(self.identity(key)?.ok_or(Refusal::StateDamaged)?.name)
    }

    pub(crate) fn key_of(&self, name: &str) -> Result<Option<PublicKey>, Refusal> {
        if !is_name(name) {
            return Ok(None);
        }
        self.load(&keys::name(name))
    }

    pub(crate) fn find_room(&self, room: &str) -> Result<Option<Room>, Refusal> {
        if !is_name(room) {
            return Ok(None);
        }
        self.load(&keys::room(room))
    }

    pub(crate) fn room(&self, room: &str) -> Result<Room, Refusal> {
        self.find_room(room)?.ok_or_else(|| Refusal::NoSuchRoom(room.into()))
    }

    pub(crate) fn member(&self, room: &str, key: &PublicKey) -> Result<Option<Member>, Refusal> {
        self.load(&keys::member(room, key))
    }

    pub(crate) fn message(&self, room: &str, index: u64) -> Result<Message, Refusal> {
        self.load(&keys::message(room, index))?.ok_or(Refusal::StateDamaged)
    }

    /// K14: whoever may not post in a room may not read it, and the one check serves both.
    pub(crate) fn check_access(
        &self,
        name: &str,
        room: &Room,
        key: Option<&PublicKey>,
    ) -> Result<(), Refusal> {
        let is_allowed = match (room.access, key) {
            (Access::Public, _) => true,
            (Access::InviteOnly, Some(key)) => {
                self.member(name, key)?.is_some() || planted::is_on(Bug::RoomsOpenToAll)
            }
            (Access::InviteOnly, None) => false,
        };
        if is_allowed { Ok(()) } else { Err(Refusal::NotAMember(name.into())) }
    }
}

/// The records, read and written, by one operation.
pub(crate) struct Writer<'a, 'b>(pub(crate) &'a mut StateWriter<'b>);

impl Writer<'_, '_> {
    pub(crate) fn read(&self) -> Records<'_> {
        Records(self.0.reader())
    }

    fn save(&mut self, key: &[u8], record: &impl BorshSerialize) {
        self.0.put(key, &encode(record));
    }

    pub(crate) fn save_identity(&mut self, key: &PublicKey, identity: &Identity) {
        self.save(&keys::identity(key), identity);
        self.save(&keys::name(&identity.name), key);
    }

    pub(crate) fn save_room(&mut self, name: &str, room: &Room) {
        self.save(&keys::room(name), room);
    }

    pub(crate) fn save_message(&mut self, room: &str, index: u64, message: &Message) {
        self.save(&keys::message(room, index), message);
    }

    /// Puts somebody in who is not in yet, and counts.
    pub(crate) fn add_member(&mut self, name: &str, room: &mut Room, key: &PublicKey, member: &Member) {
        room.members = room.members.saturating_add(1);
        self.save(&keys::member(name, key), member);
        self.save_room(name, room);
    }

    /// Puts somebody out who is in, and counts.
    pub(crate) fn drop_member(&mut self, name: &str, room: &mut Room, key: &PublicKey) {
        room.members = room.members.saturating_sub(1);
        if !planted::is_on(Bug::RemovedMemberPosts) {
            self.0.delete(&keys::member(name, key));
        }
        self.save_room(name, room);
    }
}

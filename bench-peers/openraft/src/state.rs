//! The state: a map in memory, replayed from the log after a start.

use crate::types::TypeConfig;
use openraft::storage::{RaftStateMachine, Snapshot};
use openraft::{
    AnyError, BasicNode, Entry, EntryPayload, LogId, OptionalSend, RaftSnapshotBuilder, SnapshotMeta,
    StorageError, StorageIOError, StoredMembership,
};
use std::collections::HashMap;
use std::io::Cursor;

/// Bytes of a key.
const KEY_BYTES: usize = 24;

type Failure = StorageError<u64>;

/// The state of one member.
#[derive(Clone, Debug, Default)]
pub struct State {
    applied: Option<LogId<u64>>,
    membership: StoredMembership<u64, BasicNode>,
    values: HashMap<Vec<u8>, Vec<u8>>,
}

/// Snapshots are never taken: the log is kept whole, and no member can need one.
fn none() -> Failure {
    StorageIOError::read_snapshot(None, AnyError::error("this store takes no snapshots")).into()
}

impl RaftSnapshotBuilder<TypeConfig> for State {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, Failure> {
        Err(none())
    }
}

impl RaftStateMachine<TypeConfig> for State {
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<u64>>, StoredMembership<u64, BasicNode>), Failure> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<Entries>(&mut self, entries: Entries) -> Result<Vec<()>, Failure>
    where
        Entries: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        Entries::IntoIter: OptionalSend,
    {
        let mut answers = Vec::new();
        for entry in entries {
            self.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership);
                }
                EntryPayload::Normal(group) => {
                    for operation in group.0 {
                        let (key, value) = operation.split_at(KEY_BYTES.min(operation.len()));
                        self.values.insert(key.to_vec(), value.to_vec());
                    }
                }
            }
            answers.push(());
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        Self::default()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, Failure> {
        Err(none())
    }

    async fn install_snapshot(
        &mut self,
        _: &SnapshotMeta<u64, BasicNode>,
        _: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), Failure> {
        Err(none())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, Failure> {
        Ok(None)
    }
}

//! The executor's state in the kept database. Archived blocks go into the same commit as the state that they led to.

use crate::archive::{Pending, sweep};
use crate::disk_watch::{DiskWatch, Writer};
use outvote_execution::{Backend, BackendError, BackendSnapshot, SUMS_PER_DISK_ROW, Value, Writes};
use outvote_storage::{Change, Snapshot, StateReader, StateStore};
use std::cell::RefCell;
use std::ops::Bound;
use std::sync::Arc;

/// The table of the executed state.
const STATE: &str = "state";

/// The state table and, with each commit, the archive's new blocks.
pub(crate) struct RedbBackend {
    store: StateStore,
    watch: Arc<DiskWatch>,
    pending: Arc<Pending>,
    /// The state since the last commit: opened once, not at every read.
    current: RefCell<Option<Snapshot>>,
}

impl RedbBackend {
    pub(crate) fn new(store: StateStore, pending: Arc<Pending>, watch: Arc<DiskWatch>) -> Self {
        Self { store, watch, pending, current: RefCell::new(None) }
    }
}

fn failed(error: impl std::fmt::Display) -> BackendError {
    BackendError(error.to_string())
}

impl RedbBackend {
    fn read<T>(&self, look: impl FnOnce(&Snapshot) -> Result<T, BackendError>) -> Result<T, BackendError> {
        let mut current = self.current.borrow_mut();
        match &mut *current {
            Some(now) => look(now),
            none => look(none.insert(self.store.snapshot().map_err(failed)?)),
        }
    }
}

impl Backend for RedbBackend {
    fn sums_per_row(&self) -> u8 {
        SUMS_PER_DISK_ROW
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.read(|now| now.get(STATE, key).map(|value| value.map(Value::from)).map_err(failed))
    }

    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
        self.read(|now| page(now, from, to, limit))
    }

    fn commit(&mut self, writes: Writes) -> Result<(), BackendError> {
        // Pages that an open reader sees are not used again, so it ends first.
        *self.current.get_mut() = None;
        let floor = self.pending.lock().floor;
        let (deletions, swept) = sweep(&self.store.reader(), floor).map_err(failed)?;
        let archived = self.pending.take(swept);
        let state = writes.iter().map(|(key, value)| Change { table: STATE, key, value: value.as_deref() });
        let blocks = deletions.iter().chain(&archived.changes);
        let blocks = blocks.map(|(table, key, value)| Change { table, key, value: value.as_deref() });
        let Self { store, watch, .. } = self;
        watch.during(Writer::State, || store.commit(state.chain(blocks))).map_err(failed)?;
        self.pending.stored(&archived);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError> {
        Ok(Box::new(RedbSnapshot(self.store.snapshot().map_err(failed)?)))
    }

    fn mark(&mut self) -> Result<(), BackendError> {
        self.store.mark().map_err(failed)
    }

    fn unmark(&mut self) -> Result<(), BackendError> {
        self.store.unmark().map_err(failed)
    }

    fn is_marked(&self) -> Result<bool, BackendError> {
        self.store.is_marked().map_err(failed)
    }

    fn go_back(&mut self) -> Result<bool, BackendError> {
        *self.current.get_mut() = None;
        self.store.go_back().map_err(failed)
    }
}

struct RedbSnapshot(Snapshot);

impl BackendSnapshot for RedbSnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.0.get(STATE, key).map(|value| value.map(Value::from)).map_err(failed)
    }

    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
        page(&self.0, from, to, limit)
    }
}

fn page(
    snapshot: &Snapshot,
    from: &[u8],
    to: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
    let end = to.map_or(Bound::Unbounded, Bound::Excluded);
    let mut pairs = Vec::new();
    let mut start = from.to_vec();
    while pairs.len() < limit {
        let page = snapshot.range(STATE, Bound::Included(&start), end).map_err(failed)?;
        let room = limit - pairs.len();
        pairs.extend(page.entries.into_iter().take(room).map(|(key, value)| (key, Value::from(value))));
        match page.next {
            Some(next) => start = next,
            None => break,
        }
    }
    Ok(pairs)
}

/// Reads archived blocks from any thread.
pub(crate) type Blocks = StateReader;

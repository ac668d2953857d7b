//! The executor's state in the kept database. Archived blocks go into the same commit as the state that they led to.

use crate::archive::{ArchiveChange, Pending, Taken, sweep};
use crate::disk_watch::{DiskWatch, Writer};
use outvote_execution::{Backend, BackendError, BackendSnapshot, SUMS_PER_DISK_ROW, Value, Writes};
use outvote_storage::{Change, Snapshot, StateReader, StateStore, StorageError};
use std::cell::RefCell;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

/// The table of the executed state.
const STATE: &str = "state";
const BROKE_OFF: &str = "the thread that commits broke off";

/// The state table and, with each commit, the archive's new blocks.
pub(crate) struct RedbBackend {
    store: Place,
    reader: StateReader,
    watch: Arc<DiskWatch>,
    pending: Arc<Pending>,
    /// The state since the last commit: opened once, not at every read.
    current: RefCell<Option<Snapshot>>,
    /// `None` once this ends.
    committer: Option<Committer>,
}

/// A thread that commits while others go on.
struct Committer {
    jobs: Sender<(StateStore, Bundle)>,
    done: Receiver<(StateStore, Result<(), StorageError>)>,
    thread: JoinHandle<()>,
}

impl Committer {
    fn start() -> std::io::Result<Self> {
        let (jobs, work) = channel::<(StateStore, Bundle)>();
        let (finished, done) = channel();
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn(move || {
            for (mut store, bundle) in work {
                let outcome = bundle.commit(&mut store);
                if finished.send((store, outcome)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, done, thread })
    }
}

/// Where the database's one writer is.
enum Place {
    /// Here, with nothing to do.
    Here(StateStore),
    /// With the committer, which is at a commit.
    Away,
    /// Lost: something broke off.
    Nowhere,
}

impl RedbBackend {
    /// Starts the thread that commits.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn new(
        store: StateStore,
        pending: Arc<Pending>,
        watch: Arc<DiskWatch>,
    ) -> std::io::Result<Self> {
        let reader = store.reader();
        let store = Place::Here(store);
        let committer = Some(Committer::start()?);
        Ok(Self { store, reader, watch, pending, current: RefCell::new(None), committer })
    }
}

impl Drop for RedbBackend {
    /// The folder is locked, and another process may have it, only once nobody writes to it.
    fn drop(&mut self) {
        if let Err(error) = self.settle() {
            tracing::error!(%error, "the last commit of the state failed");
        }
        if let Some(Committer { jobs, thread, .. }) = self.committer.take() {
            drop(jobs);
            // It has nothing left to do; if it panicked, that was said above.
            let _ = thread.join();
        }
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
            none => look(none.insert(self.reader.snapshot().map_err(failed)?)),
        }
    }

    /// Has the writer do something that others wait for: D28 counts for how long.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&mut StateStore) -> Result<T, StorageError>,
    ) -> Result<T, BackendError> {
        self.settle()?;
        match &mut self.store {
            Place::Here(store) => self.watch.during(Writer::State, || work(store)).map_err(failed),
            Place::Away | Place::Nowhere => Err(failed(BROKE_OFF)),
        }
    }

    /// The commit is done.
    fn take_back(&mut self, came_back: (StateStore, Result<(), StorageError>)) -> Result<(), BackendError> {
        // What was read so far is older; what was committed is in the next snapshot.
        *self.current.get_mut() = None;
        let (store, done) = came_back;
        self.store = Place::Here(store);
        done.map_err(failed)
    }

    fn give_up<T>(&mut self) -> Result<T, BackendError> {
        self.store = Place::Nowhere;
        Err(failed(BROKE_OFF))
    }

    /// Everything that a commit with these writes changes.
    fn bundle(&mut self, writes: Arc<Writes>) -> Result<Bundle, BackendError> {
        // Pages that an open reader sees are not used again, so it ends first.
        *self.current.get_mut() = None;
        let floor = self.pending.lock().floor;
        let (deletions, swept) = sweep(&self.reader, floor).map_err(failed)?;
        let archived = self.pending.take(swept);
        Ok(Bundle { writes, deletions, archived, pending: Arc::clone(&self.pending) })
    }
}

/// One commit: the state's changes, and the archive's.
struct Bundle {
    writes: Arc<Writes>,
    deletions: Vec<ArchiveChange>,
    archived: Taken,
    pending: Arc<Pending>,
}

impl Bundle {
    fn commit(&self, store: &mut StateStore) -> Result<(), StorageError> {
        let archived = self.archived.changes();
        let state = self.writes.iter();
        let state = state.map(|(key, value)| Change { table: STATE, key, value: value.as_deref() });
        let blocks = self.deletions.iter().chain(&archived);
        let blocks = blocks.map(|(table, key, value)| Change { table, key, value: value.as_deref() });
        store.commit(state.chain(blocks))?;
        self.pending.stored(&self.archived);
        Ok(())
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
        self.settle()?;
        let bundle = self.bundle(Arc::new(writes))?;
        self.write(|store| bundle.commit(store))
    }

    fn begin_commit(&mut self, writes: Arc<Writes>) -> Result<(), BackendError> {
        self.settle()?;
        // On this thread: the archive is at this very block now, and will be further in a moment.
        let bundle = self.bundle(writes)?;
        let store = std::mem::replace(&mut self.store, Place::Nowhere);
        let (Place::Here(store), Some(committer)) = (store, &self.committer) else {
            return Err(failed(BROKE_OFF));
        };
        committer.jobs.send((store, bundle)).map_err(|_| failed(BROKE_OFF))?;
        self.store = Place::Away;
        Ok(())
    }

    fn is_settled(&mut self) -> Result<bool, BackendError> {
        match self.store {
            Place::Here(_) => return Ok(true),
            Place::Away => {}
            Place::Nowhere => return Err(failed(BROKE_OFF)),
        }
        match self.committer.as_ref().map(|committer| committer.done.try_recv()) {
            Some(Err(TryRecvError::Empty)) => Ok(false),
            Some(Ok(came_back)) => self.take_back(came_back).map(|()| true),
            Some(Err(TryRecvError::Disconnected)) | None => self.give_up(),
        }
    }

    fn settle(&mut self) -> Result<(), BackendError> {
        if self.is_settled()? {
            return Ok(());
        }
        // D28: only now does somebody wait for it.
        let wait = |committer: &Committer| self.watch.during(Writer::State, || committer.done.recv());
        match self.committer.as_ref().map(wait) {
            Some(Ok(came_back)) => self.take_back(came_back),
            Some(Err(_)) | None => self.give_up(),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError> {
        Ok(Box::new(RedbSnapshot(self.reader.snapshot().map_err(failed)?)))
    }

    fn mark(&mut self) -> Result<(), BackendError> {
        self.write(StateStore::mark)
    }

    fn unmark(&mut self) -> Result<(), BackendError> {
        self.write(StateStore::unmark)
    }

    fn is_marked(&self) -> Result<bool, BackendError> {
        match &self.store {
            Place::Here(store) => store.is_marked().map_err(failed),
            Place::Away | Place::Nowhere => Err(failed("it was asked for its mark during a commit")),
        }
    }

    fn go_back(&mut self) -> Result<bool, BackendError> {
        *self.current.get_mut() = None;
        self.write(StateStore::go_back)
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

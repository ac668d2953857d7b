//! A backend in memory, for tests, the simulator and trying things out.

use crate::backend::{Backend, BackendError, BackendSnapshot, Value, Writes};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Map = BTreeMap<Arc<[u8]>, Value>;

/// Keeps everything in memory. Clones share their contents, as two openings of one file would: keep a clone, drop the
/// executor, open another one on the clone, and a crash has been played. What was begun and not settled is lost in it, unless it
/// [landed](Self::land). As strict as the [`Backend`] says: whoever asks for what must wait for a commit gets an error.
#[derive(Default)]
pub struct MemoryBackend {
    inner: Arc<Mutex<Contents>>,
    /// How often somebody must ask whether a commit is done before it is.
    settles_after: u32,
    /// How often the commit under way will still be asked for in vain, if there is one.
    asks_left: Option<u32>,
}

impl Clone for MemoryBackend {
    /// Another opening of the same contents: it knows nothing of what this one has begun.
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), settles_after: self.settles_after, asks_left: None }
    }
}

#[derive(Clone, Default)]
struct Contents {
    map: Arc<Map>,
    marked: Option<Arc<Map>>,
    /// What an opening has begun.
    begun: Option<Arc<Writes>>,
}

impl Contents {
    fn apply(&mut self, writes: Writes) {
        // Copies the map only while a snapshot still looks at it.
        let map = Arc::make_mut(&mut self.map);
        for (key, value) in writes {
            let Some(value) = value else {
                map.remove(&key[..]);
                continue;
            };
            match map.get_mut(&key[..]) {
                Some(place) => *place = value,
                None => drop(map.insert(key.into(), value)),
            }
        }
    }
}

impl MemoryBackend {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose commits take a while: whoever begins one must ask so often in vain before it is done.
    #[must_use]
    pub fn that_settles_after(asks: u32) -> Self {
        Self { settles_after: asks, ..Self::default() }
    }

    /// A copy that shares nothing with this one: a backup of what is durable now.
    #[must_use]
    pub fn copy(&self) -> Self {
        let contents = Contents { begun: None, ..self.lock().clone() };
        let inner = Arc::new(Mutex::new(contents));
        Self { inner, settles_after: self.settles_after, asks_left: None }
    }

    fn current(&self) -> Arc<Map> {
        Arc::clone(&self.lock().map)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing panics while the lock is held, and a map is replaced as a whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power failed when what was begun had just become durable, and before whoever began it heard of that. For a clone of
    /// an opening that is gone.
    pub fn land(&self) {
        let mut contents = self.lock();
        if let Some(writes) = contents.begun.take() {
            contents.apply(Arc::unwrap_or_clone(writes));
        }
    }

    /// The power failed before what was begun became durable: it never does.
    pub fn lose(&self) {
        self.lock().begun = None;
    }

    /// Ends what was begun.
    fn end_commit(&mut self) {
        if self.asks_left.take().is_some() {
            self.land();
        }
    }

    /// What must be settled before.
    fn refuse_during_commit(&self) -> Result<(), BackendError> {
        if self.asks_left.is_some() {
            return Err(BackendError("it was asked for more than reading during a commit".into()));
        }
        Ok(())
    }
}

fn range_of(map: &Map, from: &[u8], to: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, Value)> {
    if to.is_some_and(|to| to <= from) {
        return Vec::new();
    }
    let upper = to.map_or(Bound::Unbounded, Bound::Excluded);
    map.range::<[u8], _>((Bound::Included(from), upper))
        .take(limit)
        .map(|(key, value)| (key.to_vec(), value.clone()))
        .collect()
}

impl Backend for MemoryBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        Ok(self.current().get(key).cloned())
    }

    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
        Ok(range_of(&self.current(), from, to, limit))
    }

    fn sums_per_row(&self) -> u8 {
        1
    }

    fn commit(&mut self, writes: Writes) -> Result<(), BackendError> {
        self.refuse_during_commit()?;
        let mut contents = self.lock();
        contents.begun = None;
        contents.apply(writes);
        Ok(())
    }

    fn begin_commit(&mut self, writes: Arc<Writes>) -> Result<(), BackendError> {
        self.refuse_during_commit()?;
        self.lock().begun = Some(writes);
        self.asks_left = Some(self.settles_after);
        Ok(())
    }

    fn is_settled(&mut self) -> Result<bool, BackendError> {
        if let Some(asks_left @ 1..) = &mut self.asks_left {
            *asks_left -= 1;
            return Ok(false);
        }
        self.end_commit();
        Ok(true)
    }

    fn settle(&mut self) -> Result<(), BackendError> {
        self.end_commit();
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError> {
        self.refuse_during_commit()?;
        Ok(Box::new(MemorySnapshot(self.current())))
    }

    fn mark(&mut self) -> Result<(), BackendError> {
        self.refuse_during_commit()?;
        let mut contents = self.lock();
        contents.marked = Some(Arc::clone(&contents.map));
        Ok(())
    }

    fn unmark(&mut self) -> Result<(), BackendError> {
        self.refuse_during_commit()?;
        self.lock().marked = None;
        Ok(())
    }

    fn is_marked(&self) -> Result<bool, BackendError> {
        self.refuse_during_commit()?;
        Ok(self.lock().marked.is_some())
    }

    fn go_back(&mut self) -> Result<bool, BackendError> {
        self.refuse_during_commit()?;
        let mut contents = self.lock();
        let Some(marked) = contents.marked.take() else { return Ok(false) };
        contents.map = marked;
        Ok(true)
    }
}

struct MemorySnapshot(Arc<Map>);

impl BackendSnapshot for MemorySnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError> {
        Ok(range_of(&self.0, from, to, limit))
    }
}

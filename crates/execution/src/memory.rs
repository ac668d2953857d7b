//! A backend in memory, for tests, the simulator and trying things out.

use crate::backend::{Backend, BackendError, BackendSnapshot, Value, Writes};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Map = BTreeMap<Arc<[u8]>, Value>;

/// Keeps everything in memory. Clones share their contents, as two openings of one file would: keep a clone, drop the
/// executor, open another one on the clone, and a crash has been played.
#[derive(Clone, Default)]
pub struct MemoryBackend {
    inner: Arc<Mutex<Contents>>,
}

#[derive(Clone, Default)]
struct Contents {
    map: Arc<Map>,
    marked: Option<Arc<Map>>,
}

impl MemoryBackend {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy that shares nothing with this one: a backup of it as it is now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { inner: Arc::new(Mutex::new(self.lock().clone())) }
    }

    fn current(&self) -> Arc<Map> {
        Arc::clone(&self.lock().map)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Nothing panics while the lock is held, and a map is replaced as a whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut guard = self.lock();
        // Copies the map only while a snapshot still looks at it.
        let map = Arc::make_mut(&mut guard.map);
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
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError> {
        Ok(Box::new(MemorySnapshot(self.current())))
    }

    fn mark(&mut self) -> Result<(), BackendError> {
        let mut contents = self.lock();
        contents.marked = Some(Arc::clone(&contents.map));
        Ok(())
    }

    fn unmark(&mut self) -> Result<(), BackendError> {
        self.lock().marked = None;
        Ok(())
    }

    fn is_marked(&self) -> Result<bool, BackendError> {
        Ok(self.lock().marked.is_some())
    }

    fn go_back(&mut self) -> Result<bool, BackendError> {
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

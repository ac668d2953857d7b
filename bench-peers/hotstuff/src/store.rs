//! The block tree's store: a map in memory, for the library ships none.

use hotstuff_rs::block_tree::pluggables::{KVGet, KVStore, WriteBatch};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Map = HashMap<Vec<u8>, Vec<u8>>;

/// A map in memory.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Mutex<Map>>);

/// Changes in their order: a value, or none for a deletion.
#[derive(Debug)]
pub struct Changes(Vec<(Vec<u8>, Option<Vec<u8>>)>);

/// The map, held still.
#[derive(Debug)]
pub struct Still<'a>(MutexGuard<'a, Map>);

impl Store {
    fn map(&self) -> MutexGuard<'_, Map> {
        // A map stays valid even if a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WriteBatch for Changes {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn delete(&mut self, key: &[u8]) {
        self.0.push((key.to_vec(), None));
    }
}

impl KVGet for Store {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.map().get(key).cloned()
    }
}

impl KVGet for Still<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }
}

impl KVStore for Store {
    type WriteBatch = Changes;
    type Snapshot<'a> = Still<'a>;

    fn write(&mut self, changes: Changes) {
        let mut map = self.map();
        for (key, value) in changes.0 {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
    }

    fn clear(&mut self) {
        self.map().clear();
    }

    fn snapshot<'b>(&'b self) -> Still<'b> {
        Still(self.map())
    }
}

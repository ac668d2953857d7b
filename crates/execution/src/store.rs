//! The overlay: what blocks wrote since the last flush, merged with the backend by every reader.

use crate::backend::{Backend, BackendError, Value, Writes};
use crate::hash_memo::HashMemo;
use crate::layout;
use crate::lthash::{BUCKET_BYTES, Buckets, LtHash, bucket_of, is_empty_sum};
use crate::merge::{Extent, Pairs, merge};
use outvote_types::Digest;
use outvote_types::planted::{self, Bug};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::iter::repeat_n;
use std::ops::Bound;
use std::sync::Arc;

/// What an entry of the overlay costs besides its key and value, roughly.
const ENTRY_BYTES: usize = 96;

/// Something that can be read like the state.
pub(crate) trait Source {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError>;
    /// Stops early, behind the pair that exceeds it, when more than `bytes_max` bytes are found.
    fn range(&self, from: &[u8], to: &[u8], limit: usize, bytes_max: usize) -> Result<Pairs, BackendError>;
}

struct Entry {
    /// What readers see.
    current: Option<Value>,
    /// What the bucket's sum counts.
    folded: Option<Value>,
    /// What the backend has, or will have once what it is at is done.
    stored: Option<Value>,
    /// Whether the key stands in `unfolded`.
    is_listed: bool,
}

impl Entry {
    /// Nothing changed yet.
    fn of(stored: Option<Value>) -> Self {
        Self { current: stored.clone(), folded: stored.clone(), stored, is_listed: false }
    }
}

/// What the overlay has grown to, and what the sums do not count yet.
#[derive(Default)]
struct Change {
    bytes: usize,
    /// Keys whose current value the sums may not count yet.
    unfolded: Vec<Vec<u8>>,
}

impl Change {
    /// Counts a new entry.
    fn count(&mut self, key: &[u8], stored: Option<&Value>) {
        self.bytes += ENTRY_BYTES + key.len() + stored.map_or(0, |value| value.len());
    }

    /// Sets an entry; says what was there before.
    fn set(&mut self, key: &[u8], entry: &mut Entry, value: Option<Value>) -> Option<Value> {
        if !entry.is_listed {
            entry.is_listed = true;
            self.unfolded.push(key.to_vec());
        }
        self.bytes = (self.bytes + value.as_ref().map_or(0, |value| value.len()))
            .saturating_sub(entry.current.as_ref().map_or(0, |value| value.len()));
        std::mem::replace(&mut entry.current, value)
    }
}

/// What one operation changed: each key with its value before, in the order of the writes.
#[derive(Default)]
pub(crate) struct Undo(Vec<(Vec<u8>, Option<Value>)>);

/// Backend, overlay and digest as one.
pub(crate) struct Store {
    backend: Box<dyn Backend>,
    /// What the backend is still writing; it lies between overlay and backend until that is durable.
    under_way: Option<Arc<Writes>>,
    overlay: BTreeMap<Vec<u8>, Entry>,
    change: Change,
    buckets: Buckets,
    /// Buckets whose sum differs from the one in the backend.
    changed: [bool; 256],
    memo: HashMemo,
}

impl Store {
    /// Opens the backend and reads the sums. Missing sums are those of empty buckets; damaged ones are `None`.
    pub(crate) fn open(backend: Box<dyn Backend>, memo: HashMemo) -> Result<Option<Self>, BackendError> {
        let Some(buckets) = read_sums(&*backend)? else { return Ok(None) };
        let (overlay, change) = (BTreeMap::new(), Change::default());
        let under_way = None;
        Ok(Some(Self { backend, under_way, overlay, change, buckets, changed: [false; 256], memo }))
    }

    /// Goes back to what the backend has marked, whatever was written since; says whether anything was marked, and the sums
    /// fit it.
    pub(crate) fn go_back(&mut self) -> Result<bool, BackendError> {
        if !self.backend.go_back()? {
            return Ok(false);
        }
        let Some(buckets) = read_sums(&*self.backend)? else { return Ok(false) };
        self.buckets = buckets;
        self.changed = [false; 256];
        self.drop_overlay();
        Ok(true)
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    pub(crate) fn backend_mut(&mut self) -> &mut dyn Backend {
        &mut *self.backend
    }

    pub(crate) fn into_backend(self) -> Box<dyn Backend> {
        self.backend
    }

    pub(crate) fn overlay_bytes(&self) -> usize {
        self.change.bytes
    }

    pub(crate) fn sum(&self, bucket: u8) -> &LtHash {
        self.buckets.sum(bucket)
    }

    pub(crate) fn set_sum(&mut self, bucket: u8, sum: LtHash) {
        *self.buckets.sum_mut(bucket) = sum;
        self.changed[usize::from(bucket)] = true;
    }

    /// Forgets everything since the last flush. The sums then no longer fit and must be set anew.
    pub(crate) fn drop_overlay(&mut self) {
        self.overlay.clear();
        self.change = Change::default();
    }

    /// Writes into the overlay; with `undo`, so that it can be taken back.
    pub(crate) fn write(
        &mut self,
        key: Vec<u8>,
        value: Option<Value>,
        undo: Option<&mut Undo>,
    ) -> Result<(), BackendError> {
        // One walk down the tree: this is the hottest path of execution.
        let before = match self.overlay.entry(key.clone()) {
            Slot::Occupied(slot) => self.change.set(&key, slot.into_mut(), value),
            Slot::Vacant(slot) => {
                let stored = stored_in(self.under_way.as_deref(), &*self.backend, &key)?;
                self.change.count(&key, stored.as_ref());
                self.change.set(&key, slot.insert(Entry::of(stored)), value)
            }
        };
        if let Some(undo) = undo {
            undo.0.push((key, before));
        }
        Ok(())
    }

    /// Writes into the overlay what the caller read before: the backend has `stored` under `key`, or the overlay has more.
    pub(crate) fn write_known(&mut self, key: Vec<u8>, stored: Option<&Value>, value: Value) {
        let entry = match self.overlay.entry(key.clone()) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                self.change.count(&key, stored);
                slot.insert(Entry::of(stored.cloned()))
            }
        };
        self.change.set(&key, entry, Some(value));
    }

    /// Takes back what was written under `undo`.
    pub(crate) fn roll_back(&mut self, undo: &mut Undo) {
        while let Some((key, before)) = undo.0.pop() {
            if let Some(entry) = self.overlay.get_mut(&key) {
                self.change.set(&key, entry, before);
            }
        }
    }

    /// What the writes under `undo` came to.
    pub(crate) fn effect(&self, undo: &Undo) -> Writes {
        undo.0
            .iter()
            .filter_map(|(key, _)| Some((key.clone(), self.overlay.get(key)?.current.clone())))
            .collect()
    }

    /// Brings the sums up to date. A key that was written many times since the last call costs as much as one.
    fn fold(&mut self) {
        for key in std::mem::take(&mut self.change.unfolded) {
            let Some(entry) = self.overlay.get_mut(&key) else { continue };
            entry.is_listed = false;
            if entry.folded == entry.current {
                continue;
            }
            let bucket = bucket_of(&key);
            let sum = self.buckets.sum_mut(bucket);
            self.changed[usize::from(bucket)] = true;
            if let Some(old) = entry.folded.as_ref().filter(|_| !planted::is_on(Bug::OldValueStaysInSum)) {
                self.memo.element(&key, old, |element| sum.subtract_element(element));
            }
            if let Some(new) = &entry.current {
                self.memo.element(&key, new, |element| sum.add_element(element));
            }
            entry.folded = entry.current.clone();
        }
    }

    /// The digests of all buckets as of now.
    pub(crate) fn bucket_digests(&mut self) -> Vec<Digest> {
        self.fold();
        self.buckets.digests(&self.memo).to_vec()
    }

    /// The state's root as of now.
    pub(crate) fn root(&mut self) -> Digest {
        self.fold();
        self.buckets.root(&self.memo)
    }

    /// Writes overlay, sums and `local` facts in one commit. If that fails, the overlay is gone, and nobody may go on (D20).
    pub(crate) fn flush(&mut self, local: Writes) -> Result<(), BackendError> {
        let writes = self.take_writes(local)?;
        self.backend.commit(writes)
    }

    /// As [`flush`](Self::flush), but goes on while the backend is at it, until [`is_settled`](Self::is_settled).
    pub(crate) fn begin_flush(&mut self, local: Writes) -> Result<(), BackendError> {
        let writes = Arc::new(self.take_writes(local)?);
        self.under_way = Some(Arc::clone(&writes));
        self.backend.begin_commit(writes)
    }

    /// Whether every flush that was begun is durable.
    pub(crate) fn is_settled(&mut self) -> Result<bool, BackendError> {
        if self.under_way.is_some() && self.backend.is_settled()? {
            self.under_way = None;
        }
        Ok(self.under_way.is_none())
    }

    /// Waits until every flush that was begun is durable.
    pub(crate) fn settle(&mut self) -> Result<(), BackendError> {
        if self.under_way.is_some() {
            self.backend.settle()?;
            self.under_way = None;
        }
        Ok(())
    }

    /// Empties the overlay into one commit's writes.
    fn take_writes(&mut self, local: Writes) -> Result<Writes, BackendError> {
        self.settle()?;
        self.fold();
        let mut writes = local;
        if planted::is_on(Bug::MarkBeforeState) {
            self.backend.commit(std::mem::take(&mut writes))?;
        }
        self.add_changed_sums(&mut writes);
        self.changed = [false; 256];
        self.change = Change::default();
        for (key, entry) in std::mem::take(&mut self.overlay) {
            if entry.current == entry.stored {
                continue;
            }
            if entry.current.is_some() != entry.stored.is_some() {
                let present = entry.current.is_some().then(|| Value::from(&[][..]));
                writes.insert(layout::index(bucket_of(&key), &key), present);
            }
            writes.insert(key, entry.current);
        }
        Ok(writes)
    }

    /// What lies below the overlay.
    fn stored(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        stored_in(self.under_way.as_deref(), &*self.backend, key)
    }

    fn stored_range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, BackendError> {
        let under_way = self.under_way.as_ref().filter(|_| !planted::is_on(Bug::FlushUnseenByRanges));
        let Some(under_way) = under_way else { return self.backend.range(from, Some(to), limit) };
        let written = under_way.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let written = written.map(|(key, value)| (&key[..], value.as_ref()));
        let below = |next: &[u8], limit| self.backend.range(next, Some(to), limit);
        merge(written, below, from, Extent { limit, bytes_max: usize::MAX })
    }

    fn add_changed_sums(&self, writes: &mut Writes) {
        for (row, members) in layout::sum_rows(self.backend.sums_per_row()) {
            if !members.clone().any(|bucket| self.changed[usize::from(bucket)]) {
                continue;
            }
            let sums: Value = if members.len() == 1 {
                Value::from(&self.buckets.sum(*members.start()).bytes()[..])
            } else {
                // In place and whole sums at a time: byte by byte this took half of a simulation.
                let mut sums: Value = repeat_n(0, members.len() * BUCKET_BYTES).collect();
                let places = Arc::make_mut(&mut sums).as_chunks_mut::<BUCKET_BYTES>().0;
                for (bucket, place) in members.zip(places) {
                    *place = *self.buckets.sum(bucket).bytes();
                }
                sums
            };
            writes.insert(row, Some(sums));
        }
    }
}

/// What a backend has under a key once what it is at is done.
fn stored_in(
    under_way: Option<&Writes>,
    backend: &dyn Backend,
    key: &[u8],
) -> Result<Option<Value>, BackendError> {
    match under_way.and_then(|writes| writes.get(key)) {
        Some(written) => Ok(written.clone()),
        None => backend.get(key),
    }
}

fn read_sums(backend: &dyn Backend) -> Result<Option<Buckets>, BackendError> {
    let mut buckets = Buckets::default();
    for (row, members) in layout::sum_rows(backend.sums_per_row()) {
        let Some(bytes) = backend.get(&row)? else { continue };
        if bytes.len() != members.len() * BUCKET_BYTES {
            return Ok(None);
        }
        for (bucket, bytes) in members.zip(bytes.chunks_exact(BUCKET_BYTES)) {
            // Empty buckets keep the one sum that they share, and its digest.
            if !is_empty_sum(bytes) {
                let Some(sum) = LtHash::from_bytes(bytes) else { return Ok(None) };
                *buckets.sum_mut(bucket) = sum;
            }
        }
    }
    Ok(Some(buckets))
}

impl Source for Store {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        match self.overlay.get(key) {
            Some(entry) => Ok(entry.current.clone()),
            None => self.stored(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize, bytes_max: usize) -> Result<Pairs, BackendError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let written = self.overlay.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let written = written.map(|(key, entry)| (&key[..], entry.current.as_ref()));
        let below = |next: &[u8], limit| self.stored_range(next, to, limit);
        merge(written, below, from, Extent { limit, bytes_max })
    }
}

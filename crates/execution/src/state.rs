//! The application's view of the state: an ordered key-value space.

use crate::backend::{BackendError, Value};
use crate::layout::{self, MAX_APPLICATION_KEY_BYTES};
use crate::store::{Source, Store, Undo};
use outvote_types::Answer;
use outvote_types::limits::MAX_VALUE_BYTES;
use std::cell::RefCell;

/// Bytes that one operation may write at most, keys included.
pub const MAX_OPERATION_WRITE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that one range may return at most.
pub const MAX_RANGE_BYTES: usize = 16 * 1024 * 1024;

/// What went wrong while an application looked at the state or wrote to it. The first one sticks.
pub(crate) enum Fault {
    /// The operation broke a limit: every replica refuses it alike.
    Limit(&'static str, &'static str),
    /// This replica's database failed: it stops.
    Backend(BackendError),
}

impl Fault {
    /// The refusal that a broken limit comes to.
    pub(crate) fn into_answer(self) -> Result<Answer, BackendError> {
        match self {
            Self::Limit(code, message) => Ok(Answer::refused(code, message)),
            Self::Backend(error) => Err(error),
        }
    }
}

/// Where faults are noted until the operation is over.
pub(crate) type FaultCell = RefCell<Option<Fault>>;

fn note(cell: &FaultCell, fault: Fault) {
    cell.borrow_mut().get_or_insert(fault);
}

/// Reads the state. Keys are byte strings in lexicographic order.
#[derive(Clone, Copy)]
pub struct StateReader<'a> {
    source: &'a dyn Source,
    faults: &'a FaultCell,
}

impl<'a> StateReader<'a> {
    pub(crate) fn new(source: &'a dyn Source, faults: &'a FaultCell) -> Self {
        Self { source, faults }
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        if key.len() > MAX_APPLICATION_KEY_BYTES {
            return None;
        }
        self.checked(self.source.get(&layout::application(key)))?.map(|value| value.to_vec())
    }

    /// The first `limit` pairs with `from <= key < to`, in ascending order of keys; an empty `to` means no upper end.
    ///
    /// Fewer than `limit` pairs mean that there are no more. A range of more than [`MAX_RANGE_BYTES`] makes the whole
    /// operation, or question, refused with the code `range-too-large`: ask for smaller pages.
    #[must_use]
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let upper = if to.is_empty() { layout::APPLICATION_END.to_vec() } else { layout::application(to) };
        let found = self.source.range(&layout::application(from), &upper, limit, MAX_RANGE_BYTES);
        let Some(pairs) = self.checked(found) else { return Vec::new() };
        if pairs.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() > MAX_RANGE_BYTES {
            note(self.faults, Fault::Limit("range-too-large", "one range holds more than 16 MiB"));
            return Vec::new();
        }
        pairs.into_iter().map(|(key, value)| (key[1..].to_vec(), value.to_vec())).collect()
    }

    /// The first `limit` pairs whose keys start with `prefix`, in ascending order of keys.
    #[must_use]
    pub fn prefix(&self, prefix: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.range(prefix, &behind_prefix(prefix), limit)
    }

    fn checked<T>(&self, result: Result<T, BackendError>) -> Option<T> {
        // The application sees "nothing there"; what it makes of that is thrown away with the operation.
        result.map_err(|error| note(self.faults, Fault::Backend(error))).ok()
    }
}

/// The first key behind all that start with `prefix`; empty if there is none.
fn behind_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// Reads and writes the state, for one operation. Its reads see its own writes.
///
/// Keys have at most [`MAX_APPLICATION_KEY_BYTES`] bytes, values at most 1 MiB, all writes of one operation together at
/// most [`MAX_OPERATION_WRITE_BYTES`]. An operation that asks for more is refused as a whole, whatever it answers.
pub struct StateWriter<'a> {
    store: &'a mut Store,
    undo: &'a mut Undo,
    faults: &'a FaultCell,
    written_bytes: usize,
}

impl<'a> StateWriter<'a> {
    pub(crate) fn new(store: &'a mut Store, undo: &'a mut Undo, faults: &'a FaultCell) -> Self {
        Self { store, undo, faults, written_bytes: 0 }
    }

    /// The reading half, for functions that serve operations and questions alike.
    #[must_use]
    pub fn reader(&self) -> StateReader<'_> {
        StateReader::new(&*self.store, self.faults)
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.reader().get(key)
    }

    /// Like [`StateReader::range`].
    #[must_use]
    pub fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.reader().range(from, to, limit)
    }

    /// Like [`StateReader::prefix`].
    #[must_use]
    pub fn prefix(&self, prefix: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.reader().prefix(prefix, limit)
    }

    /// Puts `value` under `key`, in place of what was there.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        if value.len() > MAX_VALUE_BYTES {
            note(self.faults, Fault::Limit("value-too-long", "a value exceeds 1 MiB"));
            return;
        }
        self.write(key, Some(value.into()));
    }

    /// Removes `key`; nothing happens if it is not there.
    pub fn delete(&mut self, key: &[u8]) {
        self.write(key, None);
    }

    fn write(&mut self, key: &[u8], value: Option<Value>) {
        if key.len() > MAX_APPLICATION_KEY_BYTES {
            note(self.faults, Fault::Limit("key-too-long", "a key exceeds 1023 bytes"));
            return;
        }
        self.written_bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
        if self.written_bytes > MAX_OPERATION_WRITE_BYTES {
            note(self.faults, Fault::Limit("too-much-written", "one operation writes more than 16 MiB"));
            return;
        }
        if let Err(error) = self.store.write(layout::application(key), value, Some(self.undo)) {
            note(self.faults, Fault::Backend(error));
        }
    }
}

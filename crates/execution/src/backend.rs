//! Where the state lives between two starts: an ordered key-value space with atomic, durable commits.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A stored value; shared, never changed.
pub type Value = Arc<[u8]>;

/// Buckets whose sums share a row on a disk. In a busy cluster all of them change between two flushes: a row each would cost a
/// page of the database each, and more than 15 would not fit into 32 KiB with the row's key.
pub const SUMS_PER_DISK_ROW: u8 = 15;

/// What one commit changes: a value, or `None` for a deletion.
pub type Writes = BTreeMap<Vec<u8>, Option<Value>>;

/// The state's database failed. After that nobody knows what it holds, so the node stops (D20).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state database failed: {0}")]
pub struct BackendError(pub String);

/// An ordered key-value space. Keys are at most [`MAX_BACKEND_KEY_BYTES`] long.
pub trait Backend: Send {
    /// The value under `key`.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError>;

    /// The first `limit` pairs with `from <= key < to` (no upper end if `to` is `None`), in ascending order of keys.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError>;

    /// How many buckets' sums share a row; always the same number for the same contents. [`SUMS_PER_DISK_ROW`] in a database of
    /// pages, and 1 where a change of one row costs nothing but its bytes.
    fn sums_per_row(&self) -> u8;

    /// Applies all of `writes` or, if it fails or the power goes, none of them. They are durable when it returns.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn commit(&mut self, writes: Writes) -> Result<(), BackendError>;

    /// As [`commit`](Self::commit), but may return while the database is still at it. Until [`is_settled`](Self::is_settled) says
    /// that it is done, a read finds each of these keys as it was or as it will be, and power that goes may take the whole commit
    /// along. [`settle`](Self::settle) before anything but [`get`](Self::get) and [`range`](Self::range) is asked for.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn begin_commit(&mut self, writes: Arc<Writes>) -> Result<(), BackendError> {
        self.commit(Arc::unwrap_or_clone(writes))
    }

    /// Whether every commit that was begun is durable.
    ///
    /// # Errors
    /// When one of them failed.
    fn is_settled(&mut self) -> Result<bool, BackendError> {
        Ok(true)
    }

    /// Waits until every commit that was begun is durable.
    ///
    /// # Errors
    /// When one of them failed.
    fn settle(&mut self) -> Result<(), BackendError> {
        Ok(())
    }

    /// The contents as they are now, unchanged by later commits.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn snapshot(&self) -> Result<Box<dyn BackendSnapshot>, BackendError>;

    /// Remembers durably what is here now, instead of what was marked before.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn mark(&mut self) -> Result<(), BackendError>;

    /// Forgets the mark, if there is one.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn unmark(&mut self) -> Result<(), BackendError>;

    /// Whether something is marked.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn is_marked(&self) -> Result<bool, BackendError>;

    /// Restores what was marked and forgets the mark, all or, if it fails or the power goes, nothing of it; says whether
    /// anything was marked.
    ///
    /// # Errors
    /// When the database cannot be written.
    fn go_back(&mut self) -> Result<bool, BackendError>;
}

/// A frozen view of a [`Backend`]; may be read from any thread.
pub trait BackendSnapshot: Send + Sync {
    /// Like [`Backend::get`].
    ///
    /// # Errors
    /// When the database cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, BackendError>;

    /// Like [`Backend::range`].
    ///
    /// # Errors
    /// When the database cannot be read.
    fn range(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, BackendError>;
}

/// Bytes of a key in a [`Backend`] at most: the longest digested key behind the prefix of the index by bucket.
pub const MAX_BACKEND_KEY_BYTES: usize = outvote_types::limits::MAX_KEY_BYTES + 3;

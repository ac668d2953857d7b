//! The embedded database behind the application's state: ordered tables of bytes, changed in whole batches.
//!
//! Every value is stored with a checksum over its table, key and value, and every block of the file with one over its place and
//! content, so bit rot is an error and never a wrong answer. What is damaged can be built again from peers.

pub(crate) mod backend;
mod blocks;
mod guard;

use std::collections::BTreeMap;
use std::fs::{OpenOptions, TryLockError};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase, StorageBackend, TableDefinition, TableError,
};

use crate::error::{Poison, StorageError};
use blocks::SealedBlocks;
use guard::{CHECKSUM_BYTES, Guard, checked, checksum};

/// How long a key may be.
pub const KEY_MAX_BYTES: usize = 4096;
/// How long a value may be.
const VALUE_MAX_BYTES: usize = 64 << 20;
/// How many entries a page holds at most.
pub const PAGE_MAX_ENTRIES: usize = 4096;
/// After how many bytes a page ends; its last entry may lie beyond.
pub const PAGE_MAX_BYTES: usize = 4 << 20;

type OpenTable = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;
type Table<'name> = TableDefinition<'name, &'static [u8], &'static [u8]>;

/// Knobs of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateOptions {
    /// Memory for pages that were read or are to be written, in bytes.
    pub cache_bytes: usize,
    /// A file of so many bytes or fewer is read and checked as a whole at the opening. In a longer one damage is found when it is
    /// read, unless that happened once already: the next opening then checks all of it, however long it is.
    pub check_max_bytes: u64,
}

impl Default for StateOptions {
    /// A cache of 32 MiB: a replica should stay small, and the system caches the file as well, but the pages of one commit should
    /// find room in half of it, or they are written, dropped and read again for their checksums. Checked up to 64 MiB, which
    /// takes a fraction of a second: a start must not take longer and longer as the state grows.
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, check_max_bytes: 64 << 20 }
    }
}

/// One change of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'batch> {
    /// The table's name.
    pub table: &'batch str,
    /// The key.
    pub key: &'batch [u8],
    /// The new value; `None` removes the key.
    pub value: Option<&'batch [u8]>,
}

/// Some entries of a range, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys and values.
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// The key where the next page begins; `None` when this was the last one.
    pub next: Option<Vec<u8>>,
}

/// The database, with one owner that writes.
#[derive(Debug)]
pub struct StateStore {
    reader: StateReader,
    poison: Poison,
}

/// Reads the latest committed state; cloneable, for other threads.
#[derive(Debug, Clone)]
pub struct StateReader {
    database: Arc<Database>,
    guard: Guard,
}

/// The state as it was at one moment, whatever is committed meanwhile. While it lives, the space of what was replaced
/// is not used again: drop it soon.
#[derive(Debug)]
pub struct Snapshot {
    transaction: ReadTransaction,
    guard: Guard,
    /// Tables that were read before: opening one costs as much as reading a key.
    tables: Mutex<Vec<(String, Arc<OpenTable>)>>,
}

impl StateStore {
    /// Opens the database in a file, or creates it.
    pub fn open(path: impl AsRef<Path>, options: StateOptions) -> Result<Self, StorageError> {
        let path = path.as_ref();
        let guard = Guard::of_file(path);
        let is_new = !path.exists();
        // What was seen in a file that is gone says nothing of the one that takes its place.
        let suspicion = guard.suspicion().filter(|_| !is_new);
        let (database, is_checked) = guard.run("open", || -> Result<_, redb::Error> {
            let mut file = OpenOptions::new();
            let file = file.read(true).write(true).create(true).truncate(false).open(path)?;
            // The library takes this lock as well, but looks at the file through what is begun here.
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(redb::Error::DatabaseAlreadyOpen),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Ok(()) => {}
            }
            let is_checked = suspicion.is_some() || file.metadata()?.len() <= options.check_max_bytes;
            Ok((create(FileBackend::new(file)?, options, is_checked)?, is_checked))
        })?;
        if is_checked {
            guard.acquit(suspicion)?;
        }
        if is_new {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
            crate::disk::real::sync_folder(above)?;
        }
        Ok(Self::new(database, guard))
    }

    /// A database that lives in memory.
    pub fn in_memory(options: StateOptions) -> Result<Self, StorageError> {
        Self::on_backend(InMemoryBackend::new(), "the state in memory", options)
    }

    /// A database on any storage, such as a [`crate::DiskFile`]; `name` is for messages.
    pub fn on_backend(
        storage: impl StorageBackend,
        name: &str,
        options: StateOptions,
    ) -> Result<Self, StorageError> {
        let guard = Guard::new(name.to_owned());
        let database = guard.run("open", || {
            let is_checked = storage.len()? <= options.check_max_bytes;
            create(storage, options, is_checked)
        })?;
        Ok(Self::new(database, guard))
    }

    fn new(database: Database, guard: Guard) -> Self {
        Self { reader: StateReader { database: Arc::new(database), guard }, poison: Poison::default() }
    }

    /// Makes a batch of changes durable, all or none; of two changes to one key the later counts. After a failure
    /// every later commit gives the same error.
    pub fn commit<'batch>(
        &mut self,
        changes: impl IntoIterator<Item = Change<'batch>>,
    ) -> Result<(), StorageError> {
        self.poison.check()?;
        let mut tables: BTreeMap<&str, Vec<Change<'batch>>> = BTreeMap::new();
        for change in changes {
            check_size("a key of the state", change.key.len(), KEY_MAX_BYTES)?;
            check_size("a value of the state", change.value.map_or(0, <[u8]>::len), VALUE_MAX_BYTES)?;
            tables.entry(change.table).or_default().push(change);
        }
        let StateReader { database, guard } = &self.reader;
        self.poison.keep(guard.run("commit", || write(database, &tables)))
    }

    /// Remembers durably what is here now, so that [`Self::go_back`] can restore it, after a restart too; an earlier mark
    /// is forgotten. While it stands, the space of what is replaced is not used again: take it away soon.
    pub fn mark(&mut self) -> Result<(), StorageError> {
        self.change_marks("mark", |transaction| {
            forget_marks(transaction)?;
            transaction.persistent_savepoint()?;
            Ok(())
        })
    }

    /// Forgets the mark, if there is one.
    pub fn unmark(&mut self) -> Result<(), StorageError> {
        self.change_marks("unmark", |transaction| forget_marks(transaction))
    }

    /// Whether there is a mark to go back to.
    pub fn is_marked(&self) -> Result<bool, StorageError> {
        let StateReader { database, guard } = &self.reader;
        guard.run("read", || -> Result<_, redb::Error> {
            let transaction = database.begin_write()?;
            let is_marked = transaction.list_persistent_savepoints()?.next().is_some();
            transaction.abort()?;
            Ok(is_marked)
        })
    }

    /// Restores what was here when the mark was made, in one step, and forgets the mark; says whether there was one. Snapshots
    /// that are open go on showing what they showed.
    pub fn go_back(&mut self) -> Result<bool, StorageError> {
        let mut found = false;
        self.change_marks("go back", |transaction| {
            let mark = transaction.list_persistent_savepoints()?.max();
            if let Some(mark) = mark {
                let savepoint = transaction.get_persistent_savepoint(mark)?;
                transaction.restore_savepoint(&savepoint)?;
                found = true;
            }
            forget_marks(transaction)
        })?;
        Ok(found)
    }

    fn change_marks(
        &mut self,
        operation: &'static str,
        change: impl FnOnce(&mut redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StorageError> {
        self.poison.check()?;
        let StateReader { database, guard } = &self.reader;
        self.poison.keep(guard.run(operation, || -> Result<(), redb::Error> {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_quick_repair(true);
            change(&mut transaction)?;
            transaction.commit()?;
            Ok(())
        }))
    }

    /// A handle for other threads.
    pub fn reader(&self) -> StateReader {
        self.reader.clone()
    }

    /// The value of a key.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.reader.get(table, key)
    }

    /// A page of the entries of a table from a bound on.
    pub fn range(&self, table: &str, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<Page, StorageError> {
        self.reader.range(table, from, to)
    }

    /// The state as it is now, to be read at leisure.
    pub fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.reader.snapshot()
    }
}

impl StateReader {
    /// The value of a key.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.snapshot()?.get(table, key)
    }

    /// A page of the entries of a table from a bound on.
    pub fn range(&self, table: &str, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<Page, StorageError> {
        self.snapshot()?.range(table, from, to)
    }

    /// The state as it is now, to be read at leisure.
    pub fn snapshot(&self) -> Result<Snapshot, StorageError> {
        let transaction = self.guard.run("read", || self.database.begin_read())?;
        Ok(Snapshot { transaction, guard: self.guard.clone(), tables: Mutex::default() })
    }
}

impl Snapshot {
    /// The value of a key; a table that was never written is empty.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let stored = self.guard.run("read", || -> Result<_, redb::Error> {
            let Some(table) = self.table(table)? else { return Ok(None) };
            Ok(table.get_owned(key)?.map(|value| value.value().to_vec()))
        })?;
        stored.map(|stored| checked(&self.guard, table, key, stored)).transpose()
    }

    /// A page of the entries of a table from a bound on, at most [`PAGE_MAX_ENTRIES`] and about [`PAGE_MAX_BYTES`];
    /// at least one when there is one.
    pub fn range(&self, table: &str, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<Page, StorageError> {
        if is_void(from, to) {
            return Ok(Page::default());
        }
        let mut page = self.guard.run("read", || -> Result<_, redb::Error> {
            let mut page = Page::default();
            let Some(table) = self.table(table)? else { return Ok(page) };
            let mut bytes = 0;
            for entry in table.range_owned::<&[u8]>((from, to))? {
                let (key, value) = entry?;
                if page.entries.len() == PAGE_MAX_ENTRIES || bytes >= PAGE_MAX_BYTES {
                    page.next = Some(key.value().to_vec());
                    break;
                }
                bytes += key.value().len() + value.value().len();
                page.entries.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(page)
        })?;
        for (key, value) in &mut page.entries {
            *value = checked(&self.guard, table, key, std::mem::take(value))?;
        }
        Ok(page)
    }

    fn table(&self, name: &str) -> Result<Option<Arc<OpenTable>>, redb::Error> {
        // Nothing half-done can stay behind a panic here.
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = tables.iter().find(|(known, _)| known == name) {
            return Ok(Some(Arc::clone(table)));
        }
        match self.transaction.open_table(Table::new(name)) {
            Ok(table) => {
                let table = Arc::new(table);
                tables.push((name.to_owned(), Arc::clone(&table)));
                Ok(Some(table))
            }
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens what is in a storage, or begins it.
fn create(
    storage: impl StorageBackend,
    options: StateOptions,
    is_checked: bool,
) -> Result<Database, redb::Error> {
    let blocks = SealedBlocks::open(storage)?;
    let mut builder = Database::builder();
    builder.set_cache_size(options.cache_bytes).set_check_integrity_on_open(is_checked);
    Ok(builder.create_with_backend(blocks)?)
}

fn write(database: &Database, tables: &BTreeMap<&str, Vec<Change<'_>>>) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    // Opening after a crash then takes no walk through the whole file.
    transaction.set_quick_repair(true);
    for (name, changes) in tables {
        let mut table = transaction.open_table(Table::new(name))?;
        for change in changes {
            match change.value {
                Some(value) => {
                    let mut stored = table.insert_reserve(change.key, value.len() + CHECKSUM_BYTES)?;
                    let (head, tail) = stored.as_mut().split_at_mut(value.len());
                    head.copy_from_slice(value);
                    tail.copy_from_slice(&checksum(name, change.key, value));
                }
                None => {
                    table.remove(change.key)?;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

fn forget_marks(transaction: &redb::WriteTransaction) -> Result<(), redb::Error> {
    let marks: Vec<u64> = transaction.list_persistent_savepoints()?.collect();
    for mark in marks {
        transaction.delete_persistent_savepoint(mark)?;
    }
    Ok(())
}

/// Whether a range holds no key at all, or runs backwards.
fn is_void(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start >= end
        }
    }
}

fn check_size(what: &'static str, size: usize, max: usize) -> Result<(), StorageError> {
    if size <= max {
        return Ok(());
    }
    let cure = "the application must split it";
    Err(StorageError::TooLarge { what, size: size as u64, max: max as u64, cure })
}

//! The log as openraft asks for it: in memory as well as on disk.

use crate::log_file::LogFile;
use crate::types::TypeConfig;
use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{
    AnyError, Entry, LogId, LogState, OptionalSend, RaftLogReader, StorageError, StorageIOError, Vote,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file with the vote.
const VOTE: &str = "vote";

type Entries = BTreeMap<u64, Entry<TypeConfig>>;
type Failure = StorageError<u64>;

#[derive(Debug, Serialize, Deserialize)]
enum Record {
    Append(Entry<TypeConfig>),
    Truncate(u64),
}

/// The log of one member. It is never purged: runs are short.
#[derive(Clone, Debug)]
pub struct LogStore {
    entries: Arc<Mutex<Entries>>,
    file: LogFile,
}

fn corrupt(error: postcard::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl LogStore {
    /// Reads the log back.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let (file, records) = LogFile::open(folder)?;
        let mut entries = Entries::new();
        for record in records {
            match postcard::from_bytes(&record).map_err(corrupt)? {
                Record::Append(entry) => {
                    entries.insert(entry.log_id.index, entry);
                }
                Record::Truncate(from) => {
                    entries.split_off(&from);
                }
            }
        }
        Ok(Self { entries: Arc::new(Mutex::new(entries)), file })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A map stays valid even if a holder panicked.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encoded(record: &Record) -> Result<Vec<u8>, Failure> {
    postcard::to_stdvec(record).map_err(|error| StorageIOError::write_logs(AnyError::new(&error)).into())
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<Range: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: Range,
    ) -> Result<Vec<Entry<TypeConfig>>, Failure> {
        Ok(self.entries().range(range).map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, Failure> {
        let last_log_id = self.entries().values().next_back().map(|entry| entry.log_id);
        Ok(LogState { last_purged_log_id: None, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), Failure> {
        let bytes = postcard::to_stdvec(vote).map_err(corrupt);
        let saved = bytes.and_then(|bytes| self.file.replace(VOTE, &bytes));
        saved.map_err(|error| StorageIOError::write_vote(&error).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, Failure> {
        let Some(bytes) = self.file.read(VOTE) else { return Ok(None) };
        postcard::from_bytes(&bytes).map(Some).map_err(|error| StorageIOError::read_vote(&error).into())
    }

    async fn append<Some>(&mut self, entries: Some, callback: LogFlushed<TypeConfig>) -> Result<(), Failure>
    where
        Some: IntoIterator<Item = Entry<TypeConfig>> + OptionalSend,
        Some::IntoIter: OptionalSend,
    {
        let mut callback = Some(callback);
        let mut entries = entries.into_iter().peekable();
        while let Some(entry) = entries.next() {
            let record = Record::Append(entry);
            let bytes = encoded(&record)?;
            let Record::Append(entry) = record else { continue };
            self.entries().insert(entry.log_id.index, entry);
            // Records are written in order: with the last one all are on disk.
            let last = if entries.peek().is_none() { callback.take() } else { None };
            let done = last.map(|callback| {
                Box::new(move |written| callback.log_io_completed(written)) as crate::log_file::Done
            });
            self.file.append(&bytes, done);
        }
        if let Some(callback) = callback {
            callback.log_io_completed(Ok(()));
        }
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId<u64>) -> Result<(), Failure> {
        self.entries().split_off(&log_id.index);
        self.file.append(&encoded(&Record::Truncate(log_id.index))?, None);
        Ok(())
    }

    async fn purge(&mut self, _: LogId<u64>) -> Result<(), Failure> {
        Ok(())
    }
}

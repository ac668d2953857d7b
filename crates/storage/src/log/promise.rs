//! The promise: the one small record that no peer can give back.

use crate::log::sector::le_u64;
use crate::planted::{self, Bug};

/// How long a promise may be.
pub const PROMISE_MAX_BYTES: usize = 256;
/// The two copies lie at least this many sectors apart: also on a disk that writes 4096 bytes at once, no sector
/// holds both.
pub(crate) const COPIES_APART_SECTORS: u32 = 8;
const COUNTER_BYTES: usize = 8;

/// A promise and its counter, which only ever grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// One more than the highest that was ever seen in this log.
    pub counter: u64,
    /// What was promised.
    pub payload: Vec<u8>,
    /// The write that holds it may never have finished, and records before it in that write are gone. The promise
    /// counts all the same; what it names may have to be fetched from peers.
    pub is_after_gap: bool,
}

/// Why the promises of a disk cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LostDisk {
    /// No promise was ever written here.
    #[error("the log holds no promise at all")]
    NeverWritten,
    /// The log shows that a later promise was finished, and both its copies are gone.
    #[error("promise {shown} was made, and the latest that can be read is {held}")]
    Damaged {
        /// The counter of the promise that was made.
        shown: u64,
        /// The latest that can be read, 0 for none.
        held: u64,
    },
    /// Someone showed a later promise than the disk holds: it is an old copy.
    #[error("others have seen promise {shown}, this disk knows only {held}: it is an old copy")]
    RolledBack {
        /// The counter that was shown.
        shown: u64,
        /// The latest on this disk.
        held: u64,
    },
}

/// What a log knows of the promises made with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promises {
    /// The latest one.
    Held(Promise),
    /// They are lost: this key never votes again.
    Lost(LostDisk),
}

/// Promises found while a log is read.
#[derive(Debug, Default)]
pub(crate) struct Search {
    latest: Option<(u64, Vec<u8>, u64)>,
    /// The highest counter of a write that was finished.
    pub(crate) shown: u64,
    /// The highest counter that anything shows: none of them is given out again.
    pub(crate) highest: u64,
}

impl Search {
    /// A good copy. One is enough: adopting a promise that was never acted upon is harmless.
    pub(crate) fn found(&mut self, index: u64, record: &[u8]) {
        if record.len() < COUNTER_BYTES {
            return;
        }
        let counter = le_u64(record, 0);
        self.highest = self.highest.max(counter);
        if self
            .latest
            .as_ref()
            .is_none_or(|(held, _, _)| *held <= counter && !planted::is_on(Bug::FirstPromiseTaken))
        {
            // Of equal copies the first tells whether what came before it is there.
            let is_copy = self
                .latest
                .as_ref()
                .is_some_and(|(held, payload, _)| *held == counter && payload == &record[COUNTER_BYTES..]);
            if !is_copy {
                self.latest = Some((counter, record[COUNTER_BYTES..].to_vec(), index));
            }
        }
    }

    /// Weighs what was found; `end_index` is the first record that was dropped.
    pub(crate) fn result(self, end_index: u64) -> Promises {
        match self.latest {
            // A pair that is gone from a finished write: what was promised is not known.
            held if held.as_ref().map_or(0, |(counter, _, _)| *counter) < self.shown
                && !planted::is_on(Bug::LostPromiseUnnoticed) =>
            {
                let held = held.map_or(0, |(counter, _, _)| counter);
                Promises::Lost(LostDisk::Damaged { shown: self.shown, held })
            }
            Some((counter, payload, index)) => {
                Promises::Held(Promise { counter, payload, is_after_gap: index >= end_index })
            }
            None => Promises::Lost(LostDisk::NeverWritten),
        }
    }
}

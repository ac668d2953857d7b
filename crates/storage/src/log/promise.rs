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
    /// What was promised before that gap, if it is after one; `None` also where that is lost, so that nothing older passes for it.
    pub before_gap: Option<Vec<u8>>,
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

/// The first good copy of a promise that was found.
#[derive(Debug)]
struct Copy {
    counter: u64,
    payload: Vec<u8>,
    /// The record's place in the log.
    index: u64,
}

/// Promises found while a log is read.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Those of the group that is being read, in order, and the last one before it.
    recent: Vec<Copy>,
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
        let (counter, payload) = (le_u64(record, 0), &record[COUNTER_BYTES..]);
        self.highest = self.highest.max(counter);
        let is_news = self.recent.last().is_none_or(|held| {
            // Of equal copies the first tells whether what came before it is there.
            let is_copy = held.counter == counter && held.payload == payload;
            held.counter <= counter && !is_copy && !planted::is_on(Bug::FirstPromiseTaken)
        });
        if is_news {
            self.recent.push(Copy { counter, payload: payload.to_vec(), index });
        }
    }

    /// Another group begins, so the one before it was finished: nobody asks what lies before its last promise.
    pub(crate) fn begin_group(&mut self) {
        let earlier = self.recent.len().saturating_sub(1);
        self.recent.drain(..earlier);
    }

    /// Weighs what was found; `end_index` is the first record that was dropped.
    pub(crate) fn result(self, end_index: u64) -> Promises {
        let held = self.recent.last().map_or(0, |held| held.counter);
        if held < self.shown && !planted::is_on(Bug::LostPromiseUnnoticed) {
            // A pair that is gone from a finished write: what was promised is not known.
            return Promises::Lost(LostDisk::Damaged { shown: self.shown, held });
        }
        let mut recent = self.recent;
        let Some(latest) = recent.pop() else { return Promises::Lost(LostDisk::NeverWritten) };
        let is_after_gap = latest.index >= end_index;
        // D13, D14: the last one before the gap, and none that is older than what finished writes show.
        let before = recent.into_iter().rfind(|earlier| earlier.index < end_index).filter(|earlier| {
            is_after_gap && (earlier.counter >= self.shown || planted::is_on(Bug::OlderPromiseTaken))
        });
        Promises::Held(Promise {
            counter: latest.counter,
            payload: latest.payload,
            is_after_gap,
            before_gap: before.map(|earlier| earlier.payload),
        })
    }
}

//! The promise: the one small record that no peer can give back.

use crate::log::sector::{HEADER_SECTORS, le_u64};
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
    /// The record's place in the log, if it lies in the last segment. Of an earlier one it is known whether it was dropped, and its
    /// number may have been given again.
    index: Option<u64>,
    /// It lies behind the first gap of a write that an earlier opening found torn, and no finished write shows it since.
    is_dropped: bool,
    /// It was found first in a segment's first group, where it may repeat what was promised before.
    is_repeated: bool,
    /// Behind it lay a write of which nothing is left, and which may have held a later promise.
    is_before_hole: bool,
}

/// Where a group lies, for the hole before it to be measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Groups are numbered, and no number is given to two of which anything can be read.
    pub(crate) number: u64,
    pub(crate) segment: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) first_index: u64,
    /// Sectors of the segment's file behind it, known once all of that was read.
    pub(crate) rest: u32,
    /// The index after its last record that counts; `None` while it is not known how many do.
    pub(crate) end_index: Option<u64>,
}

impl Place {
    /// Whether something is missing between the two that was long enough for a promise: two records, so many sectors apart.
    fn is_hole_before(&self, next: &Self) -> bool {
        let missing = next.number.saturating_sub(self.number).saturating_sub(1);
        let begins_next = next.start == HEADER_SECTORS && Some(next.segment) == self.segment.checked_add(1);
        let sectors = match self.segment == next.segment {
            true => next.start.saturating_sub(self.end),
            // One write that rotted at the end of its file, and not one of which even the file knows nothing.
            false if missing == 1 && begins_next && self.rest > 0 => self.rest,
            false => u32::MAX,
        };
        missing > 0
            && self.end_index.is_none_or(|end| next.first_index >= end.saturating_add(2))
            && sectors > COPIES_APART_SECTORS
    }
}

/// Promises found while a log is read.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Those that no finished write shows, in order, and the last one before them.
    recent: Vec<Copy>,
    /// The group that was read last.
    group: Option<Place>,
    /// The highest counter of a write that was finished.
    pub(crate) shown: u64,
    /// The highest counter that anything shows: none of them is given out again.
    pub(crate) highest: u64,
}

impl Search {
    /// A good copy; behind `limit` an earlier opening dropped the records. One copy is enough: adopting a promise that was never
    /// acted upon is harmless.
    pub(crate) fn found(&mut self, index: u64, record: &[u8], limit: Option<u64>) {
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
            let is_dropped = limit.is_some_and(|limit| index >= limit);
            let index = limit.is_none().then_some(index);
            let is_repeated = self.group.is_some_and(|group| group.start == HEADER_SECTORS);
            let payload = payload.to_vec();
            self.recent.push(Copy {
                counter,
                payload,
                index,
                is_dropped,
                is_repeated,
                is_before_hole: false,
            });
        }
    }

    /// Another group begins.
    pub(crate) fn begin_group(&mut self, place: Place) {
        let is_hole = self.group.replace(place).is_some_and(|before| before.is_hole_before(&place));
        if is_hole && !planted::is_on(Bug::HoleUnnoticed) {
            self.recent.iter_mut().for_each(|earlier| earlier.is_before_hole = true);
        }
    }

    /// All of a segment was read, which has so many sectors.
    pub(crate) fn end_segment(&mut self, sectors: u32) {
        if let Some(group) = &mut self.group {
            group.rest = sectors.saturating_sub(group.end);
        }
    }

    /// The group that was read was finished, and shows this promise: nobody asks any more what was promised before that one, or
    /// what lay in a hole before it.
    pub(crate) fn finish_group(&mut self, shown: u64, end_index: u64) {
        if let Some(group) = &mut self.group {
            group.end_index = Some(end_index);
        }
        // D14: the promise that this group shows was made, so one of its copies must be found.
        self.shown = self.shown.max(shown);
        let earlier = self.recent.iter().rposition(|held| held.counter <= self.shown).unwrap_or(0);
        self.recent.drain(..earlier);
        for held in &mut self.recent {
            held.is_before_hole = false;
            held.is_dropped &= held.counter > self.shown;
        }
    }

    /// Weighs what was found; `end_index` is the first record that was dropped.
    pub(crate) fn result(self, end_index: u64) -> Promises {
        let held = self.recent.last().map_or(0, |held| held.counter);
        let is_before_hole = self.recent.last().is_some_and(|held| held.is_before_hole);
        // A later promise was begun at least, and it may be the hole's, which was finished.
        let shown = if is_before_hole { self.highest } else { self.shown };
        if held < shown && !planted::is_on(Bug::LostPromiseUnnoticed) {
            // A pair that is gone from a finished write: what was promised is not known.
            return Promises::Lost(LostDisk::Damaged { shown, held });
        }
        let mut recent = self.recent;
        let Some(latest) = recent.pop() else { return Promises::Lost(LostDisk::NeverWritten) };
        let is_dropped = |copy: &Copy| copy.is_dropped || copy.index.is_some_and(|index| index >= end_index);
        // What finished writes show was finished.
        let is_after_gap = is_dropped(&latest) && latest.counter > self.shown;
        let place = recent.iter().rposition(|earlier| !is_dropped(earlier)).filter(|_| is_after_gap);
        let next = place.and_then(|place| recent.get(place + 1)).unwrap_or(&latest);
        // Counters rise by one, so a hole held no promise if a new one right behind it has the next number.
        let follows = (!next.is_repeated && !next.is_before_hole).then_some(next.counter);
        // D13, D14: the last one before the gap, and none that is older than what finished writes show.
        let before = place.map(|place| recent.swap_remove(place)).filter(|earlier| {
            let is_last = earlier.counter >= self.shown || planted::is_on(Bug::OlderPromiseTaken);
            is_last && (!earlier.is_before_hole || follows == Some(earlier.counter + 1))
        });
        Promises::Held(Promise {
            counter: latest.counter,
            payload: latest.payload,
            is_after_gap,
            before_gap: before.map(|earlier| earlier.payload),
        })
    }
}

//! How records are laid into the group that is being gathered, and where that group goes.

use super::group::RECORD_HEADER_BYTES;
use super::promise::{COPIES_APART_SECTORS, PROMISE_MAX_BYTES, Promise, Promises};
use super::sector::{HEADER_SECTORS, SegmentHeader};
use super::{KIND_PROMISE, Log, Position, SEGMENTS_MAX, Target, check_size};
use crate::disk::{Disk, SECTOR_BYTES};
use crate::error::StorageError;
use crate::planted::{self, Bug};

impl<D: Disk> Log<D> {
    pub(super) fn push(&mut self, kind: u8, parts: &[&[u8]]) -> Result<Position, StorageError> {
        self.poison.check()?;
        let target = self.begin_group()?;
        Ok(self.lay(target, kind, parts))
    }

    fn lay(&mut self, target: Target, kind: u8, parts: &[&[u8]]) -> Position {
        let index = self.next_index;
        let (sector, offset) = self.group.push(kind, index, parts);
        self.next_index += 1;
        Position { index, segment: target.segment, sector: target.start + sector, offset }
    }

    /// Decides where the next group goes, unless one is being gathered already.
    pub(super) fn begin_group(&mut self) -> Result<Target, StorageError> {
        if let Some(target) = self.target {
            return Ok(target);
        }
        if let Some((segment, sectors)) = self.current
            && u64::from(sectors) * (SECTOR_BYTES as u64) < self.options.segment_bytes
        {
            let target = Target { segment, start: sectors, is_new_segment: false };
            self.group.begin(&[], self.next_index);
            self.target = Some(target);
            return Ok(target);
        }
        let what = "truncate the log, checkpoints should have done so";
        check_size("the log's list of segments", self.segments.len() + 1, SEGMENTS_MAX, what)?;
        let segment = self.segments.keys().next_back().copied().unwrap_or(0).max(self.kept.0 - 1) + 1;
        let header = SegmentHeader {
            segment,
            first_index: self.next_index,
            // It may reach the disk although the group behind it does not, so it says what finished writes say (D13).
            promise: match planted::is_on(Bug::TornPromiseShown) {
                true => self.shown_by_next_group(),
                false => self.shown_promise,
            },
            kept_segment: self.kept.0,
            kept_index: self.kept.1,
        };
        let target = Target { segment, start: HEADER_SECTORS, is_new_segment: true };
        self.group.begin(&self.seal.close_segment_header(&header), self.next_index);
        self.target = Some(target);
        // Every segment begins with the latest promise: earlier ones can go at any time.
        if let Promises::Held(held) = &self.promises
            && !planted::is_on(Bug::SegmentWithoutPromise)
        {
            let record = promise_record(held.counter, &held.payload);
            self.lay_promise(target, &record);
        }
        Ok(target)
    }

    /// What the next group says about promises.
    pub(super) fn shown_by_next_group(&self) -> u64 {
        match &self.promises {
            Promises::Held(held) => held.counter.max(self.shown_promise),
            Promises::Lost(_) => self.shown_promise,
        }
    }

    pub(super) fn push_promise(&mut self, payload: &[u8]) -> Result<u64, StorageError> {
        self.poison.check()?;
        check_size("a promise", payload.len(), PROMISE_MAX_BYTES, "it must stay within one sector")?;
        let counter = self.highest_promise + 1;
        let target = self.begin_group()?;
        self.lay_promise(target, &promise_record(counter, payload));
        self.highest_promise = counter;
        let payload = payload.to_vec();
        self.promises = Promises::Held(Promise { counter, payload, is_after_gap: false, before_gap: None });
        Ok(counter)
    }

    /// Lays a copy of a promise within one sector.
    fn lay_promise(&mut self, target: Target, record: &[u8]) {
        if self.group.room() < RECORD_HEADER_BYTES + record.len() {
            self.group.next_sector();
        }
        self.first_copy = Some(self.group.count() - 1);
        self.lay(target, KIND_PROMISE, &[record]);
    }

    /// D12: lays the second copy of the group's latest promise, in another sector far enough from the first.
    pub(super) fn push_second_copy(&mut self) -> Result<(), StorageError> {
        if planted::is_on(Bug::OnePromiseCopy) {
            return Ok(());
        }
        let (Some(first), Promises::Held(held)) = (self.first_copy.take(), &self.promises) else {
            return Ok(());
        };
        let record = promise_record(held.counter, &held.payload);
        let target = self.begin_group()?;
        while self.group.count() <= first + COPIES_APART_SECTORS && !planted::is_on(Bug::CopiesSideBySide) {
            self.group.next_sector();
        }
        if self.group.room() < RECORD_HEADER_BYTES + record.len() {
            self.group.next_sector();
        }
        self.lay(target, KIND_PROMISE, &[&record]);
        Ok(())
    }
}

fn promise_record(counter: u64, payload: &[u8]) -> Vec<u8> {
    let mut record = counter.to_le_bytes().to_vec();
    record.extend_from_slice(payload);
    record
}

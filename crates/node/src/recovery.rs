//! What a replica knows when it starts: the log's intact records, the latest promise, and how far the state has come.

use crate::error::NodeError;
use crate::log_thread::RECORD;
use outvote_execution::Executor;
use outvote_replica::{Promise, Record, Recovered, Voting};
use outvote_storage::{Entry, Log, Position, Promises, RealDisk};
use outvote_types::{Sequence, decode};
use std::collections::BTreeMap;

/// The replica's memory, and where its blocks lie in the log.
pub(crate) struct Memory {
    pub(crate) recovered: Recovered,
    pub(crate) blocks: BTreeMap<Sequence, Position>,
}

/// Whether the log holds nothing but promises. They never go down (D21), so whoever keeps them, in whichever cluster, may do
/// less for it and never more. Damage counts as something.
pub(crate) fn is_blank(log: &Log<RealDisk>) -> Result<bool, NodeError> {
    for entry in log.records() {
        match entry? {
            Entry::Record(stored) if stored.kind != RECORD => {}
            Entry::Record(_) | Entry::Damage(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Reads the whole log once.
pub(crate) fn recover(log: &Log<RealDisk>, executor: &Executor) -> Result<Memory, NodeError> {
    let executed = executor.executed();
    let (mut records, mut blocks, mut is_damaged) = (Vec::new(), BTreeMap::new(), false);
    for entry in log.records() {
        let stored = match entry? {
            Entry::Record(stored) if stored.kind == RECORD => stored,
            Entry::Record(_) => continue,
            Entry::Damage(damage) => {
                // D23: damage in the middle is never cut away; what is missing is fetched from peers.
                is_damaged = true;
                tracing::error!(%damage, "the log is damaged; the missing records are fetched from peers");
                continue;
            }
        };
        if let Some(sequence) = Record::block_sequence(&stored.payload) {
            blocks.entry(sequence).or_insert(stored.position);
            if sequence <= executed {
                // Executed and archived: the protocol needs only its identity, which the state has.
                continue;
            }
        }
        let record = decode(&stored.payload)
            .map_err(|error| NodeError::Record { index: stored.position.index, reason: error.to_string() })?;
        records.push(record);
    }
    let (voting, is_untouched) = promise(log, &mut records)?;
    let recovered = Recovered {
        records,
        executed: (executed, executor.executed_id()),
        executed_header: executor.executed_header().cloned(),
        voting,
        // D7: nobody knows what was in the damaged place.
        first_start: is_untouched && !is_damaged,
    };
    Ok(Memory { recovered, blocks })
}

fn promise(log: &Log<RealDisk>, records: &mut Vec<Record>) -> Result<(Voting, bool), NodeError> {
    match log.promises() {
        Promises::Held(held) => {
            let read = |payload: &[u8]| {
                decode::<Promise>(payload)
                    .map_err(|error| NodeError::Promise { counter: held.counter, reason: error.to_string() })
            };
            let promise = read(&held.payload)?;
            let first_start = held.counter == 1 && records.is_empty();
            records.push(Record::Promise(promise));
            // D13: where what was promised before the gap is lost, the later promise stands, and the proof of its lock is asked for.
            let before = held.before_gap.as_deref().map(read).transpose()?;
            let voting = before.map_or(Voting::Allowed, |before| Voting::AllowedAfterGap { before });
            Ok((voting, first_start))
        }
        Promises::Lost(reason) => {
            tracing::error!(%reason, "the promises made with this key are lost: this replica follows and never votes");
            Ok((Voting::Observer { why: "the promises made with this key are lost from its disk" }, false))
        }
    }
}

//! Traces: what went in and what came out, as digests, so that a simulator can compare two runs byte by byte.

use crate::action::Action;
use crate::event::Event;
use borsh::BorshSerialize;
use outvote_protocol::Recipients;
use outvote_types::{Digest, Instant, Sequence, WallTime, encode};
use std::collections::VecDeque;

/// Entries kept until somebody takes them; the oldest give way.
pub const MAX_TRACE_ENTRIES: usize = 65_536;

/// One step of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// The step's number; 0 is the recovery.
    pub step: u64,
    /// The digest of time and event; zero for the recovery.
    pub event: Digest,
    /// The digests of the actions, in order.
    pub actions: Vec<Digest>,
}

/// The entries since tracing was switched on or last taken.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    entries: VecDeque<TraceEntry>,
}

impl Trace {
    pub(crate) fn push(&mut self, step: u64, event: Digest, actions: &[Action]) {
        if self.entries.len() >= MAX_TRACE_ENTRIES {
            self.entries.pop_front();
        }
        let actions = actions.iter().map(Action::digest).collect();
        self.entries.push_back(TraceEntry { step, event, actions });
    }

    pub(crate) fn take(&mut self) -> Vec<TraceEntry> {
        std::mem::take(&mut self.entries).into()
    }
}

/// The digest of a tag and the canonical bytes of a value. Traces are compared with traces of the same program only, so
/// the tags may change between versions.
fn tagged<T: BorshSerialize>(tag: u8, value: &T) -> Digest {
    Digest::of_parts(&[&[tag], &encode(value)])
}

impl Event {
    /// A digest of everything in the event and of the time at which it happened.
    #[must_use]
    pub fn digest(&self, now: Instant, wall: WallTime) -> Digest {
        let what = match self {
            Self::Frame { from, bytes } => tagged(0, &(from, bytes)),
            Self::Request(request) => tagged(1, &**request),
            Self::Checked { job, verdicts } => tagged(2, &(job.0, verdicts)),
            Self::Durable(ticket) => tagged(3, &ticket.0),
            Self::Executed { sequence, result_root, state_root } => {
                tagged(4, &(sequence, result_root, state_root))
            }
            Self::StateInstalled { certificate, header } => tagged(5, &(certificate, header)),
            Self::FetchState { to, fetch } => tagged(6, &(to, fetch)),
            Self::Served { to, data } => tagged(7, &(to, data)),
            Self::Link { peer, up } => tagged(8, &(peer, up)),
            Self::Tick => tagged(9, &()),
            Self::StateKept { header } => tagged(10, header),
            Self::Stopping => tagged(11, &()),
            Self::Disk { is_stuck } => tagged(12, is_stuck),
        };
        tagged(255, &(now, wall, what))
    }
}

impl Action {
    /// A digest of everything in the action.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Write { ticket, records } => tagged(0, &(ticket.0, records)),
            Self::Send { to, urgent, frame } => tagged(1, &(address(*to), urgent, &frame[..])),
            Self::Verify { job, checks } => {
                let checks: Vec<_> =
                    checks.iter().map(|check| (check.key, check.bytes, check.signature)).collect();
                tagged(2, &(job.0, checks))
            }
            Self::Execute(block) => tagged(3, &(block.id, &block.block, &block.certificate)),
            Self::Certified(certificate) => tagged(4, certificate),
            Self::Reply(reply) => tagged(5, reply),
            Self::Serve { to, fetch } => tagged(6, &(to, fetch)),
            Self::FetchState { certificate, repair } => tagged(7, &(certificate, repair)),
            Self::StateData { from, data } => tagged(8, &(from, data)),
            Self::Stable { certificate, retain_from } => {
                tagged::<(_, &Sequence)>(9, &(certificate, retain_from))
            }
            Self::Refuse { session, nonce, busy } => tagged(10, &(session, nonce, busy)),
            // The charge follows from the evidence.
            Self::Accuse { evidence, .. } => tagged(11, evidence),
            // Notes hold numbers and words of this program only, which their debug form shows in full.
            Self::Note(note) => tagged(12, &format!("{note:?}")),
        }
    }
}

/// Recipients as bytes.
const fn address(to: Recipients) -> (u8, u16) {
    match to {
        Recipients::Others => (0, 0),
        Recipients::One(replica) => (1, replica.0),
        Recipients::Myself => (2, 0),
    }
}

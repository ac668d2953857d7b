//! The way in: decode, pre-filter, verify. Each peer has its own bounded queue, in which its order is kept although jobs
//! finish out of order; a slow job of one peer holds up nobody else.

use crate::action::Action;
use crate::counters::Counters;
use crate::event::JobId;
use crate::sizes::Sizes;
use outvote_crypto::{Checker, Pending, Rejected, Scheme, Vouched};
use outvote_types::limits::MAX_MESSAGE_BYTES;
use outvote_types::{Message, ReplicaId, Request, Verified, decode};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A message with no more unchecked signatures than this is verified in place; more go out as a job.
pub const IN_PLACE_CHECKS: usize = 8;
/// Jobs in work per peer at most. Enough for the proposals of a full pipeline to be verified side by side.
pub const MAX_JOBS_PER_PEER: usize = 8;
/// Bytes of one peer's frames that may wait behind its jobs. Two frames of the largest size fit.
pub const MAX_WAITING_BYTES_PER_PEER: usize = 2 * MAX_MESSAGE_BYTES;
/// Frames of one peer that may wait behind its jobs.
pub const MAX_WAITING_FRAMES_PER_PEER: usize = 4096;
/// Waiting frames of one peer that are kept decoded. A decoded message takes more room than its bytes, so the rest waits
/// as bytes.
pub const MAX_OPENED_PER_PEER: usize = 64;
/// Bytes of waiting frames of one peer that are kept decoded, counted as they came.
pub const MAX_OPENED_BYTES_PER_PEER: usize = MAX_MESSAGE_BYTES;

/// Why a frame never came to anything.
pub(crate) const NOT_CANONICAL: &str = "M1: not the canonical encoding of a message";
pub(crate) const TOO_LONG: &str = "M1: longer than a message may be";
pub(crate) const NOT_A_PEER: &str = "M4: not from a peer";
pub(crate) const NO_ROOM: &str = "B2: too much of this peer is waiting for its signatures to be checked";
pub(crate) const UNWANTED: &str = "Q7: not wanted now";
pub(crate) const UNKNOWN_JOB: &str = "a verdict for a job that nobody waits for";

/// Says whether the rules could use a message at all, before any curve operation is spent on it.
pub(crate) trait Filter {
    fn wants(&self, from: ReplicaId, message: &Message) -> bool;
}

/// What comes out of a peer's queue.
pub(crate) type Arrival = Result<Vouched, Rejected>;

/// One frame on its way.
enum Waiting {
    /// Not looked at yet.
    Raw(Vec<u8>),
    /// Decoded, and few enough signatures are open to check them in place when its turn comes.
    Opened { pending: Pending, bytes: usize },
    /// Its signatures are being checked elsewhere.
    Checking { job: JobId, pending: Pending, verdicts: Option<Vec<bool>>, bytes: usize },
    /// Refused by its structure; reported when its turn comes.
    Refused { rejected: Rejected, bytes: usize },
}

impl Waiting {
    const fn bytes(&self) -> usize {
        match self {
            Self::Raw(frame) => frame.len(),
            Self::Opened { bytes, .. } | Self::Checking { bytes, .. } | Self::Refused { bytes, .. } => *bytes,
        }
    }
}

/// One peer's frames, in the order in which they came.
#[derive(Default)]
struct Peer {
    line: VecDeque<Waiting>,
    /// The sum over the line; never above [`MAX_WAITING_BYTES_PER_PEER`].
    bytes: usize,
    /// Entries in the state `Checking` without verdicts; never above [`MAX_JOBS_PER_PEER`].
    jobs: usize,
}

impl Peer {
    fn pop(&mut self) -> Option<Waiting> {
        let first = self.line.pop_front()?;
        self.bytes -= first.bytes();
        Some(first)
    }
}

/// All peers' queues and the one checker.
pub(crate) struct Intake {
    checker: Checker,
    scheme: Arc<dyn Scheme>,
    peers: Vec<Peer>,
    me: ReplicaId,
    /// Who waits for which job.
    jobs: BTreeMap<JobId, ReplicaId>,
    next_job: JobId,
}

impl Intake {
    pub(crate) fn new(checker: Checker, scheme: Arc<dyn Scheme>, n: usize, me: ReplicaId) -> Self {
        let peers = (0..n).map(|_| Peer::default()).collect();
        Self { checker, scheme, peers, me, jobs: BTreeMap::new(), next_job: JobId::default() }
    }

    /// Takes a frame into its peer's queue; [`Self::next`] gets it out.
    pub(crate) fn push(&mut self, from: ReplicaId, frame: Vec<u8>) -> Result<(), &'static str> {
        let me = self.me;
        let peer = self.peers.get_mut(from.index()).filter(|_| from != me).ok_or(NOT_A_PEER)?;
        if frame.len() > MAX_MESSAGE_BYTES {
            return Err(TOO_LONG);
        }
        // B2: a peer that floods fills only its own queue, and that has an end.
        let fits = peer.bytes.saturating_add(frame.len()) <= MAX_WAITING_BYTES_PER_PEER;
        if !fits || peer.line.len() >= MAX_WAITING_FRAMES_PER_PEER {
            return Err(NO_ROOM);
        }
        peer.bytes += frame.len();
        peer.line.push_back(Waiting::Raw(frame));
        Ok(())
    }

    /// Remembers the signatures of a request that was vouched for outside, so that no proposal with it costs them again.
    pub(crate) fn remember(&mut self, request: &Verified<Request>) {
        self.checker.remember(request);
    }

    /// Takes the verdicts of a job; gives back whose queue may go on.
    pub(crate) fn checked(&mut self, job: JobId, verdicts: Vec<bool>) -> Option<ReplicaId> {
        let from = self.jobs.remove(&job)?;
        let peer = self.peers.get_mut(from.index())?;
        peer.jobs -= 1;
        for entry in &mut peer.line {
            if let Waiting::Checking { job: waiting, pending, verdicts: slot, .. } = entry
                && *waiting == job
            {
                assert_eq!(
                    verdicts.len(),
                    pending.checks().len(),
                    "a job came back with too few or many verdicts"
                );
                *slot = Some(verdicts);
                break;
            }
        }
        Some(from)
    }

    /// The next message of `from` that is ready, in the peer's own order. Call it until it gives nothing.
    pub(crate) fn next(
        &mut self,
        from: ReplicaId,
        filter: &impl Filter,
        counters: &mut Counters,
        actions: &mut Vec<Action>,
    ) -> Option<Arrival> {
        loop {
            let first = self.peers.get_mut(from.index())?.pop()?;
            let bytes = first.bytes();
            match first {
                Waiting::Raw(frame) => match self.open(from, &frame, filter, counters) {
                    Ok(None) => {}
                    Ok(Some(pending)) if pending.checks().len() <= IN_PLACE_CHECKS => {
                        return Some(self.verify_in_place(pending, counters));
                    }
                    Ok(Some(pending)) => {
                        let waiting = self.hand_out(from, pending, bytes, counters, actions);
                        self.put_back(from, waiting);
                    }
                    Err(rejected) => return Some(Err(rejected)),
                },
                // It waited, so the rules may have gone on without it.
                Waiting::Opened { pending, .. } if !filter.wants(from, pending.message()) => {
                    counters.ignore(UNWANTED);
                }
                Waiting::Opened { pending, .. } => return Some(self.verify_in_place(pending, counters)),
                Waiting::Refused { rejected, .. } => return Some(Err(rejected)),
                Waiting::Checking { pending, verdicts: Some(verdicts), .. } => {
                    return Some(self.finish(pending, &verdicts, counters));
                }
                waiting @ Waiting::Checking { .. } => {
                    self.put_back(from, waiting);
                    self.look_ahead(from, filter, counters, actions);
                    return None;
                }
            }
        }
    }

    fn put_back(&mut self, from: ReplicaId, waiting: Waiting) {
        let peer = &mut self.peers[from.index()];
        peer.bytes += waiting.bytes();
        peer.line.push_front(waiting);
    }

    /// While the first of the line is in work, hands out the jobs behind it, so that they are done side by side.
    fn look_ahead(
        &mut self,
        from: ReplicaId,
        filter: &impl Filter,
        counters: &mut Counters,
        actions: &mut Vec<Action>,
    ) {
        let (mut index, mut opened_bytes) = (0, 0usize);
        while index < MAX_OPENED_PER_PEER {
            let peer = &mut self.peers[from.index()];
            let Some(entry) = peer.line.get_mut(index) else { break };
            let bytes = entry.bytes();
            opened_bytes = opened_bytes.saturating_add(bytes);
            if peer.jobs >= MAX_JOBS_PER_PEER || opened_bytes > MAX_OPENED_BYTES_PER_PEER {
                break;
            }
            let Waiting::Raw(frame) = entry else {
                index += 1;
                continue;
            };
            let frame = std::mem::take(frame);
            let opened = match self.open(from, &frame, filter, counters) {
                Ok(None) => None,
                Ok(Some(pending)) if pending.checks().len() <= IN_PLACE_CHECKS => {
                    Some(Waiting::Opened { pending, bytes })
                }
                Ok(Some(pending)) => Some(self.hand_out(from, pending, bytes, counters, actions)),
                Err(rejected) => Some(Waiting::Refused { rejected, bytes }),
            };
            let peer = &mut self.peers[from.index()];
            if let Some(opened) = opened {
                peer.line[index] = opened;
                index += 1;
            } else {
                peer.line.remove(index);
                peer.bytes -= bytes;
            }
        }
    }

    /// Decodes a frame and lists its open signatures; `None` if the rules have no use for it.
    fn open(
        &self,
        from: ReplicaId,
        frame: &[u8],
        filter: &impl Filter,
        counters: &mut Counters,
    ) -> Result<Option<Pending>, Rejected> {
        // M1: one canonical encoding, bounds checked before anything is allocated.
        let message =
            decode::<Message>(frame).map_err(|_| Rejected { why: NOT_CANONICAL, evidence: None })?;
        // P8, Q7: the cheap checks come first.
        if !filter.wants(from, &message) {
            counters.ignore(UNWANTED);
            return Ok(None);
        }
        self.checker.prepare(message).map(Some)
    }

    fn hand_out(
        &mut self,
        from: ReplicaId,
        pending: Pending,
        bytes: usize,
        counters: &mut Counters,
        actions: &mut Vec<Action>,
    ) -> Waiting {
        let job = self.next_job;
        self.next_job = JobId(job.0.saturating_add(1));
        self.jobs.insert(job, from);
        self.peers[from.index()].jobs += 1;
        counters.jobs = counters.jobs.saturating_add(1);
        counters.signatures_in_jobs =
            counters.signatures_in_jobs.saturating_add(pending.checks().len() as u64);
        actions.push(Action::Verify { job, checks: pending.checks().to_vec() });
        Waiting::Checking { job, pending, verdicts: None, bytes }
    }

    fn verify_in_place(&mut self, pending: Pending, counters: &mut Counters) -> Arrival {
        let verdicts =
            if pending.checks().is_empty() { Vec::new() } else { self.scheme.verify(pending.checks()) };
        counters.signatures_in_place = counters.signatures_in_place.saturating_add(verdicts.len() as u64);
        self.finish(pending, &verdicts, counters)
    }

    fn finish(&mut self, pending: Pending, verdicts: &[bool], counters: &mut Counters) -> Arrival {
        let bad = verdicts.iter().filter(|holds| !**holds).count();
        counters.signatures_bad = counters.signatures_bad.saturating_add(bad as u64);
        self.checker.finish(pending, verdicts)
    }

    /// Bytes of this peer that wait.
    pub(crate) fn waiting_bytes(&self, peer: ReplicaId) -> usize {
        self.peers.get(peer.index()).map_or(0, |peer| peer.bytes)
    }

    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        for peer in &self.peers {
            sizes.frames_of_one = sizes.frames_of_one.max(peer.line.len());
            sizes.bytes_of_one = sizes.bytes_of_one.max(peer.bytes);
            sizes.jobs_of_one = sizes.jobs_of_one.max(peer.jobs);
        }
    }

    pub(crate) fn assert_invariants(&self) {
        for peer in &self.peers {
            assert!(peer.bytes <= MAX_WAITING_BYTES_PER_PEER, "a peer's queue holds too many bytes");
            assert!(peer.line.len() <= MAX_WAITING_FRAMES_PER_PEER, "a peer's queue holds too many frames");
            assert!(peer.jobs <= MAX_JOBS_PER_PEER, "a peer has too many jobs in work");
            assert_eq!(
                peer.bytes,
                peer.line.iter().map(Waiting::bytes).sum::<usize>(),
                "the count of bytes is off"
            );
        }
        assert_eq!(
            self.jobs.len(),
            self.peers.iter().map(|p| p.jobs).sum::<usize>(),
            "the count of jobs is off"
        );
    }
}

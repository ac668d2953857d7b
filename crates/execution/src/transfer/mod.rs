//! Fetches the state of a stable checkpoint from peers, some of whom may lie. No I/O, no clock.
//!
//! First the manifest: the digests of all buckets, which hash to the root that a quorum signed. Then the buckets that
//! differ from our own, different ones from different peers at once. Each is checked as it arrives and put in place; who
//! sent a wrong one is named and not asked again.

mod bucket;
mod peer;

use crate::error::ExecutionError;
use crate::executor::Executor;
use crate::lthash::state_root;
use bucket::Chunk;
use outvote_types::fetch::Pair;
use outvote_types::limits::STATE_BUCKETS;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    CheckpointCertificate, Data, Fetch, Instant, Quorum, ReplicaId, Sequence, SignedHeader, Snapshot,
};
use peer::{Peer, Task};
use std::collections::BTreeSet;

pub use bucket::MAX_BUCKET_BYTES;
pub use peer::{CHUNK_TIMEOUT_US, REST_US};

/// Peers that are asked at the same time at most.
pub const MAX_PEERS_ASKED: usize = 8;

/// Why a state is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Ours is right but too old to be brought up to date by blocks. If nobody can send the new one to its end, it comes
    /// back (C11).
    CatchUp,
    /// Ours is wrong, and must not come back (C4).
    Repair,
}

/// What a transfer wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferOutput {
    /// Ask this peer.
    Fetch {
        /// Whom.
        to: ReplicaId,
        /// For what.
        fetch: Fetch,
    },
    /// This peer sent something that is not what the quorum signed.
    Blame {
        /// Who lied.
        from: ReplicaId,
        /// About what.
        why: &'static str,
    },
    /// The state is installed and durable; blocks above it may be executed.
    Done {
        /// The checkpoint, which may be a later one than was asked for.
        certificate: CheckpointCertificate,
        /// Its block's header.
        header: Box<SignedHeader>,
    },
    /// Nothing is installed, since nobody can help or our own state has come as far: call [`Executor::give_up_transfer`], and
    /// go on from the state that is there then.
    GivenUp,
}

/// One state transfer in progress.
///
/// Call [`on_tick`](Self::on_tick) at once and again at [`wake_at`](Self::wake_at), and [`on_data`](Self::on_data) for
/// what comes. Send [`Executor::serve`]'s answer to each fetch. The state may go back: a replica that found its own state
/// outvoted installs a checkpoint below what it had executed, and then executes the blocks above it again. If the process
/// dies in between, [`Executor::interrupted_transfer`] names the checkpoint to begin again with.
pub struct Transfer {
    me: ReplicaId,
    /// Nothing below this will do.
    required: CheckpointCertificate,
    target: Option<Snapshot>,
    /// Buckets that are not in place yet.
    wanted: BTreeSet<u8>,
    peers: Vec<Peer>,
    /// So many peers may send the same bucket: with `f + 1`, one of them is honest.
    racers_max: usize,
    purpose: Purpose,
    /// Whether the state is being changed, now or before the process started.
    is_begun: bool,
    is_done: bool,
}

impl Transfer {
    /// A transfer of this checkpoint, whose signatures were checked, or of a later one if peers hold only that. If `repair`,
    /// our own state is wrong and not just old.
    #[must_use]
    pub fn new(
        executor: &Executor,
        certificate: CheckpointCertificate,
        repair: bool,
        quorum: Quorum,
        me: ReplicaId,
    ) -> Self {
        // What an earlier transfer has begun to replace is not whole: only what is marked can come back.
        let is_begun = executor.installing.is_some();
        let is_lost = is_begun && !executor.is_marked;
        Self {
            me,
            required: certificate,
            target: None,
            wanted: BTreeSet::new(),
            peers: quorum.members().filter(|id| *id != me).map(Peer::new).collect(),
            racers_max: quorum.weak(),
            purpose: if repair || is_lost { Purpose::Repair } else { Purpose::CatchUp },
            is_begun,
            is_done: false,
        }
    }

    /// The checkpoint that is being fetched; rises when peers only hold a later one.
    #[must_use]
    pub fn checkpoint(&self) -> Sequence {
        self.required.sequence
    }

    /// Buckets in place and buckets in all; `None` while the manifest is missing.
    #[must_use]
    pub fn progress(&self) -> Option<(usize, usize)> {
        self.target.as_ref().map(|_| (STATE_BUCKETS - self.wanted.len(), STATE_BUCKETS))
    }

    /// When to call [`on_tick`](Self::on_tick) next.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        if self.is_done { None } else { self.peers.iter().filter_map(Peer::wake_at).min() }
    }

    /// Time passed: gives up on peers that do not answer and asks others.
    pub fn on_tick(&mut self, now: Instant) -> Vec<TransferOutput> {
        if self.is_done {
            return Vec::new();
        }
        for peer in &mut self.peers {
            peer.give_up_if_late(now);
        }
        self.ask(now)
    }

    /// A peer answered. The signatures in a manifest (certificate and header) were checked before, as those of every
    /// message are; everything else is checked here.
    ///
    /// # Errors
    /// When our own database fails. What peers send is never an error.
    pub fn on_data(
        &mut self,
        executor: &mut Executor,
        from: ReplicaId,
        data: Data,
        now: Instant,
    ) -> Result<Vec<TransferOutput>, ExecutionError> {
        let Some(at) = self.peers.iter().position(|peer| peer.id == from) else { return Ok(Vec::new()) };
        if self.is_done {
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        match data {
            Data::Manifest(manifest) => self.on_manifest(executor, at, *manifest, now, &mut out)?,
            Data::Bucket { checkpoint, bucket, after, pairs, last } => {
                let is_asked =
                    self.target.as_ref().is_some_and(|target| target.certificate.sequence == checkpoint)
                        && self.peers[at].expects(bucket, &after);
                // C10: what nobody asked for is dropped.
                if is_asked {
                    self.on_bucket(executor, at, &pairs, last, now, &mut out)?;
                }
            }
            Data::Gone { .. } => self.peers[at].on_gone(now),
            Data::Batches(_) | Data::Block(_) | Data::Range { .. } => {}
        }
        if !self.is_done {
            out.extend(self.ask(now));
        }
        Ok(out)
    }

    fn on_manifest(
        &mut self,
        executor: &mut Executor,
        at: usize,
        manifest: Snapshot,
        now: Instant,
        out: &mut Vec<TransferOutput>,
    ) -> Result<(), ExecutionError> {
        if !matches!(self.peers[at].task, Some(Task::Manifest { .. })) {
            return Ok(());
        }
        self.peers[at].task = None;
        if let Some(why) = self.fault_of(&manifest) {
            self.blame(at, why, out);
            return Ok(());
        }
        // C8: a peer that has not come as far is no liar; it just cannot help yet.
        if manifest.certificate.sequence < self.required.sequence {
            self.peers[at].has_too_little(now);
            return Ok(());
        }
        let is_needless = executor.executed() >= manifest.certificate.sequence;
        if is_needless && self.purpose == Purpose::CatchUp && !self.is_begun {
            // Blocks have brought us there in the meantime.
            self.give_up(out);
        } else if self.target.is_none() {
            self.wanted = executor.begin_install(&manifest.certificate, &manifest.buckets, self.purpose)?;
            self.is_begun = true;
            self.required = manifest.certificate.clone();
            self.target = Some(manifest);
            // The others' manifests are not needed any more.
            self.peers.iter_mut().for_each(|peer| peer.task = None);
            self.finish_if_complete(executor, out)?;
        }
        Ok(())
    }

    /// C6, C8: the manifest must be what the certificate says.
    fn fault_of(&self, manifest: &Snapshot) -> Option<&'static str> {
        let certificate = &manifest.certificate;
        let header = &manifest.header.body;
        if header.sequence != certificate.sequence || header.id() != certificate.id {
            return Some("a manifest with another block's header");
        }
        if manifest.buckets.len() != STATE_BUCKETS
            || (state_root(&manifest.buckets) != certificate.state_root
                && !planted::is_on(Bug::ManifestUnchecked))
        {
            return Some("a manifest whose buckets do not hash to the certified root");
        }
        let is_same =
            (certificate.id, certificate.state_root) == (self.required.id, self.required.state_root);
        (certificate.sequence == self.required.sequence && !is_same)
            .then_some("a second state for the same checkpoint")
    }

    fn on_bucket(
        &mut self,
        executor: &mut Executor,
        at: usize,
        pairs: &[Pair],
        is_last: bool,
        now: Instant,
        out: &mut Vec<TransferOutput>,
    ) -> Result<(), ExecutionError> {
        let Some(target) = &self.target else { return Ok(()) };
        let checkpoint = target.certificate.sequence;
        let Some(Task::Bucket { assembly, .. }) = &mut self.peers[at].task else { return Ok(()) };
        let bucket = assembly.bucket;
        let verdict = assembly.take(pairs, is_last, &target.buckets[usize::from(bucket)]);
        match verdict {
            Chunk::More => {
                let fetch = self.bucket_fetch(at, checkpoint);
                self.peers[at].on_progress(now);
                out.extend(fetch);
            }
            Chunk::Complete => {
                let Some(Task::Bucket { assembly, .. }) = self.peers[at].task.take() else { return Ok(()) };
                self.peers[at].misses = 0;
                executor.install_bucket(bucket, assembly.pairs, assembly.sum)?;
                self.wanted.remove(&bucket);
                // Those who race for this bucket have lost.
                self.peers
                    .iter_mut()
                    .filter(|peer| peer.bucket() == Some(bucket))
                    .for_each(|peer| peer.task = None);
                self.finish_if_complete(executor, out)?;
            }
            Chunk::Lie(why) => self.blame(at, why, out),
        }
        Ok(())
    }

    fn finish_if_complete(
        &mut self,
        executor: &mut Executor,
        out: &mut Vec<TransferOutput>,
    ) -> Result<(), ExecutionError> {
        let Some(target) = self.target.as_ref().filter(|_| self.wanted.is_empty()) else { return Ok(()) };
        executor.finish_install(&target.certificate, &target.header)?;
        self.is_done = true;
        out.push(TransferOutput::Done {
            certificate: target.certificate.clone(),
            header: Box::new(target.header.clone()),
        });
        Ok(())
    }

    fn give_up(&mut self, out: &mut Vec<TransferOutput>) {
        self.is_done = true;
        out.push(TransferOutput::GivenUp);
    }

    fn blame(&mut self, at: usize, why: &'static str, out: &mut Vec<TransferOutput>) {
        let peer = &mut self.peers[at];
        peer.task = None;
        peer.is_liar = true;
        out.push(TransferOutput::Blame { from: peer.id, why });
    }

    /// Gives work to idle peers, the most reliable first.
    fn ask(&mut self, now: Instant) -> Vec<TransferOutput> {
        self.start_over_if_stuck(now);
        let mut out = Vec::new();
        // C11: those who had it have lost it, and perhaps nobody takes the next checkpoint without us.
        let is_stuck = self.is_begun && self.target.is_none() && self.peers.iter().all(Peer::is_no_help);
        if is_stuck && self.purpose == Purpose::CatchUp && !planted::is_on(Bug::StuckTransferKept) {
            self.give_up(&mut out);
            return out;
        }
        let mut order: Vec<usize> = (0..self.peers.len()).collect();
        order.sort_by_key(|at| (self.peers[*at].strikes, self.peers[*at].id));
        let mut busy = self.peers.iter().filter(|peer| peer.task.is_some()).count();
        for at in order {
            if busy >= MAX_PEERS_ASKED {
                break;
            }
            if self.peers[at].is_idle(now)
                && let Some(fetch) = self.assign(at, now)
            {
                out.push(fetch);
                busy += 1;
            }
        }
        out
    }

    fn assign(&mut self, at: usize, now: Instant) -> Option<TransferOutput> {
        let Some(target) = &self.target else {
            self.peers[at].task = Some(Task::manifest(now));
            let fetch = Fetch::Manifest { replica: self.me };
            return Some(TransferOutput::Fetch { to: self.peers[at].id, fetch });
        };
        let checkpoint = target.certificate.sequence;
        if self.peers[at].is_gone {
            return None;
        }
        let racers = |bucket: &u8| self.peers.iter().filter(|peer| peer.bucket() == Some(*bucket)).count();
        let bucket = self.wanted.iter().copied().min_by_key(racers)?;
        if racers(&bucket) >= self.racers_max {
            return None;
        }
        self.peers[at].task = Some(Task::bucket(bucket, now));
        self.bucket_fetch(at, checkpoint)
    }

    fn bucket_fetch(&self, at: usize, checkpoint: Sequence) -> Option<TransferOutput> {
        let peer = &self.peers[at];
        let Some(Task::Bucket { assembly, .. }) = &peer.task else { return None };
        let (bucket, after) = (u16::from(assembly.bucket), assembly.after());
        let fetch = Fetch::Bucket { checkpoint, bucket, after, replica: self.me };
        Some(TransferOutput::Fetch { to: peer.id, fetch })
    }

    /// When nobody serves this checkpoint any more, a later one is asked for; what is in place and still the same is kept.
    fn start_over_if_stuck(&mut self, now: Instant) {
        if self.peers.iter().all(|peer| peer.is_liar) {
            // More than f liars cannot be; it is rather our own trouble, so try again later.
            self.peers.iter_mut().for_each(|peer| peer.forgive(now));
        }
        if self.target.is_some() && self.peers.iter().all(Peer::is_useless) {
            self.target = None;
            self.peers.iter_mut().for_each(Peer::start_over);
        }
    }
}

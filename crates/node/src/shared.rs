//! What several threads of a node look at: the report and the flags behind `/readyz`. Each lock is held for a copy only.

use crate::disk_watch::DiskWatch;
use crate::gateway::Done;
use crate::report::{EvidenceReport, ReplicaReport, Report};
use outvote_replica::{Replica, Status};
use outvote_session::CommitteeFile;
use outvote_types::client::Hint;
use outvote_types::evidence::Charge;
use outvote_types::{Digest, Evidence, ReplicaId, Sequence, View, encode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// Proofs kept for the report at most; ring 1 keeps one per accused and kind, so this is generous.
const EVIDENCE_MAX: usize = 1024;
/// Characters of all proofs in the report at most, so that it always fits into one message.
const EVIDENCE_CHARACTERS_MAX: usize = 512 * 1024;

/// How long after its last block a replica counts as being at work, milliseconds.
const AT_WORK_MS: u64 = 100;

/// Shared by all threads of a node.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) me: ReplicaId,
    pub(crate) committee: CommitteeFile,
    /// What was executed lately.
    pub(crate) done: Done,
    /// Whether the disk still answers.
    pub(crate) disk: Arc<DiskWatch>,
    report: watch::Sender<Report>,
    digest: Mutex<(Sequence, Digest)>,
    is_diverged: AtomicBool,
    view: AtomicU64,
    window_us: AtomicU64,
    started: Instant,
    /// When a block was executed last, milliseconds since the start.
    worked_at_ms: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The data behind these locks is a plain copy, valid even if a holder panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(committee: CommitteeFile, me: ReplicaId, disk: Arc<DiskWatch>) -> Self {
        let report = initial_report(&committee, me);
        Self {
            me,
            committee,
            disk,
            done: Done::default(),
            report: watch::Sender::new(report),
            digest: Mutex::new((Sequence(0), Digest::ZERO)),
            is_diverged: AtomicBool::new(false),
            view: AtomicU64::new(0),
            window_us: AtomicU64::new(0),
            started: Instant::now(),
            worked_at_ms: AtomicU64::new(0),
        }
    }

    /// The latest report.
    pub(crate) fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// Wakes when the report changed.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Report> {
        self.report.subscribe()
    }

    /// How far this replica has executed, as last reported.
    pub(crate) fn own_executed(&self) -> u64 {
        self.report.borrow().replicas.get(self.me.index()).map_or(0, |own| own.executed)
    }

    fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A block was executed.
    pub(crate) fn note_work(&self) {
        self.worked_at_ms.store(self.uptime_ms(), Ordering::Relaxed);
    }

    /// Whether blocks are being executed.
    pub(crate) fn is_at_work(&self) -> bool {
        self.uptime_ms().saturating_sub(self.worked_at_ms.load(Ordering::Relaxed)) < AT_WORK_MS
    }

    /// Whether this replica's state was outvoted: then it answers nobody until it is repaired.
    pub(crate) fn is_diverged(&self) -> bool {
        self.is_diverged.load(Ordering::Acquire)
    }

    /// What clients are told of the replica's term. They take it for a hint, so view and window need not be of one moment.
    pub(crate) fn hint(&self) -> Hint {
        Hint::new(View(self.view.load(Ordering::Relaxed)), self.window_us.load(Ordering::Relaxed))
    }

    /// The executor's latest state digest.
    pub(crate) fn set_digest(&self, at: Sequence, digest: Digest) {
        *locked(&self.digest) = (at, digest);
        self.report.send_if_modified(|report| {
            let Some(own) = report.replicas.get_mut(self.me.index()) else { return false };
            let changed = own.state_digest_at != at.0;
            own.state_digest_at = at.0;
            own.state_digest = digest.to_hex();
            changed
        });
    }

    /// A link went up or down.
    pub(crate) fn set_link(&self, peer: ReplicaId, up: bool) {
        self.report.send_if_modified(|report| {
            let Some(entry) = report.replicas.get_mut(peer.index()) else { return false };
            std::mem::replace(&mut entry.reachable, up) != up
        });
    }

    /// Whether the disk is stuck changed.
    pub(crate) fn set_disk_stuck(&self, is_stuck: bool) {
        self.report.send_if_modified(|report| {
            let Some(own) = report.replicas.get_mut(self.me.index()) else { return false };
            std::mem::replace(&mut own.disk_stuck, is_stuck) != is_stuck
        });
    }

    /// Another process with this member's keys was met.
    pub(crate) fn met_twin(&self, peer: ReplicaId) {
        self.report.send_if_modified(|report| {
            let Some(entry) = report.replicas.get_mut(peer.index()) else { return false };
            entry.twins_met = entry.twins_met.saturating_add(1);
            true
        });
    }

    /// The replica's own state, as the core sees it.
    pub(crate) fn renew(&self, replica: &Replica, behaviour: &str) {
        let status = replica.status();
        self.is_diverged.store(status.diverged, Ordering::Release);
        self.view.store(status.view.0, Ordering::Relaxed);
        self.window_us.store(status.timeout_us, Ordering::Relaxed);
        self.report.send_if_modified(|report| {
            let leader = report.replicas.get_mut(self.me.index()).map(|own| {
                let before = own.clone();
                fill(own, &status, behaviour, self.me);
                before != *own
            });
            let mut changed = leader.unwrap_or(false);
            for peer in replica.peer_statuses() {
                if let Some(entry) =
                    report.replicas.get_mut(peer.replica.index()).filter(|_| peer.replica != self.me)
                {
                    let before = entry.clone();
                    entry.view = peer.view.0;
                    entry.committed = peer.committed.0;
                    entry.stable_checkpoint = peer.stable.0;
                    entry.sitting_out = peer.sitting_out;
                    entry.leader =
                        entry.reachable && status.view == peer.view && status.leader == peer.replica;
                    changed |= before != *entry;
                }
            }
            changed
        });
    }

    /// Keeps a proof for the report.
    pub(crate) fn accuse(&self, evidence: &Evidence, charge: &Charge) {
        self.report.send_if_modified(|report| {
            let id = evidence.id().to_hex();
            let proof = hex::encode(encode(evidence));
            let characters =
                report.evidence.iter().map(|known| known.proof.len()).sum::<usize>() + proof.len();
            let is_full = report.evidence.len() >= EVIDENCE_MAX || characters > EVIDENCE_CHARACTERS_MAX;
            if is_full || report.evidence.iter().any(|known| known.id == id) {
                return false;
            }
            report.evidence.push(EvidenceReport {
                id,
                accused: charge.accused.0,
                rule: charge.rule.in_words(),
                view: charge.view.0,
                sequence: charge.sequence.0,
                proof,
            });
            true
        });
    }
}

fn fill(own: &mut ReplicaReport, status: &Status, behaviour: &str, me: ReplicaId) {
    own.reachable = true;
    own.leader = status.leader == me;
    own.view = status.view.0;
    own.committed = status.committed.0;
    own.executed = status.executed.0;
    own.stable_checkpoint = status.stable.0;
    own.sitting_out = status.sitting_out;
    own.observer = status.observer;
    own.repairing = status.diverged;
    own.view_changes = status.view_changes;
    own.pending = status.pending;
    own.behaviour = behaviour.into();
}

fn initial_report(file: &CommitteeFile, me: ReplicaId) -> Report {
    let committee = &file.committee;
    let quorum = committee.quorum().ok();
    let replicas =
        file.addresses.iter().zip(&file.http).zip(0u16..).map(|((address, http), id)| ReplicaReport {
            id,
            pid: if id == me.0 { std::process::id() } else { 0 },
            address: address.clone(),
            http: http.clone(),
            behaviour: if id == me.0 { "honest".into() } else { String::new() },
            ..ReplicaReport::default()
        });
    Report {
        cluster: committee.cluster_id().to_hex(),
        mode: "byzantine",
        demo: committee.demo,
        n: committee.members.len(),
        f: quorum.map_or(0, outvote_types::Quorum::f),
        quorum: quorum.map_or(0, outvote_types::Quorum::quorum),
        epoch: committee.epoch.0,
        me: me.0,
        replicas: replicas.collect(),
        evidence: Vec::new(),
    }
}

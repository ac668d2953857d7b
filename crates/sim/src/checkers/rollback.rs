//! Who has an old copy of its disk is shown what it forgot by those who relied upon it, and believes it; nobody else is
//! ever silenced.

use super::Verdict;
use crate::disk::Disk;
use outvote_types::{Certificate, Message, Phase, Rank, Reminder, ReplicaId, Sequence, View};
use std::collections::BTreeMap;

/// Compared field by field: the ordering of `Rank` is part of what is judged.
type Place = (View, Sequence);

/// How long those who owe a reminder may take: some rounds of STATUS, of which the network loses a part.
const PATIENCE_US: u64 = 5_000_000;

/// How long a replica may take to believe what it is shown: many signatures at once are judged on another thread, after those
/// that came before on the same link.
const JUDGED_US: u64 = 1_000;

/// The promises of an old copy, and what was said since.
struct OldCopy {
    /// Since when it has run on that disk; nobody owes anything to a process that does not.
    since_us: Option<u64>,
    view: View,
    lease: Sequence,
    lock: Place,
    /// Whether the process has sent a PREPARE, a COMMIT, a VIEWCHANGE of its own since its disk was put back. What it is
    /// shown of such a kind it may then have said itself.
    has_spoken: [bool; 3],
    /// By whom it was shown what it forgot, and when at first. It votes no more once it has judged that.
    shown: Option<(ReplicaId, u64)>,
    /// Who committed by a certificate with a forgotten COMMIT in it, and has run ever since.
    owing: BTreeMap<ReplicaId, Place>,
}

impl OldCopy {
    /// Whether it has still time to judge what it was shown, if it was shown anything.
    fn believes(&self, replica: ReplicaId, now_us: u64) -> Verdict {
        match self.shown {
            Some((by, at_us)) if now_us > at_us + JUDGED_US => {
                Err(("rollback", format!("{replica} was shown by {by} what it forgot, and votes on")))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Default)]
pub(super) struct Rollback {
    old: BTreeMap<ReplicaId, OldCopy>,
    /// The highest COMMIT of the first that the second has seen in a certificate in this life of it.
    relied: BTreeMap<(ReplicaId, ReplicaId), Place>,
}

impl Rollback {
    pub(super) fn has(&self, replica: ReplicaId) -> bool {
        self.old.contains_key(&replica)
    }

    /// A correct replica commits by this certificate.
    pub(super) fn on_certificate(&mut self, by: ReplicaId, certificate: &Certificate) {
        let place = (certificate.view, certificate.sequence);
        for (voter, _) in certificate.votes.iter().filter(|_| certificate.phase == Phase::Commit) {
            let held = self.relied.entry((*voter, by)).or_insert(place);
            *held = place.max(*held);
        }
    }

    /// Its memory is gone, and with it what it was shown and had not judged yet.
    pub(super) fn on_crash(&mut self, replica: ReplicaId) {
        if let Some(old) = self.old.get_mut(&replica) {
            (old.shown, old.since_us) = (None, None);
        }
        self.relied.retain(|(_, by), _| *by != replica);
        for old in self.old.values_mut() {
            old.owing.remove(&replica);
        }
    }

    pub(super) fn on_old_copy(&mut self, replica: ReplicaId, disk: &Disk) {
        let Some(promise) = disk.promise() else { return };
        let lock = fields(promise.high_rank);
        let relied = self.relied.iter().filter(|((voter, _), place)| *voter == replica && **place > lock);
        let owing = relied.map(|((_, by), place)| (*by, *place)).collect();
        let (view, lease) = (promise.view, promise.lease);
        let old = OldCopy { since_us: None, view, lease, lock, has_spoken: [false; 3], shown: None, owing };
        self.old.insert(replica, old);
    }

    /// It starts once more; what it promised since its disk was put back is on that disk now.
    pub(super) fn on_start(&mut self, replica: ReplicaId, disk: &Disk, now_us: u64) {
        if let (Some(old), Some(promise)) = (self.old.get_mut(&replica), disk.promise()) {
            (old.view, old.lease, old.lock) = (promise.view, promise.lease, fields(promise.high_rank));
            old.has_spoken = [false; 3];
            old.since_us = Some(now_us);
        }
    }

    pub(super) fn on_spoken(&mut self, from: ReplicaId, message: &Message, now_us: u64) -> Verdict {
        let Some(old) = self.old.get_mut(&from) else { return Ok(()) };
        let kind = match message {
            Message::Propose(propose) if propose.prepare.body.replica == from => 0,
            Message::Prepare(prepare) if prepare.vote.body.replica == from => 0,
            Message::Commit(vote) if vote.body.replica == from => 1,
            Message::ViewChange(change) if change.head.body.replica == from => 2,
            _ => return Ok(()),
        };
        old.has_spoken[kind] = true;
        old.believes(from, now_us)
    }

    /// A reminder has arrived.
    pub(super) fn on_reminder(
        &mut self,
        from: ReplicaId,
        to: ReplicaId,
        reminder: &Reminder,
        is_observer: bool,
        now_us: u64,
    ) {
        let Some(old) = self.old.get_mut(&to) else { return };
        if let Some(commit) = &reminder.commit {
            let shown = (commit.body.view, commit.body.sequence);
            old.owing.retain(|by, owed| *by != from || *owed > shown);
        }
        let forgotten = [
            reminder.prepare.as_ref().is_some_and(|v| (v.body.view, v.body.sequence) > (old.view, old.lease)),
            reminder.commit.as_ref().is_some_and(|vote| (vote.body.view, vote.body.sequence) > old.lock),
            reminder
                .head
                .as_ref()
                .is_some_and(|head| head.body.view > old.view || fields(head.body.rank) > old.lock),
        ];
        let is_proven = forgotten.iter().zip(old.has_spoken).any(|(forgotten, spoken)| *forgotten && !spoken);
        if is_proven && !is_observer {
            old.shown.get_or_insert((from, now_us));
        }
    }

    /// It votes no more: one reminder was enough, and the others' may have been lost.
    pub(super) fn on_found_out(&mut self, replica: ReplicaId) {
        if let Some(old) = self.old.get_mut(&replica) {
            old.owing.clear();
            old.shown = None;
        }
    }

    /// Everything is mended and all links came up again.
    pub(super) fn on_end(&self, now_us: u64) -> Verdict {
        self.old.iter().try_for_each(|(replica, old)| old.believes(*replica, now_us))?;
        let is_due = |old: &OldCopy| old.since_us.is_some_and(|at| now_us.saturating_sub(at) >= PATIENCE_US);
        for (replica, old) in self.old.iter().filter(|(_, old)| is_due(old)) {
            if let Some((by, place)) = old.owing.first_key_value() {
                return Err(("rollback", format!("{by} never showed {replica} its COMMIT at {place:?}")));
            }
        }
        Ok(())
    }
}

const fn fields(rank: Rank) -> Place {
    (rank.view, rank.sequence)
}

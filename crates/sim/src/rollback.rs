//! Old copies of a disk: taken, put back, and planned for replicas that then count among the liars (D18, D22).

use crate::archive::Archive;
use crate::disk::Disk;
use crate::machine::Machine;
use crate::plan::{Fault, Plan, START_US};
use crate::random::Random;
use crate::world::World;
use outvote_adversary::Behaviour;
use outvote_execution::MemoryBackend;
use outvote_replica::{Action, Record};
use outvote_types::{Message, Nonce, PublicKey, ReplicaId, Sequence, decode};
use std::collections::BTreeMap;

/// Of the seeds that leave room for one more faulty replica, so many parts of a million put an old copy back.
const OLD_COPIES_PPM: u64 = 300_000;

/// Everything that a backup of a data folder holds.
pub struct Backup {
    records: Vec<Record>,
    backend: MemoryBackend,
    archive: Archive,
    applied: BTreeMap<(PublicKey, Nonce), Sequence>,
}

impl Machine {
    /// Copies the disk as it is; what is not flushed is not in the copy.
    pub fn copy_disk(&mut self) {
        self.backup = Some(Backup {
            records: self.disk.records(),
            backend: self.backend.copy(),
            archive: self.archive.clone(),
            applied: self.applied.clone(),
        });
    }

    /// Puts the copy in the place of the disk; false if there is none.
    fn put_copy_back(&mut self) -> bool {
        let Some(backup) = &self.backup else { return false };
        self.disk = Disk::with(backup.records.clone());
        self.backend = backup.backend.copy();
        self.archive = backup.archive.clone();
        self.applied = backup.applied.clone();
        true
    }
}

impl World {
    /// The process is stopped, its disk replaced by the copy, and it starts again.
    pub(crate) fn put_old_copy_back(&mut self, id: ReplicaId) {
        if self.machines[id.index()].backup.is_none() {
            return;
        }
        self.crash(id);
        let machine = &mut self.machines[id.index()];
        if machine.put_copy_back() {
            self.checkers.on_old_copy(id, &machine.disk);
        }
        self.restart(id);
    }

    /// What a replica with an old copy says, and what it is reminded of, is judged although it counts among the liars. It is what its
    /// process says: the liar before it may keep words back that others then find in a certificate.
    pub(crate) fn judge_words(&mut self, from: ReplicaId, actions: &[Action]) {
        if !self.checkers.has_old_copy(from) {
            return;
        }
        for action in actions {
            if let Action::Send { frame, .. } = action
                && let Ok(message) = decode::<Message>(frame)
            {
                self.checkers.on_old_copy_speaks(from, &message);
            }
        }
    }

    /// Looks at a reminder after it has arrived.
    pub(crate) fn judge_reminder(&mut self, from: ReplicaId, to: ReplicaId, frame: &[u8]) {
        if !self.checkers.has_old_copy(to) {
            return;
        }
        let Some(status) = self.status(to.index()) else { return };
        if let Ok(Message::Reminder(reminder)) = decode::<Message>(frame) {
            self.checkers.on_reminder(from, to, &reminder, status.observer);
        }
    }
}

impl Plan {
    /// Takes a copy of one replica's disk and puts it back later, if fewer than `f` lie. From a generator of its own, so
    /// that everything else in the plan stays what it is.
    pub(crate) fn add_old_copy(&mut self) {
        let mut random = Random::new(self.seed ^ 0x6f6c_645f_636f_7079);
        let f = (self.replicas - 1) / 3;
        if self.liars.len() >= f || !random.chance(OLD_COPIES_PPM) {
            return;
        }
        let honest: Vec<ReplicaId> =
            (0..self.replicas as u16).map(ReplicaId).filter(|id| !self.lies(*id)).collect();
        let victim = *random.pick(&honest);
        // It forgets what it said, so it counts among the faulty, although it means well.
        self.liars.push((victim, Behaviour::Honest));
        let copied_us = random.between(START_US + 10_000, START_US.midpoint(self.heal_us));
        let put_back_us = random.between(copied_us + 20_000, self.heal_us - 1);
        self.faults.push((copied_us, Fault::CopyDisk(victim)));
        self.faults.push((put_back_us, Fault::OldCopy(victim)));
        self.faults.sort_by_key(|(at, _)| *at);
    }
}

//! Damage to disks, kept within what the protocol promises to survive.
//!
//! The bound: of each record that cannot be made anew one good copy stays on a correct replica's disk, and promises and locks,
//! which no peer can give back, are lost only on disks whose replicas count among the `f` faulty. Within it every record is
//! repaired from peers. Beyond it ([`Plan::beyond_bound`](crate::Plan::beyond_bound)) a replica may stop for good, but it says
//! what it lacks, and nothing ever diverges.

use crate::machine::Machine;
use crate::world::World;
use outvote_replica::Record;
use outvote_types::ReplicaId;

impl World {
    /// One record rots: the one that `number` names among those that may. False if there is none.
    pub(crate) fn rot(&mut self, id: ReplicaId, number: u64) -> bool {
        let machine = &self.machines[id.index()];
        let records = machine.disk.durable();
        let may: Vec<usize> = (0..records.len()).filter(|index| self.may_rot(machine, *index)).collect();
        let Some(index) = may.get(number as usize % may.len().max(1)).copied() else { return false };
        let what = format!("{id}: {}", in_words(&records[index]));
        self.trace.note(self.now_us, &"rot", id.0, &what, what.as_bytes());
        self.machines[id.index()].disk.rot(index);
        true
    }

    fn may_rot(&self, machine: &Machine, index: usize) -> bool {
        if self.plan.beyond_bound || self.plan.lies(machine.id) {
            return true;
        }
        let promise = machine.disk.promise();
        // What rots in the last write is taken for never written, and what was said under it is forgotten.
        index < machine.disk.last_write()
            && match &machine.disk.durable()[index] {
                Record::Block(block) => {
                    let id = block.header.body.id();
                    // Its log, and nothing else: what was executed and not flushed, a crash takes, and the archive above it.
                    self.others_have(machine, |other| other.disk.has_block(&id))
                }
                Record::Certificate(own) => {
                    let is_lock = promise.is_some_and(|p| (p.high_rank, p.high_id) == (own.rank(), own.id));
                    let is_same = |record: &Record| match record {
                        Record::Certificate(held) => {
                            (held.phase, held.rank(), held.id) == (own.phase, own.rank(), own.id)
                        }
                        _ => false,
                    };
                    !is_lock && self.others_have(machine, |other| other.disk.durable().iter().any(is_same))
                }
                Record::Stable(own) => self.others_have(machine, |other| {
                    other.disk.stable().is_some_and(|held| held.sequence >= own.sequence)
                }),
                Record::Justification(own) => self.others_have(machine, |other| {
                    other.disk.promise().is_some_and(|promise| promise.view >= own.view())
                }),
                Record::Promise(own) => promise.is_some_and(|latest| latest.counter > own.counter),
                Record::Evidence(_) => true,
                Record::Installed { .. } | Record::Retired => false,
            }
    }

    fn others_have(&self, machine: &Machine, has: impl Fn(&Machine) -> bool) -> bool {
        self.machines.iter().any(|other| other.id != machine.id && !self.plan.lies(other.id) && has(other))
    }

    /// A replica's state database is gone, if it is the only one.
    pub(crate) fn lose_state(&mut self, id: ReplicaId) -> bool {
        let is_first = self.faults.get("state_lost").copied().unwrap_or_default() <= 1;
        if is_first || self.plan.beyond_bound {
            self.machines[id.index()].wipe_state();
        }
        is_first
    }
}

fn in_words(record: &Record) -> String {
    match record {
        Record::Promise(promise) => format!("promise {}", promise.counter),
        Record::Justification(own) => format!("justification of v{}", own.view()),
        Record::Block(block) => {
            format!("block s{} {:?}", block.header.body.sequence, block.header.body.id())
        }
        Record::Certificate(own) => {
            format!("{:?} certificate v{} s{} {:?}", own.phase, own.view, own.sequence, own.id)
        }
        Record::Stable(own) => format!("checkpoint s{}", own.sequence),
        Record::Evidence(_) => String::from("evidence"),
        Record::Installed { certificate, .. } => format!("installed s{}", certificate.sequence),
        Record::Retired => String::from("retired"),
    }
}

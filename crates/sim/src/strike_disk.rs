//! Carries out what befalls disks.

use crate::agenda::Happening;
use crate::fault::Fault;
use crate::plan::STUCK_US;
use crate::world::World;
use outvote_types::ReplicaId;

impl World {
    /// Something happens to a disk.
    pub(crate) fn strike_disk(&mut self, fault: &Fault) {
        match fault {
            Fault::FlushFails(id, down_us) => self.machines[id.index()].flush_fails = Some(*down_us),
            Fault::DiskFull(id) => self.machines[id.index()].is_full = true,
            Fault::DiskSpace(id) => {
                self.machines[id.index()].is_full = false;
                self.restart(*id);
            }
            Fault::Unreadable(id) => self.machines[id.index()].is_unreadable = true,
            Fault::Readable(id) => self.machines[id.index()].is_unreadable = false,
            Fault::Rot(id, number) => {
                self.crash(*id);
                if self.rot(*id, *number) && (self.plan.lies(*id) || self.plan.beyond_bound) {
                    self.checkers.on_old_copy(*id, &self.machines[id.index()].disk);
                }
            }
            Fault::LoseState(id) => {
                self.crash(*id);
                self.lose_state(*id);
            }
            Fault::LoseWrite(id, over) => self.machines[id.index()].disk.lose_next_write(*over),
            Fault::LoseSuffix(id, count) => {
                self.crash(*id);
                self.machines[id.index()].disk.lose_suffix(*count as usize);
                self.checkers.on_old_copy(*id, &self.machines[id.index()].disk);
            }
            _ => {}
        }
    }

    /// D20: after a failed flush nobody knows what the disk holds, so the process stops, and starts again after a while.
    pub(crate) fn fail_flush(&mut self, id: ReplicaId, down_us: u64) {
        self.crash(id);
        self.coverage.moment("flush_fails", self.now_us);
        self.schedule(self.now_us + down_us, Happening::Fault(Box::new(Fault::Restart(id))));
    }

    /// The disk works again; a process whose flush never returned is ended by its watchdog.
    pub(crate) fn mend_disk(&mut self, id: ReplicaId) {
        let machine = &mut self.machines[id.index()];
        (machine.flush_fails, machine.is_full, machine.is_unreadable) = (None, false, false);
        if std::mem::take(&mut machine.is_stuck) {
            self.crash(id);
        }
    }

    /// The disk takes so long from now on. A flush that never returns goes on never returning.
    pub(crate) fn pace_disk(&mut self, id: ReplicaId, takes_us: u64) {
        let machine = &mut self.machines[id.index()];
        machine.disk_us = takes_us;
        machine.is_stuck |= takes_us >= STUCK_US;
    }
}

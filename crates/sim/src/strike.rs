//! Carries out faults, and mends them.

use crate::coverage::State;
use crate::plan::{Fault, Network, lie};
use crate::world::World;
use outvote_replica::Event;
use outvote_types::ReplicaId;

/// How soon peers notice that a process is gone or back.
const NOTICE_US: u64 = 2_000;

impl World {
    /// Something goes wrong, or right again.
    pub fn strike(&mut self, fault: &Fault) {
        *self.faults.entry(fault.word()).or_default() += 1;
        let before = match fault {
            Fault::Behave(id, _) => Some(self.machines[id.index()].adversary.behaviour()),
            _ => None,
        };
        self.coverage.strike(fault, before, self.plan.disk_us, self.now_us);
        let what = format!("{fault:?}");
        self.trace.note(self.now_us, &"fault", 0, &what, what.as_bytes());
        match fault {
            Fault::Crash(id) => self.crash(*id),
            Fault::Restart(id) => self.restart(*id),
            Fault::Partition(side) => self.links.split(self.quorum, side),
            Fault::OneWay(from, to) => self.links.cut(*from, *to),
            Fault::Link(a, b, up) => self.link(*a, *b, *up),
            Fault::Ring => self.links.ring(self.quorum),
            Fault::Bridge(id) => self.links.bridge(self.quorum, *id),
            Fault::Mend => self.links.mend(),
            Fault::Clog(from, to) => self.links.clog(*from, *to),
            Fault::Unclog(from, to) => self.unclog(*from, *to),
            Fault::Blip => self.links.is_silent = true,
            Fault::BlipOver => self.links.is_silent = false,
            Fault::ClientsLoseLeader => self.clients_lose_leader(),
            Fault::ClientsBack => self.clients_back(),
            Fault::Pause(id) => self.pause(*id),
            Fault::Resume(id) => self.resume(*id),
            Fault::Trap(trap) => self.traps.push(*trap),
            Fault::Clock(id, step) => {
                self.show_clocks();
                self.machines[id.index()].clock_us += step;
                self.show_clocks();
            }
            Fault::Disk(id, takes) => self.pace_disk(*id, *takes),
            Fault::Behave(id, behaviour) => self.machines[id.index()].adversary.behave(*behaviour),
            Fault::Mood(mood) => self.links.mood = *mood,
            Fault::CopyDisk(id) => self.machines[id.index()].copy_disk(),
            Fault::OldCopy(id) => self.put_old_copy_back(*id),
            Fault::FlushFails(..)
            | Fault::DiskFull(_)
            | Fault::DiskSpace(_)
            | Fault::Unreadable(_)
            | Fault::Readable(_)
            | Fault::Rot(..)
            | Fault::LoseState(_)
            | Fault::LoseWrite(..)
            | Fault::LoseSuffix(..) => self.strike_disk(fault),
        }
    }

    /// The checkers see what the wall clocks show.
    pub(crate) fn show_clocks(&mut self) {
        for machine in &self.machines {
            self.checkers.on_clock(machine.id, machine.wall(self.now_us));
        }
    }

    pub(crate) fn start(&mut self, id: ReplicaId) {
        let now_us = self.now_us;
        let machine = &mut self.machines[id.index()];
        if machine.replica.is_some() {
            return;
        }
        let Some(actions) = machine.start(now_us) else {
            self.checkers.report("restart", format!("{id} cannot open its state"));
            return;
        };
        let status = machine.replica.as_ref().map(outvote_replica::Replica::status);
        if let Some(status) = status {
            let machine = &mut self.machines[id.index()];
            machine.state = State::of(id, &status, machine.transfer.is_some());
            self.checkers.on_start(id, &status, &machine.disk, machine.incarnation == 1);
        }
        self.judge_words(id, &actions);
        let machine = &mut self.machines[id.index()];
        let actions = machine.adversary.act(machine.monotonic(now_us), actions);
        self.carry_out(id, actions);
    }

    pub(crate) fn connect_all(&mut self) {
        for a in self.quorum.members() {
            for b in self.quorum.members().filter(|b| *b != a) {
                self.feed(a, Event::Link { peer: b, up: true });
            }
        }
    }

    /// Power loss at one replica.
    pub fn crash(&mut self, id: ReplicaId) {
        let (torn, scattered) = (self.plan.torn_writes, self.plan.scattered_writes);
        if self.machines[id.index()].replica.is_none() {
            return;
        }
        self.machines[id.index()].crash(&mut self.random, torn, scattered);
        self.checkers.on_crash(id);
        for peer in self.quorum.members().filter(|peer| *peer != id) {
            self.schedule_link(peer, id, false);
        }
        self.notice_sessions(id, false);
    }

    /// Power returns.
    pub fn restart(&mut self, id: ReplicaId) {
        if self.machines[id.index()].replica.is_some() {
            return;
        }
        self.start(id);
        for peer in self.quorum.members().filter(|peer| *peer != id) {
            if self.machines[peer.index()].replica.is_some() {
                self.schedule_link(peer, id, true);
                self.schedule_link(id, peer, true);
            }
        }
        self.notice_sessions(id, true);
    }

    fn schedule_link(&mut self, at: ReplicaId, peer: ReplicaId, up: bool) {
        let event = Event::Link { peer, up };
        self.schedule_local(at, NOTICE_US, crate::agenda::Local::Event(Box::new(event)));
    }

    fn link(&mut self, a: ReplicaId, b: ReplicaId, up: bool) {
        if up {
            self.links.uncut(a, b);
            self.links.uncut(b, a);
        } else {
            self.links.cut(a, b);
            self.links.cut(b, a);
        }
        self.schedule_link(a, b, up);
        self.schedule_link(b, a, up);
    }

    /// Messages on this link wait no more.
    fn unclog(&mut self, from: ReplicaId, to: ReplicaId) {
        for frame in self.links.unclog(from, to) {
            self.schedule(self.now_us + 100, crate::agenda::Happening::Frame { from, to, frame });
        }
    }

    /// No client reaches the leader of the highest view that anybody correct is in.
    fn clients_lose_leader(&mut self) {
        let highest = self.correct().filter_map(|index| self.status(index)).max_by_key(|status| status.view);
        if let Some(status) = highest {
            self.links.without_clients.insert(status.leader);
            self.notice_sessions(status.leader, false);
        }
    }

    fn clients_back(&mut self) {
        for id in std::mem::take(&mut self.links.without_clients) {
            self.notice_sessions(id, true);
        }
    }

    /// Everything is mended: links, power, disks, clocks. Liars go on lying.
    pub fn heal(&mut self) {
        self.show_clocks();
        self.links.mend();
        self.links.mood = Network::calm();
        self.links.is_silent = false;
        self.links.zones.clear();
        self.links.clogged().into_iter().for_each(|(from, to)| self.unclog(from, to));
        self.clients_back();
        self.traps.clear();
        let lies = self.plan.liars.iter().map(|(id, _)| lie(self.machines[id.index()].adversary.behaviour()));
        let lasting: Vec<&str> = lies.chain(["timers_drift", "real_signatures"]).collect();
        self.coverage.heal(&lasting);
        self.lift_rules();
        let takes = self.plan.disk_us;
        for id in self.quorum.members() {
            self.resume(id);
            self.mend_disk(id);
            self.machines[id.index()].disk_us = takes;
            self.machines[id.index()].clock_us = 0;
            self.restart(id);
        }
        // Reconnections: whatever was reported down is up again.
        for a in self.quorum.members() {
            for b in self.quorum.members().filter(|b| *b != a) {
                self.schedule_link(a, b, true);
            }
        }
        self.drop_faults();
    }
}

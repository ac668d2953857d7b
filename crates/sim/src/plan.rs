//! What one seed does to a cluster: sizes, tunables, the network's moods, and a list of faults.

pub use crate::fault::{Fault, Step, Trap, lie};
use crate::random::Random;
use outvote_adversary::Behaviour;
use outvote_replica::Tunables;
use outvote_types::{Parameters, ReplicaId};

/// The network's mood.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// Shortest delay.
    pub delay_min_us: u64,
    /// Longest delay of a normal message.
    pub delay_max_us: u64,
    /// Messages lost, parts per million.
    pub loss: u64,
    /// Messages that come twice, parts per million.
    pub duplication: u64,
    /// Messages that take up to ten times as long, parts per million.
    pub straggling: u64,
    /// Whether messages of one link may overtake each other.
    pub reordering: bool,
}

impl Network {
    /// What every network becomes when it is healed.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            delay_min_us: 200,
            delay_max_us: 1_000,
            loss: 0,
            duplication: 0,
            straggling: 0,
            reordering: false,
        }
    }
}

/// A flush that takes so long never returns; a watchdog ends the process when the world is healed.
pub const STUCK_US: u64 = 3_600_000_000;

/// Everything that a seed decides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Replicas.
    pub replicas: usize,
    /// Who lies, and how at first.
    pub liars: Vec<(ReplicaId, Behaviour)>,
    /// What the members agree on.
    pub parameters: Parameters,
    /// Executed blocks between two flushes of the state, besides those at checkpoints; what came since is executed again.
    pub flush_blocks: u64,
    /// For how many blocks such a flush goes on before it is durable, or lost in a crash.
    pub flush_lasts_blocks: u32,
    /// Whether archives keep no more blocks than they must (C2), or all, as a replica does unless told otherwise.
    pub gives_up_blocks: bool,
    /// Tuning, the same for all.
    pub tunables: Tunables,
    /// The network at first.
    pub network: Network,
    /// How long a flush takes.
    pub disk_us: u64,
    /// How long a block takes to execute.
    pub execute_us: u64,
    /// Scripted clients.
    pub clients: usize,
    /// Clients as shipped: sessions of `outvote-session`.
    pub sessions: usize,
    /// Requests that each client submits.
    pub requests_per_client: u64,
    /// Requests that a client has under way at most.
    pub window: u64,
    /// The pause between two requests of a client.
    pub think_us: u64,
    /// Faults with their times, rising.
    pub faults: Vec<(u64, Fault)>,
    /// When everything is mended.
    pub heal_us: u64,
    /// How fast each replica's timers run, in thousandths of true time; those that are not named run true.
    pub timer_rates: Vec<u64>,
    /// Whether signatures are real.
    pub real_signatures: bool,
    /// Whether restarted replicas lose what was not flushed, or keep a random part of it.
    pub torn_writes: bool,
    /// Whether of a write under way any sectors may have arrived, not only the first ones.
    pub scattered_writes: bool,
    /// In which zone of the world each replica is, if they are far from each other; see [`crate::network::ZONES_US`].
    pub zones: Vec<usize>,
    /// Messages that wait at most on a clogged link; the oldest are dropped.
    pub clog_max: usize,
    /// Whether damage to disks goes beyond what the protocol survives (one good copy of each record, `f` disks whose promises
    /// are lost).
    pub beyond_bound: bool,
}

/// The time at which every simulation starts.
pub const START_US: u64 = 10_000_000;

/// A true timer's rate.
pub const TIMER_RATE_TRUE: u64 = 1_000;
/// The slowest timer.
pub const TIMER_RATE_MIN: u64 = 500;
/// The fastest timer.
pub const TIMER_RATE_MAX: u64 = 2_000;

impl Plan {
    /// A quiet cluster: nothing fails unless a test makes it.
    #[must_use]
    pub fn quiet(seed: u64, replicas: usize) -> Self {
        Self {
            seed,
            replicas,
            liars: Vec::new(),
            parameters: Parameters { checkpoint_interval: 64, ..Parameters::default() },
            flush_blocks: u64::MAX,
            flush_lasts_blocks: 0,
            gives_up_blocks: true,
            tunables: Tunables { lease_slots: 16, ..Tunables::default() },
            network: Network::calm(),
            disk_us: 500,
            execute_us: 50,
            clients: 0,
            sessions: 0,
            requests_per_client: 0,
            window: 4,
            think_us: 1_000,
            faults: Vec::new(),
            heal_us: START_US,
            timer_rates: Vec::new(),
            real_signatures: false,
            torn_writes: true,
            scattered_writes: false,
            zones: Vec::new(),
            clog_max: 16,
            beyond_bound: false,
        }
    }

    /// What the seed says.
    #[must_use]
    pub fn of(seed: u64, replicas: usize) -> Self {
        let mut random = Random::new(seed ^ 0x6f75_7476_6f74_6521);
        let mut plan = Self::quiet(seed, replicas);
        let f = (replicas - 1) / 3;
        plan.real_signatures = random.chance(10_000);
        plan.parameters.checkpoint_interval = *random.pick(&[4, 8, 16, 32, 64]);
        plan.tunables.lease_slots = *random.pick(&[2, 4, 8, 16, 64, 256]);
        plan.tunables.in_flight_max = *random.pick(&[1, 2, 4, 8]);
        plan.tunables.batch_count_max = *random.pick(&[1, 2, 5, 50]);
        plan.tunables.batch_growth = *random.pick(&[1, 4, 16]);
        plan.disk_us = *random.pick(&[50, 500, 2_000, 10_000]);
        plan.execute_us = *random.pick(&[10, 100, 1_000]);
        plan.clients = random.between(1, 6) as usize;
        plan.requests_per_client = 200 / plan.clients as u64;
        plan.window = *random.pick(&[1, 2, 8]);
        plan.think_us = random.between(1_000, 60_000);
        plan.network = mood(&mut random);
        let mut everybody: Vec<u16> = (0..replicas as u16).collect();
        let lying = random.below(f as u64 + 1);
        for _ in 0..lying {
            let liar = everybody.remove(random.below(everybody.len() as u64) as usize);
            plan.liars.push((ReplicaId(liar), behaviour(&mut random)));
        }
        plan.heal_us = START_US + random.between(2_000_000, 8_000_000);
        plan.add_faults(&mut random);
        // Half of the seeds have clients as shipped, the others scripted ones.
        if seed & 1 == 1 {
            std::mem::swap(&mut plan.clients, &mut plan.sessions);
        }
        // A generator of its own, so that drifting timers leave the rest of a seed as it is without them.
        let mut drift = Random::new(seed ^ 0x7469_6d65_7273_2121);
        if drift.chance(250_000) {
            plan.timer_rates = (0..replicas).map(|_| drift.between(TIMER_RATE_MIN, TIMER_RATE_MAX)).collect();
        }
        plan.add_checkpoints();
        plan.add_old_copy();
        // Where blocks are given up, a laggard depends on snapshots. A stream of its own again.
        plan.gives_up_blocks = Random::new(seed ^ 0x6769_7665_735f_7570).chance(500_000);
        plan.add_swarm();
        plan
    }

    /// Checkpoints by bytes, too, and flushes between them: on a stream of its own, so that it changes nothing else.
    fn add_checkpoints(&mut self) {
        let mut random = Random::new(self.seed ^ 0x6368_6563_6b70_6f69);
        self.parameters.checkpoint_bytes = *random.pick(&[600, 2_000, 10_000, 64 << 20]);
        self.flush_blocks = *random.pick(&[1, 3, 10, u64::MAX]);
        self.flush_lasts_blocks = *random.pick(&[0, 1, 4]);
    }

    /// A quiet cluster with a checkpoint every so many blocks.
    #[must_use]
    pub fn with_checkpoints(seed: u64, replicas: usize, interval: u64) -> Self {
        let mut plan = Self::quiet(seed, replicas);
        plan.parameters.checkpoint_interval = interval;
        plan
    }

    fn add_faults(&mut self, random: &mut Random) {
        let kinds = random.number();
        let mut at = START_US + random.between(10_000, 1_000_000);
        while at < self.heal_us {
            let replica = ReplicaId(random.below(self.replicas as u64) as u16);
            let other = ReplicaId(random.below(self.replicas as u64) as u16);
            let until = at + random.between(20_000, 1_500_000);
            let kind = random.below(8);
            // The swarm: each seed knows only some kinds of faults, so that each gets time to unfold.
            if kinds >> kind & 1 == 1 {
                self.add(random, kind, replica, other, at, until);
            }
            at += random.between(20_000, 1_200_000);
        }
        self.faults.sort_by_key(|(at, _)| *at);
    }

    fn add(
        &mut self,
        random: &mut Random,
        kind: u64,
        replica: ReplicaId,
        other: ReplicaId,
        at: u64,
        until: u64,
    ) {
        match kind {
            0 => self.both(at, Fault::Crash(replica), until, Fault::Restart(replica)),
            1 => {
                // Several at once; now and then the whole cluster.
                let count = random.between(1, self.replicas as u64);
                for step in 0..count {
                    let id = ReplicaId(((u64::from(replica.0) + step) % self.replicas as u64) as u16);
                    let spread = random.below(3_000);
                    self.both(at + spread, Fault::Crash(id), until + spread * 7, Fault::Restart(id));
                }
            }
            2 => {
                let cut = random.number();
                let side = (0..self.replicas as u16).filter(|id| cut >> id & 1 == 1).map(ReplicaId).collect();
                self.both(at, Fault::Partition(side), until, Fault::Mend);
            }
            3 if replica != other => self.both(at, Fault::OneWay(replica, other), until, Fault::Mend),
            4 if replica != other => {
                let up = Fault::Link(replica, other, true);
                self.both(at, Fault::Link(replica, other, false), until, up);
            }
            5 => {
                let step = random.between(0, 7_200_000_000) as i64 - 3_600_000_000;
                self.faults.push((at, Fault::Clock(replica, step)));
                self.faults.push((until, Fault::Clock(replica, -step)));
            }
            6 => {
                let slow = random.between(10_000, 300_000);
                self.both(at, Fault::Disk(replica, slow), until, Fault::Disk(replica, self.disk_us));
            }
            7 => {
                self.faults.push((at, Fault::Mood(mood(random))));
                if let Some((liar, _)) = self.liars.first() {
                    self.faults.push((until, Fault::Behave(*liar, behaviour(random))));
                }
            }
            _ => {}
        }
    }

    pub(crate) fn both(&mut self, at: u64, begin: Fault, until: u64, end: Fault) {
        self.faults.push((at, begin));
        self.faults.push((until, end));
    }

    /// Whether this replica lies.
    #[must_use]
    pub fn lies(&self, replica: ReplicaId) -> bool {
        self.liars.iter().any(|(liar, _)| *liar == replica)
    }
}

fn behaviour(random: &mut Random) -> Behaviour {
    *random.pick(&Behaviour::ALL)
}

fn mood(random: &mut Random) -> Network {
    let delay_min_us = *random.pick(&[20, 200, 2_000, 20_000]);
    Network {
        delay_min_us,
        delay_max_us: delay_min_us * random.between(1, 10),
        loss: *random.pick(&[0, 0, 1_000, 30_000, 200_000]),
        duplication: *random.pick(&[0, 0, 10_000, 200_000]),
        straggling: *random.pick(&[0, 0, 10_000, 100_000]),
        reordering: random.chance(500_000),
    }
}

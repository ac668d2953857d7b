//! The performance rule: a leader must propose relayed work as fast as its peers vote (P10, P11).

use crate::limits::{PERFORMANCE_PERIOD_US, TURNAROUND_SAMPLES};
use crate::replica::Replica;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Instant, Rank, ReplicaId, Vote};

/// Rounds that must have been seen before a leader is judged: one hiccup is no pattern.
const ROUNDS_MIN: usize = 2;
/// Rounds of one period that are judged at most.
const ROUNDS_MAX: usize = 1024;
/// What one late round counts for at most, microseconds: one long wait is no pattern.
const LATE_MAX_US: u64 = PERFORMANCE_PERIOD_US / 4 * 3;

/// Times measured of one replica in this period.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    sum_us: u64,
    count: u64,
}

impl Sample {
    const fn is_full(self) -> bool {
        self.count >= TURNAROUND_SAMPLES as u64
    }

    fn add(&mut self, us: u64) {
        if !self.is_full() {
            self.sum_us = self.sum_us.saturating_add(us);
            self.count = self.count.saturating_add(1);
        }
    }

    fn mean(self) -> Option<u64> {
        (self.count > 0).then(|| self.sum_us / self.count.max(1))
    }
}

/// Times measured of all replicas in one period.
#[derive(Clone, Debug)]
struct Period {
    /// From when a proposal and all before it were here to the replica's PREPARE.
    prepare: Vec<Sample>,
    /// From our PREPARE to the replica's COMMIT: at least one round trip.
    commit: Vec<Sample>,
}

impl Period {
    fn new(n: usize) -> Self {
        Self { prepare: alloc::vec![Sample::default(); n], commit: alloc::vec![Sample::default(); n] }
    }
}

/// A round that has ended.
#[derive(Clone, Copy, Debug)]
struct Round {
    took_us: u64,
    /// The end of a period found it open and late, and counted it.
    is_counted: bool,
}

/// How late the rounds were that were judged together.
#[derive(Clone, Copy, Debug)]
struct Lateness {
    rounds: usize,
    us: u64,
    of_us: u64,
}

impl Lateness {
    /// Nothing was late before a view begins.
    const NONE: Self = Self { rounds: 0, us: 0, of_us: PERFORMANCE_PERIOD_US };

    const fn and(self, other: Self) -> Self {
        Self {
            rounds: self.rounds.saturating_add(other.rounds),
            us: self.us.saturating_add(other.us),
            of_us: self.of_us.saturating_add(other.of_us),
        }
    }

    fn is_half_the_time(self) -> bool {
        self.rounds >= ROUNDS_MIN
            && self.us.saturating_mul(2) > self.of_us
            && !planted::is_on(Bug::HalfLateTolerated)
    }
}

/// What is measured of the leader and of its peers.
#[derive(Debug)]
pub(crate) struct Performance {
    current: Period,
    last: Period,
    period_at: Instant,
    /// In a new view the rule waits until then.
    grace_until: Instant,
    /// Since when the leader owes a proposal.
    round_at: Option<Instant>,
    /// The rounds that ended in this period. They are judged at its end, by what was measured meanwhile: by an earlier measure each
    /// round would be late when all links or disks become slow at once.
    rounds: Vec<Round>,
    /// How often the end of a period found a round open that was late already.
    open: usize,
    /// Whether the round that is open is among those.
    is_open_counted: bool,
    /// Since when rounds were gathered that are not judged yet.
    judged_at: Instant,
    /// How late those were that were judged last.
    before: Lateness,
    round_trip_us: u64,
    turnaround_us: Option<u64>,
    /// PREPAREs of this period for blocks that were not here yet.
    unmeasured: usize,
    /// Whether this leader is suspected because others do (P11).
    has_joined: bool,
}

impl Performance {
    pub(crate) fn new(now: Instant, n: usize) -> Self {
        Self {
            current: Period::new(n),
            last: Period::new(n),
            period_at: now,
            grace_until: now.plus(PERFORMANCE_PERIOD_US),
            round_at: None,
            rounds: Vec::new(),
            open: 0,
            is_open_counted: false,
            judged_at: now,
            before: Lateness::NONE,
            round_trip_us: 0,
            turnaround_us: None,
            unmeasured: 0,
            has_joined: false,
        }
    }

    /// A view begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        *self = Self::new(now, self.current.prepare.len());
    }

    /// The estimated round trip to the leader, microseconds; 0 while nothing was measured.
    pub(crate) const fn round_trip_us(&self) -> u64 {
        self.round_trip_us
    }
}

fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

impl Replica {
    /// A PREPARE of this view came in.
    pub(crate) fn measure_prepare(&mut self, vote: &Vote) {
        let Some(sample) = self.performance.current.prepare.get_mut(vote.replica.index()) else { return };
        if sample.is_full() {
            return;
        }
        // P11: a leader that sends a child before its parent would stretch its own debt. Whoever votes measures itself at least.
        match self.chain.held_since(vote.id) {
            Some(since) => sample.add(self.now.since(since)),
            None => self.performance.unmeasured = self.performance.unmeasured.saturating_add(1),
        }
    }

    /// A COMMIT of this view came in.
    pub(crate) fn measure_commit(&mut self, vote: &Vote) {
        let voted = self.slots.get(vote.rank()).and_then(|slot| slot.voted_at);
        let sample = self.performance.current.commit.get_mut(vote.replica.index());
        if let (Some(voted), Some(sample)) = (voted, sample) {
            sample.add(self.now.since(voted));
        }
    }

    /// Smooths the time from PREPARE to commit (V3).
    pub(crate) fn measure_commit_time(&mut self, rank: Rank) {
        if let Some(voted) = self.slots.get(rank).and_then(|slot| slot.voted_at) {
            let us = self.now.since(voted);
            if self.is_leader() && rank.view == self.term.view {
                let most = self.config.tunables.batch_growth;
                self.growth.on_commit(us, self.half_window_us(), most, self.now);
            }
            let old = self.timers.commit_time_us;
            self.timers.commit_time_us =
                if old == 0 { us } else { old.saturating_sub(old / 8).saturating_add(us / 8) };
        }
    }

    /// P10: how long the leader may take for relayed work; `None` while nothing was measured.
    pub(crate) fn performance_debt_us(&self) -> Option<u64> {
        let turnaround = self.performance.turnaround_us?;
        let linger = self.config.tunables.linger_us;
        let round_trips = self.performance.round_trip_us.saturating_mul(3);
        Some(linger.saturating_add(round_trips).saturating_add(turnaround.saturating_mul(4)))
    }

    /// Takes the period's medians and begins the next one.
    fn turn_period(&mut self) {
        let n = self.quorum.n();
        let leader = self.leader();
        let of = |samples: &[Sample], skip: &[ReplicaId]| -> Vec<u64> {
            let members = self.quorum.members().filter(|id| !skip.contains(id));
            members.filter_map(|id| samples.get(id.index()).and_then(|sample| sample.mean())).collect()
        };
        let me = self.config.me;
        // P11: over all replicas but the leader, the measurer included, in that same second.
        let turnaround = median(of(&self.performance.current.prepare, &[leader]));
        let others = median(of(&self.performance.current.commit, &[leader, me]));
        let leaders = self.performance.current.commit.get(leader.index()).and_then(|sample| sample.mean());
        let performance = &mut self.performance;
        performance.turnaround_us = turnaround;
        // A leader cannot stretch its own debt by voting late: what its peers take bounds the estimate.
        let cap = others.map(|us| us.saturating_mul(2));
        performance.round_trip_us = leaders.into_iter().chain(cap).min().unwrap_or(0);
        performance.last = core::mem::replace(&mut performance.current, Period::new(n));
    }

    /// A block with this many new requests was proposed while so many relays were outstanding.
    pub(crate) fn on_proposed(&mut self, fresh: usize, relayed_before: usize) {
        if fresh == 0 {
            return;
        }
        // P10: full, or all of what was relayed; anything else pays only the relays that it holds.
        let is_full = fresh >= self.config.tunables.batch_count_max;
        let pays = is_full || self.relays.len() == 0 || self.relays.len() < relayed_before;
        let Some(since) = self.performance.round_at.filter(|_| pays) else { return };
        let is_counted = core::mem::take(&mut self.performance.is_open_counted);
        if self.performance.rounds.len() < ROUNDS_MAX {
            self.performance.rounds.push(Round { took_us: self.now.since(since), is_counted });
        }
        self.performance.round_at = self.relays.earliest().map(|_| self.now);
    }

    fn owes(&self) -> bool {
        let in_flight = self.term.voted.map_or(0, |tip| tip.sequence.since(self.chain.committed));
        self.is_open()
            && !self.is_leader()
            && !self.is_execution_behind()
            && self.relays.len() > 0
            && in_flight < self.config.tunables.in_flight_max
    }

    pub(crate) fn performance_on_time(&mut self) {
        // A round begins when the leader comes to owe something, and lapses when the pipeline fills up.
        self.performance.round_at =
            if self.owes() { self.performance.round_at.or(Some(self.now)) } else { None };
        self.performance.is_open_counted &= self.performance.round_at.is_some();
        if self.now.since(self.performance.period_at) < PERFORMANCE_PERIOD_US {
            return;
        }
        let debt_before = self.performance_debt_us();
        self.turn_period();
        self.performance.period_at = self.now;
        // P11: by the medians of that same second. A leader that proposed nothing has nobody's turnaround measured: then by those
        // of the second before.
        let debt = self.performance_debt_us().or(debt_before);
        let view = self.term.view;
        self.join_if_blind();
        if self.term.view > view {
            return;
        }
        let late_by = |took_us: u64| debt.map(|debt| took_us.saturating_sub(debt)).filter(|us| *us > 0);
        let performance = &mut self.performance;
        if performance.round_at.is_some_and(|at| late_by(self.now.since(at)).is_some()) {
            performance.open = performance.open.saturating_add(1);
            performance.is_open_counted = true;
        }
        let ended = performance.rounds.iter().filter(|round| !round.is_counted);
        let rounds = ended.count().saturating_add(performance.open);
        if rounds < ROUNDS_MIN && rounds > 0 {
            // Too few to judge: they count together with the next second's.
            return;
        }
        let ended = core::mem::take(&mut performance.rounds);
        let is_missed = |round: &&Round| !round.is_counted && late_by(round.took_us).is_some();
        let missed =
            ended.iter().filter(is_missed).count().saturating_add(core::mem::take(&mut performance.open));
        // Of time each round counts where it ends.
        let late: Vec<u64> = ended.iter().filter_map(|round| late_by(round.took_us)).collect();
        let lateness = Lateness {
            rounds: late.len(),
            us: late.iter().fold(0, |sum, us| sum.saturating_add((*us).min(LATE_MAX_US))),
            of_us: self.now.since(core::mem::replace(&mut performance.judged_at, self.now)),
        };
        let before = core::mem::replace(&mut performance.before, lateness);
        let is_slow = missed.saturating_mul(2) > rounds || lateness.and(before).is_half_the_time();
        if !is_slow && rounds > 0 && !self.performance.has_joined {
            // V10: the leader does what it owes again.
            self.mutiny.reason.take_if(|reason| *reason == 'e');
        }
        if is_slow && self.now >= self.performance.grace_until {
            // V5, P10: more than half of the rounds of this second were missed, or so they took more than half of two seconds.
            self.suspect('e');
        }
    }

    /// P11: whoever gets every proposal too late to vote for it measures nobody, and the leader may have seen to that. It joins
    /// others who have suspected this leader for a whole period and still do.
    fn join_if_blind(&mut self) {
        let unmeasured = core::mem::take(&mut self.performance.unmeasured);
        let is_blind = unmeasured > 0 && self.performance.turnaround_us.is_none();
        let joins = is_blind
            && self.mutiny.is_shared_for(PERFORMANCE_PERIOD_US, self.now)
            && !planted::is_on(Bug::BlindNeverJoins);
        if core::mem::replace(&mut self.performance.has_joined, joins) && !joins {
            self.mutiny.reason.take_if(|reason| *reason == 'e');
        }
        if joins {
            self.suspect('e');
        }
    }

    pub(crate) fn performance_due(&self) -> Option<Instant> {
        (self.relays.len() > 0).then(|| self.performance.period_at.plus(PERFORMANCE_PERIOD_US))
    }
}

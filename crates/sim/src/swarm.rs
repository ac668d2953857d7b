//! The rest of the swarm: misfortunes of which each seed knows a few, so that each gets time to unfold.
//!
//! Every group draws from a generator of its own: a new one changes nothing of what a seed meant before. The numbers at the
//! groups are rows of the fault catalogue.

use crate::fault::{Fault, Step, Trap};
use crate::network::ZONES_US;
use crate::plan::{Network, Plan, START_US, STUCK_US};
use crate::random::Random;
use outvote_adversary::Behaviour;
use outvote_types::ReplicaId;

/// One year, microseconds.
const YEAR_US: i64 = 31_557_600_000_000;

/// A group: what makes its generator its own, in how many parts of a million seeds it plays, and what it adds.
type Group = (u64, u64, fn(&mut Plan, &mut Random));

const GROUPS: &[Group] = &[
    // Faults: N04
    (0x666c_6170_7069_6e67, 60_000, flapping_partition),
    // Faults: N06
    (0x7368_6170_6573_2121, 80_000, odd_shapes),
    // Faults: N07
    (0x636c_6965_6e74_2121, 80_000, clients_lose_the_leader),
    // Faults: N08, N09
    (0x636c_6f67_6765_6421, 100_000, swizzle_clog),
    // Faults: N18
    (0x6173_796e_6368_726f, 40_000, asynchrony),
    // Faults: N19
    (0x626c_6970_2121_2121, 60_000, blip),
    // Faults: N20
    (0x7a6f_6e65_732d_3531, 60_000, zones),
    // Faults: P05, P06, C04
    (0x7061_7573_6573_2121, 120_000, pauses),
    // Faults: P03, P13, S22, S23
    (0x7472_6170_732d_2d2d, 250_000, traps),
    // Faults: P14
    (0x6e65_7374_6564_2121, 60_000, nested_crashes),
    // Faults: C01, C05
    (0x7965_6172_732d_2d2d, 50_000, years),
    // Faults: S06
    (0x7363_6174_7465_7265, 500_000, scattered_writes),
    // Faults: S01
    (0x6673_796e_6366_6169, 80_000, failing_flushes),
    // Faults: S02
    (0x6469_736b_6675_6c6c, 60_000, full_disks),
    // S16
    (0x7374_7563_6b21_2121, 40_000, stuck_disk),
    // Faults: S17
    (0x756e_7265_6164_6162, 80_000, unreadable),
    // Faults: S07, S24
    (0x6269_742d_726f_7421, 120_000, rot),
    // Faults: S08
    (0x7374_6174_652d_6c6f, 60_000, lost_state),
    // S09, S10; a disk that forgets its promises is one of the faulty
    (0x6c6f_7374_2d77_7269, 300_000, lost_writes),
];

impl Plan {
    /// Adds what this seed draws of the groups.
    pub(crate) fn add_swarm(&mut self) {
        for (salt, parts_per_million, group) in GROUPS {
            let mut random = Random::new(self.seed ^ salt);
            if random.chance(*parts_per_million) {
                group(self, &mut random);
            }
        }
        self.faults.sort_by_key(|(at, _)| *at);
    }

    fn moment(&self, random: &mut Random) -> u64 {
        random.between(START_US + 10_000, self.heal_us - 1)
    }

    fn anybody(&self, random: &mut Random) -> ReplicaId {
        ReplicaId(random.below(self.replicas as u64) as u16)
    }

    /// Somebody who does not lie.
    fn somebody_honest(&self, random: &mut Random) -> ReplicaId {
        let honest: Vec<ReplicaId> =
            (0..self.replicas as u16).map(ReplicaId).filter(|id| !self.lies(*id)).collect();
        *random.pick(&honest)
    }
}

/// The world falls in two and is whole again, ever faster or slower.
fn flapping_partition(plan: &mut Plan, random: &mut Random) {
    let cut = random.number();
    let side: Vec<ReplicaId> =
        (0..plan.replicas as u16).filter(|id| cut >> id & 1 == 1).map(ReplicaId).collect();
    let mut at = plan.moment(random);
    let mut lasts = random.between(50_000, 400_000);
    for _ in 0..random.between(3, 8) {
        plan.both(at, Fault::Partition(side.clone()), at + lasts, Fault::Mend);
        at += 2 * lasts;
        lasts = lasts * random.between(5, 18) / 10;
    }
}

/// A ring, or two halves with a bridge.
fn odd_shapes(plan: &mut Plan, random: &mut Random) {
    let at = plan.moment(random);
    let until = at + random.between(200_000, 3_000_000);
    let shape = if random.chance(500_000) { Fault::Ring } else { Fault::Bridge(plan.anybody(random)) };
    plan.both(at, shape, until, Fault::Mend);
}

fn clients_lose_the_leader(plan: &mut Plan, random: &mut Random) {
    let at = plan.moment(random);
    plan.both(at, Fault::ClientsLoseLeader, at + random.between(100_000, 3_000_000), Fault::ClientsBack);
}

/// Links are stopped one by one, and come back in another order.
fn swizzle_clog(plan: &mut Plan, random: &mut Random) {
    plan.clog_max = random.between(2, 20) as usize;
    let begin = plan.moment(random);
    let middle = begin + random.between(50_000, 1_500_000);
    let end = middle + random.between(50_000, 3_000_000);
    for _ in 0..random.between(1, plan.replicas as u64 * 2) {
        let (from, to) = (plan.anybody(random), plan.anybody(random));
        if from != to {
            let (at, until) = (random.between(begin, middle), random.between(middle, end));
            plan.both(at, Fault::Clog(from, to), until, Fault::Unclog(from, to));
        }
    }
}

/// Until it is healed nothing can be said of when a message comes.
fn asynchrony(plan: &mut Plan, random: &mut Random) {
    plan.network = Network {
        delay_min_us: 1_000,
        delay_max_us: random.between(500_000, 4_000_000),
        loss: 0,
        duplication: 0,
        straggling: 50_000,
        reordering: true,
    };
}

fn blip(plan: &mut Plan, random: &mut Random) {
    let at = plan.moment(random);
    plan.both(at, Fault::Blip, at + random.between(100_000, 2_000_000), Fault::BlipOver);
}

fn zones(plan: &mut Plan, random: &mut Random) {
    plan.zones = (0..plan.replicas).map(|_| random.below(ZONES_US.len() as u64) as usize).collect();
}

/// One, more than `f`, or all processes are stopped for a while.
fn pauses(plan: &mut Plan, random: &mut Random) {
    let at = plan.moment(random);
    let until = at + random.between(50_000, 5_000_000);
    let first = plan.somebody_honest(random);
    let count = *random.pick(&[1, 1, (plan.replicas as u64 - 1) / 3 + 1, plan.replicas as u64]);
    for step in 0..count {
        let id = ReplicaId(((u64::from(first.0) + step) % plan.replicas as u64) as u16);
        // An old copy's checker counts the moments that it may take to judge what it is shown.
        if !plan.lies(id) {
            plan.both(
                at + random.below(1_000),
                Fault::Pause(id),
                until + random.below(1_000),
                Fault::Resume(id),
            );
        }
    }
}

/// Somebody dies at a step of the protocol, whichever is drawn; several in turn.
fn traps(plan: &mut Plan, random: &mut Random) {
    for _ in 0..random.between(1, 4) {
        let at = plan.moment(random);
        let trap = Trap {
            leader_only: random.chance(500_000),
            step: *random.pick(&Step::ALL),
            is_done: random.chance(500_000),
            down_us: random.between(1_000, 800_000),
        };
        plan.faults.push((at, Fault::Trap(trap)));
    }
}

/// Power fails again while a replica comes back from it.
fn nested_crashes(plan: &mut Plan, random: &mut Random) {
    let id = plan.somebody_honest(random);
    let mut at = plan.moment(random);
    for _ in 0..5 {
        let up = at + random.between(1_000, 100_000);
        plan.both(at, Fault::Crash(id), up, Fault::Restart(id));
        at = up + random.between(100, 30_000);
    }
}

fn years(plan: &mut Plan, random: &mut Random) {
    let id = plan.anybody(random);
    let at = plan.moment(random);
    let step = if random.chance(500_000) { YEAR_US } else { -YEAR_US };
    plan.both(at, Fault::Clock(id, step), at + random.between(100_000, 2_000_000), Fault::Clock(id, -step));
}

const fn scattered_writes(plan: &mut Plan, _: &mut Random) {
    plan.scattered_writes = true;
}

fn failing_flushes(plan: &mut Plan, random: &mut Random) {
    for _ in 0..random.between(1, 3) {
        let (at, id) = (plan.moment(random), plan.anybody(random));
        plan.faults.push((at, Fault::FlushFails(id, random.between(10_000, 1_000_000))));
    }
}

/// One disk is full, or all are.
fn full_disks(plan: &mut Plan, random: &mut Random) {
    let (at, first) = (plan.moment(random), plan.anybody(random));
    let until = at + random.between(100_000, 3_000_000);
    let count = if random.chance(200_000) { plan.replicas as u64 } else { 1 };
    for step in 0..count {
        let id = ReplicaId(((u64::from(first.0) + step) % plan.replicas as u64) as u16);
        plan.both(
            at + random.below(50_000),
            Fault::DiskFull(id),
            until + random.below(50_000),
            Fault::DiskSpace(id),
        );
        // Whoever starts it again before that does so in vain.
        plan.faults.push((random.between(at + 1, until), Fault::Restart(id)));
    }
}

/// A flush never returns; somebody ends the process after a while, or the watchdog does.
fn stuck_disk(plan: &mut Plan, random: &mut Random) {
    let (at, id) = (plan.moment(random), plan.anybody(random));
    plan.faults.push((at, Fault::Disk(id, STUCK_US)));
    if random.chance(500_000) {
        let until = at + random.between(100_000, 2_000_000);
        plan.faults.push((until, Fault::Disk(id, plan.disk_us)));
        plan.both(until, Fault::Crash(id), until + 20_000, Fault::Restart(id));
    }
}

fn unreadable(plan: &mut Plan, random: &mut Random) {
    let (at, id) = (plan.moment(random), plan.anybody(random));
    plan.both(at, Fault::Unreadable(id), at + random.between(200_000, 4_000_000), Fault::Readable(id));
}

/// Records rot on one disk, or on all of them, each another one.
fn rot(plan: &mut Plan, random: &mut Random) {
    let count = if random.chance(300_000) { plan.replicas as u64 } else { 1 };
    let at = plan.moment(random);
    for _ in 0..count * random.between(1, 3) {
        let id = plan.anybody(random);
        let at = at + random.below(500_000);
        plan.both(
            at,
            Fault::Rot(id, random.number()),
            at + random.between(1_000, 500_000),
            Fault::Restart(id),
        );
    }
}

fn lost_state(plan: &mut Plan, random: &mut Random) {
    let (at, id) = (plan.moment(random), plan.anybody(random));
    plan.both(at, Fault::LoseState(id), at + random.between(1_000, 500_000), Fault::Restart(id));
}

/// One disk loses what it said it had kept. Its promises may be among it, so its replica counts among the faulty.
fn lost_writes(plan: &mut Plan, random: &mut Random) {
    let f = (plan.replicas - 1) / 3;
    if plan.liars.len() >= f {
        return;
    }
    let victim = plan.somebody_honest(random);
    plan.liars.push((victim, Behaviour::Honest));
    let at = plan.moment(random);
    match random.below(4) {
        0 => plan.faults.push((at, Fault::LoseWrite(victim, None))),
        1 => plan.faults.push((at, Fault::LoseWrite(victim, Some(random.number())))),
        2 => plan.faults.push((at, Fault::LoseSuffix(victim, random.between(1, 30)))),
        // Of one of the faulty any record may rot, the latest promise too.
        _ => plan.faults.push((at, Fault::Rot(victim, random.number()))),
    }
    let until = at + random.between(1_000, 800_000);
    plan.both(until, Fault::Crash(victim), until + random.between(1_000, 300_000), Fault::Restart(victim));
}

impl Plan {
    /// A plan in which disks lose more than the protocol can make good. Nobody lies, so whatever diverges is a mistake of ours.
    #[must_use]
    pub fn beyond_bound(seed: u64, replicas: usize) -> Self {
        let mut plan = Self::quiet(seed, replicas);
        let mut random = Random::new(seed ^ 0x6265_796f_6e64_2121);
        plan.beyond_bound = true;
        plan.parameters.checkpoint_interval = *random.pick(&[4, 8, 16, 64]);
        plan.parameters.checkpoint_bytes = *random.pick(&[2_000, 10_000, 64 << 20]);
        plan.gives_up_blocks = random.chance(500_000);
        plan.scattered_writes = random.chance(500_000);
        plan.disk_us = *random.pick(&[50, 500, 2_000]);
        plan.clients = random.between(1, 3) as usize;
        plan.requests_per_client = 40 / plan.clients as u64;
        plan.think_us = random.between(1_000, 40_000);
        plan.heal_us = START_US + random.between(1_500_000, 3_000_000);
        // The same moment everywhere, or one disk after the other.
        let spread = *random.pick(&[1, 1_000_000]);
        let at = plan.moment(&mut random);
        let victims = random.between(2, replicas as u64);
        let first = plan.anybody(&mut random);
        for step in 0..victims {
            let id = ReplicaId(((u64::from(first.0) + step) % replicas as u64) as u16);
            let at = at + random.below(spread);
            for _ in 0..random.between(1, 12) {
                plan.faults.push((at, Fault::Rot(id, random.number())));
            }
            if random.chance(200_000) {
                plan.faults.push((at, Fault::LoseState(id)));
            }
            plan.faults.push((at + random.between(1_000, 500_000), Fault::Restart(id)));
        }
        plan.faults.sort_by_key(|(at, _)| *at);
        plan
    }
}

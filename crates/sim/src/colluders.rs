//! More liars than any protocol survives: `f + 1` to `2f` members play a game of their own with each half of the honest ones.
//!
//! Each liar runs two instances behind one key (twins), both honest, and the two halves of the honest members never hear of each
//! other. So the two sides are two worlds of the same committee, alike until they part. On each side there is a quorum, so
//! both go on, and they fork. Then the logs of the honest members are put together, and an [audit](crate::audit) must name
//! `f + 1` of the liars, and nobody else.

use crate::audit::{Held, culprits};
use crate::checkers::Violation;
use crate::fault::{Fault, Step, Trap};
use crate::keys;
use crate::network::Kind;
use crate::outcome::Outcome;
use crate::plan::{Network, Plan, START_US};
use crate::random::Random;
use crate::world::World;
use outvote_crypto::Keyring;
use outvote_types::{Digest, Quorum, ReplicaId};
use std::collections::BTreeSet;

/// How long the two sides go on after they have parted, microseconds.
const APART_US: u64 = 4_000_000;
/// What a game of its own means for the generator.
const SALT: u64 = 0x636f_6c6c_7564_6572;

/// Who is on which side; who is on none lies on both.
struct Sides {
    first: Vec<ReplicaId>,
    second: Vec<ReplicaId>,
    liars: BTreeSet<ReplicaId>,
}

/// Draws liars and sides such that each side has a quorum with the liars.
fn sides(quorum: Quorum, random: &mut Random) -> Sides {
    let mut everybody: Vec<ReplicaId> = quorum.members().collect();
    let mut take = |count: usize| -> Vec<ReplicaId> {
        (0..count).map(|_| everybody.remove(random.below(everybody.len() as u64) as usize)).collect()
    };
    let f = quorum.f();
    // With fewer, one side would lack a quorum when the honest members are halved.
    let lying = (f + 1..=2 * f).filter(|lying| (quorum.n() - lying) / 2 + lying >= quorum.quorum());
    let lying: Vec<usize> = lying.collect();
    let lying = lying.get(quorum.n() % lying.len().max(1)).copied().unwrap_or(2 * f);
    let liars = take(lying).into_iter().collect();
    let first = take((quorum.n() - lying) / 2);
    let second = take(quorum.n() - lying - first.len());
    Sides { first, second, liars }
}

/// One side's world: all as planned, but the other side is cut off.
fn side(plan: &Plan, apart_us: u64, others: &[ReplicaId], keep_text: bool) -> World {
    let mut plan = plan.clone();
    plan.faults.push((apart_us, Fault::Partition(others.to_vec())));
    plan.faults.sort_by_key(|(at, _)| *at);
    let mut world = World::new(plan);
    if keep_text {
        world.trace.keep_text();
    }
    world.run_for(apart_us - START_US + APART_US);
    world
}

fn plan(seed: u64, replicas: usize, random: &mut Random) -> Plan {
    let mut plan = Plan::quiet(seed, replicas);
    plan.clients = 2;
    plan.requests_per_client = 60;
    plan.think_us = random.between(10_000, 40_000);
    plan.tunables.batch_count_max = *random.pick(&[1, 2, 5, 50]);
    plan.tunables.in_flight_max = *random.pick(&[1, 2, 4, 8]);
    plan.network = Network {
        delay_max_us: random.between(1_000, 20_000),
        loss: *random.pick(&[0, 0, 10_000]),
        reordering: random.chance(500_000),
        ..Network::calm()
    };
    // Leaders die now and then, so that the sides fork in one view or across several.
    for _ in 0..random.below(4) {
        let step = Step::Sends(*random.pick(&[Kind::Propose, Kind::Commit, Kind::NewView]));
        let (is_done, down_us) = (random.chance(500_000), random.between(10_000, 500_000));
        let trap = Trap { leader_only: true, step, is_done, down_us };
        plan.faults.push((START_US + random.between(10_000, APART_US / 2), Fault::Trap(trap)));
    }
    plan
}

/// Plays one seed: a fork of which too few are named, or an honest member named, is a violation.
pub(crate) fn play(seed: u64, replicas: usize, keep_text: bool) -> Outcome {
    let mut random = Random::new(seed ^ SALT);
    let mut outcome = Outcome::blank(seed, replicas);
    let Ok(quorum) = Quorum::byzantine(replicas) else { return outcome };
    let sides = sides(quorum, &mut random);
    let plan = plan(seed, replicas, &mut random);
    let apart_us = START_US + random.between(20_000, 400_000);
    let first = side(&plan, apart_us, &sides.second, keep_text);
    let second = side(&plan, apart_us, &sides.first, keep_text);
    for world in [&first, &second] {
        // Each side is a cluster with no more faulty members than it survives.
        outcome.violations.extend(world.checkers.found().iter().cloned());
        outcome.committed_ops += world.checkers.committed_operations();
        outcome.simulated_us += world.now_us - START_US;
        outcome.coverage.merge(&world.coverage);
    }
    let is_forked = is_forked(&first, &sides.first, &second, &sides.second);
    let mut held = Held::default();
    for (world, honest) in [(&first, &sides.first), (&second, &sides.second)] {
        honest.iter().for_each(|id| held.add(world.machines[id.index()].disk.durable()));
    }
    let scheme = keys::scheme(plan.seed, 0, plan.real_signatures);
    let named = culprits(&Keyring::new(first.committee.clone()), &*scheme, &held);
    let mut report = |name, detail| outcome.violations.push(Violation { at_us: first.now_us, name, detail });
    if let Some(honest) = named.keys().find(|id| !sides.liars.contains(id)) {
        report("honest-accused", format!("the audit names {honest}, which is correct: {:?}", named[honest]));
    }
    let is_enough = named.len() > quorum.f();
    if is_forked && !is_enough {
        let names: Vec<&ReplicaId> = named.keys().collect();
        report("unaccountable", format!("a fork by {:?} of which {names:?} are named", sides.liars));
    }
    *outcome.faults.entry("fork").or_default() += u64::from(is_forked);
    *outcome.faults.entry("fork_with_enough_named").or_default() += u64::from(is_forked && is_enough);
    let (a, text) = first.trace.finish();
    let (b, more) = second.trace.finish();
    outcome.trace_hash = Digest::of_parts(&[&a.0, &b.0]);
    outcome.trace = text.zip(more).map(|(text, more)| text + "the other side\n" + &more);
    outcome
}

/// Whether the honest members of the two sides committed different blocks in one place.
fn is_forked(first: &World, of_first: &[ReplicaId], second: &World, of_second: &[ReplicaId]) -> bool {
    let height = |world: &World, honest: &[ReplicaId]| {
        let committed =
            honest.iter().filter_map(|id| world.status(id.index())).map(|status| status.committed);
        committed.max().unwrap_or_default()
    };
    let common = height(first, of_first).min(height(second, of_second));
    let theirs = second.checkers.committed();
    first
        .checkers
        .committed()
        .range(..=common)
        .any(|(at, id)| theirs.get(at).is_some_and(|other| other != id))
}

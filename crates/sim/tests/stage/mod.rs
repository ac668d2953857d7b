//! A small language for scenarios.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

use outvote_adversary::Behaviour;
use outvote_replica::{Note, Status};
use outvote_sim::{Plan, World};
use outvote_types::ReplicaId;

pub const SECOND: u64 = 1_000_000;

pub fn id(index: usize) -> ReplicaId {
    ReplicaId(u16::try_from(index).expect("a small index"))
}

/// A quiet cluster with one client that has nothing to do yet.
pub fn cluster(replicas: usize) -> World {
    with(Plan::quiet(1, replicas))
}

pub fn with(plan: Plan) -> World {
    let mut world = World::new(plan);
    world.add_client(0);
    world.run_for(50_000);
    world
}

/// A cluster in which these lie.
pub fn with_liars(replicas: usize, liars: &[(usize, Behaviour)]) -> World {
    let mut plan = Plan::quiet(1, replicas);
    plan.liars = liars.iter().map(|(index, behaviour)| (id(*index), *behaviour)).collect();
    with(plan)
}

pub fn status(world: &World, index: usize) -> Status {
    world.status(index).expect("it runs")
}

/// Nothing broke a rule.
pub fn is_sound(world: &World) {
    assert!(world.checkers.found().is_empty(), "{:?}", world.checkers.found());
    for machine in &world.machines {
        if let Some(replica) = &machine.replica {
            replica.assert_invariants();
        }
    }
}

/// The client submits so many requests and gets all answers within the time.
pub fn commits_within(world: &mut World, requests: u64, us: u64) {
    world.clients[0].want(requests);
    world.wake(0);
    let done = world.run_until(us, |world| world.clients[0].is_done());
    assert!(done, "not done: {:?}", (0..world.machines.len()).map(|i| world.status(i)).collect::<Vec<_>>());
    is_sound(world);
}

pub fn commits(world: &mut World, requests: u64) {
    commits_within(world, requests, 30 * SECOND);
}

/// All correct replicas that run come to the same height.
pub fn converges(world: &mut World) {
    let height = world.checkers.height();
    let is_there = |world: &World| {
        world.correct().all(|index| world.status(index).is_none_or(|status| status.executed.0 >= height))
    };
    assert!(world.run_until(30 * SECOND, is_there), "{:?}", world.status(0));
    is_sound(world);
}

pub fn views(world: &World) -> Vec<u64> {
    (0..world.machines.len()).filter_map(|index| world.status(index)).map(|status| status.view.0).collect()
}

pub fn top_view(world: &World) -> u64 {
    views(world).into_iter().max().unwrap_or_default()
}

/// Whether this replica noted a suspicion for this reason.
pub fn suspected(world: &World, index: usize, why: char) -> bool {
    world.notes.iter().any(|(_, at, note)| {
        *at == id(index) && matches!(note, Note::Suspected { reason, .. } if *reason == why)
    })
}

pub fn crash(world: &mut World, index: usize) {
    world.crash(id(index));
}

pub fn restart(world: &mut World, index: usize) {
    world.restart(id(index));
}

/// Runs a cluster through a whole plan: faults, healing, all work done.
pub fn lives(plan: Plan) -> outvote_sim::Outcome {
    let outcome = outvote_sim::run_plan(plan, false);
    assert!(outcome.is_good(), "{:?} {:?}", outcome.violations, outcome.stall);
    outcome
}

//! A small language for scenarios.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

use outvote_adversary::Behaviour;
use outvote_replica::{Action, Note, Recipients, Status};
use outvote_sim::plan::START_US;
use outvote_sim::{Fault, Kind, Plan, Verdict, World};
use outvote_types::{Message, ReplicaId, decode, encode};
use std::sync::Arc;

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

/// Two clients at work for a second and a half, in which a test lets something fail.
pub fn busy(seed: u64) -> Plan {
    let mut plan = Plan::quiet(seed, 4);
    plan.clients = 2;
    plan.requests_per_client = 15;
    plan.think_us = 2_000;
    plan.heal_us = START_US + 1_500_000;
    plan
}

/// A cluster in which these lie.
pub fn with_liars(replicas: usize, liars: &[(usize, Behaviour)]) -> World {
    let mut plan = Plan::quiet(1, replicas);
    plan.liars = liars.iter().map(|(index, behaviour)| (id(*index), *behaviour)).collect();
    with(plan)
}

/// The message that a liar is about to send.
pub fn read(action: &Action) -> Option<Message> {
    match action {
        Action::Send { frame, .. } => decode(frame).ok(),
        _ => None,
    }
}

pub fn to_all(message: &Message) -> Action {
    Action::Send { to: Recipients::Others, urgent: true, frame: Arc::from(encode(message)) }
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

/// In view 0 one replica alone locks a long chain. In view 1 the others lock a short one, and one of them commits it. Then the
/// two that did not and the one with the long chain are to open view 2 together.
pub fn long_against_short() -> World {
    let mut world = cluster(4);
    let extra = world.add_client(0);
    let common = status(&world, 0).committed;
    // PREPAREs reach 3 alone, and what 3 says reaches nobody.
    world.rule(Some(3), None, None, Verdict::Drop);
    for to in [0, 1, 2] {
        world.rule(None, Some(to), Some(Kind::Prepare), Verdict::Drop);
    }
    for nonce in 1..=6 {
        world.request(extra, nonce, b"in the long chain", &[0, 1, 2]);
        world.run_for(10_000);
    }
    let long = status(&world, 3).high_rank;
    world.strike(&Fault::Partition(vec![id(3)]));
    // Nobody else saw a certificate of view 0, so view 1 begins anew. COMMITs reach 0 alone.
    let is_in = |world: &World, view: u64| (1..3).all(|index| status(world, index).view.0 == view);
    let mut is_set = world.run_until(5 * SECOND, |world| is_in(world, 1));
    world.links.rules.clear();
    for to in [1, 2] {
        for kind in [Kind::Commit, Kind::Certificate, Kind::Data] {
            world.rule(None, Some(to), Some(kind), Verdict::Drop);
        }
    }
    is_set &= world.run_until(5 * SECOND, |world| status(world, 0).committed > common);
    let short = status(&world, 0).committed;
    // View 1 ends, and 2 is not to open view 2 before 3 is back.
    for kind in [Kind::Prepare, Kind::Commit, Kind::ViewChange] {
        world.rule(None, None, Some(kind), Verdict::Drop);
    }
    is_set &= world.run_until(20 * SECOND, |world| is_in(world, 2));
    crash(&mut world, 0);
    is_set &= (1..4).all(|index| status(&world, index).committed == common) && long.sequence > short;
    assert!(
        is_set,
        "the stage is not set: {long:?}, {:?}",
        (1..4).map(|i| world.status(i)).collect::<Vec<_>>()
    );
    world.links.rules.clear();
    world.links.mend();
    world
}

/// A replica loses its state but not its log, and fetches a checkpoint below its lock.
pub fn a_state_below_the_lock() -> World {
    let mut world = with(Plan::with_checkpoints(3, 4, 4));
    try_commits(&mut world, 62);
    // The last block's certificate of PREPAREs is its lock; that it was committed it never hears.
    for kind in [Kind::Commit, Kind::Certificate, Kind::Data] {
        world.rule(None, Some(3), Some(kind), Verdict::Drop);
    }
    try_commits(&mut world, 1);
    crash(&mut world, 3);
    world.links.rules.clear();
    world.rule(None, Some(3), Some(Kind::Certificate), Verdict::Drop);
    world.machines[3].wipe_state();
    restart(&mut world, 3);
    let _ = world.run_until(10 * SECOND, |world| world.faults.contains_key("state_transfer"));
    world.links.rules.clear();
    world
}

/// A laggard has put a part of a checkpoint's state in place when all others restart and lose what they kept of it; one of
/// them stays away, so the next checkpoint needs the laggard.
pub fn a_transfer_that_nobody_can_finish() -> World {
    let mut plan = Plan::with_checkpoints(5, 4, 4);
    (plan.flush_blocks, plan.gives_up_blocks) = (1, false);
    let mut world = with(plan);
    try_commits(&mut world, 6);
    crash(&mut world, 3);
    // Ahead of what is kept for laggards, and not at a checkpoint, where a restart would take it again.
    while status(&world, 0).executed.0 < 30 || status(&world, 0).executed.0.is_multiple_of(4) {
        try_commits(&mut world, 1);
    }
    // For a while nobody finds its blocks, or the laggard would be there before it has begun.
    let hidden: Vec<_> = (0..3).map(|index| std::mem::take(&mut world.machines[index].archive)).collect();
    restart(&mut world, 3);
    let is_half_way = |world: &World| {
        let executor = world.machines[3].executor.as_ref();
        executor.is_some_and(|executor| executor.interrupted_transfer().is_some())
    };
    assert!(world.run_until(10 * SECOND, is_half_way), "it fetches no state: {:?}", status(&world, 3));
    for (index, archive) in hidden.into_iter().enumerate() {
        crash(&mut world, index);
        world.machines[index].archive = archive;
    }
    restart(&mut world, 1);
    restart(&mut world, 2);
    world
}

/// All but a laggard restart far above the last stable checkpoint, with what lies below it given up, and one of them never comes
/// back: nothing is committed before the laggard has that checkpoint's state.
pub fn all_who_have_the_state_restart() -> World {
    let mut plan = Plan::with_checkpoints(11, 4, 8);
    (plan.flush_blocks, plan.gives_up_blocks) = (1, true);
    let mut world = with(plan);
    try_commits(&mut world, 3);
    crash(&mut world, 3);
    while status(&world, 1).executed.0 < 30 || status(&world, 1).executed.0.is_multiple_of(8) {
        try_commits(&mut world, 1);
    }
    for index in 0..3 {
        crash(&mut world, index);
    }
    for index in 1..4 {
        restart(&mut world, index);
    }
    world
}

/// As [`commits`], without looking whether all is sound: a planted bug may have shown already.
fn try_commits(world: &mut World, requests: u64) {
    world.clients[0].want(requests);
    world.wake(0);
    world.run_until(30 * SECOND, |world| world.clients[0].is_done());
}

//! What the swarm draws, one thing at a time: networks of odd shapes, stopped processes, deaths at each step of the protocol.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_sim::plan::START_US;
use outvote_sim::{Fault, Kind, Plan, Step, Trap};

/// A busy plan with these faults.
fn struck(seed: u64, faults: Vec<(u64, Fault)>) -> Plan {
    let mut plan = busy(seed);
    plan.faults = faults.into_iter().map(|(after, fault)| (START_US + after, fault)).collect();
    plan
}

// Faults: P03
#[test]
fn a_leader_may_die_at_every_step_of_the_protocol() {
    let mut deaths = 0;
    for (number, step) in Step::ALL.into_iter().enumerate() {
        for is_done in [false, true] {
            let trap = Trap { leader_only: true, step, is_done, down_us: 300_000 };
            let seed = 900 + number as u64;
            let mut plan = struck(seed, vec![(30_000, Fault::Trap(trap)), (200_000, Fault::Crash(id(2)))]);
            plan.faults.push((START_US + 700_000, Fault::Restart(id(2))));
            plan.parameters.checkpoint_interval = 4;
            let outcome = lives(plan);
            deaths += outcome.faults.get("killed_at_step").copied().unwrap_or_default();
        }
    }
    assert!(deaths >= 20, "only {deaths} deaths: the steps are not taken");
}

// Faults: P13, S22, S23
#[test]
fn anybody_may_die_while_a_view_changes_or_a_state_is_fetched() {
    let kinds = [Kind::Suspect, Kind::Timeout, Kind::ViewChange, Kind::NewView, Kind::Fetch, Kind::Data];
    let steps = kinds.map(Step::Sends).into_iter().chain([Step::FetchesState, Step::Serves, Step::Truncates]);
    let mut deaths = 0;
    for (number, step) in steps.enumerate() {
        for is_done in [false, true] {
            let trap = Trap { leader_only: false, step, is_done, down_us: 100_000 };
            let faults = vec![
                (20_000, Fault::Crash(id(3))),
                (150_000, Fault::Crash(id(0))),
                (151_000, Fault::Trap(trap)),
                (152_000, Fault::Trap(trap)),
                (400_000, Fault::Restart(id(3))),
                (500_000, Fault::Restart(id(0))),
            ];
            let mut plan = struck(950 + number as u64, faults);
            plan.parameters.checkpoint_interval = 4;
            plan.flush_blocks = 1;
            deaths += lives(plan).faults.get("killed_at_step").copied().unwrap_or_default();
        }
    }
    assert!(deaths >= 12, "only {deaths} deaths: the steps are not taken");
}

// Faults: P14
#[test]
fn power_fails_again_and_again_during_recovery() {
    for seed in 0..4 {
        let nested = (0..5u64).flat_map(|round| {
            let at = 100_000 + round * 9_000;
            [(at, Fault::Crash(id(1))), (at + 4_000 + seed * 900, Fault::Restart(id(1)))]
        });
        let mut plan = struck(970 + seed, nested.collect());
        plan.scattered_writes = true;
        lives(plan);
    }
}

// Faults: P05
#[test]
fn a_leader_that_was_stopped_is_replaced_and_its_old_words_do_no_harm() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    let leader = status(&world, 1).leader;
    world.strike(&Fault::Pause(leader));
    let height = world.checkers.height();
    commits(&mut world, 5);
    assert!(world.checkers.height() > height && status(&world, 1).leader != leader);
    let views = top_view(&world);
    world.run_for(10 * SECOND);
    world.strike(&Fault::Resume(leader));
    commits(&mut world, 5);
    converges(&mut world);
    assert!(top_view(&world) <= views + 1, "{:?}", crate::stage::views(&world));
}

// Faults: P06, C04
#[test]
fn processes_that_are_all_stopped_go_on_where_they_were() {
    for stopped in [2, 4] {
        let mut world = cluster(4);
        commits(&mut world, 3);
        let before = top_view(&world);
        (0..stopped).for_each(|index| world.strike(&Fault::Pause(id(index))));
        let height = world.checkers.height();
        world.clients[0].want(2);
        world.wake(0);
        world.run_for(60 * SECOND);
        assert_eq!(world.checkers.height(), height, "without a quorum nothing is agreed");
        (0..stopped).for_each(|index| world.strike(&Fault::Resume(id(index))));
        assert!(world.run_until(5 * SECOND, |world| world.clients[0].is_done()));
        converges(&mut world);
        if stopped == 4 {
            assert!(top_view(&world) <= before + 1, "{:?}", views(&world));
        }
    }
}

// Faults: N06
#[test]
fn a_ring_and_a_bridge_are_survived() {
    for shape in [Fault::Ring, Fault::Bridge(id(1))] {
        for replicas in [4, 7] {
            let mut world = cluster(replicas);
            commits(&mut world, 3);
            world.strike(&shape);
            // With four members a bridge joins each half to three of them; in a ring of seven nobody hears a quorum.
            world.clients[0].want(3);
            world.wake(0);
            world.run_for(3 * SECOND);
            world.strike(&Fault::Mend);
            assert!(world.run_until(30 * SECOND, |world| world.clients[0].is_done()));
            converges(&mut world);
        }
    }
}

// Faults: N07
#[test]
fn requests_reach_a_leader_that_no_client_reaches() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    let view = top_view(&world);
    world.strike(&Fault::ClientsLoseLeader);
    commits_within(&mut world, 10, 5 * SECOND);
    assert_eq!(top_view(&world), view, "others relay what it cannot hear");
}

// Faults: N08, N09
#[test]
fn clogged_links_keep_few_messages_and_come_back_in_any_order() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    let links: Vec<_> =
        (0..4).flat_map(|a| (0..4).filter(move |b| *b != a).map(move |b| (id(a), id(b)))).collect();
    for (from, to) in &links {
        world.strike(&Fault::Clog(*from, *to));
        world.run_for(20_000);
    }
    world.clients[0].want(5);
    world.wake(0);
    world.run_for(5 * SECOND);
    let lost = world.links.lost;
    assert!(lost > 0, "queues of {} messages overflow in five seconds", world.plan.clog_max);
    for (from, to) in links.iter().rev().step_by(2).chain(links.iter().step_by(2)) {
        world.strike(&Fault::Unclog(*from, *to));
        world.run_for(30_000);
    }
    assert!(world.run_until(10 * SECOND, |world| world.clients[0].is_done()));
    converges(&mut world);
}

// Faults: N19
#[test]
fn a_blip_of_everything_is_over_when_it_is_over() {
    let mut world = cluster(4);
    commits(&mut world, 5);
    world.strike(&Fault::Blip);
    world.run_for(SECOND);
    world.strike(&Fault::BlipOver);
    world.clients[0].want(1);
    world.wake(0);
    assert!(world.run_until(3 * SECOND, |world| world.clients[0].is_done()), "a hangover");
    converges(&mut world);
}

// Faults: N20
#[test]
fn zones_of_the_world_cause_no_change_of_view() {
    let mut plan = Plan::quiet(5, 4);
    plan.zones = vec![0, 1, 2, 3];
    let mut world = with(plan);
    commits(&mut world, 20);
    world.run_for(5 * SECOND);
    commits(&mut world, 20);
    assert_eq!(top_view(&world), 0, "{:?}", views(&world));
}

// Faults: N18
#[test]
fn commits_follow_soon_after_a_time_without_any_order() {
    let mut plan = Plan::quiet(6, 4);
    plan.network.delay_max_us = 4 * SECOND;
    plan.network.reordering = true;
    let mut world = with(plan);
    world.clients[0].want(5);
    world.wake(0);
    world.run_for(60 * SECOND);
    world.heal();
    let window =
        (0..4).filter_map(|index| world.status(index)).map(|status| status.timeout_us).max().unwrap();
    assert!(
        world.run_until(3 * window, |world| world.clients[0].is_done()),
        "longer than 3 windows of {window}"
    );
    converges(&mut world);
}

// Faults: R21
#[test]
fn larger_clusters_live_through_their_seeds() {
    for (seed, replicas) in [(21, 10), (85, 13)] {
        let outcome = outvote_sim::run(seed, replicas, false);
        assert!(outcome.is_good(), "{:?} {:?}", outcome.violations, outcome.stall);
    }
}

//! Scenarios of `docs/protocol.md` section 9 about disks, power and restarts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod stage;

use outvote_adversary::Behaviour;
use outvote_replica::{Event, Voting};
use outvote_sim::plan::START_US;
use outvote_sim::{Fault, Kind, Plan, Verdict, World};
use outvote_types::{Data, Fetch, Sequence, View};
use stage::*;

fn busy(seed: u64) -> Plan {
    let mut plan = Plan::quiet(seed, 4);
    plan.clients = 2;
    plan.requests_per_client = 15;
    plan.think_us = 2_000;
    plan.heal_us = START_US + 1_500_000;
    plan
}

/// Scenario 23. D3, D7
#[test]
fn a_crash_at_any_moment_leads_to_no_second_vote() {
    for step in 0..60u64 {
        let mut plan = busy(step);
        let victim = id(usize::try_from(step % 4).unwrap());
        let at = START_US + 3_000 + step * 217;
        plan.faults = vec![(at, Fault::Crash(victim)), (at + 30_000, Fault::Restart(victim))];
        lives(plan);
    }
}

/// Scenario 24. D7, D9, V7
#[test]
fn half_of_the_cluster_all_of_it_and_one_after_the_other_restart() {
    let mut world = cluster(4);
    commits(&mut world, 10);
    for group in [vec![0, 1], vec![0, 1, 2, 3], vec![0], vec![1], vec![2], vec![3]] {
        group.iter().for_each(|index| crash(&mut world, *index));
        world.run_for(100_000);
        group.iter().for_each(|index| restart(&mut world, *index));
        commits(&mut world, 5);
        converges(&mut world);
    }
}

/// Scenario 25. D16, D17
#[test]
fn a_wiped_disk_makes_an_observer() {
    let mut world = cluster(4);
    commits(&mut world, 10);
    crash(&mut world, 3);
    world.machines[3].disk.wipe();
    world.machines[3].wipe_state();
    world.machines[3].voting = Voting::Observer { why: "the disk was wiped" };
    restart(&mut world, 3);
    commits(&mut world, 10);
    converges(&mut world);
    assert!(status(&world, 3).observer);
    assert_eq!(status(&world, 3).executed.0, world.checkers.height(), "it follows");
    // Its vote is not there to be counted.
    crash(&mut world, 2);
    let height = world.checkers.height();
    world.clients[0].want(1);
    world.wake(0);
    world.run_for(5 * SECOND);
    assert_eq!(world.checkers.height(), height, "two voters and an observer are no quorum");
}

/// D18, D22: it is shown what it forgot as soon as it is back, so not even its first VIEWCHANGE leaves.
#[test]
fn an_old_copy_of_a_disk_is_found_out_before_it_votes() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.strike(&Fault::CopyDisk(id(3)));
    for victim in [0, 1] {
        crash(&mut world, victim);
        commits(&mut world, 3);
        restart(&mut world, victim);
    }
    let height = world.checkers.height();
    world.strike(&Fault::OldCopy(id(3)));
    assert!(status(&world, 3).executed.0 < height, "it has forgotten");
    commits(&mut world, 3);
    converges(&mut world);
    assert!(status(&world, 3).observer);
    // Nobody needs to show it anything again.
    crash(&mut world, 3);
    world.rule(None, Some(3), None, Verdict::Drop);
    restart(&mut world, 3);
    assert!(status(&world, 3).observer);
}

/// D18: a copy that was put back before anything else was signed has lost nothing.
#[test]
fn a_copy_that_is_not_old_silences_nobody() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.run_for(SECOND);
    world.strike(&Fault::CopyDisk(id(3)));
    world.strike(&Fault::OldCopy(id(3)));
    commits(&mut world, 30);
    crash(&mut world, 0);
    commits(&mut world, 3);
    converges(&mut world);
    assert!((1..4).all(|index| !status(&world, index).observer));
}

/// D18, D22: whenever the copy was taken and put back, nobody else is harmed, and who relied upon what it said shows it.
#[test]
fn an_old_copy_put_back_at_any_moment_does_no_harm() {
    for step in 0..40u64 {
        let mut plan = busy(700 + step);
        let victim = id(usize::try_from(step % 4).unwrap());
        plan.liars = vec![(victim, Behaviour::Honest)];
        let copied = START_US + 2_000 + step * 311;
        plan.faults =
            vec![(copied, Fault::CopyDisk(victim)), (copied + 10_000 + step * 7_000, Fault::OldCopy(victim))];
        lives(plan);
    }
}

/// Scenario 35. D2, T4
#[test]
fn a_suspicion_certificate_outlives_the_power() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    for to in [0, 3] {
        world.rule(None, Some(to), Some(Kind::Timeout), Verdict::Drop);
        world.rule(None, Some(to), Some(Kind::Suspect), Verdict::Drop);
        world.rule(None, Some(to), Some(Kind::ViewChange), Verdict::Drop);
        world.rule(None, Some(to), Some(Kind::NewView), Verdict::Drop);
    }
    // 1, 2 and 3 suspect; only 1 and 2 learn that they are a quorum.
    world.rule(Some(0), None, None, Verdict::Drop);
    assert!(world.run_until(20 * SECOND, |w| status(w, 1).view > View(0) || status(w, 2).view > View(0)));
    world.run_for(20_000);
    (0..4).for_each(|index| crash(&mut world, index));
    world.links.rules.clear();
    (0..4).for_each(|index| restart(&mut world, index));
    commits(&mut world, 3);
    converges(&mut world);
}

/// Scenario 36. D7, D9
#[test]
fn stopping_starting_and_killing_leads_to_no_second_prepare() {
    for step in 0..20u64 {
        let mut plan = busy(100 + step);
        let at = START_US + 10_000 + step * 400;
        plan.faults = vec![
            (at, Fault::Crash(id(1))),
            (at + 5_000, Fault::Restart(id(1))),
            (at + 6_000 + step * 150, Fault::Crash(id(1))),
            (at + 20_000, Fault::Restart(id(1))),
        ];
        lives(plan);
    }
}

/// Scenario 41. D10, V4
#[test]
fn a_leader_that_restarts_hands_over_at_once() {
    let mut world = cluster(4);
    commits(&mut world, 5);
    crash(&mut world, 0);
    world.run_for(5_000);
    restart(&mut world, 0);
    let before = world.now_us;
    assert!(world.run_until(SECOND, |w| status(w, 2).view == View(1) && status(w, 2).normal));
    assert!(world.now_us - before < 100_000, "it took {} us", world.now_us - before);
    is_sound(&world);
}

/// D10: the others do not even have to miss it.
#[test]
fn a_leader_that_stops_in_order_hands_over_before_it_is_gone() {
    let mut world = cluster(4);
    commits(&mut world, 5);
    world.feed(id(0), Event::Stopping);
    world.run_for(2_000);
    crash(&mut world, 0);
    let before = world.now_us;
    assert!(world.run_until(SECOND, |w| status(w, 2).view == View(1) && status(w, 2).normal));
    assert!(world.now_us - before < 20_000, "it took {} us", world.now_us - before);
    assert!((1..4).all(|other| suspected(&world, other, 'd')));
    commits(&mut world, 5);
    restart(&mut world, 0);
    converges(&mut world);
}

/// D10, V18: a farewell at any moment, of a leader that is just opening its view, too, is no second word of it.
#[test]
fn a_leader_that_stops_at_any_moment_of_a_change_of_view_opens_it_once_at_most() {
    for step in 0..60u64 {
        let mut world = with(Plan { seed: 700 + step, ..Plan::quiet(700 + step, 4) });
        commits(&mut world, 3);
        crash(&mut world, 0);
        assert!(world.run_until(5 * SECOND, |w| status(w, 1).view == View(1)));
        world.run_for(step * 30);
        world.feed(id(1), Event::Stopping);
        restart(&mut world, 0);
        world.run_for(10_000);
        crash(&mut world, 1);
        commits(&mut world, 3);
        restart(&mut world, 1);
        converges(&mut world);
        assert!(world.accused.is_empty(), "{:?}", world.accused);
    }
}

/// Scenario 46. X2, X3
#[test]
fn a_leader_that_crashes_between_opening_and_flush_is_not_accused() {
    for step in 0..25u64 {
        let mut world = with(Plan { seed: 300 + step, ..Plan::quiet(300 + step, 4) });
        commits(&mut world, 3);
        crash(&mut world, 0);
        assert!(world.run_until(5 * SECOND, |w| status(w, 1).view == View(1)));
        world.run_for(step * 60);
        crash(&mut world, 1);
        restart(&mut world, 0);
        world.run_for(50_000);
        restart(&mut world, 1);
        commits(&mut world, 3);
        assert!(world.accused.is_empty(), "{:?}", world.accused);
    }
}

/// Scenario 47. D18
#[test]
fn a_suspicion_that_outran_the_disk_silences_nobody() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.rule(Some(0), None, Some(Kind::Heartbeat), Verdict::Drop);
    world.rule(Some(0), None, Some(Kind::Propose), Verdict::Drop);
    assert!(world.run_until(5 * SECOND, |w| suspected(w, 1, 'a') || suspected(w, 2, 'a')));
    (0..4).for_each(|index| crash(&mut world, index));
    world.links.rules.clear();
    (0..4).for_each(|index| restart(&mut world, index));
    commits(&mut world, 5);
    world.run_for(3 * SECOND);
    assert!((0..4).all(|index| !status(&world, index).observer));
}

/// Scenario 48. V7, D7, T1
#[test]
fn a_power_loss_of_the_whole_cluster_costs_one_change_of_the_view() {
    let mut world = cluster(4);
    commits(&mut world, 20);
    (0..4).for_each(|index| crash(&mut world, index));
    world.run_for(SECOND);
    (0..4).for_each(|index| restart(&mut world, index));
    commits(&mut world, 20);
    world.run_for(4 * SECOND);
    commits(&mut world, 1);
    assert_eq!(views(&world), [1, 1, 1, 1]);
    assert_eq!(status(&world, 2).timeout_us, 500_000);
}

/// Scenario 49, with the tests of that name in the storage crate (the pair of promises in one write) and in ring 1 (epochs).
/// D13, D15
#[test]
fn torn_groups_at_power_loss_leave_no_lock_without_its_block() {
    for step in 0..30u64 {
        let mut plan = busy(500 + step);
        plan.disk_us = 4_000;
        let at = START_US + 5_000 + step * 411;
        let all = (0..4).map(id);
        plan.faults = all.clone().map(|id| (at, Fault::Crash(id))).collect();
        plan.faults.extend(all.map(|id| (at + 50_000, Fault::Restart(id))));
        lives(plan);
    }
}

/// Scenario 37. C7, D21
#[test]
fn a_state_transfer_to_below_the_lock_keeps_the_lock_and_its_block() {
    let mut world = a_state_below_the_lock();
    assert!(world.faults.contains_key("state_transfer"), "the state came from peers");
    let lock = status(&world, 3).high_rank;
    assert!(lock.sequence > status(&world, 3).stable, "the lock lies above what was fetched");
    // The others that hold the block are fewer than a quorum, so the replica with the old lock must bring its own.
    crash(&mut world, 0);
    commits(&mut world, 5);
    assert!(top_view(&world) >= 1);
    assert!(status(&world, 3).high_rank > lock);
    restart(&mut world, 0);
    converges(&mut world);
}

/// C11
#[test]
fn a_laggard_gives_up_a_transfer_that_nobody_can_finish_and_goes_on_by_blocks() {
    let mut world = a_transfer_that_nobody_can_finish();
    commits_within(&mut world, 40, 60 * SECOND);
    assert!(world.faults.contains_key("state_restored"), "{:?}", world.faults);
    restart(&mut world, 0);
    converges(&mut world);
}

/// C6, D5: where blocks are given up, the last stable checkpoint outlives the processes that took it.
#[test]
fn a_laggard_fetches_the_state_from_replicas_that_have_all_restarted() {
    let mut world = all_who_have_the_state_restart();
    commits_within(&mut world, 10, 60 * SECOND);
    assert!(world.faults.contains_key("state_transfer"), "{:?}", world.faults);
    restart(&mut world, 0);
    converges(&mut world);
}

/// C5: a laggard's range ends with a block's own certificate, so a restart must not lose those of blocks that it commits again.
#[test]
fn certificates_come_back_from_the_log_with_their_blocks() {
    let mut plan = Plan::quiet(17, 4);
    plan.flush_blocks = u64::MAX;
    let mut world = with(plan);
    commits(&mut world, 12);
    let last = status(&world, 1).executed;
    // Blocks that can be had under a certificate of their own.
    let certified = |world: &World| -> Vec<u64> {
        let has_own = |at: &u64| {
            let (first, last) = (Sequence(*at), Sequence(*at));
            let fetch = Fetch::Range { first, last, replica: id(3) };
            matches!(world.machines[1].serve(&fetch), Some(Data::Range { certificate, .. }) if certificate.sequence.0 == *at)
        };
        (1..=last.0).filter(has_own).collect()
    };
    let before = certified(&world);
    assert!(before.len() > 8, "{before:?} of {last:?}");
    crash(&mut world, 1);
    restart(&mut world, 1);
    world.run_until(10 * SECOND, |world| status(world, 1).executed >= last);
    assert_eq!(certified(&world), before);
}

/// Scenario 10: other checkpoints among those who change the view. V16, C7
#[test]
fn replicas_with_different_checkpoints_change_the_view() {
    let mut world = with(Plan::with_checkpoints(9, 4, 4));
    world.strike(&Fault::Partition(vec![id(3)]));
    commits(&mut world, 12);
    world.links.mend();
    crash(&mut world, 0);
    commits(&mut world, 5);
    converges(&mut world);
}

/// Scenario 11. N7
#[test]
fn a_replica_that_stabilises_late_is_no_reason_for_mutiny() {
    let mut world = with(Plan::with_checkpoints(9, 4, 4));
    world.rule(None, Some(3), Some(Kind::Checkpoint), Verdict::Drop);
    world.rule(None, Some(3), Some(Kind::Stable), Verdict::Drop);
    commits(&mut world, 40);
    assert_eq!(top_view(&world), 0);
    world.links.rules.clear();
    commits(&mut world, 5);
    converges(&mut world);
}

/// Scenario 13. C2, V14
#[test]
fn a_checkpoint_that_stabilises_after_the_suspicion_does_no_harm() {
    let mut world = with(Plan::with_checkpoints(9, 4, 4));
    world.rule(None, None, Some(Kind::Checkpoint), Verdict::Hold);
    commits(&mut world, 6);
    crash(&mut world, 0);
    assert!(world.run_until(5 * SECOND, |w| suspected(w, 1, 'i') || suspected(w, 1, 'a')));
    world.lift_rules();
    commits(&mut world, 6);
    assert!(status(&world, 1).stable >= Sequence(4));
    restart(&mut world, 0);
    converges(&mut world);
}

/// Checkpoints that bytes bring stand at the same blocks on every replica, through restarts between them and a state
/// transfer; each of them becomes stable. C1
#[test]
fn checkpoints_by_bytes_are_agreed_through_restarts_and_transfers() {
    let mut plan = Plan::with_checkpoints(9, 4, 1_000);
    plan.parameters.checkpoint_bytes = 2_000;
    plan.flush_blocks = 1;
    let mut world = with(plan);
    commits(&mut world, 13);
    for index in [1, 2, 3, 0] {
        crash(&mut world, index);
        commits(&mut world, 3);
        restart(&mut world, index);
        commits(&mut world, 4);
    }
    world.strike(&Fault::Partition(vec![id(3)]));
    commits(&mut world, 60);
    world.links.mend();
    assert!(world.run_until(30 * SECOND, |world| world.faults.contains_key("state_transfer")));
    converges(&mut world);
    commits(&mut world, 20);
    converges(&mut world);
    world.run_for(5 * SECOND);
    for index in 0..4 {
        let (stable, executed) = (status(&world, index).stable, status(&world, index).executed);
        assert!(stable.0 + 10 > executed.0, "replica {index}: {stable:?} of {executed:?}");
    }
}

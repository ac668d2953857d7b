//! Scenarios of `docs/protocol.md` section 9 about disks, power and restarts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_replica::Event;
use outvote_sim::plan::START_US;
use outvote_sim::{Fault, Kind, Plan, Verdict, World};
use outvote_types::{Data, Fetch, Sequence, View};

/// Scenario 23. D3, D7
// Faults: R24, S06
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

/// Scenario 23: the power fails after each single record of the log, with more that was signed or written and not flushed.
/// D3, D7
// Faults: R24
#[test]
fn a_crash_after_any_record_of_the_log_leads_to_no_second_vote() {
    for (victim, torn_writes) in [(0, false), (0, true), (1, false), (1, true)] {
        for records in 1..40 {
            let mut world = with(Plan { torn_writes, disk_us: 2_000, ..Plan::quiet(records, 4) });
            world.clients[0].want(20);
            world.wake(0);
            let is_there =
                |world: &World| world.machines[victim].disk.len() >= usize::try_from(records).unwrap();
            while !is_there(&world) {
                assert!(world.step());
            }
            crash(&mut world, victim);
            world.run_for(3_000);
            restart(&mut world, victim);
            commits(&mut world, 3);
            converges(&mut world);
            assert!(world.accused.is_empty(), "{:?}", world.accused);
        }
    }
}

/// Scenario 24. D7, D9, V7
// Faults: P02, P06
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

/// Scenario 35. D2, T4
// Faults: P13
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
    let is_in = |world: &World, wanted: u64| (1..3).all(|index| status(world, index).view == View(wanted));
    assert!(is_in(&world, 1) && status(&world, 3).view == View(0), "{:?}", views(&world));
    (0..4).for_each(|index| crash(&mut world, index));
    // Nothing but the certificate itself can bring 3 into view 1: nobody suspects aloud again, and no later message counts.
    world.links.rules.clear();
    for kind in [Kind::Suspect, Kind::ViewChange, Kind::NewView, Kind::Certificate] {
        world.rule(None, None, Some(kind), Verdict::Drop);
    }
    (0..4).for_each(|index| restart(&mut world, index));
    assert_eq!(views(&world), [0, 1, 1, 0], "what the disks say");
    let resent =
        world.run_until(2 * SECOND, |w| status(w, 0).view == View(1) && status(w, 3).view == View(1));
    assert!(resent, "the certificate is sent again: {:?}", views(&world));
    world.links.rules.clear();
    commits(&mut world, 3);
    converges(&mut world);
}

/// Scenario 36. D7, D9
// Faults: R24
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
// Faults: P10
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

/// D28: a leader whose disk hangs hands over, and is a replica like any other once its disk has finished.
// Faults: S16
#[test]
fn a_leader_whose_disk_hangs_hands_over_and_leads_again_when_it_is_well() {
    let mut world = cluster(4);
    commits(&mut world, 5);
    world.feed(id(0), Event::Disk { is_stuck: true });
    let before = world.now_us;
    assert!(world.run_until(SECOND, |w| status(w, 2).view == View(1) && status(w, 2).normal));
    assert!(world.now_us - before < 20_000, "it took {} us", world.now_us - before);
    assert!((1..4).all(|other| suspected(&world, other, 'd')));
    commits(&mut world, 5);
    // While it hangs, it opens no view, even if it is its turn.
    for leader in 1..4 {
        world.feed(id(leader), Event::Disk { is_stuck: true });
        world.run_for(50_000);
        world.feed(id(leader), Event::Disk { is_stuck: false });
    }
    assert!(world.run_until(5 * SECOND, |w| status(w, 1).view == View(4)));
    world.run_for(100_000);
    assert!(!status(&world, 0).normal);
    world.feed(id(0), Event::Disk { is_stuck: false });
    assert!(world.run_until(SECOND, |w| (0..4).all(|other| status(w, other).normal)));
    assert_eq!(status(&world, 0).leader, id(0));
    commits(&mut world, 5);
    is_sound(&world);
    assert!(world.accused.is_empty(), "{:?}", world.accused);
}

/// D10, V18: a farewell at any moment, of a leader that is just opening its view, too, is no second word of it.
// Faults: P10, P13
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
// Faults: P13
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

/// Scenario 47: what a replica with a slow disk tells of in STATUS and REPLY is no promise, and it may forget it. D18
#[test]
fn a_status_and_a_reply_that_outran_the_disk_silence_nobody() {
    let mut plan = Plan::quiet(47, 4);
    plan.torn_writes = false;
    let mut world = with(plan);
    commits(&mut world, 3);
    world.machines[3].disk_us = 3 * SECOND;
    world.run_for(SECOND / 10);
    commits_within(&mut world, 20, 2 * SECOND);
    world.run_for(SECOND + SECOND / 10);
    let on_disk = world.machines[3].disk.promise().unwrap().high_rank.sequence;
    let said = world.machines[0]
        .replica
        .as_ref()
        .unwrap()
        .peer_statuses()
        .find(|peer| peer.replica == id(3))
        .copied()
        .unwrap();
    assert!(said.committed > on_disk && said.rank.sequence > on_disk, "{said:?} outran {on_disk}");
    let replied = *world.machines[3].archive.replies.keys().next_back().unwrap();
    assert!(replied > on_disk, "a REPLY for {replied} outran {on_disk}");
    let height = world.checkers.height();
    crash(&mut world, 3);
    world.machines[3].disk_us = 500;
    restart(&mut world, 3);
    assert!(status(&world, 3).high_rank.sequence.0 < height, "it has forgotten");
    world.run_for(2 * SECOND);
    assert!(!status(&world, 3).observer);
    crash(&mut world, 1);
    commits(&mut world, 5);
    converges(&mut world);
    assert!([0, 2, 3].iter().all(|index| !status(&world, *index).observer), "its vote is needed and counts");
}

/// Scenario 48. V7, D7, T1
// Faults: P02
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
// Faults: S06
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
// Faults: X05
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

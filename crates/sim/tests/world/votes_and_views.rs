//! Scenarios of `docs/protocol.md` section 9 about votes, locks and changes of the view.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::Action;
use outvote_sim::{Fault, Kind, Plan, Verdict, World};
use outvote_types::{Instant, Rank, Sequence, View};

/// Scenario 1. Q1
// Faults: N04
#[test]
fn halves_of_a_split_committee_never_decide_apart() {
    for n in [5, 6, 8, 9] {
        let mut world = cluster(n);
        commits(&mut world, 5);
        let height = world.checkers.height();
        world.strike(&Fault::Partition((0..n / 2).map(id).collect()));
        world.clients[0].want(5);
        world.wake(0);
        world.run_for(5 * SECOND);
        assert_eq!(world.checkers.height(), height, "n = {n}: a half decided alone");
        world.heal();
        commits(&mut world, 1);
        converges(&mut world);
    }
}

/// Scenario 2. D1, V14
// Faults: L13
#[test]
fn a_block_that_one_replica_saw_committed_survives_the_leader() {
    let mut world = cluster(4);
    for to in [0, 1, 3] {
        world.rule(None, Some(to), Some(Kind::Commit), Verdict::Drop);
    }
    world.clients[0].want(1);
    world.wake(0);
    assert!(world.run_until(SECOND / 3, |w| status(w, 2).committed == Sequence(1)));
    crash(&mut world, 0);
    world.links.rules.clear();
    commits(&mut world, 3);
    assert!(top_view(&world) > 0);
}

/// Scenario 7. Q5
#[test]
fn a_short_certificate_of_a_high_view_outranks_a_long_one_of_a_low_view() {
    let low = Rank { view: View(1), sequence: Sequence(900) };
    let high = Rank { view: View(2), sequence: Sequence(3) };
    assert!(high > low);
    let mut world = long_against_short();
    commits(&mut world, 3);
    converges(&mut world);
    assert!(status(&world, 3).high_rank.view >= View(2));
}

/// Whoever lies about its proposals is convicted by all. C9, N14, V19, X1
// Faults: L01
#[test]
fn an_equivocating_leader_is_convicted_by_everybody_and_stops_nothing() {
    let mut world = with_liars(4, &[(0, Behaviour::Equivocate)]);
    commits(&mut world, 20);
    converges(&mut world);
    for by in 1..4 {
        assert!(
            world.accused.iter().any(|(at, whom, _)| *at == id(by) && *whom == id(0)),
            "{by} has no proof"
        );
    }
    assert!(top_view(&world) >= 1);
}

/// Scenario 12. T4, T6
// Faults: N06
#[test]
fn replicas_that_only_hear_the_old_leader_recover_after_healing() {
    let mut world = cluster(4);
    for (a, b) in [(1, 2), (2, 3), (1, 3)] {
        world.links.cut(id(a), id(b));
        world.links.cut(id(b), id(a));
    }
    world.clients[0].want(3);
    world.wake(0);
    world.run_for(5 * SECOND);
    world.heal();
    commits(&mut world, 1);
    converges(&mut world);
}

/// Scenario 16. V18
// Faults: N04
#[test]
fn one_replica_cut_off_during_the_change_stops_nothing() {
    let mut world = cluster(7);
    world.strike(&Fault::Partition(vec![id(6)]));
    crash(&mut world, 0);
    commits_within(&mut world, 3, 5 * SECOND);
    world.heal();
    converges(&mut world);
}

/// Scenario 17. T1, T6
// Faults: P06, N18
#[test]
fn ten_minutes_without_a_quorum_end_within_two_windows() {
    let mut world = cluster(4);
    crash(&mut world, 2);
    crash(&mut world, 3);
    world.clients[0].want(1);
    world.wake(0);
    world.run_for(600 * SECOND);
    restart(&mut world, 2);
    restart(&mut world, 3);
    commits_within(&mut world, 1, 20 * SECOND);
}

/// Scenario 18: one timer runs at half the true speed, one at twice. T4, V11
// Faults: C03
#[test]
fn views_converge_while_timers_drift_and_one_replica_is_dead() {
    for rates in [[1_000, 500, 2_000, 1_000], [2_000, 1_000, 500, 1_000], [500, 2_000, 2_000, 1_000]] {
        views_converge_while_timers_drift(rates);
    }
}

fn views_converge_while_timers_drift(rates: [u64; 4]) {
    let mut world = with(Plan { timer_rates: rates.to_vec(), ..Plan::quiet(1, 4) });
    crash(&mut world, 3);
    world.machines[1].disk_us = 40_000;
    world.links.mood.delay_max_us = 80_000;
    world.links.mood.reordering = true;
    world.clients[0].want(20);
    world.wake(0);
    world.run_for(10 * SECOND);
    world.links.mood = outvote_sim::Network::calm();
    commits(&mut world, 3);
    world.run_for(3 * SECOND);
    let views = views(&world);
    assert!(views.windows(2).all(|pair| pair[0] == pair[1]), "{views:?}");
}

/// Scenario 19. T1
// Faults: N18
#[test]
fn windows_shrink_back_when_the_network_returns() {
    let mut world = cluster(4);
    world.links.mood.loss = 700_000;
    world.clients[0].want(5);
    world.wake(0);
    world.run_for(30 * SECOND);
    world.links.mood = outvote_sim::Network::calm();
    commits(&mut world, 50);
    world.run_for(SECOND);
    commits(&mut world, 1);
    world.plan.think_us = 1;
    for _ in 0..30 {
        commits(&mut world, 1);
        world.run_for(SECOND / 10);
    }
    assert!(status(&world, 1).timeout_us <= 500_000, "{:?}", status(&world, 1));
}

/// Scenario 9, with a leader that withholds. V17, N9
// Faults: L09
#[test]
fn half_sent_batches_are_fetched_or_never_certified() {
    let mut world = with_liars(4, &[(0, Behaviour::HalfBatch)]);
    commits(&mut world, 20);
    converges(&mut world);
}

/// Scenario 9. N9, R7
// Faults: L10, R02
#[test]
fn a_replica_that_the_leader_starves_still_executes() {
    let mut world = cluster(4);
    world.rule(Some(0), Some(3), Some(Kind::Propose), Verdict::Drop);
    commits(&mut world, 30);
    converges(&mut world);
    assert_eq!(status(&world, 3).executed.0, world.checkers.height());
    assert_eq!(top_view(&world), 0);
}

/// Scenario 22. N15
#[test]
fn a_proposal_that_overtakes_the_opening_waits_for_it() {
    let mut world = cluster(4);
    world.rule(Some(1), Some(3), Some(Kind::NewView), Verdict::Hold);
    crash(&mut world, 0);
    assert!(world.run_until(5 * SECOND, |w| status(w, 1).view == View(1) && status(w, 1).normal));
    world.run_for(20_000);
    world.lift_rules();
    commits(&mut world, 5);
    converges(&mut world);
    assert_eq!(top_view(&world), 1, "the view went on");
}

/// Scenario 34. T1, V6
// Faults: L12
#[test]
fn slow_leaders_in_a_row_cost_a_bounded_time() {
    let mut world = with_liars(7, &[(0, Behaviour::Slow), (1, Behaviour::Slow)]);
    let before = world.now_us;
    commits_within(&mut world, 60, 60 * SECOND);
    assert!(world.now_us - before < 30 * SECOND, "it took {} s", (world.now_us - before) / SECOND);
    settles(&mut world);
}

/// Lets nothing out before a window and a bit has passed.
struct Sleeper;
impl Liar for Sleeper {
    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>) {
        match action {
            Action::Send { .. } => hand.keep(now.plus(600_000), action, out),
            _ => out.push(action),
        }
    }
}

/// Scenario 34: leaders that are slower still make the window grow, and then it shrinks back. T1, V6
// Faults: L12
#[test]
fn leaders_that_are_too_slow_make_the_window_grow_for_a_while() {
    let mut plan = Plan::quiet(34, 7);
    plan.liars = vec![(id(0), Behaviour::Honest), (id(1), Behaviour::Honest)];
    let mut world = World::new(plan);
    world.machines[0].adversary.lie(Box::new(Sleeper));
    world.machines[1].adversary.lie(Box::new(Sleeper));
    world.add_client(0);
    let mut longest_us = 0;
    world.clients[0].want(20);
    world.wake(0);
    let done = world.run_until(20 * SECOND, |world| {
        longest_us = longest_us.max(status(world, 4).timeout_us);
        world.clients[0].is_done()
    });
    assert!(done, "it took more than 20 s");
    assert!(longest_us > 500_000, "the window never grew");
    settles(&mut world);
}

/// Everything is as if nothing had ever been wrong.
fn settles(world: &mut World) {
    for _ in 0..30 {
        commits(world, 1);
        world.run_for(SECOND / 10);
    }
    for index in world.correct() {
        assert_eq!(status(world, index).timeout_us, 500_000, "replica {index}");
    }
}

/// View 0 ends with a certificate that one replica alone holds. The next leader opens view 1 with the words of the other
/// two and of a liar, who then falls silent: nothing commits unless the one with the hidden lock votes as well.
fn a_hidden_lock_meets_a_view_that_was_opened_without_it(hidden: usize) {
    let mut world = with_liars(4, &[(3, Behaviour::Honest)]);
    let client = world.add_client(0);
    let common = status(&world, 1).committed;
    for to in (0..4).filter(|to| *to != hidden) {
        world.rule(None, Some(to), Some(Kind::Prepare), Verdict::Drop);
    }
    for kind in [Kind::Commit, Kind::Certificate, Kind::Status, Kind::Data, Kind::ViewChange] {
        world.rule(Some(hidden), None, Some(kind), Verdict::Drop);
    }
    world.request(client, 1, b"locked by one alone", &[0, 1, 2]);
    assert!(world.run_until(SECOND / 3, |w| status(w, hidden).high_rank.sequence > common), "no lock");
    let lock = status(&world, hidden).high_rank;
    let is_open = |world: &outvote_sim::World| {
        (0..3).all(|index| status(world, index).view == View(1) && status(world, index).normal)
    };
    assert!(world.run_until(5 * SECOND, is_open), "{:?}", views(&world));
    assert!(status(&world, 1).high_rank < lock, "the leader knows of the lock");
    world.links.rules.clear();
    for kind in [Kind::Certificate, Kind::Status, Kind::Data] {
        world.rule(Some(hidden), None, Some(kind), Verdict::Drop);
    }
    for kind in [Kind::Prepare, Kind::Commit] {
        world.rule(Some(3), None, Some(kind), Verdict::Drop);
    }
    commits_within(&mut world, 1, SECOND);
    assert_eq!(views(&world)[..3], [1, 1, 1], "the first view of a correct leader commits");
    assert!(status(&world, hidden).high_rank.view == View(1));
}

/// Scenario 31: how two-phase HotStuff and Tendermint without their waits come to a halt, message by message: the lock that
/// one replica alone holds, round after round, while the new leader has a quorum without it. V17, V18, V22
// Faults: R26
#[test]
fn the_liveness_traces_of_two_phase_hotstuff_commit() {
    a_hidden_lock_meets_a_view_that_was_opened_without_it(2);
    a_hidden_lock_meets_a_view_that_was_opened_without_it(0);
}

/// Equivocators under partitions, many ways; see the twins for two instances of one identity.
/// N10, V17, V18, V21
// Faults: L01, N04
#[test]
fn equivocators_under_partitions_never_fork_and_always_let_go() {
    for seed in 0..12 {
        let mut plan = Plan::of(seed, 4);
        plan.liars = vec![(id(usize::try_from(seed % 4).unwrap()), Behaviour::Equivocate)];
        // An old copy of a disk, or one that lost what it had flushed, would be one fault too many beside the liar.
        plan.faults.retain(|(_, fault)| {
            !matches!(fault, Fault::Behave(..) | Fault::CopyDisk(_)) && fault.victim().is_none()
        });
        let side = vec![id(usize::try_from((seed + 1) % 4).unwrap()), id(usize::try_from(seed % 4).unwrap())];
        plan.faults.push((outvote_sim::plan::START_US + 700_000, Fault::Partition(side)));
        plan.faults.push((outvote_sim::plan::START_US + 1_900_000, Fault::Mend));
        plan.faults.sort_by_key(|(at, _)| *at);
        lives(plan);
    }
}

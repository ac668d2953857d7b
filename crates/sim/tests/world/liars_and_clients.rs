//! Scenarios of `docs/protocol.md` section 9 about liars, clients, clocks and load.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::Action;
use outvote_sim::{Fault, Plan, World};
use outvote_types::{Digest, Instant, Message, ReplicaId, ResultKind, Suspect, View, Vote};

/// Proposes what no rule allows.
struct Lawless;
impl Liar for Lawless {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        match read(&action) {
            Some(Message::Propose(mut propose)) => {
                propose.header.body.control = outvote_types::Blob::new(vec![1]);
                let vote = Vote { id: propose.header.body.id(), ..propose.prepare.body };
                propose.header = hand.sign(propose.header.body);
                propose.prepare = hand.sign(vote);
                out.push(to_all(&Message::Propose(propose)));
            }
            _ => out.push(action),
        }
    }
}

/// Scenario 5. V4, X1
// Faults: L08
#[test]
fn an_invalid_proposal_means_mutiny_at_once() {
    let mut world = with_liars(4, &[(0, Behaviour::Honest)]);
    commits(&mut world, 1);
    world.machines[0].adversary.lie(Box::new(Lawless));
    let before = world.now_us;
    let client = world.add_client(0);
    world.request(client, 1, b"straight to the leader", &[0, 1]);
    assert!(world.run_until(SECOND, |w| status(w, 2).view == View(1) && status(w, 2).normal));
    assert!(world.now_us - before < 100_000, "it took {} us", world.now_us - before);
    commits(&mut world, 3);
    assert!(!world.accused.is_empty());
}

/// Scenario 26. M4, M8
// Faults: R08, L14, C02
#[test]
fn votes_in_others_names_and_impossible_times_change_nothing() {
    let mut world = with_liars(4, &[(0, Behaviour::Forge)]);
    commits(&mut world, 30);
    converges(&mut world);
}

/// Scenario 27. C8
// Faults: R17
#[test]
fn a_peer_that_repeats_old_heights_ends_no_sync() {
    let mut world = with_liars(4, &[(1, Behaviour::Replay)]);
    crash(&mut world, 3);
    commits(&mut world, 30);
    restart(&mut world, 3);
    converges(&mut world);
}

/// Scenario 28. C6
// Faults: S21, R17
#[test]
fn a_snapshot_from_a_liar_is_refused_and_another_peer_asked() {
    let mut plan = Plan::with_checkpoints(3, 4, 4);
    plan.liars = vec![(id(1), Behaviour::CorruptAnswers)];
    let mut world = with(plan);
    world.strike(&Fault::Partition(vec![id(3)]));
    for _ in 0..60 {
        commits(&mut world, 1);
    }
    world.links.mend();
    commits(&mut world, 5);
    converges(&mut world);
    assert_eq!(status(&world, 3).executed.0, world.checkers.height());
    assert!(world.faults.contains_key("state_transfer"), "the laggard needed the state");
}

/// Suspects without end.
struct Grumbler;
impl Liar for Grumbler {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        for view in 0..3 {
            let suspect = Suspect { view: View(view), replica: hand.me };
            out.push(to_all(&Message::Suspect(hand.sign(suspect))));
        }
        out.push(action);
    }
}

/// Scenario 50. V8, V9, V10
// Faults: L20, L21
#[test]
fn grumbling_liars_and_a_flapping_link_depose_nobody() {
    let mut world = with_liars(7, &[(5, Behaviour::Honest), (6, Behaviour::Honest)]);
    world.machines[5].adversary.lie(Box::new(Grumbler));
    world.machines[6].adversary.lie(Box::new(Grumbler));
    for _ in 0..10 {
        world.strike(&Fault::Link(id(1), id(0), false));
        world.run_for(400_000);
        world.strike(&Fault::Link(id(1), id(0), true));
        world.run_for(600_000);
    }
    is_sound(&world);
    assert_eq!(views(&world), [0; 7]);
}

/// Scenarios 39 and 45. E3, E5, E6, N17, R6
// Faults: K03, K05
#[test]
fn two_contents_under_one_nonce_and_wild_nonces_blame_nobody() {
    let mut world = with(Plan { execute_us: 50_000, ..Plan::quiet(39, 4) });
    let other = world.clients[0].sign(1, b"Y under the same nonce");
    let first = world.request(0, 1, b"X under a nonce", &[0, 1]);
    // X is ordered by then, but not executed, so nobody can tell yet what became of its nonce.
    world.run_for(20_000);
    world.submit_to(&other, &[0, 1, 2, 3]);
    let far = world.clients[0].sign(900, b"far outside the window");
    world.submit_to(&far, &[0, 1, 2, 3]);
    let refused = world.add_client(0);
    let no = world.request(refused, 1, b"no, refuse this", &[0, 1]);
    world.run_for(5 * SECOND);
    is_sound(&world);
    assert_eq!(top_view(&world), 0, "nobody is blamed");
    assert!(world.accused.is_empty());
    // Exactly one of the two was executed; if it was X, its client knows.
    assert_eq!(world.checkers.committed_operations(), 2);
    assert_ne!(first.digest(), other.digest());
    for index in 0..4 {
        let (x, y) = (leaves_of(&world, index, first.digest()), leaves_of(&world, index, other.digest()));
        let applied =
            |leaves: &[ResultKind]| leaves.iter().filter(|kind| **kind == ResultKind::Applied).count();
        assert_eq!(applied(&x) + applied(&y), 1, "{x:?} and {y:?}");
        let loser = if applied(&x) == 1 { &y } else { &x };
        assert!(!loser.is_empty() && loser.iter().all(|kind| *kind == ResultKind::NonceReused), "{loser:?}");
        assert_eq!(leaves_of(&world, index, far.digest()), [ResultKind::TooFar]);
        assert_eq!(leaves_of(&world, index, no.digest()), [ResultKind::Refused]);
    }
}

/// What the blocks' results say of a request at this replica, in their order.
fn leaves_of(world: &World, index: usize, request: Digest) -> Vec<ResultKind> {
    let results = world.machines[index].archive.results.values().flatten();
    results.filter(|result| result.leaf.request == request).map(|result| result.leaf.kind).collect()
}

/// Scenario 45, second half: both leaves of a request that was held, and one execution. E3, R6
#[test]
fn a_request_that_is_held_and_released_has_both_leaves_and_runs_once() {
    let mut world = cluster(4);
    let held = world.request(0, 2, b"comes too early", &[0, 1, 2, 3]);
    world.run_for(100_000);
    for index in 0..4 {
        assert_eq!(leaves_of(&world, index, held.digest()), [ResultKind::Held]);
    }
    let first = world.request(0, 1, b"the one it waits for", &[0, 1, 2, 3]);
    assert!(world.run_until(5 * SECOND, |w| w.clients[0].waiting() == 0));
    world.run_for(SECOND);
    is_sound(&world);
    for index in 0..4 {
        assert_eq!(leaves_of(&world, index, held.digest()), [ResultKind::Held, ResultKind::Applied]);
        assert_eq!(leaves_of(&world, index, first.digest()), [ResultKind::Applied]);
    }
    assert_eq!(world.checkers.committed_operations(), 2);
}

/// Scenario 42. E2, E3, E8
// Faults: K05
#[test]
fn nonces_out_of_order_run_in_order_and_held_ones_survive_restarts() {
    let mut world = cluster(4);
    for nonce in [3, 2, 5] {
        world.request(0, nonce, format!("operation {nonce}").as_bytes(), &[0, 1, 2, 3]);
        world.run_for(100_000);
    }
    assert_eq!(world.checkers.committed_operations(), 0, "they wait for the first");
    (0..4).for_each(|index| crash(&mut world, index));
    (0..4).for_each(|index| restart(&mut world, index));
    world.run_for(3 * SECOND);
    for nonce in [4, 1] {
        world.request(0, nonce, format!("operation {nonce}").as_bytes(), &[0, 1, 2, 3]);
    }
    assert!(world.run_until(20 * SECOND, |w| w.clients[0].waiting() == 0), "{}", world.clients[0].waiting());
    is_sound(&world);
    assert_eq!(world.checkers.committed_operations(), 5);
}

/// Scenario 40. W3
// Faults: C05
#[test]
fn the_log_goes_on_when_all_clocks_step_back() {
    let mut world = cluster(4);
    commits(&mut world, 5);
    for index in 0..4 {
        world.strike(&Fault::Clock(id(index), -3_600_000_000));
    }
    commits_within(&mut world, 50, 5 * SECOND);
    assert_eq!(top_view(&world), 0);
}

/// The same seed gives the same trace, with and without its text.
#[test]
fn the_same_seed_gives_the_same_trace() {
    let (first, second) = (outvote_sim::run(7, 4, false), outvote_sim::run(7, 4, false));
    assert_eq!(first.trace_hash, second.trace_hash);
    let (a, b) = (outvote_sim::replay(7, Some(4)), outvote_sim::replay(7, Some(4)));
    assert_eq!(a.trace, b.trace);
    assert_eq!(a.trace_hash, first.trace_hash);
    assert!(a.trace.is_some_and(|text| text.lines().count() > 1_000));
}

/// Results, order and hash of a campaign do not depend on how many threads it runs on.
#[test]
fn the_number_of_threads_changes_nothing() {
    let campaign = |jobs| {
        let mut order = Vec::new();
        let options = outvote_sim::Options {
            seeds: 9,
            first_seed: 20,
            replicas: Some(4),
            jobs,
            ..outvote_sim::Options::default()
        };
        let report = outvote_sim::campaign(&options, |_, outcome| order.push(outcome.seed));
        (order, report.trace_hash, report.committed_ops, report.faults)
    };
    let alone = campaign(1);
    assert_eq!(alone.0, (20..29).collect::<Vec<_>>());
    assert_eq!(campaign(5), alone);
}

/// What a run counts is named as the command promises it, and a liar counts from the start.
#[test]
fn a_liar_that_is_there_from_the_start_is_counted_by_its_deed() {
    let faults = |liars: &[(u16, Behaviour)]| {
        let mut plan = Plan::quiet(3, 4);
        plan.liars = liars.iter().map(|(liar, behaviour)| (ReplicaId(*liar), *behaviour)).collect();
        lives(plan).faults
    };
    let none = faults(&[]);
    assert_eq!(["loss", "crash", "equivocation"].map(|word| none.get(word)), [Some(&0); 3], "{none:?}");
    let one = faults(&[(2, Behaviour::Equivocate)]);
    assert_eq!((one.get("equivocation"), one.get("equivocate")), (Some(&1), None), "{one:?}");
    assert_eq!(faults(&[(2, Behaviour::Forge)]).get("forge"), Some(&1));
    assert_eq!(Fault::Behave(ReplicaId(1), Behaviour::Equivocate).word(), "equivocation");
}

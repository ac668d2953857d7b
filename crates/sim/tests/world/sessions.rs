//! Clients as shipped among liars, crashes and partitions: they never take a false answer for true, and nothing that they
//! submit is lost or runs twice.

use crate::stage::*;
use outvote_adversary::Behaviour;
use outvote_sim::{Fault, Kind, Plan, Verdict, World};

/// A cluster with so many sessions, in which these lie.
fn with_sessions(replicas: usize, sessions: usize, liars: &[(usize, Behaviour)]) -> World {
    let mut plan = Plan { sessions, requests_per_client: 40, ..Plan::quiet(11, replicas) };
    plan.liars = liars.iter().map(|(index, behaviour)| (id(*index), *behaviour)).collect();
    with(plan)
}

fn all_get_their_answers(world: &mut World, us: u64) {
    assert!(world.run_until(us, World::all_is_done), "{} requests wait", world.requests_waiting());
    is_sound(world);
    for session in &world.sessions {
        assert_eq!((session.done, session.refused), (40, 4), "every ninth operation is refused, for good");
        assert!(session.answered > 0, "questions are answered too");
    }
}

/// R2, R3, R7
// Faults: R20
#[test]
fn sessions_take_no_false_answer_from_liars() {
    for (replicas, liars) in [(4, vec![1]), (7, vec![0, 3])] {
        let liars: Vec<_> = liars.into_iter().map(|liar| (liar, Behaviour::CorruptAnswers)).collect();
        let mut world = with_sessions(replicas, 3, &liars);
        all_get_their_answers(&mut world, 60 * SECOND);
    }
}

/// R3, R4, E4
// Faults: P16
#[test]
fn sessions_live_through_the_restart_of_every_replica() {
    let mut world = with_sessions(4, 3, &[]);
    for round in 0..12 {
        let index = round % 4;
        crash(&mut world, index);
        world.run_for(15_000);
        restart(&mut world, index);
        world.run_for(25_000);
    }
    all_get_their_answers(&mut world, 60 * SECOND);
}

/// R3: a deadline that passes is no error, and asking again executes nothing twice.
// Faults: K04
#[test]
fn sessions_ask_again_after_an_outage_that_is_longer_than_their_patience() {
    let mut world = with_sessions(4, 3, &[]);
    world.strike(&Fault::Partition(vec![id(0), id(1)]));
    world.run_for(15 * SECOND);
    world.heal();
    all_get_their_answers(&mut world, 60 * SECOND);
    assert!(world.sessions.iter().any(|session| session.asked_again > 0), "nobody lost patience");
}

/// R2: the replicas order and execute, but of each block only one replica's word reaches the sessions.
// Faults: R20
#[test]
fn one_word_is_no_answer() {
    let mut world = with_sessions(4, 2, &[]);
    for index in 1..4 {
        world.machines[index].adversary.lie(Box::new(Silent));
    }
    // What was said before arrives.
    world.run_for(10_000);
    let outcomes = |world: &World| world.sessions.iter().map(|session| session.done).collect::<Vec<_>>();
    let before = outcomes(&world);
    world.run_for(5 * SECOND);
    let told: u64 = before.iter().sum();
    assert!(world.checkers.committed_operations() > told, "operations run of which nobody is told");
    assert_eq!(outcomes(&world), before, "an answer rests on one word");
    is_sound(&world);
}

/// Says nothing to clients.
struct Silent;
impl outvote_adversary::Liar for Silent {
    fn act(
        &mut self,
        _: &mut outvote_adversary::Hand,
        _: outvote_types::Instant,
        action: outvote_replica::Action,
        out: &mut Vec<outvote_replica::Action>,
    ) {
        out.push(action);
    }

    fn answer(
        &mut self,
        _: &mut outvote_adversary::Hand,
        _: outvote_types::ToClient,
    ) -> Option<outvote_types::ToClient> {
        None
    }
}

/// R4: the replicas that a session chose first never relay, so that it has to go to all.
#[test]
fn sessions_get_through_when_their_first_choice_hears_nobody() {
    let mut world = with_sessions(4, 2, &[]);
    world.rule(Some(1), None, Some(Kind::Relay), Verdict::Drop);
    world.strike(&Fault::Partition(vec![id(1)]));
    all_get_their_answers(&mut world, 60 * SECOND);
}

/// R4, V5: with one operation under way at a time, every replica comes to see how long a leader lets it wait that is slow on
/// purpose. At its pace the forty would take eighteen seconds. Seed 2339 of four replicas, where only the same `f + 1` knew.
// Faults: L03
#[test]
fn a_leader_that_is_slow_on_purpose_is_deposed_also_by_one_session_with_one_operation_at_a_time() {
    let mut plan = Plan { sessions: 1, requests_per_client: 40, window: 1, ..Plan::quiet(11, 4) };
    plan.liars = vec![(id(0), Behaviour::Slow)];
    let mut world = with(plan);
    all_get_their_answers(&mut world, 9 * SECOND);
    assert!(top_view(&world) > 0);
}

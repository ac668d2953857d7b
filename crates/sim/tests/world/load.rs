//! Scenarios of `docs/protocol.md` section 9 about load, and leaders that are blamed for it or hide behind it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Event};
use outvote_sim::{Plan, World};
use outvote_types::{Instant, Message, Phase, Prepare, Vote, decode};

fn suspicions(world: &World) -> Vec<(usize, char)> {
    let notes = world.notes.iter();
    let suspicions = notes.filter_map(|(_, at, note)| match note {
        outvote_replica::Note::Suspected { reason, .. } => Some((at.index(), *reason)),
        _ => None,
    });
    suspicions.collect()
}

/// Scenario 38: what is too much is refused at once, and that is all that comes of it. P5, P11
// Faults: X08
#[test]
fn overload_and_a_step_in_load_depose_nobody() {
    let mut plan = Plan::quiet(38, 4);
    plan.window = 64;
    plan.think_us = 2_000;
    plan.execute_us = 500;
    plan.tunables.pool_requests_max = 100;
    let mut world = with(plan);
    for _ in 0..7 {
        world.add_client(100);
    }
    world.run_for(3 * SECOND);
    let before: u64 = world.busy.values().sum();
    for _ in 0..24 {
        world.add_client(100);
    }
    world.run_for(SECOND);
    let refused = world.busy.values().sum::<u64>() - before;
    assert!(refused > 0, "it was overload");
    assert!(world.run_until(60 * SECOND, |w| w.clients.iter().all(outvote_sim::client::Client::is_done)));
    is_sound(&world);
    assert_eq!(top_view(&world), 0);
}

/// Scenario 38: ten times as many requests are under way all the time as all pools together have places for. P3, P4, P5, P11
// Faults: X08
#[test]
fn ten_times_more_than_there_is_room_for_deposes_nobody() {
    let mut plan = Plan::quiet(38, 4);
    (plan.window, plan.think_us) = (1, 10_000);
    plan.tunables.pool_requests_max = 50;
    let mut world = with(plan);
    // Each is sent to two replicas at first.
    for _ in 0..1_000 {
        world.add_client(u64::MAX / 2);
    }
    world.run_for(SECOND);
    let (refused, committed) = (world.busy.values().sum::<u64>(), world.checkers.committed_operations());
    world.run_for(2 * SECOND);
    let refused = world.busy.values().sum::<u64>() - refused;
    let committed = world.checkers.committed_operations() - committed;
    assert!(refused > 1_000 && world.busy.len() == 4, "all pools were full: {:?}", world.busy);
    assert!(committed > 2_000, "{committed} were ordered meanwhile");
    is_sound(&world);
    assert_eq!(suspicions(&world), vec![]);
    assert_eq!(views(&world), [0; 4]);
}

/// Scenario 44, first half. P2, P3, P11
// Faults: K07
#[test]
fn a_client_that_avoids_the_leader_deposes_nobody() {
    let mut world = cluster(4);
    for nonce in 1..=10 {
        world.request(0, nonce, format!("operation {nonce}").as_bytes(), &[1, 2, 3]);
        world.run_for(300_000);
    }
    assert!(world.run_until(20 * SECOND, |w| w.clients[0].waiting() == 0));
    is_sound(&world);
    assert_eq!(top_view(&world), 0);
}

/// Scenario 44, second half. V2
// Faults: L05
#[test]
fn a_censor_is_caught_while_others_are_served() {
    let mut world = with_liars(4, &[(0, Behaviour::Honest)]);
    let victim = world.clients[0].key();
    world.machines[0].adversary.censor(victim);
    let other = world.add_client(200);
    world.clients[0].want(3);
    world.wake(0);
    assert!(world.run_until(20 * SECOND, |w| w.clients[0].is_done()), "the censor was never deposed");
    assert!(top_view(&world) >= 1);
    assert!(world.run_until(30 * SECOND, |w| w.clients[other].is_done()));
    is_sound(&world);
}

/// Scenario 44: each of 2,500 clients has one request under way and takes the replicas in turn. P2, P3, P11
// Faults: K07
#[test]
fn two_and_a_half_thousand_clients_in_turn_depose_nobody() {
    let mut plan = Plan::quiet(44, 4);
    (plan.window, plan.think_us) = (1, 50_000);
    let mut world = with(plan);
    for _ in 0..2_500 {
        world.add_client(3);
    }
    assert!(world.run_until(60 * SECOND, World::all_is_done), "{} wait", world.requests_waiting());
    is_sound(&world);
    assert_eq!(world.checkers.committed_operations(), 7_500);
    assert_eq!(suspicions(&world), vec![]);
    assert_eq!(top_view(&world), 0);
}

/// Votes for everything as soon as it hears of it, before it can have checked anything.
#[derive(Default)]
struct Hasty {
    votes: Vec<Message>,
}
impl Liar for Hasty {
    fn hear(&mut self, hand: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event
            && let Ok(Message::Propose(propose)) = decode::<Message>(bytes)
        {
            let header = propose.header;
            let vote = Vote { replica: hand.me, ..propose.prepare.body };
            let commit = Vote { phase: Phase::Commit, ..vote };
            self.votes.push(Message::Prepare(Box::new(Prepare { vote: hand.sign(vote), header })));
            self.votes.push(Message::Commit(hand.sign(commit)));
        }
        Some(event)
    }

    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        out.extend(self.votes.drain(..).map(|vote| to_all(&vote)));
        let is_vote = matches!(read(&action), Some(Message::Prepare(_) | Message::Commit(_)));
        if !is_vote {
            out.push(action);
        }
    }
}

/// Scenario 44: a follower that votes in no time makes its slower leader look no worse than it is. P11
// Faults: L21
#[test]
fn an_instant_liar_among_four_deposes_nobody() {
    for (delay_us, disk_us) in [(1_000, 500), (30_000, 500), (5_000, 20_000)] {
        let mut plan = Plan::quiet(44, 4);
        plan.liars = vec![(id(3), Behaviour::Honest)];
        (plan.window, plan.think_us, plan.disk_us) = (8, 10_000, disk_us);
        (plan.network.delay_min_us, plan.network.delay_max_us) = (delay_us / 2, delay_us);
        let mut world = with(plan);
        world.machines[3].adversary.lie(Box::new(Hasty::default()));
        for _ in 0..20 {
            world.add_client(100);
        }
        assert!(world.run_until(60 * SECOND, World::all_is_done), "{} wait", world.requests_waiting());
        is_sound(&world);
        let of_correct: Vec<_> = suspicions(&world).into_iter().filter(|(at, _)| *at != 3).collect();
        assert_eq!(of_correct, vec![], "delays of {delay_us} us");
        assert_eq!(top_view(&world), 0);
    }
}

/// Half of its rounds are on time, and they take hardly any of the time. P10
// Faults: L16
#[test]
fn a_leader_whose_every_other_proposal_is_late_is_deposed() {
    for clients in [4, 40] {
        let mut plan = Plan::quiet(16, 4);
        plan.liars = vec![(id(0), Behaviour::Smart)];
        (plan.window, plan.think_us) = (1, 5_000);
        let mut world = with(plan);
        for _ in 0..clients {
            world.add_client(u64::MAX / 2);
        }
        world.run_for(5 * SECOND);
        is_sound(&world);
        let reasons: Vec<char> = suspicions(&world).into_iter().map(|(_, reason)| reason).collect();
        assert!(reasons.contains(&'e'), "{clients} clients: {reasons:?}");
        assert!(top_view(&world) >= 1, "{clients} clients");
    }
}

/// P11: all links become slow at once, at any moment of the second in which the leader is measured. Rounds are judged by what was
/// measured in their own second: by the one before, each of them was late.
// Faults: N20
#[test]
fn links_that_become_slow_at_once_depose_nobody() {
    for offset_ms in [50, 300, 550, 800] {
        let mut plan = Plan::quiet(20, 4);
        (plan.window, plan.think_us) = (1, 80_000);
        let mut world = with(plan);
        for _ in 0..12 {
            world.add_client(u64::MAX / 2);
        }
        world.run_for(3 * SECOND + offset_ms * 1_000);
        let before = world.checkers.committed_operations();
        (world.links.mood.delay_min_us, world.links.mood.delay_max_us) = (60_000, 80_000);
        world.run_for(4 * SECOND);
        assert!(world.checkers.committed_operations() > before + 100, "work went on");
        is_sound(&world);
        assert_eq!(suspicions(&world), vec![], "{offset_ms} ms into the second");
        assert_eq!(top_view(&world), 0);
    }
}

/// Scenario 38: a leader that cannot order within a window what all may relay to it serves them in turn, and is no censor. V2
#[test]
fn an_overload_deposes_no_leader_that_needs_more_than_a_window_for_what_waits() {
    for batch in [4, 5, 20] {
        let mut plan = Plan::quiet(38, 4);
        (plan.window, plan.think_us, plan.disk_us) = (1, 1_000, 10_000);
        plan.tunables.pool_requests_max = 64;
        (plan.tunables.batch_count_max, plan.tunables.batch_growth) = (batch, 1);
        plan.tunables.in_flight_max = 2;
        let mut world = with(plan);
        for _ in 0..600 {
            world.add_client(1_000);
        }
        world.run_for(30 * SECOND);
        assert!(!world.busy.is_empty(), "more was asked than there was room for");
        assert!(world.checkers.committed_operations() > 1_000);
        assert_eq!(top_view(&world), 0, "batches of {batch}");
        assert_eq!(suspicions(&world), vec![], "batches of {batch}");
        is_sound(&world);
    }
}

/// Scenario 44: clients in league with a censor fill everybody's pool, so that its victim's request is neither there to be
/// missed nor, for all that is under way, late. P3, P4, V2
// Faults: L05, K13
#[test]
fn a_censor_is_caught_behind_clients_that_fill_the_pools() {
    let mut plan = Plan::quiet(44, 4);
    plan.liars = vec![(id(0), Behaviour::Honest)];
    (plan.window, plan.think_us, plan.disk_us) = (1, 1_000, 10_000);
    plan.tunables.pool_requests_max = 64;
    (plan.tunables.batch_count_max, plan.tunables.batch_growth, plan.tunables.in_flight_max) = (20, 1, 2);
    let mut world = with(plan);
    let victim = world.clients[0].key();
    world.machines[0].adversary.censor(victim);
    for _ in 0..400 {
        world.add_client(1_000);
    }
    world.run_for(SECOND);
    let before = world.busy.clone();
    world.clients[0].want(3);
    world.wake(0);
    assert!(world.run_until(20 * SECOND, |w| w.clients[0].is_done()), "the censor was never deposed");
    let view = top_view(&world);
    assert!(view >= 1);
    assert!(suspicions(&world).iter().any(|(at, why)| *at != 0 && *why == 'b'), "{:?}", suspicions(&world));
    for follower in 1..4 {
        let full = world.busy.get(&id(follower)).copied() > before.get(&id(follower)).copied();
        assert!(full, "the pool of {follower} was full meanwhile");
    }
    world.run_for(10 * SECOND);
    assert_eq!(top_view(&world), view, "its honest successor bears the same load");
    is_sound(&world);
}

//! Members at odds with the rest: a leader that will hear of no checkpoint, timers that all ring at once, and an observer
//! that lies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Event, Record, Voting};
use outvote_sim::plan::START_US;
use outvote_sim::{Kind, Network, Plan, World};
use outvote_types::{Instant, ReplicaId, Sequence};
use std::collections::{BTreeMap, BTreeSet};

/// How long a window lasts at first.
const WINDOW_US: u64 = 500_000;

/// Signs no checkpoint and passes none on; a deaf one hears of none either, so that its own window never moves.
struct Refuser {
    is_deaf: bool,
}

fn is_checkpoint(frame: &[u8]) -> bool {
    matches!(Kind::of(frame), Some(Kind::Checkpoint | Kind::Stable))
}

impl Liar for Refuser {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        let is_unheard = matches!(&event, Event::Frame { bytes, .. } if self.is_deaf && is_checkpoint(bytes));
        (!is_unheard).then_some(event)
    }

    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if !matches!(&action, Action::Send { frame, .. } if is_checkpoint(frame)) {
            out.push(action);
        }
    }
}

/// Two hundred requests, at a checkpoint for every fourth block, under a first leader that refuses checkpoints; the world and
/// the longest time without a block.
fn under_a_refuser(is_deaf: bool) -> (World, u64) {
    let mut plan = Plan::with_checkpoints(18, 4, 4);
    plan.liars = vec![(id(0), Behaviour::Honest)];
    let mut world = World::new(plan);
    world.machines[0].adversary.lie(Box::new(Refuser { is_deaf }));
    world.add_client(200);
    let (mut height, mut since, mut longest_us) = (0, START_US, 0);
    let done = world.run_until(30 * SECOND, |world| {
        if world.checkers.height() > height {
            (height, since) = (world.checkers.height(), world.now_us);
        }
        longest_us = longest_us.max(world.now_us - since);
        world.clients[0].is_done()
    });
    assert!(done, "not done: {:?}", (0..4).map(|index| world.status(index)).collect::<Vec<_>>());
    is_sound(&world);
    (world, longest_us)
}

/// A leader's vote for a checkpoint is one of four: without it the others have their quorum, and nothing waits. C1
// Faults: L18
#[test]
fn a_leader_that_signs_no_checkpoint_is_not_missed() {
    let (world, _) = under_a_refuser(false);
    assert_eq!(top_view(&world), 0, "there was no reason to depose it");
    for index in 1..4 {
        let status = status(&world, index);
        assert!(status.stable.0 + 8 > status.executed.0, "checkpoints become stable: {status:?}");
    }
}

/// One that hears of none comes to the end of its own window, where it may propose no more. Whoever waits deposes it. C2, V6
// Faults: L18
#[test]
fn a_leader_that_hears_of_no_checkpoint_is_deposed_when_its_window_closes() {
    let (mut world, longest_us) = under_a_refuser(true);
    assert!(top_view(&world) >= 1, "it was deposed");
    assert_eq!(status(&world, 0).stable, Sequence(0), "its window never moved");
    println!("the longest time without a block: {longest_us} us");
    assert!(longest_us <= 2 * WINDOW_US, "nothing for {longest_us} us");
    commits(&mut world, 20);
    assert!((1..4).all(|index| status(&world, index).stable > Sequence(16)));
}

/// Every message that somebody sent about a change of the view, by the view that is left or entered.
fn about_the_change(trace: &str) -> BTreeMap<u64, BTreeSet<(String, String)>> {
    let mut said: BTreeMap<u64, BTreeSet<(String, String)>> = BTreeMap::new();
    for line in trace.lines().skip(1) {
        let words: Vec<&str> = line.split(' ').collect();
        let &[_, _, from, _, what, view, ..] = &words[..] else { continue };
        let Some(view) = view.strip_prefix('v').and_then(|view| view.parse::<u64>().ok()) else { continue };
        // A SUSPECT names the view that is to end, a VIEWCHANGE the one that is to begin.
        let entered = match what {
            "SUSPECT" => view + 1,
            "VIEWCHANGE" => view,
            _ => continue,
        };
        said.entry(entered)
            .or_default()
            .insert((from.to_owned(), line[line.find(what).unwrap()..].to_owned()));
    }
    said
}

/// The leader dies with a request that all others got at the same microsecond; their timers run alike, every message takes
/// as long as any other, and so all of them suspect at once. V1, V6, V8, T4
// Faults: C09
#[test]
fn timers_that_all_ring_at_once_open_one_view_with_two_messages_each() {
    for n in [4, 7, 10] {
        let mut plan = Plan::quiet(9, n);
        plan.network = Network { delay_min_us: 300, delay_max_us: 300, ..Network::calm() };
        let mut world = with(plan);
        commits(&mut world, 5);
        // The others notice that it is gone by their timers alone.
        world.trace.keep_text();
        crash(&mut world, 0);
        let everybody: Vec<usize> = (1..n).collect();
        let client = world.add_client(0);
        world.request(client, 1, b"all of them wait for it", &everybody);
        assert!(world.run_until(5 * SECOND, |world| world.clients[client].waiting() == 0), "n = {n}");
        world.run_for(5 * SECOND);
        is_sound(&world);
        assert!((1..n).all(|index| status(&world, index).view.0 == 1), "one new view: {:?}", views(&world));
        let (_, text) = std::mem::take(&mut world.trace).finish();
        let said = about_the_change(&text.unwrap());
        assert_eq!(said.keys().collect::<Vec<_>>(), [&1], "n = {n}: {said:?}");
        println!("n = {n}: {} messages for the new view", said[&1].len());
        assert!(said[&1].len() <= 2 * n, "n = {n}: {} messages: {said:?}", said[&1].len());
        let senders: BTreeSet<_> = said[&1].iter().map(|(from, _)| from).collect();
        assert_eq!(senders.len(), n - 1, "each that lives said something");
    }
}

/// Who voted for what this replica holds certificates of.
fn voters(world: &World, index: usize) -> BTreeSet<ReplicaId> {
    let mut voters = BTreeSet::new();
    for record in world.machines[index].disk.records() {
        match record {
            Record::Certificate(certificate) => voters.extend(certificate.votes.iter().map(|vote| vote.0)),
            Record::Stable(certificate) => voters.extend(certificate.votes.iter().map(|vote| vote.0)),
            _ => {}
        }
    }
    voters
}

/// Whatever an observer says, it has no vote: no certificate names it, and where it would be needed there is none.
/// Q1, Q4, D17
// Faults: R28
#[test]
fn an_observer_that_lies_is_part_of_no_quorum() {
    for behaviour in Behaviour::ALL {
        let mut plan = Plan::with_checkpoints(28, 4, 8);
        plan.liars = vec![(id(3), Behaviour::Honest)];
        let mut world = World::new(plan);
        world.add_client(0);
        // It has been an observer from the first block on.
        crash(&mut world, 3);
        world.machines[3].disk.wipe();
        world.machines[3].wipe_state();
        world.machines[3].voting = Voting::Observer { why: "the disk was wiped" };
        world.machines[3].adversary.behave(behaviour);
        restart(&mut world, 3);
        commits(&mut world, 40);
        for index in 0..3 {
            let voters = voters(&world, index);
            assert!(voters.contains(&id(2)) && !voters.contains(&id(3)), "{behaviour:?}: {voters:?}");
        }
        crash(&mut world, 2);
        world.run_for(SECOND / 10);
        let height = world.checkers.height();
        world.clients[0].want(1);
        world.wake(0);
        world.run_for(5 * SECOND);
        assert_eq!(
            world.checkers.height(),
            height,
            "{behaviour:?}: two voters and an observer are no quorum"
        );
        restart(&mut world, 2);
        assert!(world.run_until(30 * SECOND, |world| world.clients[0].is_done()), "{behaviour:?}");
        is_sound(&world);
    }
}

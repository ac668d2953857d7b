//! Scenarios of `docs/protocol.md` section 9 about locks that others know nothing of, and leaders that tell two stories.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::hand::send_each;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Event, Note};
use outvote_sim::{Kind, Verdict, World};
use outvote_types::{Digest, Instant, Message, Rank, ReplicaId, Sequence, View, Vote, decode};
use std::sync::{Arc, Mutex};

/// PREPAREs reach this one alone, and nothing that it knows because of them reaches anybody.
fn hide(world: &mut World, hidden: usize) {
    world.links.rules.clear();
    for to in (0..4).filter(|to| *to != hidden) {
        world.rule(None, Some(to), Some(Kind::Prepare), Verdict::Drop);
    }
    for kind in [Kind::Commit, Kind::Certificate, Kind::Status, Kind::Data, Kind::ViewChange] {
        world.rule(Some(hidden), None, Some(kind), Verdict::Drop);
    }
}

fn lock(world: &World, index: usize) -> (Rank, Digest) {
    let promise = world.machines[index].disk.promise().unwrap();
    (promise.high_rank, promise.high_id)
}

/// Lets one replica alone lock a block of this view; then the others open the next one without it.
fn lock_hidden(world: &mut World, view: u64, hidden: usize) -> (Rank, Digest) {
    hide(world, hidden);
    let is_locked =
        |world: &World| lock(world, hidden).0.view == View(view) && lock(world, hidden).0.sequence.0 > 1;
    assert!(world.run_until(5 * SECOND, is_locked), "view {view}: {:?}", status(world, hidden));
    let locked = lock(world, hidden);
    for other in (0..4).filter(|other| *other != hidden) {
        assert!(lock(world, other).0 < locked.0, "view {view}: {other} has it as well");
    }
    // Nobody else is to lock anything before the next round begins.
    world.rule(None, None, Some(Kind::Prepare), Verdict::Drop);
    let others = |world: &World| (0..4).filter(|i| *i != hidden).all(|i| is_open(world, i, view + 1));
    assert!(world.run_until(20 * SECOND, others), "view {view}: {:?}", views(world));
    for other in (0..4).filter(|other| *other != hidden) {
        assert!(lock(world, other).0 < locked.0, "view {} was opened without it", view + 1);
    }
    locked
}

fn is_open(world: &World, index: usize, view: u64) -> bool {
    world.status(index).is_some_and(|status| status.view == View(view) && status.normal)
}

/// Scenario 3: two correct replicas hold locks on different blocks of one height, and one more has crashed. V19, V22
// Faults: R26
#[test]
fn two_locks_on_different_blocks_and_a_crash_still_decide() {
    let mut world = cluster(4);
    let client = world.add_client(0);
    world.request(client, 1, b"in two blocks", &[0, 1, 2, 3]);
    let low = lock_hidden(&mut world, 0, 2);
    hide(&mut world, 3);
    assert!(world.run_until(5 * SECOND, |world| lock(world, 3).0.view == View(1)), "{:?}", status(&world, 3));
    let high = lock(&world, 3);
    assert!(low.0.sequence == high.0.sequence && low.1 != high.1, "{low:?} and {high:?}");
    assert_eq!(lock(&world, 2), low, "the first lock is still held");
    assert_eq!(lock(&world, 0).0, lock(&world, 1).0, "and nobody else knows of either");
    crash(&mut world, 1);
    world.links.rules.clear();
    commits(&mut world, 3);
    converges(&mut world);
    // The higher certificate may have been committed somewhere, the lower one cannot have been.
    for index in [0, 2, 3] {
        let archive = &world.machines[index].archive;
        assert!(archive.has(&high.1) && !archive.has(&low.1), "replica {index}");
    }
    restart(&mut world, 1);
    converges(&mut world);
}

/// Scenario 4: in each view another replica locks a block that the next leader knows nothing of. V22
// Faults: R26
#[test]
fn a_hidden_lock_in_each_round_stops_no_correct_leader() {
    let mut world = cluster(4);
    let client = world.add_client(0);
    for (view, hidden) in [(0, 2), (1, 3), (2, 0)] {
        world.request(client, view + 1, b"waits", &[0, 1, 2, 3]);
        lock_hidden(&mut world, view, hidden);
    }
    assert_eq!(world.checkers.height(), 1, "nothing but the first block was committed");
    world.links.rules.clear();
    let before = world.now_us;
    assert!(world.run_until(SECOND, |world| world.clients[client].waiting() == 0));
    assert!(world.now_us - before < SECOND / 2, "it took {} us", world.now_us - before);
    converges(&mut world);
    assert_eq!(views(&world), [3; 4], "the first view that is left alone commits");
}

/// Shows one replica another block in its next slots than the rest gets.
struct TwoFaced {
    other: ReplicaId,
    /// The blocks, as shown to one and to the rest.
    shown: Arc<Mutex<Vec<(Digest, Digest)>>>,
}
impl Liar for TwoFaced {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        match read(&action) {
            Some(Message::Propose(propose)) if propose.header.body.leader == hand.me => {
                let mut second = propose.clone();
                second.header.body.time = second.header.body.time.plus(1);
                let vote = Vote { id: second.header.body.id(), ..propose.prepare.body };
                second.header = hand.sign(second.header.body);
                second.prepare = hand.sign(vote);
                self.shown.lock().unwrap().push((vote.id, propose.prepare.body.id));
                let other = self.other;
                send_each(hand.others(), out, |peer| {
                    Some(Message::Propose(if peer == other { second.clone() } else { propose.clone() }))
                });
            }
            _ => out.push(action),
        }
    }
}

/// Scenario 6: a replica that holds a proposal, and voted for it, sees the certificate of another one. C9, N14
// Faults: L01
#[test]
fn a_replica_with_another_proposal_fetches_the_certified_block_and_commits_it() {
    let mut world = with_liars(4, &[(0, Behaviour::Honest)]);
    let shown = Arc::new(Mutex::new(Vec::new()));
    world.machines[0].adversary.lie(Box::new(TwoFaced { other: id(3), shown: Arc::clone(&shown) }));
    // Nobody learns from the deceived one what the leader did.
    for kind in [Kind::Prepare, Kind::Evidence, Kind::Suspect] {
        world.rule(Some(3), None, Some(kind), Verdict::Drop);
    }
    commits(&mut world, 3);
    converges(&mut world);
    assert_eq!(views(&world), [0; 4]);
    let (other, certified) = shown.lock().unwrap()[0];
    let archive = &world.machines[3].archive;
    assert!(archive.has(&certified) && !archive.has(&other), "it has what the rest has");
    assert_eq!(status(&world, 3).executed.0, world.checkers.height());
    assert!(world.accused.iter().any(|(by, whom, _)| (*by, *whom) == (id(3), id(0))), "and it knows why");
}

/// Tells two stories in its proposals, and in its VIEWCHANGE afterwards: its true lock to some, none at all to others, and
/// then the other way round.
struct TwoHeads {
    proposals: TwoFaced,
    /// What a head names that has no certificate.
    genesis: Digest,
    count: Arc<Mutex<usize>>,
}
impl Liar for TwoHeads {
    /// The replica inside would fall silent if it heard what it is said to have signed.
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        let Event::Frame { bytes, .. } = &event else { return Some(event) };
        let betrays = match decode::<Message>(bytes) {
            Ok(Message::Prepare(prepare)) => {
                let shown = self.proposals.shown.lock().unwrap();
                shown.iter().any(|(other, _)| *other == prepare.vote.body.id)
            }
            Ok(Message::Evidence(_) | Message::Reminder(_)) => true,
            _ => false,
        };
        (!betrays).then_some(event)
    }

    fn act(&mut self, hand: &mut Hand, now: Instant, action: Action, out: &mut Vec<Action>) {
        let Some(Message::ViewChange(change)) = read(&action) else {
            return self.proposals.act(hand, now, action, out);
        };
        let mut none = change.clone();
        none.certificate = None;
        none.head.body.rank = Rank { view: View(0), sequence: Sequence(0) };
        none.head.body.id = self.genesis;
        none.head = hand.sign(none.head.body);
        let stories = [Message::ViewChange(change), Message::ViewChange(none)];
        *self.count.lock().unwrap() += 1;
        for first in [0, 1] {
            send_each(hand.others(), out, |peer| Some(stories[(usize::from(peer.0) + first) % 2].clone()));
        }
    }
}

/// Scenario 8: the equivocation of a deposed leader is plain to see in what the next one collects. V15, V19, X1
// Faults: L01
#[test]
fn two_stories_among_the_view_changes_stop_no_view() {
    for seed in 0..8 {
        let mut plan = outvote_sim::Plan::quiet(80 + seed, 4);
        plan.liars = vec![(id(0), Behaviour::Honest)];
        let mut world = with(plan);
        commits(&mut world, 2);
        let genesis = world.committee.genesis_id();
        let count = Arc::new(Mutex::new(0));
        let proposals = TwoFaced { other: id(3), shown: Arc::default() };
        world.machines[0].adversary.lie(Box::new(TwoHeads { proposals, genesis, count: Arc::clone(&count) }));
        commits_within(&mut world, 5, 2 * SECOND);
        converges(&mut world);
        assert!(*count.lock().unwrap() > 0, "it took part in the change");
        assert_eq!(views(&world), [1; 4], "the next view opened and stayed");
        assert!((1..4).all(|by| world.accused.iter().any(|(at, whom, _)| (*at, *whom) == (id(by), id(0)))));
    }
}

/// Scenario 20: two of four correct replicas have sent COMMIT and the other two suspect: neither pair is enough for anything.
/// V8, V22
#[test]
fn commits_of_some_and_suspicions_of_others_lock_nobody() {
    let mut world = cluster(4);
    let common = status(&world, 0).committed;
    // 2 and 3 never see a certificate of view 0; 0 and 1 send COMMIT.
    for to in [2, 3] {
        for kind in [Kind::Prepare, Kind::Certificate] {
            world.rule(None, Some(to), Some(kind), Verdict::Drop);
        }
    }
    world.clients[0].want(2);
    world.wake(0);
    world.run_for(SECOND / 4);
    for index in 0..4 {
        let has_locked = lock(&world, index).0.sequence > common;
        assert_eq!(has_locked, index < 2, "replica {index}: {:?}", lock(&world, index));
    }
    let suspects = |world: &World, wanted: usize| {
        world
            .notes
            .iter()
            .any(|(_, at, note)| *at == id(wanted) && matches!(note, Note::Suspected { view: View(0), .. }))
    };
    let is_set = |world: &World| suspects(world, 2) && suspects(world, 3);
    assert!(world.run_until(2 * SECOND, is_set), "{:?}", views(&world));
    assert_eq!(world.checkers.height(), common.0, "two COMMITs are no certificate");
    world.links.rules.clear();
    commits_within(&mut world, 2, 3 * SECOND);
    converges(&mut world);
    assert!(world.accused.is_empty());
}

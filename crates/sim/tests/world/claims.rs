//! Scenarios of `docs/protocol.md` section 9 about claims without the certificate that they need, and certificates and
//! openings that are put together of the wrong signatures.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Event};
use outvote_types::{
    BoundedVec, Certificate, Digest, Instant, Message, NewViewBody, Phase, ReplicaId, Rule, Sequence,
    Signature, Signed, View, ViewChangeHead, Vote, decode,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Says in each STATUS that the cluster is in a view that it leads, far ahead, or far behind.
struct Braggart {
    says: fn(View) -> View,
}
impl Liar for Braggart {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        match read(&action) {
            Some(Message::Status(mut status)) => {
                status.body.view = (self.says)(status.body.view);
                status.body.rank.view = status.body.view;
                out.push(to_all(&Message::Status(hand.sign(status.body))));
            }
            _ => out.push(action),
        }
    }
}

/// Scenario 14: what a STATUS says of view and leader moves nobody without its certificate. C8
// Faults: R14
#[test]
fn a_status_that_names_a_wrong_leader_moves_nobody() {
    let lies: [fn(View) -> View; 4] = [
        |view| View(view.0 + 2),
        |view| View(view.0 + 4_002),
        |_| View(u64::MAX),
        |view| View(view.0.saturating_sub(1)),
    ];
    for says in lies {
        let mut world = with_liars(4, &[(2, Behaviour::Honest)]);
        world.machines[2].adversary.lie(Box::new(Braggart { says }));
        commits(&mut world, 10);
        world.run_for(3 * SECOND);
        assert_eq!(views(&world), [0; 4]);
        // A true change of the view is not disturbed either.
        crash(&mut world, 0);
        assert!(world.run_until(SECOND, |w| status(w, 1).normal && status(w, 3).view == View(1)));
        restart(&mut world, 0);
        commits(&mut world, 10);
        converges(&mut world);
        assert_eq!(views(&world), [1; 4]);
        assert!(world.accused.is_empty());
    }
}

/// Scenario 14, with heights instead of views. C8
// Faults: R16, R17
#[test]
fn a_status_that_claims_the_moon_is_believed_by_nobody() {
    let mut world = with_liars(4, &[(2, Behaviour::Forge)]);
    commits(&mut world, 20);
    world.run_for(5 * SECOND);
    converges(&mut world);
    assert!(!world.faults.contains_key("state_transfer"));
}

/// How an opening's heads are made wrong.
type Heads = fn(&Hand, Vec<Signed<ViewChangeHead>>) -> Vec<Signed<ViewChangeHead>>;

/// Opens its view with heads that are none.
struct Opener {
    heads: Heads,
}
impl Liar for Opener {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        match read(&action) {
            Some(Message::NewView(mut opened)) if opened.signed.body.leader == hand.me => {
                let heads = (self.heads)(hand, opened.signed.body.heads.to_vec());
                let heads = BoundedVec::truncated(heads);
                opened.signed = hand.sign(NewViewBody { heads, ..opened.signed.body });
                out.push(to_all(&Message::NewView(opened)));
            }
            _ => out.push(action),
        }
    }
}

/// The liar's own head, changed and in the place of its true one.
fn own(
    hand: &Hand,
    mut heads: Vec<Signed<ViewChangeHead>>,
    change: fn(&mut ViewChangeHead),
) -> Vec<Signed<ViewChangeHead>> {
    for head in heads.iter_mut().filter(|head| head.body.replica == hand.me) {
        change(&mut head.body);
        *head = hand.sign(head.body);
    }
    heads
}

/// Scenario 15. Q4, V19
// Faults: L11, R13
#[test]
fn an_opening_with_heads_that_do_not_count_is_refused_and_convicts_its_leader() {
    let wrong: [(&str, Heads); 6] = [
        ("one head three times", |_, heads| vec![heads[0].clone(), heads[0].clone(), heads[0].clone()]),
        ("one head twice", |_, heads| vec![heads[0].clone(), heads[1].clone(), heads[1].clone()]),
        ("too few", |_, heads| heads[..2].to_vec()),
        ("a head of the view before", |hand, heads| own(hand, heads, |head| head.view = View(0))),
        ("a head of the view after", |hand, heads| own(hand, heads, |head| head.view = View(2))),
        ("a stranger's head", |hand, heads| own(hand, heads, |head| head.replica = ReplicaId(9))),
    ];
    for (what, heads) in wrong {
        let mut world = with_liars(4, &[(1, Behaviour::Honest)]);
        world.machines[1].adversary.lie(Box::new(Opener { heads }));
        commits(&mut world, 2);
        let height = world.checkers.height();
        crash(&mut world, 0);
        world.run_for(SECOND);
        assert_eq!(world.checkers.height(), height, "{what}: nothing came of the opening");
        restart(&mut world, 0);
        commits(&mut world, 3);
        assert!(top_view(&world) >= 2, "{what}: view 1 never opened: {:?}", views(&world));
        let convicted = |by: usize| world.accused.contains(&(id(by), id(1), Rule::ForbiddenNewView));
        assert!(convicted(2) && convicted(3), "{what}: {:?}", world.accused);
    }
}

/// Puts together certificates of the COMMITs that it hears, for the slot after the one that they were signed for, or for
/// another block, or with one vote of another slot among them.
#[derive(Default)]
struct Transplanter {
    votes: BTreeMap<(View, Sequence), BTreeMap<ReplicaId, Signed<Vote>>>,
    made: Vec<Message>,
    count: Arc<AtomicUsize>,
}
impl Transplanter {
    fn collect(&mut self, vote: Signed<Vote>) {
        let rank = (vote.body.view, vote.body.sequence);
        let before = self.votes.get(&(rank.0, Sequence(rank.1.0.saturating_sub(1)))).cloned();
        let votes = self.votes.entry(rank).or_default();
        votes.insert(vote.body.replica, vote.clone());
        if votes.len() < 3 {
            return;
        }
        let signatures: Vec<(ReplicaId, Signature)> =
            votes.iter().map(|(replica, vote)| (*replica, vote.signature)).collect();
        let make = |sequence: Sequence, id: Digest, votes: Vec<(ReplicaId, Signature)>| {
            let votes = BoundedVec::truncated(votes);
            let (phase, view) = (Phase::Commit, vote.body.view);
            Message::Certificate(Certificate { phase, view, sequence, id, votes })
        };
        let dreamt = Digest::of(&vote.body.id.0);
        self.made.push(make(rank.1.next(), vote.body.id, signatures.clone()));
        self.made.push(make(rank.1.next(), dreamt, signatures.clone()));
        self.made.push(make(rank.1, dreamt, signatures.clone()));
        if let Some(other) = before.and_then(|before| before.into_values().next()) {
            let mut mixed = signatures;
            mixed.retain(|(replica, _)| *replica != other.body.replica);
            mixed.push((other.body.replica, other.signature));
            mixed.sort_by_key(|(replica, _)| *replica);
            self.made.push(make(rank.1.next(), dreamt, mixed));
        }
    }
}
impl Liar for Transplanter {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event
            && let Ok(Message::Commit(vote)) = decode::<Message>(bytes)
        {
            self.collect(vote);
        }
        Some(event)
    }

    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        self.count.fetch_add(self.made.len(), Ordering::Relaxed);
        out.extend(self.made.drain(..).map(|message| to_all(&message)));
        out.push(action);
    }
}

/// Scenario 15, second half. Q4
// Faults: R12
#[test]
fn commits_of_another_slot_make_no_certificate() {
    let mut world = with_liars(4, &[(2, Behaviour::Honest)]);
    let made = Arc::new(AtomicUsize::new(0));
    let liar = Transplanter { count: Arc::clone(&made), ..Transplanter::default() };
    world.machines[2].adversary.lie(Box::new(liar));
    commits(&mut world, 40);
    crash(&mut world, 0);
    world.run_for(SECOND);
    restart(&mut world, 0);
    commits(&mut world, 10);
    converges(&mut world);
    assert!(made.load(Ordering::Relaxed) > 60, "it tried {made:?} times");
    assert!(world.correct().all(|index| !status(&world, index).observer), "nobody took two blocks for final");
}

//! Scenarios of `docs/protocol.md` section 9 about messages that are almost right: one field off, one attachment exchanged.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::hand::send_each;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Event, Note};
use outvote_sim::{Kind, Verdict, World};
use outvote_types::{
    BoundedVec, Certificate, Instant, Message, NewView, Rank, ReplicaId, Sequence, Signature, View,
    ViewChange, decode,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What ByzzFuzz does to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    View(i64),
    Sequence(i64),
    /// An older message of the kind in its place.
    Older,
    /// One half does not get it.
    Unheard,
}

const MUTATIONS: [Mutation; 6] = [
    Mutation::View(1),
    Mutation::View(-1),
    Mutation::Sequence(1),
    Mutation::Sequence(-1),
    Mutation::Older,
    Mutation::Unheard,
];

/// Mutates half of its messages of one kind, one field at a time, and signs what comes of it.
struct Fuzzer {
    kind: Kind,
    mutation: Mutation,
    older: Option<Message>,
    count: Arc<AtomicUsize>,
}
impl Fuzzer {
    fn shift(&self, view: &mut View, sequence: &mut Sequence) {
        match self.mutation {
            Mutation::View(by) => *view = View(view.0.saturating_add_signed(by)),
            Mutation::Sequence(by) => *sequence = Sequence(sequence.0.saturating_add_signed(by)),
            Mutation::Older | Mutation::Unheard => {}
        }
    }

    fn mutated(&self, hand: &Hand, message: Message) -> Message {
        match message {
            Message::Prepare(mut prepare) => {
                let mut vote = prepare.vote.body;
                self.shift(&mut vote.view, &mut vote.sequence);
                prepare.vote = hand.sign(vote);
                Message::Prepare(prepare)
            }
            Message::Commit(vote) => {
                let mut vote = vote.body;
                self.shift(&mut vote.view, &mut vote.sequence);
                Message::Commit(hand.sign(vote))
            }
            Message::ViewChange(mut change) => {
                let mut head = change.head.body;
                self.shift(&mut head.view, &mut head.rank.sequence);
                change.head = hand.sign(head);
                Message::ViewChange(change)
            }
            Message::NewView(mut opened) => {
                let mut body = opened.signed.body.clone();
                let mut heads = body.heads.to_vec();
                for head in heads.iter_mut().filter(|head| head.body.replica == hand.me) {
                    self.shift(&mut head.body.rank.view, &mut head.body.rank.sequence);
                    *head = hand.sign(head.body);
                }
                body.heads = BoundedVec::truncated(heads);
                let mut unused = Sequence(0);
                self.shift(&mut body.view, &mut unused);
                opened.signed = hand.sign(body);
                Message::NewView(opened)
            }
            other => other,
        }
    }
}
impl Liar for Fuzzer {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let is_kind = matches!(&action, Action::Send { frame, .. } if Kind::of(frame) == Some(self.kind));
        let Some(message) = read(&action).filter(|_| is_kind) else { return out.push(action) };
        let older = self.older.get_or_insert_with(|| message.clone()).clone();
        if hand.dice.chance(50) {
            return out.push(action);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        match self.mutation {
            Mutation::Older => out.push(to_all(&older)),
            Mutation::Unheard => {
                let heard = |peer: ReplicaId| !hand.is_in_second_half(peer, View(0));
                send_each(hand.others(), out, |peer| heard(peer).then(|| message.clone()));
            }
            Mutation::View(_) | Mutation::Sequence(_) => out.push(to_all(&self.mutated(hand, message))),
        }
    }
}

/// Scenario 30: PREPARE, COMMIT, VIEWCHANGE and NEWVIEW with a view or a sequence off by one, an older one in their place, or
/// an echo that some never get. Q4, N16
// Faults: R05
#[test]
fn messages_that_are_off_by_one_neither_fork_nor_stop_anything() {
    for kind in [Kind::Prepare, Kind::Commit, Kind::ViewChange, Kind::NewView] {
        let mut least = usize::MAX;
        for mutation in MUTATIONS {
            let mut count = 0;
            for seed in 0..4 {
                count += plays_with_a_fuzzer(seed, kind, mutation);
            }
            least = least.min(count);
        }
        assert!(least > 0, "each mutation of {kind:?} was tried");
    }
}

fn plays_with_a_fuzzer(seed: u64, kind: Kind, mutation: Mutation) -> usize {
    let mut plan = outvote_sim::Plan::quiet(seed, 4);
    plan.liars = vec![(id(1), Behaviour::Honest)];
    let mut world = with(plan);
    let count = Arc::new(AtomicUsize::new(0));
    let fuzzer = Fuzzer { kind, mutation, older: None, count: Arc::clone(&count) };
    world.machines[1].adversary.lie(Box::new(fuzzer));
    commits(&mut world, 6);
    for leader in [0, 2, 3] {
        crash(&mut world, leader);
        world.run_for(300_000);
        restart(&mut world, leader);
        commits(&mut world, 4);
    }
    converges(&mut world);
    count.load(Ordering::Relaxed)
}

/// Passes on what others say when the view changes, with other attachments than they had; what is signed stays whole.
#[derive(Default)]
struct Exchanger {
    /// An old certificate that is as good as when it was made.
    old: Option<Certificate>,
    made: Vec<Message>,
    count: Arc<AtomicUsize>,
}
impl Exchanger {
    fn of_view_change(&mut self, change: &ViewChange) {
        for certificate in [None, self.old.clone()] {
            self.made.push(Message::ViewChange(Box::new(ViewChange { certificate, ..change.clone() })));
        }
        let mut weak = change.clone();
        weak.timeout.votes = BoundedVec::truncated(weak.timeout.votes.to_vec()[1..].to_vec());
        self.made.push(Message::ViewChange(Box::new(weak)));
        let mut broken = change.clone();
        if let Some(certificate) = &mut broken.certificate {
            let mut votes = certificate.votes.to_vec();
            votes[0].1 = Signature([7; 64]);
            certificate.votes = BoundedVec::truncated(votes);
        }
        self.made.push(Message::ViewChange(Box::new(broken)));
        let mut later = change.clone();
        later.timeout.view = later.timeout.view.next();
        self.made.push(Message::ViewChange(Box::new(later)));
    }
}
impl Liar for Exchanger {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event {
            match decode::<Message>(bytes) {
                Ok(Message::ViewChange(change)) => self.of_view_change(&change),
                Ok(Message::NewView(opened)) => {
                    for certificate in [None, self.old.clone()] {
                        let signed = opened.signed.clone();
                        self.made.push(Message::NewView(Box::new(NewView { signed, certificate })));
                    }
                }
                Ok(Message::Certificate(certificate)) => drop(self.old.get_or_insert(certificate)),
                _ => {}
            }
        }
        Some(event)
    }

    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        self.count.fetch_add(self.made.len(), Ordering::Relaxed);
        out.extend(self.made.drain(..).map(|message| to_all(&message)));
        out.push(action);
    }
}

/// Scenario 46: attachments are no part of what was signed, so exchanging them convicts nobody and stops no view. X2, X3
// Faults: R12
#[test]
fn a_relay_that_exchanges_attachments_frames_nobody() {
    for seed in 0..6 {
        let mut plan = outvote_sim::Plan::quiet(460 + seed, 7);
        plan.liars = vec![(id(6), Behaviour::Honest)];
        let mut world = with(plan);
        let count = Arc::new(AtomicUsize::new(0));
        let liar = Exchanger { count: Arc::clone(&count), ..Exchanger::default() };
        world.machines[6].adversary.lie(Box::new(liar));
        for leader in 0..3 {
            commits(&mut world, 3);
            crash(&mut world, leader);
            commits_within(&mut world, 3, 3 * SECOND);
            restart(&mut world, leader);
        }
        converges(&mut world);
        assert!(count.load(Ordering::Relaxed) > 50, "it passed on {count:?}");
        assert!(world.accused.is_empty(), "{:?}", world.accused);
        assert_eq!(top_view(&world), 3, "each view opened although its heads came twice");
    }
}

/// Scenario 46: a replica that hears nothing of a change but the certificate of a block of the new view. N13, X2, X3
#[test]
fn a_replica_that_enters_a_view_by_a_certificate_accuses_nobody() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    for kind in [Kind::Suspect, Kind::Timeout, Kind::ViewChange, Kind::NewView, Kind::Status] {
        world.rule(None, Some(3), Some(kind), Verdict::Drop);
    }
    crash(&mut world, 0);
    restart(&mut world, 0);
    commits(&mut world, 4);
    let opened_by = |world: &World| {
        let notes = world.notes.iter();
        notes
            .filter(|(_, at, note)| *at == id(3) && matches!(note, Note::Opened { view } if view.0 == 1))
            .count()
    };
    assert_eq!(
        (status(&world, 3).view, status(&world, 3).normal),
        (View(1), true),
        "{:?}",
        status(&world, 3)
    );
    assert_eq!(opened_by(&world), 1);
    assert!(status(&world, 3).high_rank > Rank { view: View(1), sequence: Sequence(0) });
    // Now the opening reaches it as well.
    world.links.rules.clear();
    world.run_for(2 * SECOND);
    crash(&mut world, 2);
    commits(&mut world, 3);
    assert!(world.accused.is_empty(), "{:?}", world.accused);
    assert_eq!(views(&world), [1; 3], "its vote is needed and counts");
}

//! Tells one half of the replicas one thing and the other half another.

use crate::hand::{Hand, read, send_each};
use crate::liar::Liar;
use outvote_replica::{Action, Event, Recipients};
use outvote_types::{
    Digest, Instant, Message, NewView, NewViewBody, Phase, Prepare, Propose, Rank, ReplicaId, Sequence,
    SignedHeader, View, ViewChangeHead, Vote,
};
use std::collections::BTreeMap;

/// Slots whose headers it remembers, to vote for two of one slot.
const MAX_SLOTS: usize = 64;

/// The equivocator: two proposals a slot, two votes a slot, two openings of a view.
#[derive(Default)]
pub struct Equivocator {
    seen: BTreeMap<(View, Sequence), Vec<SignedHeader>>,
}

impl Equivocator {
    fn remember(&mut self, header: &SignedHeader) {
        let slot = self.seen.entry((header.body.view, header.body.sequence)).or_default();
        if slot.len() < 2 && slot.iter().all(|known| known.body != header.body) {
            slot.push(header.clone());
        }
        if self.seen.len() > MAX_SLOTS {
            self.seen.pop_first();
        }
    }

    fn propose(&mut self, hand: &Hand, propose: Box<Propose>, out: &mut Vec<Action>) {
        let view = propose.header.body.view;
        let mut body = propose.header.body.clone();
        // The smallest lie: another time.
        body.time = body.time.next();
        let vote =
            Vote { phase: Phase::Prepare, view, sequence: body.sequence, id: body.id(), replica: hand.me };
        let other =
            Propose { header: hand.sign(body), prepare: hand.sign(vote), batches: propose.batches.clone() };
        self.remember(&propose.header);
        self.remember(&other.header);
        let other = Message::Propose(Box::new(other));
        let first = Message::Propose(propose);
        send_each(hand.others(), out, |peer| {
            Some(if hand.is_in_second_half(peer, view) { other.clone() } else { first.clone() })
        });
    }

    fn prepare(&mut self, hand: &Hand, prepare: Box<Prepare>, out: &mut Vec<Action>) {
        self.remember(&prepare.header);
        let view = prepare.header.body.view;
        let slot = self.seen.get(&(view, prepare.header.body.sequence));
        let other = slot.and_then(|slot| slot.iter().find(|header| header.body != prepare.header.body));
        let other = other.map(|header| {
            let vote = Vote { id: header.body.id(), ..prepare.vote.body };
            Message::Prepare(Box::new(Prepare { vote: hand.sign(vote), header: header.clone() }))
        });
        let first = Message::Prepare(prepare);
        send_each(hand.others(), out, |peer| match &other {
            Some(other) if hand.is_in_second_half(peer, view) => Some(other.clone()),
            _ => Some(first.clone()),
        });
    }

    fn new_view(&self, hand: &Hand, opened: Box<NewView>, out: &mut Vec<Action>) {
        let body = &opened.signed.body;
        let view = body.view;
        // A second opening: our own head claims less, the base stays what it was where others claim as much.
        let heads = body.heads.iter().map(|head| {
            if head.body.replica != hand.me {
                return head.clone();
            }
            let rank = Rank { sequence: Sequence(0), ..Rank::default() };
            hand.sign(ViewChangeHead { rank, id: Digest::ZERO, ..head.body })
        });
        let heads = outvote_types::BoundedVec::truncated(heads.collect());
        let other = NewViewBody { view, leader: hand.me, heads };
        let other = (other.base() == body.base() && other != *body).then(|| {
            let certificate = opened.certificate.clone();
            Message::NewView(Box::new(NewView { signed: hand.sign(other), certificate }))
        });
        let first = Message::NewView(opened);
        send_each(hand.others(), out, |peer| match &other {
            Some(other) if hand.is_in_second_half(peer, view) => Some(other.clone()),
            _ => Some(first.clone()),
        });
    }
}

/// A second COMMIT, for a block that does not exist.
fn other_commit(vote: &Vote) -> Vote {
    Vote { id: Digest::of(&vote.id.0), ..*vote }
}

impl Liar for Equivocator {
    fn hear(&mut self, _: &mut Hand, _: Instant, event: Event) -> Option<Event> {
        if let Event::Frame { bytes, .. } = &event {
            match bytes.first().filter(|tag| **tag < 2).and_then(|_| read(bytes)) {
                Some(Message::Propose(propose)) => self.remember(&propose.header),
                Some(Message::Prepare(prepare)) => self.remember(&prepare.header),
                _ => {}
            }
        }
        Some(event)
    }

    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { to: Recipients::Others, frame, .. } = &action else {
            out.push(action);
            return;
        };
        match read(frame) {
            Some(Message::Propose(propose)) => self.propose(hand, propose, out),
            Some(Message::Prepare(prepare)) => self.prepare(hand, prepare, out),
            Some(Message::NewView(opened)) => self.new_view(hand, opened, out),
            Some(Message::Commit(vote)) => {
                let view = vote.body.view;
                let other = Message::Commit(hand.sign(other_commit(&vote.body)));
                let first = Message::Commit(vote);
                let second = |peer: ReplicaId| hand.is_in_second_half(peer, view);
                send_each(hand.others(), out, |peer| {
                    Some(if second(peer) { other.clone() } else { first.clone() })
                });
                // COMMITs are not echoed, so a careful liar would never be caught at this. One replica gets both.
                let witness = hand.others().find(|peer| second(*peer));
                send_each(witness.into_iter(), out, |_| Some(first.clone()));
            }
            _ => out.push(action),
        }
    }
}

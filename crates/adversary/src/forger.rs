//! Bad signatures, votes in others' names, impossible times.

use crate::hand::{Hand, read, send};
use crate::liar::Liar;
use outvote_replica::{Action, Recipients};
use outvote_types::{
    Digest, Instant, Message, Phase, Propose, ReplicaId, Signature, Signed, Suspect, Vote, WallTime,
};

/// An hour, by which a forged time is wrong.
const WRONG_BY_US: u64 = 3_600_000_000;

/// The forger: part of what it sends is honest, so that it stays in the conversation.
#[derive(Default)]
pub struct Forger;

impl Forger {
    fn somebody_else(hand: &mut Hand) -> ReplicaId {
        let others: Vec<ReplicaId> = hand.others().collect();
        others[hand.dice.below(others.len() as u64) as usize]
    }

    fn mistimed(hand: &mut Hand, mut propose: Box<Propose>) -> Message {
        let late = hand.dice.chance(50);
        let body = &mut propose.header.body;
        body.time = if late {
            body.time.plus(WRONG_BY_US)
        } else {
            WallTime(body.time.0.saturating_sub(WRONG_BY_US))
        };
        let vote = Vote { id: body.id(), ..propose.prepare.body };
        propose.header = hand.sign(propose.header.body);
        propose.prepare = hand.sign(vote);
        Message::Propose(propose)
    }

    fn forge(hand: &mut Hand, message: Message, out: &mut Vec<Action>) -> Message {
        match message {
            Message::Propose(propose) if hand.dice.chance(30) => Self::mistimed(hand, propose),
            Message::Propose(mut propose) if hand.dice.chance(20) => {
                propose.header.signature = broken(propose.header.signature);
                Message::Propose(propose)
            }
            Message::Commit(vote) => {
                // A vote in another's name, under our own key; and one for a block of our dreams.
                let other = Self::somebody_else(hand);
                let stolen = Vote { replica: other, ..vote.body };
                out.push(send(Recipients::Others, &Message::Commit(hand.sign(stolen))));
                let suspect = Suspect { view: vote.body.view, replica: other };
                out.push(send(Recipients::Others, &Message::Suspect(hand.sign(suspect))));
                let dreamt = Vote { phase: Phase::Prepare, id: Digest::of(&vote.body.id.0), ..vote.body };
                // A PREPARE's signature under a COMMIT's body.
                let mixed = Signed::new(vote.body, hand.sign(dreamt).signature);
                out.push(send(Recipients::Others, &Message::Commit(mixed)));
                Message::Commit(vote)
            }
            Message::Prepare(mut prepare) if hand.dice.chance(30) => {
                prepare.vote.signature = broken(prepare.vote.signature);
                Message::Prepare(prepare)
            }
            Message::ViewChange(mut change) if hand.dice.chance(50) => {
                // Claims a rank that no certificate shows.
                change.head.body.rank.sequence = change.head.body.rank.sequence.plus(5);
                change.head = hand.sign(change.head.body);
                Message::ViewChange(change)
            }
            Message::Status(mut status) if hand.dice.chance(50) => {
                status.body.committed = status.body.committed.plus(1_000);
                status.body.rank.sequence = status.body.rank.sequence.plus(1_000);
                status.body.stable = status.body.committed;
                Message::Status(hand.sign(status.body))
            }
            other => other,
        }
    }
}

fn broken(signature: Signature) -> Signature {
    let mut bytes = signature.0;
    bytes[7] ^= 0x40;
    Signature(bytes)
}

impl Liar for Forger {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { to, frame, .. } = &action else {
            out.push(action);
            return;
        };
        match read(frame) {
            Some(message) => {
                let forged = Self::forge(hand, message, out);
                out.push(send(*to, &forged));
            }
            None => out.push(action),
        }
    }
}

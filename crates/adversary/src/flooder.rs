//! Floods its peers with what is well formed, correctly signed, and useless.

use crate::hand::{Hand, read, send};
use crate::liar::Liar;
use outvote_replica::{Action, Recipients};
use outvote_types::{
    BoundedVec, Digest, Fetch, Instant, Message, Rank, Sequence, Signed, Status, View, Vote,
};

/// Useless messages to everybody for each message of the replica's own.
const PER_ACTION: usize = 16;
/// Own old votes that it says again.
const MAX_VOTES: usize = 64;

/// The flooder: statuses, questions for blocks that nobody has, and votes of slots long committed.
#[derive(Default)]
pub struct Flooder {
    votes: Vec<Signed<Vote>>,
    oldest: usize,
    position: (View, Sequence),
}

impl Flooder {
    fn learn(&mut self, frame: &[u8]) {
        if frame.first() != Some(&2) {
            return;
        }
        if let Some(Message::Commit(vote)) = read(frame) {
            self.position = (vote.body.view, vote.body.sequence);
            if self.votes.len() < MAX_VOTES {
                self.votes.push(vote);
            } else {
                self.oldest = (self.oldest + 1) % MAX_VOTES;
                self.votes[self.oldest] = vote;
            }
        }
    }

    fn useless(&self, hand: &mut Hand) -> Message {
        let number = hand.dice.number();
        match (number % 3, self.votes.is_empty()) {
            (0, false) => Message::Commit(self.votes[(number as usize / 3) % self.votes.len()].clone()),
            (1, _) => {
                let digests = BoundedVec::truncated(vec![Digest::of(&number.to_le_bytes())]);
                Message::Fetch(hand.sign(Fetch::Batches { digests, replica: hand.me }))
            }
            _ => {
                let (view, committed) = self.position;
                // Each differs, so that no memory of seen bytes helps.
                let stable = Sequence(number % committed.0.max(1));
                let (rank, sitting_out) = (Rank { view, sequence: committed }, false);
                let status = Status { view, rank, committed, stable, sitting_out, replica: hand.me };
                Message::Status(hand.sign(status))
            }
        }
    }
}

impl Liar for Flooder {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if let Action::Send { frame, .. } = &action {
            self.learn(frame);
            for _ in 0..PER_ACTION {
                let message = self.useless(hand);
                out.push(send(Recipients::Others, &message));
            }
        }
        out.push(action);
    }
}

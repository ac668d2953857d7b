//! Wants another leader at every chance, or another view far away.

use crate::hand::{Hand, read, send};
use crate::liar::Liar;
use outvote_replica::{Action, Recipients};
use outvote_types::{
    BoundedVec, Digest, Heartbeat, Instant, Message, Rank, Sequence, Status, Suspect, TimeoutCertificate,
    View, ViewChange, ViewChangeHead,
};

/// Views that a jumper names lie this far ahead, and further.
const FAR: u64 = 1 << 60;

/// Suspects whoever leads, in this view and the next, with each message that its replica sends.
#[derive(Default)]
pub struct Stormer {
    view: View,
}

impl Liar for Stormer {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if let Action::Send { frame, .. } = &action {
            self.view = self.view.max(view_of(frame).unwrap_or_default());
            let everybody = Recipients::Others;
            for view in [self.view, View(self.view.0.saturating_add(1))] {
                let suspect = hand.sign(Suspect { view, replica: hand.me });
                out.push(send(everybody, &Message::Suspect(suspect.clone())));
                // A certificate that only this replica signed: far from a quorum.
                let votes = BoundedVec::truncated(vec![(hand.me, suspect.signature)]);
                out.push(send(everybody, &Message::Timeout(TimeoutCertificate { view, votes })));
            }
        }
        out.push(action);
    }
}

/// Talks of views that nobody will ever reach.
#[derive(Default)]
pub struct Jumper;

impl Liar for Jumper {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        if matches!(action, Action::Send { .. }) {
            let (replica, everybody) = (hand.me, Recipients::Others);
            let view = View(FAR.saturating_add(hand.dice.below(FAR)));
            let sequence = Sequence(view.0);
            let rank = Rank { view: View(view.0 - 1), sequence };
            let head =
                hand.sign(ViewChangeHead { view, rank, id: Digest::of(&view.0.to_le_bytes()), replica });
            let votes = BoundedVec::truncated(vec![(replica, head.signature)]);
            let timeout = TimeoutCertificate { view: View(view.0 - 1), votes };
            let change = ViewChange { head, certificate: None, timeout };
            let heartbeat = Heartbeat { view, proposed: sequence, committed: sequence, replica };
            let status =
                Status { view, rank, committed: sequence, stable: sequence, sitting_out: false, replica };
            out.push(send(everybody, &Message::Suspect(hand.sign(Suspect { view, replica }))));
            out.push(send(everybody, &Message::ViewChange(Box::new(change))));
            out.push(send(everybody, &Message::Heartbeat(hand.sign(heartbeat))));
            out.push(send(everybody, &Message::Status(hand.sign(status))));
        }
        out.push(action);
    }
}

/// The view that a message of our own speaks of.
fn view_of(frame: &[u8]) -> Option<View> {
    match read(frame)? {
        Message::Prepare(prepare) => Some(prepare.vote.body.view),
        Message::Commit(vote) => Some(vote.body.view),
        Message::ViewChange(change) => Some(change.head.body.view),
        Message::Status(status) => Some(status.body.view),
        Message::Heartbeat(heartbeat) => Some(heartbeat.body.view),
        _ => None,
    }
}

//! Signs a bent message as its liar can: everything that names it, properly, and, if it dares, what names others too.

use outvote_adversary::Hand;
use outvote_types::{Evidence, Message, Signable, Signed};

fn again<B: Signable + Clone>(signed: &mut Signed<B>, hand: &Hand, is_bold: bool) {
    if is_bold || signed.body.signer() == hand.me {
        *signed = hand.sign(signed.body.clone());
    }
}

/// Signs every part of it anew that names the liar; with `is_bold`, with its own key also those that name others.
pub(super) fn resign(message: &mut Message, hand: &Hand, is_bold: bool) {
    match message {
        Message::Propose(propose) => {
            again(&mut propose.header, hand, is_bold);
            again(&mut propose.prepare, hand, is_bold);
        }
        Message::Prepare(prepare) => {
            again(&mut prepare.header, hand, is_bold);
            again(&mut prepare.vote, hand, is_bold);
        }
        Message::Commit(vote) => again(vote, hand, is_bold),
        Message::Certificate(certificate) => {
            for at in 0..certificate.votes.len() {
                let (id, _) = certificate.votes[at];
                if is_bold || id == hand.me {
                    let mut votes = certificate.votes.to_vec();
                    votes[at].1 = hand.sign(certificate.vote_of(id)).signature;
                    certificate.votes = crate::samples::few(votes);
                }
            }
        }
        Message::Suspect(suspect) => again(suspect, hand, is_bold),
        Message::ViewChange(change) => again(&mut change.head, hand, is_bold),
        Message::NewView(opening) => again(&mut opening.signed, hand, is_bold),
        Message::Heartbeat(heartbeat) => again(heartbeat, hand, is_bold),
        Message::Status(status) => again(status, hand, is_bold),
        Message::Checkpoint(vote) => again(vote, hand, is_bold),
        Message::Fetch(fetch) => again(fetch, hand, is_bold),
        Message::Evidence(evidence) => proof(evidence, hand, is_bold),
        Message::Reminder(reminder) => {
            for vote in [&mut reminder.prepare, &mut reminder.commit].into_iter().flatten() {
                again(vote, hand, is_bold);
            }
            if let Some(head) = &mut reminder.head {
                again(head, hand, is_bold);
            }
        }
        Message::Timeout(_) | Message::Stable(_) | Message::Relay(_) | Message::Data(_) => {}
    }
}

fn proof(evidence: &mut Evidence, hand: &Hand, is_bold: bool) {
    match evidence {
        Evidence::Headers(a, b) => [a, b].into_iter().for_each(|part| again(part, hand, is_bold)),
        Evidence::Votes(a, b) => [a, b].into_iter().for_each(|part| again(part, hand, is_bold)),
        Evidence::NewViews(a, b) => [a, b].into_iter().for_each(|part| again(part, hand, is_bold)),
        Evidence::Header(part) => again(part, hand, is_bold),
        Evidence::NewView(part) => again(part, hand, is_bold),
        Evidence::ViewChange(part) => again(part, hand, is_bold),
    }
}

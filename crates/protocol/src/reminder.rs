//! What this replica remembers that each other one has signed, and showing it to the signer (D22).

use crate::output::Recipients;
use crate::replica::Replica;
use crate::word::{self, Word};
use alloc::boxed::Box;
use outvote_types::{Message, Phase, Reminder, ReplicaId, Status};

/// The highest binding words of one member whose signatures were checked here. B2: one place per kind.
///
/// Whatever a disk forbids, it forbids of all ranks from some rank on, so the highest word of a kind says as much as all
/// of them.
#[derive(Debug, Default)]
pub(crate) struct Words(Reminder);

impl Words {
    pub(crate) fn hear(&mut self, word: &Word<'_>) {
        match word {
            Word::Vote(vote, signature) => {
                let place = match vote.phase {
                    Phase::Prepare => &mut self.0.prepare,
                    Phase::Commit => &mut self.0.commit,
                };
                if place.as_ref().is_none_or(|held| held.body.rank() < vote.rank()) {
                    *place = Some(outvote_types::Signed::new(*vote, *signature));
                }
            }
            Word::Head(head) => {
                let held = self.0.head.as_ref().map(|held| (held.body.view, held.body.rank));
                if held.is_none_or(|held| held < (head.body.view, head.body.rank)) {
                    self.0.head = Some((*head).clone());
                }
            }
            // A header comes with its leader's PREPARE, and an opening with its leader's head.
            Word::Header(_) | Word::Opening(_) => {}
        }
    }

    /// Whether their signer, if it has lost nothing, could not send this STATUS any more; or has restarted in the view
    /// of its last PREPARE, where STATUS does not show whether its lease covers it.
    fn exceed(&self, status: &Status) -> bool {
        let Reminder { prepare, commit, head } = &self.0;
        let sits = |view| view == status.view && status.sitting_out;
        prepare.as_ref().is_some_and(|vote| vote.body.view > status.view || sits(vote.body.view))
            || commit.as_ref().is_some_and(|vote| vote.body.rank() > status.rank)
            || head.as_ref().is_some_and(|head| head.body.view > status.view || head.body.rank > status.rank)
    }

    fn message(&self) -> Option<Message> {
        self.0.signer().map(|_| Message::Reminder(Box::new(self.0.clone())))
    }
}

impl Replica {
    /// D22: takes note of what the others have signed. Whoever relies on a vote or head has checked its signature, and
    /// whoever has checked it remembers it.
    pub(crate) fn remember_words(&mut self, message: &Message) {
        let me = self.config.me;
        let peers = &mut self.peers;
        word::of_message(message, &mut |word| {
            if let Some(peer) = peers.get_mut(word.signer().index()).filter(|_| word.signer() != me) {
                peer.words.hear(&word);
            }
        });
    }

    /// D22: shows a peer its own words as soon as its link is up, ahead of all that is sent again, so that an old copy of
    /// its disk is found out before it votes if that is possible at all.
    pub(crate) fn remind(&mut self, peer: ReplicaId) {
        if let Some(reminder) = self.peers.get(peer.index()).and_then(|peer| peer.words.message()) {
            self.send_ready(Recipients::One(peer), reminder);
        }
    }

    /// D22: the reminder that belongs into the answer to this STATUS.
    pub(crate) fn reminder_for(&self, status: &Status) -> Option<Message> {
        let words = &self.peers.get(status.replica.index())?.words;
        words.message().filter(|_| words.exceed(status))
    }
}

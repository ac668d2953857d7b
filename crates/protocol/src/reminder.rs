//! What this replica remembers that each other one has signed, and showing it to the signer (D22).

use crate::limits::REMINDER_REPEATS;
use crate::output::Recipients;
use crate::replica::Replica;
use crate::word::{self, Word};
use alloc::boxed::Box;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Message, Phase, Reminder, ReplicaId, Status};

/// The highest binding words of one member whose signatures were checked here. B2: one place per kind.
///
/// Whatever a disk forbids, it forbids of all ranks from some rank on, so the highest word of a kind says as much as all
/// of them.
#[derive(Clone, Debug, Default)]
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

/// What a peer was shown when its link came up. The link may have lost it, and what the peer has said since then stands in the
/// place of what it may have forgotten.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    words: Words,
    again: u32,
}

impl Shown {
    /// The words once more, if they were not repeated often enough.
    fn repeat(&mut self) -> Option<Message> {
        self.again = self.again.checked_sub(1)?;
        self.words.message()
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
        let Some(state) = self.peers.get_mut(peer.index()) else { return };
        let again = if planted::is_on(Bug::ReminderShownOnce) { 0 } else { REMINDER_REPEATS };
        state.shown = Shown { words: state.words.clone(), again };
        if let Some(reminder) = state.words.message() {
            self.send_ready(Recipients::One(peer), reminder);
        }
    }

    /// D22: the reminders that belong into the answer to this STATUS.
    pub(crate) fn reminders_for(&mut self, status: &Status) -> Vec<Message> {
        let Some(peer) = self.peers.get_mut(status.replica.index()) else { return Vec::new() };
        let exceeding = peer.words.message().filter(|_| peer.words.exceed(status));
        peer.shown.repeat().into_iter().chain(exceeding).collect()
    }
}

//! What every liar holds: its own key, the committee, dice, and messages that it keeps back.

use crate::dice::Dice;
use outvote_crypto::{Scheme, sign_body};
use outvote_replica::{Action, Recipients};
use outvote_types::{
    Committee, Domain, Instant, Message, Quorum, ReplicaId, Signable, Signed, View, decode, encode,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Messages that a liar keeps back at most; more leave at once.
const MAX_KEPT: usize = 4096;

/// A liar's means. It can sign with its own key and with no other.
pub struct Hand {
    scheme: Arc<dyn Scheme>,
    domain: Domain,
    quorum: Quorum,
    /// Who it is.
    pub me: ReplicaId,
    /// Its luck.
    pub dice: Dice,
    kept: BTreeMap<(Instant, u64), Action>,
    counter: u64,
}

impl Hand {
    pub(crate) fn new(
        scheme: Arc<dyn Scheme>,
        committee: &Committee,
        quorum: Quorum,
        me: ReplicaId,
        seed: u64,
    ) -> Self {
        let domain = committee.domain();
        Self { scheme, domain, quorum, me, dice: Dice::new(seed), kept: BTreeMap::new(), counter: 0 }
    }

    /// Signs a body with the own key, whoever the body names.
    pub fn sign<B: Signable>(&self, body: B) -> Signed<B> {
        sign_body(&*self.scheme, &self.domain, body)
    }

    /// The other members.
    pub fn others(&self) -> impl Iterator<Item = ReplicaId> + use<> {
        let me = self.me;
        self.quorum.members().filter(move |id| *id != me)
    }

    /// Whether a member belongs to the half that hears the second story in this view.
    pub fn is_in_second_half(&self, peer: ReplicaId, view: View) -> bool {
        let n = self.quorum.n() as u64;
        // Among the others alone: this replica's own place in a half would leave the others all in one of them, as whenever the
        // last member leads.
        let after_me = (u64::from(peer.0) + n - u64::from(self.me.0)) % n;
        let place = (after_me + n - 1 + view.0 % (n - 1)) % (n - 1);
        place >= n / 2
    }

    /// Whether it leads the view.
    pub fn leads(&self, view: View) -> bool {
        self.quorum.leader(view) == self.me
    }

    /// Lets an action out later.
    pub fn keep(&mut self, until: Instant, action: Action, out: &mut Vec<Action>) {
        if self.kept.len() >= MAX_KEPT {
            out.push(action);
            return;
        }
        self.counter += 1;
        self.kept.insert((until, self.counter), action);
    }

    pub(crate) fn due(&mut self, now: Instant) -> Vec<Action> {
        let later = self.kept.split_off(&(now.next(), 0));
        std::mem::replace(&mut self.kept, later).into_values().collect()
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.kept.keys().next().map(|(at, _)| *at)
    }
}

/// The message in a frame of our own.
pub fn read(frame: &[u8]) -> Option<Message> {
    decode(frame).ok()
}

/// A message as an action.
#[must_use]
pub fn send(to: Recipients, message: &Message) -> Action {
    Action::Send { to, urgent: message.is_urgent(), frame: Arc::from(encode(message)) }
}

/// One message for each recipient; `choose` says what each hears, if anything.
pub fn send_each(
    peers: impl Iterator<Item = ReplicaId>,
    out: &mut Vec<Action>,
    mut choose: impl FnMut(ReplicaId) -> Option<Message>,
) {
    out.extend(peers.filter_map(|peer| Some(send(Recipients::One(peer), &choose(peer)?))));
}

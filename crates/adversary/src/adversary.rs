//! The wrapper that makes a replica lie.

use crate::asker::Asker;
use crate::behaviour::Behaviour;
use crate::censor::Censor;
use crate::corruptor::Corruptor;
use crate::delayer::Delayer;
use crate::equivocator::Equivocator;
use crate::flooder::Flooder;
use crate::forger::Forger;
use crate::half_batch::HalfBatch;
use crate::hand::Hand;
use crate::laggard::Laggard;
use crate::liar::Liar;
use crate::miser::Miser;
use crate::mute::Mute;
use crate::replayer::Replayer;
use crate::stormer::{Jumper, Stormer};
use outvote_crypto::Scheme;
use outvote_replica::{Action, Event};
use outvote_types::{Committee, Instant, PublicKey, QuorumError, ReplicaId, ToClient};
use std::sync::Arc;

/// Stands between a replica and the world. The replica itself stays honest; its events and actions are changed on the way.
///
/// Whoever drives the replica passes each event through [`hear`](Self::hear), the resulting actions through
/// [`act`](Self::act), answers to clients through [`answer`](Self::answer), and calls [`act`](Self::act) with no actions at
/// [`wake_at`](Self::wake_at) to get what was kept back.
pub struct Adversary {
    behaviour: Behaviour,
    liar: Option<Box<dyn Liar>>,
    hand: Hand,
}

impl Adversary {
    /// A replica's companion; it signs with the replica's own key and no other.
    ///
    /// # Errors
    /// When the committee has an impossible size.
    pub fn new(
        behaviour: Behaviour,
        scheme: Arc<dyn Scheme>,
        committee: &Committee,
        me: ReplicaId,
        seed: u64,
    ) -> Result<Self, QuorumError> {
        let hand = Hand::new(scheme, committee, committee.quorum()?, me, seed);
        let mut adversary = Self { behaviour: Behaviour::Honest, liar: None, hand };
        adversary.behave(behaviour);
        Ok(adversary)
    }

    /// Changes the behaviour from now on.
    pub fn behave(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
        self.liar = match behaviour {
            Behaviour::Honest => None,
            Behaviour::Mute => Some(Box::new(Mute)),
            Behaviour::Equivocate => Some(Box::<Equivocator>::default()),
            Behaviour::Forge => Some(Box::new(Forger)),
            Behaviour::HalfBatch => Some(Box::<HalfBatch>::default()),
            Behaviour::Slow => Some(Box::<Laggard>::default()),
            Behaviour::Censor => Some(Box::<Censor>::default()),
            Behaviour::CorruptAnswers => Some(Box::new(Corruptor)),
            Behaviour::Replay => Some(Box::<Replayer>::default()),
            Behaviour::SlowBy1Ms => Some(Box::new(Delayer::of_proposals(1_000))),
            Behaviour::SlowBy10Ms => Some(Box::new(Delayer::of_proposals(10_000))),
            Behaviour::SlowBy100Ms => Some(Box::new(Delayer::of_proposals(100_000))),
            Behaviour::Smart => Some(Box::new(Delayer::smart())),
            Behaviour::TinyBatches => Some(Box::<Miser>::default()),
            Behaviour::LateVotes => Some(Box::new(Delayer::of_votes())),
            Behaviour::Flood => Some(Box::<Flooder>::default()),
            Behaviour::Storm => Some(Box::<Stormer>::default()),
            Behaviour::Jump => Some(Box::new(Jumper)),
            Behaviour::AskForState => Some(Box::<Asker>::default()),
        };
    }

    /// Censors this client from now on.
    pub fn censor(&mut self, victim: PublicKey) {
        self.behaviour = Behaviour::Censor;
        self.liar = Some(Box::new(Censor::of(victim)));
    }

    /// Lies in a way of the caller's own.
    pub fn lie(&mut self, liar: Box<dyn Liar>) {
        self.liar = Some(liar);
    }

    /// The present behaviour.
    #[must_use]
    pub const fn behaviour(&self) -> Behaviour {
        self.behaviour
    }

    /// What the replica gets to hear of an event; `None` if nothing.
    #[must_use]
    pub fn hear(&mut self, now: Instant, event: Event) -> Option<Event> {
        match &mut self.liar {
            Some(liar) => liar.hear(&mut self.hand, now, event),
            None => Some(event),
        }
    }

    /// What is done instead of these actions, and what was kept back until now.
    #[must_use]
    pub fn act(&mut self, now: Instant, actions: Vec<Action>) -> Vec<Action> {
        let mut out = self.hand.due(now);
        match &mut self.liar {
            Some(liar) => {
                actions.into_iter().for_each(|action| liar.act(&mut self.hand, now, action, &mut out))
            }
            None if out.is_empty() => return actions,
            None => out.extend(actions),
        }
        out
    }

    /// What a client gets to hear instead of this; `None` if nothing.
    #[must_use]
    pub fn answer(&mut self, answer: ToClient) -> Option<ToClient> {
        match &mut self.liar {
            Some(liar) => liar.answer(&mut self.hand, answer),
            None => Some(answer),
        }
    }

    /// When something that was kept back is due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.hand.wake_at()
    }
}

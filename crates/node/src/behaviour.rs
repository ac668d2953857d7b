//! Lies on demand: the hook between a replica and the wire, for demonstration clusters only.
//!
//! The core thread and the gateway thread hold one each, switched together.

#[cfg(not(feature = "demo"))]
pub(crate) use honest::Lies;
#[cfg(feature = "demo")]
pub(crate) use liar::Lies;

/// A build without the feature `demo`: every replica is as honest as its code.
#[cfg(not(feature = "demo"))]
mod honest {
    use crate::shared::Shared;
    use outvote_crypto::Scheme;
    use outvote_replica::{Action, Event};
    use outvote_types::{Instant, ToClient};
    use std::sync::Arc;

    pub(crate) struct Lies;

    #[allow(clippy::unused_self, reason = "the same shape as the liar's")]
    impl Lies {
        pub(crate) fn new(_: &Shared, _: &Arc<dyn Scheme>) -> Self {
            Self
        }
        pub(crate) fn name(&self) -> &'static str {
            "honest"
        }
        pub(crate) fn wake_at(&self) -> Option<Instant> {
            None
        }
        pub(crate) fn switch(&mut self, _behaviour: &str) -> Result<(), String> {
            Err("this program was built without the feature `demo`: rebuild with it to make replicas lie"
                .into())
        }
        pub(crate) fn hear(&mut self, _now: Instant, event: Event) -> Option<Event> {
            Some(event)
        }
        pub(crate) fn distort(&mut self, _now: Instant, actions: Vec<Action>) -> Vec<Action> {
            actions
        }
        pub(crate) fn answer(&mut self, answer: ToClient) -> Option<ToClient> {
            Some(answer)
        }
    }
}

/// A build with the feature `demo`: the simulator's own liars, on a real wire.
#[cfg(feature = "demo")]
mod liar {
    use crate::shared::Shared;
    use outvote_adversary::{Adversary, Behaviour};
    use outvote_crypto::Scheme;
    use outvote_replica::{Action, Event};
    use outvote_types::{Instant, ToClient};
    use std::sync::Arc;

    pub(crate) struct Lies {
        /// `None` unless the genesis says demo: then nobody can make this replica lie.
        adversary: Option<Adversary>,
    }

    impl Lies {
        pub(crate) fn new(shared: &Shared, scheme: &Arc<dyn Scheme>) -> Self {
            let committee = &shared.committee.committee;
            let seed = u64::from(shared.me.0) + 1;
            let make =
                || Adversary::new(Behaviour::Honest, Arc::clone(scheme), committee, shared.me, seed).ok();
            Self { adversary: committee.demo.then(make).flatten() }
        }

        pub(crate) fn name(&self) -> &'static str {
            self.adversary.as_ref().map_or("honest", |adversary| adversary.behaviour().name())
        }

        pub(crate) fn wake_at(&self) -> Option<Instant> {
            self.adversary.as_ref()?.wake_at()
        }

        pub(crate) fn switch(&mut self, name: &str) -> Result<(), String> {
            let Some(adversary) = &mut self.adversary else {
                return Err(
                    "this cluster's genesis does not say demo: its replicas cannot be told to lie".into()
                );
            };
            let Some(behaviour) = Behaviour::from_name(name) else {
                let known: Vec<&str> = Behaviour::ALL.iter().map(|behaviour| behaviour.name()).collect();
                return Err(format!("unknown behaviour `{name}`: choose one of {}", known.join(", ")));
            };
            adversary.behave(behaviour);
            Ok(())
        }

        pub(crate) fn hear(&mut self, now: Instant, event: Event) -> Option<Event> {
            match &mut self.adversary {
                Some(adversary) => adversary.hear(now, event),
                None => Some(event),
            }
        }

        pub(crate) fn distort(&mut self, now: Instant, actions: Vec<Action>) -> Vec<Action> {
            match &mut self.adversary {
                Some(adversary) => adversary.act(now, actions),
                None => actions,
            }
        }

        pub(crate) fn answer(&mut self, answer: ToClient) -> Option<ToClient> {
            match &mut self.adversary {
                Some(adversary) => adversary.answer(answer),
                None => Some(answer),
            }
        }
    }
}

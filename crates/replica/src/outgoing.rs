//! The way out: what ring 1 wants is withheld, signed, fed back and sent.

use crate::action::Action;
use crate::counters::MessageType;
use crate::gate::{Outgoing, Passage};
use crate::replica::{Moment, Replica};
use outvote_crypto::Checker;
use outvote_protocol::{Draft, Input, Output, Recipients};
use outvote_types::evidence::Charge;
use outvote_types::limits::MAX_MESSAGE_BYTES;
use outvote_types::{BoundedVec, Evidence, Message, Reply, encode};
use std::collections::VecDeque;
use std::sync::Arc;

/// A relay of at most this many bytes travels on the urgent connection, so that no state transfer makes an honest leader
/// look as if it ignored clients.
pub const URGENT_RELAY_BYTES: usize = 64 * 1024;
/// Outputs that one step may lead to, our own messages fed back included. Ring 1 answers each own message with a bounded
/// number of outputs and never with the same message again, so this many mean an endless loop of ours.
const MAX_OUTPUTS_PER_STEP: usize = 1 << 20;

const GATE_IS_FULL: &str = "B1: the disk is stuck and the gate is full";
const TOO_LONG_TO_SEND: &str = "B1: longer than a message may be; not sent";
const PROVES_NOTHING: &str = "X1: evidence that proves nothing";

impl Replica {
    /// Carries out what ring 1 wants, and what it wants next when it meets its own messages, until it is quiet.
    pub(crate) fn carry_out(&mut self, at: Moment, outputs: Vec<Output>, actions: &mut Vec<Action>) {
        let mut work = VecDeque::from(outputs);
        let mut done = 0usize;
        while let Some(output) = work.pop_front() {
            done += 1;
            assert!(done <= MAX_OUTPUTS_PER_STEP, "a step does not come to an end");
            match output {
                Output::Send { to, draft, after } => match self.gate.admit(Outgoing { to, draft }, after) {
                    Passage::Free(outgoing) => work.extend(self.send(at, outgoing, actions)),
                    Passage::Withheld => {
                        self.counters.withheld = self.counters.withheld.saturating_add(1);
                    }
                    Passage::Full => self.ignore(self.me, GATE_IS_FULL, actions),
                },
                other => self.hand_over(other, actions),
            }
        }
    }

    /// Passes on what is not a message.
    fn hand_over(&mut self, output: Output, actions: &mut Vec<Action>) {
        let action = match output {
            Output::Send { .. } => unreachable!("sends are carried out before"),
            Output::Persist { records, ticket } => Action::Write { ticket, records },
            Output::Commit(block) => Action::Execute(block),
            Output::Certified(certificate) => Action::Certified(certificate),
            Output::Reply { sequence, id, result_root } => {
                let reply = Reply { sequence, id, result_root, replica: self.me };
                Action::Reply(self.signer.sign(reply))
            }
            Output::Serve { to, fetch } => Action::Serve { to, fetch },
            Output::FetchState { certificate, repair } => {
                self.fetches.clear();
                Action::FetchState { certificate, repair }
            }
            Output::Stable { certificate, retain_from } => Action::Stable { certificate, retain_from },
            Output::Refuse { session, nonce, busy } => Action::Refuse { session, nonce, busy },
            Output::Accuse(evidence) => match self.charge(&evidence) {
                Some(charge) => Action::Accuse { evidence, charge },
                // B4: what proves nothing is no reason to stop.
                None => return self.ignore(self.me, PROVES_NOTHING, actions),
            },
            Output::Note(note) => Action::Note(note),
        };
        actions.push(action);
    }

    fn charge(&self, evidence: &Evidence) -> Option<Charge> {
        evidence.charge(self.quorum, self.epoch)
    }

    /// Signs a draft, sends it, and gives ring 1 its own copy. Gives back what ring 1 wants then.
    fn send(&mut self, at: Moment, outgoing: Outgoing, actions: &mut Vec<Action>) -> Vec<Output> {
        let Outgoing { to, draft } = outgoing;
        // N16: a replica counts its own message like any other's once it is signed. It has the ready ones already, and its
        // own question would ask itself.
        let is_counted = !matches!(draft, Draft::Ready(_) | Draft::Fetch(_));
        let mut message = self.signer.complete(draft);
        let leaves = match to {
            Recipients::Myself => false,
            Recipients::One(peer) => peer != self.me,
            Recipients::Others => true,
        };
        if leaves {
            self.dispatch(to, &mut message, actions);
        }
        if !is_counted {
            return Vec::new();
        }
        self.rules.step(at.now, at.wall, Input::Message { from: self.me, message: Checker::own(message) })
    }

    /// Encodes a message once for all its recipients.
    fn dispatch(&mut self, to: Recipients, message: &mut Message, actions: &mut Vec<Action>) {
        let mut bytes = encode(message);
        if bytes.len() > MAX_MESSAGE_BYTES
            && let Message::Propose(propose) = message
        {
            // N9: a proposal too large for one message goes without its batches; who lacks them fetches them.
            propose.batches = BoundedVec::default();
            bytes = encode(message);
        }
        if bytes.len() > MAX_MESSAGE_BYTES {
            self.ignore(self.me, TOO_LONG_TO_SEND, actions);
            return;
        }
        self.counters.message_out(MessageType::of(message), bytes.len());
        let urgent = is_urgent(message, bytes.len());
        actions.push(Action::Send { to, urgent, frame: Arc::from(bytes) });
    }
}

/// Whether a message travels on the connection that bulk data never blocks.
///
/// Proposals always do: they are what everybody waits for, one connection keeps them in order among themselves, and on the
/// other one they would stand behind chunks of state. The leader's votes behind a large proposal lose nothing that matters,
/// since a quorum forms without them.
const fn is_urgent(message: &Message, bytes: usize) -> bool {
    message.is_urgent() || matches!(message, Message::Relay(_)) && bytes <= URGENT_RELAY_BYTES
}

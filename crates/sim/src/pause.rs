//! Processes that are stopped for a while, and processes that die at a step of the protocol.

use crate::agenda::Happening;
use crate::fault::{Fault, Step, Trap};
use crate::network::Kind;
use crate::world::World;
use outvote_replica::Action;
use outvote_types::ReplicaId;

/// What waits at a stopped process at most: what its sockets and queues would hold.
const INBOX_MAX: usize = 4_096;

impl World {
    /// The process does nothing until it is resumed.
    pub(crate) fn pause(&mut self, id: ReplicaId) {
        let machine = &mut self.machines[id.index()];
        if machine.replica.is_some() {
            machine.inbox.get_or_insert_default();
        }
    }

    /// The process goes on, with all that waited.
    pub(crate) fn resume(&mut self, id: ReplicaId) {
        for happening in self.machines[id.index()].inbox.take().unwrap_or_default() {
            self.schedule(self.now_us, happening);
        }
    }

    /// Lets what happens at a stopped process wait; hands back what does not.
    pub(crate) fn put_off(&mut self, happening: Happening) -> Option<Happening> {
        let at = match &happening {
            Happening::Frame { to, .. } | Happening::Submit { to, .. } | Happening::Asked { to, .. } => *to,
            Happening::Local { at, .. } => *at,
            _ => return Some(happening),
        };
        let Some(inbox) = &mut self.machines[at.index()].inbox else { return Some(happening) };
        // What a process owes itself is never lost; of what others send, only so much is kept.
        if inbox.len() < INBOX_MAX || matches!(happening, Happening::Local { .. }) {
            inbox.push(happening);
        }
        None
    }

    /// How many of these actions are carried out before the process dies of them; `None` if it lives.
    pub(crate) fn sprung(&mut self, at: ReplicaId, actions: &[Action]) -> Option<(usize, Trap)> {
        if self.traps.is_empty() || self.machines[at.index()].replica.is_none() {
            return None;
        }
        let leads = self.status(at.index()).is_some_and(|status| status.leader == at);
        for (place, action) in actions.iter().enumerate() {
            let steps_in = |trap: &Trap| is_step(action, trap.step) && (leads || !trap.leader_only);
            if let Some(index) = self.traps.iter().position(steps_in) {
                let trap = self.traps.remove(index);
                return Some((place + usize::from(trap.is_done), trap));
            }
        }
        None
    }

    /// The process dies, and comes back after a while.
    pub(crate) fn spring(&mut self, at: ReplicaId, trap: Trap) {
        *self.faults.entry("killed_at_step").or_default() += 1;
        self.coverage.moment("killed_at_step", self.now_us);
        self.crash(at);
        self.schedule(self.now_us + trap.down_us, Happening::Fault(Box::new(Fault::Restart(at))));
    }
}

fn is_step(action: &Action, step: Step) -> bool {
    match (action, step) {
        (Action::Send { frame, .. }, Step::Sends(kind)) => Kind::of(frame) == Some(kind),
        (Action::Write { .. }, Step::Writes)
        | (Action::Execute(_), Step::Executes)
        | (Action::FetchState { .. }, Step::FetchesState)
        | (Action::Serve { .. }, Step::Serves)
        | (Action::Stable { .. }, Step::Truncates) => true,
        _ => false,
    }
}

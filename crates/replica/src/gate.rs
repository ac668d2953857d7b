//! The gate: what the log table of the protocol names leaves only after its records are durable.

use outvote_protocol::{Draft, Recipients, Ticket};
use outvote_types::planted::{self, Bug};
use std::collections::BTreeMap;

/// Drafts that wait for the disk at most. Ring 1 sends again whatever still matters, so a draft that finds the gate full
/// costs time and nothing else; it takes a disk that has been stuck for long to fill it.
pub(crate) const MAX_WITHHELD: usize = 4096;

/// A draft and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: Recipients,
    pub(crate) draft: Draft,
}

/// Withholds drafts until their ticket is durable.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// The highest durable ticket; none before the first flush of this process.
    durable: Option<Ticket>,
    /// Drafts by the ticket that they wait for, in the order in which ring 1 wanted them. No key is durable yet.
    waiting: BTreeMap<Ticket, Vec<Outgoing>>,
    /// How many drafts wait; never above [`MAX_WITHHELD`].
    count: usize,
}

/// What the gate says of a draft.
#[derive(Debug)]
pub(crate) enum Passage {
    /// Nothing stands in its way.
    Free(Outgoing),
    /// It waits.
    Withheld,
    /// There is no room to wait; ring 1 will send it again.
    Full,
}

impl Gate {
    /// Lets a draft pass or keeps it.
    pub(crate) fn admit(&mut self, outgoing: Outgoing, after: Option<Ticket>) -> Passage {
        // D1, D2, D3, D5: only what names a ticket waits; D6: everything else leaves at once, so that a slow disk never
        // looks like a liar.
        let Some(ticket) = after.filter(|ticket| Some(*ticket) > self.durable) else {
            return Passage::Free(outgoing);
        };
        if self.count >= MAX_WITHHELD {
            return Passage::Full;
        }
        let line = self.waiting.entry(ticket).or_default();
        // A repeated SUSPECT or HEARTBEAT replaces the one that still waits: a stuck disk must not pile them up.
        if let Some(same) = line.iter_mut().find(|earlier| supersedes(&outgoing, earlier)) {
            *same = outgoing;
        } else {
            line.push(outgoing);
            self.count += 1;
        }
        Passage::Withheld
    }

    /// Everything up to `ticket` is durable: gives back, in order, what waited for it.
    pub(crate) fn open(&mut self, ticket: Ticket) -> Vec<Outgoing> {
        self.durable = self.durable.max(Some(ticket));
        let later = self
            .waiting
            .split_off(&Ticket(ticket.0.saturating_add(1 + u64::from(planted::is_on(Bug::GateOffByOne)))));
        let free: Vec<_> = std::mem::replace(&mut self.waiting, later).into_values().flatten().collect();
        self.count -= free.len();
        free
    }

    /// How many drafts wait.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn assert_invariants(&self) {
        assert!(self.count <= MAX_WITHHELD, "more drafts wait than there is room for");
        assert_eq!(
            self.count,
            self.waiting.values().map(Vec::len).sum::<usize>(),
            "the count of drafts is off"
        );
        assert!(
            self.waiting.keys().all(|ticket| Some(*ticket) > self.durable),
            "a draft waits although its ticket is durable"
        );
    }
}

/// Whether `new` says everything that `old` says.
fn supersedes(new: &Outgoing, old: &Outgoing) -> bool {
    new.to == old.to
        && match (&new.draft, &old.draft) {
            (Draft::Suspect(new), Draft::Suspect(old)) => new == old,
            (Draft::Heartbeat(new), Draft::Heartbeat(old)) => new.view == old.view,
            (Draft::Status(new), Draft::Status(old)) => new.replica == old.replica,
            (Draft::ViewChange { head: new, .. }, Draft::ViewChange { head: old, .. }) => new == old,
            (Draft::Commit(new), Draft::Commit(old)) => new == old,
            (Draft::Prepare { vote: new, .. }, Draft::Prepare { vote: old, .. }) => new == old,
            (Draft::Checkpoint(new), Draft::Checkpoint(old)) => new == old,
            _ => false,
        }
}

//! What is promised on disk, and what has to wait for it (table 5 of `docs/protocol.md`).

use crate::output::{Output, Ticket};
use crate::record::{Promise, Record};
use crate::replica::Replica;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Certificate, Digest, Rank, Sequence};

/// The highest-ranked certificate whose block and ancestors are held.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    /// Never goes down (D21).
    pub(crate) rank: Rank,
    pub(crate) id: Digest,
    /// `None` for genesis, and for a lock whose certificate the disk has lost (D23).
    pub(crate) certificate: Option<Certificate>,
}

impl Lock {
    /// D23: how high it is we know from the promise, and the proof is still to come.
    pub(crate) fn lacks_proof(&self) -> bool {
        self.certificate.is_none() && self.rank != Rank::default()
    }

    /// D23: whether this is the proof that it lacks.
    pub(crate) fn lacks(&self, certificate: &Certificate) -> bool {
        self.lacks_proof() && certificate.rank() == self.rank && certificate.id == self.id
    }

    /// What STATUS claims: a lock without its proof is none yet, so that whoever has the proof sends it (T5).
    pub(crate) fn claimed_rank(&self) -> Rank {
        if self.lacks_proof() { Rank::default() } else { self.rank }
    }
}

/// What was handed to the disk and how much of it has arrived there.
#[derive(Debug)]
pub(crate) struct Disk {
    /// The last ticket handed out.
    pub(crate) last: Ticket,
    /// All tickets up to this one are durable.
    pub(crate) durable: Ticket,
    /// The last promise handed out.
    pub(crate) promise: Promise,
    /// The ticket of the last promise.
    pub(crate) promise_ticket: Ticket,
    /// The ticket of the promise that entered the current view.
    pub(crate) view_ticket: Ticket,
    /// The lease of this view that is durable.
    pub(crate) durable_lease: Sequence,
    /// Leases of this view that are on their way, rising.
    pub(crate) leases: VecDeque<(Ticket, Sequence)>,
}

impl Disk {
    pub(crate) const fn new(promise: Promise) -> Self {
        Self {
            last: Ticket(0),
            durable: Ticket(0),
            promise,
            promise_ticket: Ticket(0),
            view_ticket: Ticket(0),
            durable_lease: promise.lease,
            leases: VecDeque::new(),
        }
    }

    /// Everything up to this ticket is on disk.
    pub(crate) fn on_durable(&mut self, ticket: Ticket) {
        self.durable = self.durable.max(ticket.min(self.last));
        while let Some((due, lease)) = self.leases.front().copied() {
            if due > self.durable {
                break;
            }
            self.durable_lease = lease;
            self.leases.pop_front();
        }
    }

    /// What a message that rests on this ticket has to wait for.
    pub(crate) fn gate(&self, ticket: Ticket) -> Option<Ticket> {
        (ticket > self.durable && !planted::is_on(Bug::SendBeforeDurable)).then_some(ticket)
    }

    /// The ticket of a lease that covers `sequence`: `Some(None)` if one is durable already, `None` if none was written.
    fn lease_for(&self, sequence: Sequence) -> Option<Option<Ticket>> {
        if sequence <= self.durable_lease && self.view_ticket <= self.durable {
            return Some(None);
        }
        self.leases.iter().find(|(_, lease)| *lease >= sequence).map(|(ticket, _)| Some(*ticket))
    }
}

impl Replica {
    /// Appends records as one group.
    pub(crate) fn persist(&mut self, records: Vec<Record>) -> Ticket {
        if records.is_empty() {
            return self.disk.last;
        }
        // D6: groups are cheap; ring 3 flushes what waits together.
        self.disk.last = Ticket(self.disk.last.0.saturating_add(1));
        let ticket = self.disk.last;
        self.out.push(Output::Persist { records, ticket });
        ticket
    }

    /// Appends records and a promise that names the view, the lease and the lock as they are now.
    pub(crate) fn persist_promise(&mut self, mut records: Vec<Record>, lease: Sequence) -> Ticket {
        if !self.may_vote() {
            // D17: an observer promises nothing.
            return self.persist(records);
        }
        let same_view = self.disk.promise.view == self.term.view;
        let lease = if same_view { lease.max(self.disk.promise.lease) } else { lease };
        // D12: the counter tells a later promise from an earlier one.
        let promise = Promise {
            counter: self.disk.promise.counter.saturating_add(1),
            epoch: self.config.committee.epoch,
            view: self.term.view,
            lease,
            high_rank: self.lock.rank,
            high_id: self.lock.id,
        };
        records.push(Record::Promise(promise));
        let rises = !same_view || lease > self.disk.promise.lease;
        let ticket = self.persist(records);
        self.disk.promise = promise;
        self.disk.promise_ticket = ticket;
        if !same_view {
            // V13: nothing of the new view leaves before this is durable.
            self.disk.view_ticket = ticket;
            self.disk.leases.clear();
            self.disk.durable_lease = Sequence(0);
        }
        if rises {
            self.disk.leases.push_back((ticket, lease));
        }
        ticket
    }

    /// D2: what a message of this view has to wait for.
    pub(crate) fn view_gate(&self) -> Option<Ticket> {
        self.disk.gate(self.disk.view_ticket)
    }

    /// D3: what a PREPARE or PROPOSE at `sequence` has to wait for; writes a lease if none covers it.
    pub(crate) fn lease_gate(&mut self, sequence: Sequence) -> Option<Ticket> {
        if planted::is_on(Bug::PrepareBeyondLease) {
            return None;
        }
        if let Some(gate) = self.disk.lease_for(sequence) {
            return gate;
        }
        let lease = sequence.plus(self.config.tunables.lease_slots);
        let ticket = self.persist_promise(Vec::new(), lease);
        self.disk.gate(ticket)
    }

    /// D4: the lease to put into the next promise; extended when half of it is used.
    pub(crate) fn next_lease(&self) -> Sequence {
        let slots = self.config.tunables.lease_slots.max(1);
        let used = self.term.voted.map_or(Sequence(0), |tip| tip.sequence);
        let lease = self.disk.promise.lease;
        // D7: while it sits out, the lease marks what may have been prepared and does not move.
        if self.term.sitting_out || lease.since(used) > slots / 2 { lease } else { used.plus(slots) }
    }

    /// The chain's blocks up to `id` that are not handed to the disk yet, lowest first.
    pub(crate) fn unwritten_blocks(&mut self, id: Digest) -> Vec<Record> {
        let mut records = Vec::new();
        for id in self.chain.path_to(id) {
            if let Some(entry) = self.chain.entries.get_mut(&id)
                && let (Some(block), false) = (&entry.block, entry.written)
            {
                entry.written = true;
                records.push(Record::Block(Box::new((**block).clone())));
            }
        }
        records
    }

    /// N11, D1, D15: raises the lock to a certificate whose block and ancestors are held, in one write with them.
    pub(crate) fn raise_lock(&mut self, certificate: &Certificate) -> Ticket {
        // Q5: view first, then sequence; D21: never downwards.
        let mut records = self.unwritten_blocks(certificate.id);
        if certificate.rank() <= self.lock.rank {
            // D1: a lock that was there already may have got its blocks back only now (C7, D23).
            return self.persist(records);
        }
        records.push(Record::Certificate(certificate.clone()));
        self.lock =
            Lock { rank: certificate.rank(), id: certificate.id, certificate: Some(certificate.clone()) };
        let lease = self.next_lease();
        self.persist_promise(records, lease)
    }
}

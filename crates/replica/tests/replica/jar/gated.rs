//! The log table of the protocol as an oracle: compares each message that leaves with what is durable at that moment. It
//! knows nothing of tickets.

use super::{Family, replica_id};
use outvote_protocol::{Promise, Record};
use outvote_types::{Digest, Header, Message, Rank, ReplicaId, Vote};
use std::collections::BTreeMap;

pub struct Gated {
    me: ReplicaId,
    genesis: Digest,
    promise: Option<Promise>,
    /// Durable headers by identity.
    headers: BTreeMap<Digest, Header>,
    /// Durable certificates: the blocks that they are for.
    certified: Vec<(Rank, Digest)>,
    /// The place from which the log goes on after a state transfer.
    installed: Option<Digest>,
    pub violations: Vec<String>,
    /// How many messages were compared, so that a test knows that the oracle was asked at all.
    pub compared: usize,
}

impl Gated {
    pub fn new(family: &Family, index: usize, first: &[Record]) -> Self {
        let mut gated = Self {
            me: replica_id(index),
            genesis: family.committee.genesis_id(),
            promise: None,
            headers: BTreeMap::new(),
            certified: Vec::new(),
            installed: None,
            violations: Vec::new(),
            compared: 0,
        };
        gated.durable(first);
        gated
    }

    /// These records are on disk now.
    pub fn durable(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Promise(promise) => {
                    if let Some(before) = self.promise {
                        let rises = promise.counter > before.counter
                            && promise.view >= before.view
                            && promise.high_rank >= before.high_rank
                            && (promise.view > before.view || promise.lease >= before.lease);
                        if !rises {
                            self.violations
                                .push(format!("D21: a promise went down: {before:?} then {promise:?}"));
                        }
                    }
                    self.promise = Some(*promise);
                    if !self.holds_chain(promise.high_id) {
                        self.violations
                            .push(format!("D15: a promise names a block that is not held: {promise:?}"));
                    }
                }
                Record::Block(block) => {
                    self.headers.insert(block.header.body.id(), block.header.body.clone());
                }
                Record::Certificate(certificate) => self.certified.push((certificate.rank(), certificate.id)),
                Record::Installed { header, .. } => {
                    self.installed = Some(header.body.id());
                    self.headers.insert(header.body.id(), header.body.clone());
                }
                Record::Justification(_) | Record::Stable(_) | Record::Evidence(_) | Record::Retired => {}
            }
        }
    }

    /// After a restart the archive's blocks count as durable too: it is part of the same disk, and may be ahead of the log.
    pub fn archived(&mut self, headers: impl Iterator<Item = Header>) {
        self.headers.extend(headers.map(|header| (header.id(), header)));
    }

    /// This message leaves now.
    pub fn sent(&mut self, message: &Message) {
        let verdict = match message {
            Message::Propose(propose) if propose.header.body.leader == self.me => {
                self.under_lease(propose.header.body.rank())
            }
            Message::Prepare(prepare) if prepare.vote.body.replica == self.me => {
                self.under_lease(prepare.vote.body.rank())
            }
            Message::Commit(vote) if vote.body.replica == self.me => self.commit(&vote.body),
            Message::Suspect(suspect) if suspect.body.replica == self.me => self.in_view(suspect.body.view.0),
            Message::ViewChange(change) if change.head.body.replica == self.me => {
                self.in_view(change.head.body.view.0)
            }
            Message::NewView(view) if view.signed.body.leader == self.me => {
                self.in_view(view.signed.body.view.0)
            }
            Message::Heartbeat(heartbeat) if heartbeat.body.replica == self.me => {
                self.in_view(heartbeat.body.view.0)
            }
            _ => return,
        };
        self.compared += 1;
        if let Err(why) = verdict {
            self.violations.push(format!("{why}: {message:?}"));
        }
    }

    fn in_view(&self, view: u64) -> Result<(), String> {
        // D2: a message of a view needs the view on disk; one that is sent again may be of an earlier view.
        match self.promise {
            Some(promise) if promise.view.0 >= view => Ok(()),
            other => Err(format!("D2: the disk says {other:?}")),
        }
    }

    fn under_lease(&self, rank: Rank) -> Result<(), String> {
        // D3: the lease is one of this view; what is sent again from an earlier view was under that view's lease.
        match self.promise {
            Some(promise) if (promise.view, promise.lease) >= (rank.view, rank.sequence) => Ok(()),
            other => Err(format!("D3: the disk says {other:?}")),
        }
    }

    fn commit(&self, vote: &Vote) -> Result<(), String> {
        self.in_view(vote.view.0)?;
        if !self.certified.contains(&(vote.rank(), vote.id)) {
            return Err("D1: the certificate is not on disk".to_owned());
        }
        if !self.holds_chain(vote.id) {
            return Err("D1: the block or an ancestor is not on disk".to_owned());
        }
        Ok(())
    }

    /// Whether the block and all its ancestors are durable.
    fn holds_chain(&self, id: Digest) -> bool {
        let mut id = id;
        while id != self.genesis && Some(id) != self.installed {
            match self.headers.get(&id) {
                Some(header) => id = header.parent,
                None => return false,
            }
        }
        true
    }
}

//! One chain, sound certificates, equal results, durable commits.

use super::Verdict;
use super::votes::Votes;
use crate::client::Accepted;
use outvote_execution::BlockResult;
use outvote_replica::CommittedBlock;
use outvote_types::{Certificate, Digest, Phase, ReplicaId, Sequence, WallTime};
use std::collections::{BTreeMap, BTreeSet};

/// The tolerance into the future, and a little for blocks that count by microseconds while all clocks lag.
const AHEAD_MAX_US: u64 = 110_000;

pub(super) struct Chain {
    n: usize,
    liars: usize,
    genesis: Digest,
    blocks: BTreeMap<Sequence, Digest>,
    results: BTreeMap<Sequence, Digest>,
    /// The state's root where there was a checkpoint, and where there was none.
    roots: BTreeMap<Sequence, Option<Digest>>,
    certified: BTreeSet<(Sequence, Digest)>,
    /// The latest that any correct replica's wall clock ever showed.
    latest_us: u64,
}

impl Chain {
    pub(super) const fn new(n: usize, liars: usize, genesis: Digest) -> Self {
        Self {
            n,
            liars,
            genesis,
            blocks: BTreeMap::new(),
            results: BTreeMap::new(),
            roots: BTreeMap::new(),
            certified: BTreeSet::new(),
            latest_us: 0,
        }
    }

    /// The least number of votes of which any two sets share more than `f` members; not the replicas' own formula.
    fn quorum(&self) -> usize {
        let f = (self.n - 1) / 3;
        (1..=self.n).find(|q| 2 * q > self.n + f).unwrap_or(self.n)
    }

    pub(super) const fn blocks(&self) -> &BTreeMap<Sequence, Digest> {
        &self.blocks
    }

    pub(super) fn height(&self) -> u64 {
        self.results.keys().next_back().map_or(0, |sequence| sequence.0)
    }

    pub(super) fn on_clock(&mut self, wall: WallTime) {
        self.latest_us = self.latest_us.max(wall.0);
    }

    /// W2: a committed time is no further ahead than the tolerance, by the clock of at least one correct replica.
    pub(super) fn on_time(&self, block: &CommittedBlock) -> Verdict {
        let header = &block.block.header.body;
        if header.time.0 > self.latest_us + AHEAD_MAX_US {
            return Err(("time", format!("{} at {} is ahead of every clock", header.time, header.sequence)));
        }
        Ok(())
    }

    pub(super) fn on_commit(
        &mut self,
        replica: ReplicaId,
        block: &CommittedBlock,
        holders: impl Fn(&Digest) -> usize,
    ) -> Verdict {
        let header = &block.block.header.body;
        let (sequence, id) = (header.sequence, header.id());
        if id != block.id {
            return Err(("agreement", format!("{replica} commits {id:?} under the name {:?}", block.id)));
        }
        match self.blocks.get(&sequence) {
            Some(known) if *known == id => return Ok(()),
            Some(known) => {
                return Err((
                    "agreement",
                    format!("{replica} commits {id:?} at {sequence}, others {known:?}"),
                ));
            }
            None => {}
        }
        let parent = match sequence.0 {
            1 => Some(self.genesis),
            above => self.blocks.get(&Sequence(above - 1)).copied(),
        };
        self.blocks.insert(sequence, id);
        if parent != Some(header.parent) {
            return Err(("agreement", format!("{replica} commits {id:?} at {sequence} on another parent")));
        }
        // Every commit certificate holds q - f correct voters, and each of them had the block on disk.
        let needed = self.quorum().saturating_sub(self.liars);
        if holders(&id) < needed {
            return Err((
                "durable-commit",
                format!("{id:?} at {sequence}: {} of {needed} hold it", holders(&id)),
            ));
        }
        Ok(())
    }

    pub(super) fn on_certificate(
        &mut self,
        certificate: &Certificate,
        votes: &Votes,
        liars: &BTreeSet<ReplicaId>,
    ) -> Verdict {
        let place = (certificate.sequence, certificate.id);
        if !self.certified.insert(place) {
            return Ok(());
        }
        let voters: BTreeSet<ReplicaId> = certificate.votes.iter().map(|(voter, _)| *voter).collect();
        let members = voters.iter().filter(|voter| voter.index() < self.n).count();
        if members < self.quorum() || certificate.phase != Phase::Commit {
            return Err(("certificate", format!("{place:?} rests on {members} votes")));
        }
        let never = voters.iter().find(|voter| {
            let slot = (**voter, certificate.phase, certificate.view, certificate.sequence);
            !liars.contains(voter) && votes.cast(slot) != Some(certificate.id)
        });
        match never {
            Some(voter) => Err(("certificate", format!("{place:?} counts a vote that {voter} never cast"))),
            None => Ok(()),
        }
    }

    pub(super) fn on_executed(&mut self, replica: ReplicaId, result: &BlockResult) -> Verdict {
        let root = self.results.entry(result.sequence).or_insert(result.result_root);
        if *root != result.result_root {
            return Err(("results", format!("{replica} executes {} to other results", result.sequence)));
        }
        let root = *self.roots.entry(result.sequence).or_insert(result.state_root);
        if root.is_some() != result.state_root.is_some() {
            return Err((
                "checkpoints",
                format!("whether there is one at {} is not agreed", result.sequence),
            ));
        }
        if root != result.state_root {
            return Err(("state", format!("{replica} has another state after {}", result.sequence)));
        }
        Ok(())
    }

    /// An acknowledged operation stands where the answer says, for ever.
    pub(super) fn on_accepted(&self, accepted: &Accepted) -> Verdict {
        let place = (self.blocks.get(&accepted.sequence), self.results.get(&accepted.sequence));
        if place != (Some(&accepted.id), Some(&accepted.result_root)) {
            return Err(("durability", format!("accepted at {}, but {place:?} is there", accepted.sequence)));
        }
        Ok(())
    }
}

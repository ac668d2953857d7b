//! A tiny executor and archive: the state is a running digest over the executed blocks.

use outvote_protocol::CommittedBlock;
use outvote_replica::Event;
use outvote_types::{BoundedVec, Certificate, Data, Digest, Fetch, Header, Request, Sequence, SignedHeader};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Blocks in one answer; small, so that a laggard must ask more than once.
const BLOCKS_PER_ANSWER: usize = 8;

#[derive(Default)]
pub struct Archive {
    blocks: BTreeMap<Sequence, Arc<CommittedBlock>>,
    certificates: BTreeMap<Sequence, Certificate>,
    state: Digest,
}

impl Archive {
    /// Executes and keeps a block; blocks must come without gaps.
    pub fn execute(&mut self, block: Arc<CommittedBlock>, interval: u64) -> Event {
        let sequence = block.block.header.body.sequence;
        let next = self.blocks.last_key_value().map_or(Sequence(1), |(last, _)| last.next());
        assert_eq!(sequence, next, "blocks are executed in order, without gaps, and once");
        assert!(block.block.is_consistent(), "a committed block holds exactly what its header names");
        assert_eq!(block.id, block.block.header.body.id());
        self.state = Digest::of_parts(&[&self.state.0, &block.id.0]);
        if let Some(certificate) = &block.certificate {
            self.certificates.insert(sequence, certificate.clone());
        }
        let result_root = Digest::of_parts(&[b"result", &block.id.0]);
        self.blocks.insert(sequence, block);
        let state_root = sequence.0.is_multiple_of(interval).then_some(self.state);
        Event::Executed { sequence, result_root, state_root }
    }

    pub fn certify(&mut self, certificate: Certificate) {
        self.certificates.insert(certificate.sequence, certificate);
    }

    /// Where execution stands.
    pub fn head(&self, genesis: Digest) -> ((Sequence, Digest), Option<SignedHeader>) {
        self.blocks.last_key_value().map_or(((Sequence(0), genesis), None), |(sequence, block)| {
            ((*sequence, block.id), Some(block.block.header.clone()))
        })
    }

    pub fn chain(&self) -> impl Iterator<Item = (Sequence, Digest)> + '_ {
        self.blocks.iter().map(|(sequence, block)| (*sequence, block.id))
    }

    pub fn headers(&self) -> impl Iterator<Item = Header> + '_ {
        self.blocks.values().map(|block| block.block.header.body.clone())
    }

    pub fn block(&self, sequence: Sequence) -> Option<&CommittedBlock> {
        self.blocks.get(&sequence).map(|block| &**block)
    }

    /// All executed requests in order, repetitions included.
    pub fn requests(&self) -> Vec<Request> {
        let batches = self.blocks.values().flat_map(|block| block.block.batches.iter());
        batches.flat_map(|batch| batch.requests.iter().cloned()).collect()
    }

    pub fn has_executed(&self, request: &Request) -> bool {
        self.requests().iter().any(|executed| executed.digest() == request.digest())
    }

    pub fn serve(&self, fetch: &Fetch) -> Data {
        self.answer(fetch).unwrap_or(Data::Gone { oldest: Sequence(1) })
    }

    fn answer(&self, fetch: &Fetch) -> Option<Data> {
        match fetch {
            Fetch::Range { first, last, .. } => {
                let end = (*last).min(Sequence(first.0.saturating_add(BLOCKS_PER_ANSWER as u64 - 1)));
                let certificate = self
                    .certificates
                    .range(*first..=end)
                    .next_back()
                    .or_else(|| self.certificates.range(*first..).next())?
                    .1
                    .clone();
                let blocks: Vec<_> =
                    self.blocks.range(*first..=certificate.sequence).map(|(_, b)| b.block.clone()).collect();
                let blocks = BoundedVec::new(blocks).filter(|blocks| !blocks.is_empty())?;
                Some(Data::Range { blocks, certificate })
            }
            Fetch::Block { id, .. } => {
                let block = self.blocks.values().find(|block| block.id == *id)?;
                Some(Data::Block(Box::new(block.block.clone())))
            }
            Fetch::Batches { digests, .. } => {
                let all = self.blocks.values().flat_map(|block| block.block.batches.iter());
                let found: Vec<_> = all.filter(|batch| digests.contains(&batch.digest())).cloned().collect();
                BoundedVec::new(found).map(Data::Batches)
            }
            Fetch::Manifest { .. } | Fetch::Bucket { .. } => None,
        }
    }
}

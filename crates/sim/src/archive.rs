//! The committed blocks that one replica keeps, and the answers that it gave.

use outvote_replica::CommittedBlock;
use outvote_types::client::ProvenResult;
use outvote_types::limits::MAX_BLOCKS_PER_FETCH;
use outvote_types::{BoundedVec, Certificate, Data, Digest, Fetch, Reply, Sequence, Signed};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One replica's archive.
#[derive(Clone, Default)]
pub struct Archive {
    blocks: BTreeMap<Sequence, Arc<CommittedBlock>>,
    certificates: BTreeMap<Sequence, Certificate>,
    places: BTreeMap<Digest, Sequence>,
    /// What came of the blocks.
    pub results: BTreeMap<Sequence, Vec<ProvenResult>>,
    /// The signed word on them.
    pub replies: BTreeMap<Sequence, Signed<Reply>>,
}

impl Archive {
    /// Keeps a committed block.
    pub fn keep(&mut self, block: Arc<CommittedBlock>) {
        let sequence = block.block.header.body.sequence;
        if let Some(certificate) = &block.certificate {
            self.certificates.insert(sequence, certificate.clone());
        }
        self.places.insert(block.id, sequence);
        self.blocks.insert(sequence, block);
    }

    /// Keeps a certificate.
    pub fn certify(&mut self, certificate: Certificate) {
        self.certificates.insert(certificate.sequence, certificate);
    }

    /// Whether the block is kept.
    #[must_use]
    pub fn has(&self, id: &Digest) -> bool {
        self.places.contains_key(id)
    }

    /// The highest block kept.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<CommittedBlock>> {
        self.blocks.values().next_back()
    }

    /// The lowest block kept.
    #[must_use]
    pub fn oldest(&self) -> Sequence {
        self.blocks.keys().next().copied().unwrap_or(Sequence(1))
    }

    /// Forgets blocks below this sequence.
    pub fn drop_below(&mut self, sequence: Sequence) {
        self.blocks = self.blocks.split_off(&sequence);
        self.places.retain(|_, place| *place >= sequence);
    }

    /// Forgets blocks above this sequence: they were not flushed and come again.
    pub fn drop_above(&mut self, sequence: Sequence) {
        let next = sequence.next();
        self.blocks.split_off(&next);
        self.certificates.split_off(&next);
        self.results.split_off(&next);
        self.replies.split_off(&next);
        self.places.retain(|_, place| *place <= sequence);
    }

    /// Answers a peer.
    #[must_use]
    pub fn serve(&self, fetch: &Fetch) -> Data {
        self.answer(fetch).unwrap_or(Data::Gone { oldest: self.oldest() })
    }

    fn answer(&self, fetch: &Fetch) -> Option<Data> {
        match fetch {
            Fetch::Range { first, last, .. } => {
                let end = (*last).min(first.plus(MAX_BLOCKS_PER_FETCH as u64 - 1));
                let covered = self.certificates.range(*first..=end.max(*first)).next_back();
                let (_, certificate) = covered.or_else(|| self.certificates.range(*first..).next())?;
                // C5: it ends with the block of the certificate, also where that is above what was asked for.
                let end = certificate.sequence.max(*first);
                let blocks: Vec<_> = self.blocks.range(*first..=end).map(|(_, b)| b.block.clone()).collect();
                let starts = blocks.first().is_some_and(|block| block.header.body.sequence == *first);
                let blocks = BoundedVec::new(blocks).filter(|_| starts)?;
                Some(Data::Range { blocks, certificate: certificate.clone() })
            }
            Fetch::Block { id, .. } => {
                let block = self.blocks.get(self.places.get(id)?)?;
                Some(Data::Block(Box::new(block.block.clone())))
            }
            Fetch::Batches { digests, .. } => {
                let all = self.blocks.values().flat_map(|block| block.block.batches.iter());
                let found: Vec<_> = all.filter(|batch| digests.contains(&batch.digest())).cloned().collect();
                BoundedVec::new(found).filter(|found| !found.is_empty()).map(Data::Batches)
            }
            Fetch::Manifest { .. } | Fetch::Bucket { .. } => None,
        }
    }
}

//! Serving what peers ask for, and taking what they send (C9, C10).

use crate::limits::FETCHES_PER_SECOND;
use crate::output::{Output, Recipients};
use crate::peer::FetchKind;
use crate::replica::Replica;
use crate::window::Entry;
use alloc::boxed::Box;
use alloc::vec::Vec;
use outvote_types::limits::MAX_MESSAGE_BYTES;
use outvote_types::{Batch, Block, BoundedVec, Data, Digest, Fetch, Message, ReplicaId, Sequence, Signable};

impl Replica {
    pub(crate) fn on_fetch(&mut self, from: ReplicaId, fetch: Fetch) {
        if from == self.config.me {
            return;
        }
        // M4: answers go to the one who signed the question, on its own link.
        if fetch.signer() != from {
            return self.ignore(from, "M4 a fetch of somebody else");
        }
        // C10, B3: a peer that asks for everything slows down itself alone.
        let now = self.now;
        let (kind, refusal) = match fetch {
            Fetch::Batches { .. } | Fetch::Block { .. } => {
                (FetchKind::Piece, "C10 too many fetches of pieces")
            }
            Fetch::Range { .. } | Fetch::Manifest { .. } | Fetch::Bucket { .. } => {
                (FetchKind::Stretch, "C10 too many fetches of ranges")
            }
        };
        let peer = self.peers.get_mut(from.index());
        if !peer.is_some_and(|peer| peer.may_fetch(now, kind, FETCHES_PER_SECOND)) {
            return self.ignore(from, refusal);
        }
        match fetch {
            Fetch::Batches { ref digests, .. } => {
                let batches = self.batches_that_fit(digests);
                if !batches.is_empty() {
                    let data = Data::Batches(BoundedVec::truncated(batches));
                    self.send_ready(Recipients::One(from), Message::Data(data));
                }
            }
            Fetch::Block { id, .. } => {
                if let Some(block) = self.chain.block(&id) {
                    let data = Data::Block(Box::new(block.clone()));
                    self.send_ready(Recipients::One(from), Message::Data(data));
                } else {
                    self.out.push(Output::Serve { to: from, fetch });
                }
            }
            Fetch::Range { .. } | Fetch::Manifest { .. } | Fetch::Bucket { .. } => {
                // What is committed lives in the archive, the state in the executor.
                self.out.push(Output::Serve { to: from, fetch });
            }
        }
    }

    fn batches_that_fit(&self, digests: &[Digest]) -> Vec<Batch> {
        let mut bytes = 0usize;
        let mut batches = Vec::new();
        for batch in digests.iter().filter_map(|digest| self.chain.batch(digest)) {
            let size: usize = batch.requests.iter().map(outvote_types::Request::encoded_bytes).sum();
            bytes = bytes.saturating_add(size);
            // One batch always fits into a message; more only if there is room.
            if !batches.is_empty() && bytes > MAX_MESSAGE_BYTES / 2 {
                break;
            }
            batches.push(batch.clone());
        }
        batches
    }

    pub(crate) fn on_data(&mut self, from: ReplicaId, data: Data) {
        match data {
            Data::Batches(batches) => batches.iter().for_each(|batch| self.on_batch(batch)),
            Data::Block(block) => self.on_block(from, *block),
            Data::Range { blocks, certificate } => self.on_range(from, blocks.into_inner(), certificate),
            Data::Gone { oldest } => self.on_gone(from, oldest),
            // The state transfer lives in the executor; ring 2 gives these to it.
            Data::Manifest(_) | Data::Bucket { .. } => {}
        }
    }

    /// A batch is taken only where a known header lacks it; its digest says that it is the right one.
    fn on_batch(&mut self, batch: &Batch) {
        let digest = batch.digest();
        let lacking: Vec<Digest> = self
            .chain
            .entries
            .iter()
            .filter(|(_, entry)| entry.block.is_none() && entry.missing().contains(&digest))
            .map(|(id, _)| *id)
            .collect();
        for id in lacking {
            self.fill(id, digest, batch);
            self.after_data(id);
        }
    }

    fn on_block(&mut self, from: ReplicaId, block: Block) {
        let id = block.header.body.id();
        // C10: answers that nobody asked for are dropped.
        if !self.catch_up.is_needed(&id) || block.header.body.sequence <= self.chain.committed {
            return self.ignore(from, "C10 a block that was not asked for");
        }
        let entry = self
            .chain
            .entries
            .entry(id)
            .or_insert_with(|| Entry::new(block.header.clone(), self.now, self.wall, self.now).into());
        for batch in &block.batches {
            entry.fill(batch.digest(), batch, self.now);
        }
        self.after_data(id);
    }

    /// "I do not have that any more."
    fn on_gone(&mut self, from: ReplicaId, oldest: Sequence) {
        // C8: only a hint. It counts if it is about the blocks that we lack, and from f + 1 peers.
        if oldest > self.chain.committed.next() && !self.catch_up.needs.is_empty() {
            self.catch_up.gone.insert(from, oldest);
            self.maybe_fetch_state();
        }
        match self.catch_up.range {
            Some(_) => self.on_range_gone(from),
            None => self.on_block_gone(from),
        }
    }
}

//! Replaces this replica's state by a checkpoint's, bucket by bucket.
//!
//! A durable mark stands in the database from the first change to the last. A crash in between leaves a mixture of two
//! states under that mark; the executor then refuses to run until a transfer is finished. What is already in place is
//! found again by its digest, so nothing is fetched twice. "Executed up to" moves only with the last commit. Unless the
//! state is replaced because it is wrong, the database remembers it as it was, and [`Executor::give_up_transfer`] brings it
//! back.

use crate::backend::{BackendError, Value, Writes};
use crate::error::ExecutionError;
use crate::executor::{Executed, Executor};
use crate::layout;
use crate::lthash::{LtHash, bucket_of};
use crate::transfer::Purpose;
use outvote_types::limits::STATE_BUCKETS;
use outvote_types::planted::{self, Bug};
use outvote_types::{CheckpointCertificate, Digest, SignedHeader, encode};
use std::collections::BTreeSet;

/// Pairs read at a time.
const PAIRS_PER_READ: usize = 64;

impl Executor {
    /// Marks the state as being replaced, and counts what is really there. Says which buckets differ from `wanted`.
    ///
    /// The sums kept while writing are not believed: a rotten disk may be why the state is replaced.
    pub(crate) fn begin_install(
        &mut self,
        certificate: &CheckpointCertificate,
        wanted: &[Digest],
        purpose: Purpose,
    ) -> Result<BTreeSet<u8>, ExecutionError> {
        self.refuse_if_stopped()?;
        // Nothing happens here if a transfer is under way already.
        self.flush()?;
        let differing = self.try_begin_install(certificate, wanted, purpose);
        self.stop_on_error(differing)
    }

    fn try_begin_install(
        &mut self,
        certificate: &CheckpointCertificate,
        wanted: &[Digest],
        purpose: Purpose,
    ) -> Result<BTreeSet<u8>, ExecutionError> {
        match purpose {
            // C11: what is here now is right, though old. A transfer that is begun again keeps its first mark.
            Purpose::CatchUp if self.installing.is_none() => {
                self.store.backend_mut().mark()?;
                self.is_marked = true;
                self.marked_at = None;
            }
            Purpose::CatchUp => {}
            Purpose::Repair => self.forget_mark()?,
        }
        let mark = (layout::INSTALLING.to_vec(), Some(encode(certificate).into()));
        self.store.backend_mut().commit(Writes::from([mark]))?;
        self.installing = Some(certificate.clone());
        self.checkpoints.clear();
        self.store.drop_overlay();
        self.sessions.clear();
        for (sum, bucket) in self.count()?.into_iter().zip(0..=u8::MAX) {
            self.store.set_sum(bucket, sum);
        }
        let ours = self.store.bucket_digests();
        Ok((0..=u8::MAX)
            .filter(|bucket| wanted.get(usize::from(*bucket)) != ours.get(usize::from(*bucket)))
            .collect())
    }

    /// Replaces one bucket by these pairs, which were checked against the certificate.
    pub(crate) fn install_bucket(
        &mut self,
        bucket: u8,
        pairs: Vec<(Vec<u8>, Value)>,
        sum: LtHash,
    ) -> Result<(), ExecutionError> {
        assert!(self.installing.is_some(), "a bucket is installed only under the mark of a transfer");
        self.refuse_if_stopped()?;
        let written = self.try_install_bucket(bucket, pairs);
        self.stop_on_error(written)?;
        self.store.set_sum(bucket, sum);
        Ok(())
    }

    fn try_install_bucket(&mut self, bucket: u8, pairs: Vec<(Vec<u8>, Value)>) -> Result<(), BackendError> {
        let mut writes = Writes::new();
        for key in self.keys_of(bucket)?.into_iter().filter(|_| !planted::is_on(Bug::OldPairsStay)) {
            writes.insert(layout::index(bucket, &key), None);
            writes.insert(key, None);
        }
        for (key, value) in pairs {
            writes.insert(layout::index(bucket, &key), Some(Value::from(&[][..])));
            writes.insert(key, Some(value));
        }
        self.store.backend_mut().commit(writes)
    }

    /// All buckets are in place: moves "executed up to" and takes the mark away, in one commit.
    pub(crate) fn finish_install(
        &mut self,
        certificate: &CheckpointCertificate,
        header: &SignedHeader,
    ) -> Result<(), ExecutionError> {
        self.refuse_if_stopped()?;
        let finished = self.try_finish_install(certificate, header);
        self.stop_on_error(finished)
    }

    fn try_finish_install(
        &mut self,
        certificate: &CheckpointCertificate,
        header: &SignedHeader,
    ) -> Result<(), ExecutionError> {
        // E11: state and "executed up to" are one step; until here a restart begins the transfer anew.
        if self.store.root() != certificate.state_root {
            return Err(ExecutionError::Damaged { what: "the state after a transfer" });
        }
        let executed = Executed::at_checkpoint(header.clone());
        self.store.flush(Writes::from([
            (layout::EXECUTED.to_vec(), Some(encode(&executed).into())),
            (layout::INSTALLING.to_vec(), None),
            (layout::INSTALLED.to_vec(), Some(Value::from(&[][..]))),
        ]))?;
        self.set_executed(executed);
        self.installing = None;
        self.is_installed = true;
        self.forget_mark()?;
        self.take_snapshot()?;
        self.on_stable(certificate);
        Ok(())
    }

    fn forget_mark(&mut self) -> Result<(), BackendError> {
        self.marked_at = None;
        if std::mem::take(&mut self.is_marked) {
            self.store.backend_mut().unmark()?;
        }
        Ok(())
    }

    /// C11: puts back what was here before the transfer under way, in one commit; blocks above it may be executed again.
    /// Says whether there was anything to put back: not if the state was being replaced because it was wrong.
    ///
    /// # Errors
    /// When the database fails; the node must then stop.
    pub fn give_up_transfer(&mut self) -> Result<bool, ExecutionError> {
        self.refuse_if_stopped()?;
        if self.installing.is_none() || !self.is_marked {
            return Ok(false);
        }
        let restored = self.try_give_up();
        self.stop_on_error(restored)?;
        Ok(true)
    }

    fn try_give_up(&mut self) -> Result<(), ExecutionError> {
        self.is_marked = false;
        if !self.store.go_back()? {
            return Err(ExecutionError::Damaged { what: "the state before a transfer" });
        }
        self.sessions.clear();
        self.checkpoints.clear();
        self.installing = None;
        self.reread_executed()?;
        if self.executed.is_checkpoint() {
            self.take_snapshot()?;
        }
        Ok(())
    }

    /// The sums of all buckets, by reading the whole agreed state.
    fn count(&self) -> Result<Vec<LtHash>, BackendError> {
        let mut sums = vec![LtHash::default(); STATE_BUCKETS];
        self.for_each_pair(|key, value| sums[usize::from(bucket_of(key))].add(key, value))?;
        Ok(sums)
    }

    fn for_each_pair(&self, mut visit: impl FnMut(&[u8], &[u8])) -> Result<(), BackendError> {
        let (mut next, end) = (layout::DIGESTED.0.to_vec(), layout::DIGESTED.1);
        loop {
            let page = self.store.backend().range(&next, Some(end), PAIRS_PER_READ)?;
            for (key, value) in &page {
                visit(key, value);
            }
            match page.last() {
                Some((last, _)) if page.len() == PAIRS_PER_READ => next = layout::just_above(last),
                _ => return Ok(()),
            }
        }
    }

    /// The keys of a bucket, by its index; by reading everything if the index does not account for what is there.
    fn keys_of(&self, bucket: u8) -> Result<BTreeSet<Vec<u8>>, BackendError> {
        let (mut keys, mut sum) = (BTreeSet::new(), LtHash::default());
        let (mut next, end) = (layout::index(bucket, &[]), layout::index_end(bucket));
        loop {
            let page = self.store.backend().range(&next, Some(&end), PAIRS_PER_READ)?;
            for (index, _) in &page {
                let key = layout::indexed(index);
                if let Some(value) = self.store.backend().get(key)? {
                    sum.add(key, &value);
                }
                keys.insert(key.to_vec());
            }
            match page.last() {
                Some((last, _)) if page.len() == PAIRS_PER_READ => next = layout::just_above(last),
                _ => break,
            }
        }
        if sum != *self.store.sum(bucket) {
            self.for_each_pair(|key, _| {
                if bucket_of(key) == bucket {
                    keys.insert(key.to_vec());
                }
            })?;
        }
        Ok(keys)
    }
}

//! How far the state is durable: flushes that take their time, and the checkpoint that a restart goes back to.

use crate::backend::{BackendError, Writes};
use crate::error::ExecutionError;
use crate::executor::Executor;
use crate::layout;
use outvote_types::planted::{self, Bug};
use outvote_types::{Sequence, encode};

/// Checkpoints after which a mark gives way to one that is not stable, while it is not stable either.
const MARK_AGE_MAX: u32 = 2;
/// The same while it is, or one above it: from the mark that checkpoint can be taken again for peers, from a later one it cannot, and
/// perhaps nothing more becomes stable without them.
const MARK_AGE_MAX_BELOW_STABLE: u32 = 8;

impl Executor {
    /// Makes the state durable together with how far it has come, in one commit, and waits for it.
    ///
    /// There is no need to flush by the clock or before a clean stop: checkpoints flush by themselves, and a replica that
    /// starts exactly at a checkpoint can serve it to peers. So [`begin_flush`](Self::begin_flush) when much is unflushed, and else
    /// leave it.
    ///
    /// # Errors
    /// When the database fails, now or in a flush that was begun; the node must then stop.
    pub fn flush(&mut self) -> Result<(), ExecutionError> {
        let Some(facts) = self.prepare_flush()? else { return Ok(()) };
        let flushed = self.store.flush(facts);
        self.stop_on_error(flushed)?;
        self.sessions.clear();
        self.on_flushed(self.executed.sequence, self.executed.is_checkpoint());
        Ok(())
    }

    /// As [`flush`](Self::flush), but goes on while the database writes: [`flushed`](Self::flushed) moves once it is done, as
    /// [`is_settled`](Self::is_settled) and the next block find out. Waits for an earlier flush, so no more than one is under way.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn begin_flush(&mut self) -> Result<(), ExecutionError> {
        let Some(facts) = self.prepare_flush()? else { return Ok(()) };
        let begun = self.store.begin_flush(facts);
        self.stop_on_error(begun)?;
        self.sessions.clear();
        self.flushing = Some((self.executed.sequence, self.executed.is_checkpoint()));
        if planted::is_on(Bug::FlushTrustedEarly) {
            self.flushed = self.executed.sequence;
        }
        Ok(())
    }

    /// Whether every flush that was begun is durable.
    ///
    /// # Errors
    /// When one of them failed; the node must then stop.
    pub fn is_settled(&mut self) -> Result<bool, ExecutionError> {
        self.refuse_if_stopped()?;
        let settled = self.store.is_settled();
        if !self.stop_on_error(settled)? {
            return Ok(false);
        }
        self.on_settled();
        Ok(true)
    }

    fn settle(&mut self) -> Result<(), ExecutionError> {
        let settled = self.store.settle();
        self.stop_on_error(settled)?;
        self.on_settled();
        Ok(())
    }

    /// D5, C3: only now does it count, for whoever asks what the log may forget.
    fn on_settled(&mut self) {
        if let Some((sequence, is_checkpoint)) = self.flushing.take() {
            self.on_flushed(sequence, is_checkpoint);
        }
    }

    fn on_flushed(&mut self, sequence: Sequence, is_checkpoint: bool) {
        self.flushed = sequence;
        self.is_flushed_checkpoint = is_checkpoint;
        self.marked_age = self.marked_age.saturating_add(u32::from(is_checkpoint));
    }

    /// What a flush writes besides the state; nothing if there is nothing to flush.
    fn prepare_flush(&mut self) -> Result<Option<Writes>, ExecutionError> {
        self.refuse_if_stopped()?;
        self.settle()?;
        if self.installing.is_some() || self.flushed == self.executed.sequence {
            return Ok(None);
        }
        let marked = self.mark_checkpoint();
        self.stop_on_error(marked)?;
        self.sessions.write_back(&mut self.store);
        let mut facts = Writes::from([(layout::EXECUTED.to_vec(), Some(encode(&self.executed).into()))]);
        if planted::is_on(Bug::ExecutedMarkForgotten) && !self.executed.is_checkpoint() {
            facts.clear();
        }
        if std::mem::take(&mut self.is_installed) {
            facts.insert(layout::INSTALLED.to_vec(), None);
        }
        Ok(Some(facts))
    }

    /// Whether what is durable is a checkpoint that a restart may have to begin at, and that is not marked. A flush leaves it behind.
    fn is_to_be_marked(&self) -> bool {
        let is_wanted = self.config.restarts_at_checkpoint && !planted::is_on(Bug::SnapshotDiesWithProcess);
        // What peers sent is marked no sooner than at the next checkpoint: the archive's floor goes with the next commit.
        is_wanted
            && self.is_flushed_checkpoint
            && !self.is_installed
            && self.installing.is_none()
            && self.marked_at != Some(self.flushed)
    }

    /// Whether a flush had better wait: the checkpoint that it would leave behind may become stable yet, and is marked then.
    #[must_use]
    pub fn awaits_stability(&self) -> bool {
        let is_early = self.is_to_be_marked() && !self.checkpoints.is_stable(self.flushed);
        is_early && !planted::is_on(Bug::StabilityNotAwaited)
    }

    /// Marks what is durable now, if it is a checkpoint and is about to be replaced. One that is not stable yet takes the place of
    /// a mark only if that is two checkpoints old: log and database must not grow while nothing becomes stable here.
    fn mark_checkpoint(&mut self) -> Result<(), BackendError> {
        if !self.is_to_be_marked() {
            return Ok(());
        }
        let is_below_stable = self.marked_at.is_some_and(|marked| self.checkpoints.is_stable(marked));
        let age_max = if is_below_stable && !planted::is_on(Bug::MarkPassesStable) {
            MARK_AGE_MAX_BELOW_STABLE
        } else {
            MARK_AGE_MAX
        };
        let is_due = self.marked_at.is_none()
            || self.marked_age >= age_max
            || self.checkpoints.is_stable(self.flushed);
        // C4: what a quorum contradicts is not worth going back to.
        if is_due && !self.checkpoints.is_contradicted(self.flushed) {
            self.store.backend_mut().mark()?;
            self.is_marked = true;
            self.marked_at = Some(self.flushed);
            self.marked_age = 0;
        }
        Ok(())
    }

    /// The last block whose effects are durable.
    #[must_use]
    pub fn flushed(&self) -> Sequence {
        self.flushed
    }

    /// The block at which a restart would begin; the log must keep all that follow it.
    #[must_use]
    pub fn restarts_at(&self) -> Sequence {
        let durable =
            if planted::is_on(Bug::LogFreedByExecution) { self.executed.sequence } else { self.flushed };
        self.marked_at.unwrap_or(durable)
    }

    /// Bytes that wait for a flush, roughly.
    #[must_use]
    pub fn unflushed_bytes(&self) -> usize {
        self.store.overlay_bytes() + self.sessions.bytes()
    }
}

//! How many signatures of a connection are judged at once: as many as it has shown good ones (P9).
//!
//! A bad signature costs this replica as much as a good one, and its sender nothing. So what a connection can make a replica
//! check in vain is bounded by what it has had checked with success.

use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::tasks::{OwnedSemaphorePermit, Semaphore, oneshot};
use crate::workers::Workers;
use outvote_crypto::Check;

/// Signatures of one connection that are judged at once at most, however many were good.
const JUDGED_AT_ONCE_MAX: usize = 2048;

/// What one connection has earned.
#[derive(Clone)]
pub(crate) struct Trust {
    room: Arc<Semaphore>,
    /// Places in `room`, taken or not.
    total: Arc<AtomicUsize>,
}

/// Places for signatures that are being judged; given back when this is dropped.
pub(crate) struct Judged {
    _places: OwnedSemaphorePermit,
    count: usize,
    trust: Trust,
}

impl Judged {
    /// All of them were good: their places are given back twice.
    pub(crate) fn were_good(self) {
        let total = self.trust.total.load(Ordering::Relaxed);
        // Two at once may lift it a little above the bound, and no more: the next one sees that.
        let more = self.count.min(JUDGED_AT_ONCE_MAX.saturating_sub(total));
        self.trust.total.fetch_add(more, Ordering::Relaxed);
        self.trust.room.add_permits(more);
    }
}

impl Trust {
    /// Of a connection that has shown nothing yet: one at a time.
    pub(crate) fn none() -> Self {
        Self { room: Arc::new(Semaphore::new(1)), total: Arc::new(AtomicUsize::new(1)) }
    }

    fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Waits until so many may be judged. `None` when the connection ends.
    async fn take(&self, count: usize) -> Option<Judged> {
        let places = u32::try_from(count.min(self.total())).ok()?;
        let places = Arc::clone(&self.room).acquire_many_owned(places).await.ok()?;
        Some(Judged { _places: places, count, trust: self.clone() })
    }

    /// Judges as much of these signatures as must be judged before the rest may be: twice as many each time. Gives the number of
    /// good ones at the front and the places for the rest, or, if one was bad, the verdicts so far.
    pub(crate) async fn judge_first(
        &self,
        checks: &[Check],
        workers: &Workers,
    ) -> Result<(usize, Judged), Vec<bool>> {
        let mut good = 0;
        loop {
            let rest = &checks[good..];
            let next = rest.len().min(self.total());
            let Some(judged) = self.take(next).await else { return Err(vec![true; good]) };
            if next == rest.len() {
                return Ok((good, judged));
            }
            let (verdicts, told) = oneshot::channel();
            // Nobody waits for them if the connection has ended.
            workers.verify(rest[..next].to_vec(), Box::new(move |found| drop(verdicts.send(found))));
            // The workers end with the node.
            let found = told.await.unwrap_or_default();
            if found.len() < next || !found.iter().all(|verdict| *verdict) {
                return Err([vec![true; good], found].concat());
            }
            judged.were_good();
            good += next;
        }
    }
}

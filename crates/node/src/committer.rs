//! A commit that others need not wait for: the one writer of a database goes to a thread of its own with what is to be
//! committed, and comes back with what became of it.

use crate::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use crate::sync::thread;
use outvote_types::planted::{self, Bug};
use std::io;

/// What is to be committed by a writer.
pub(crate) trait Commit<W>: Send + 'static {
    /// Why it was not.
    type Error: Send + 'static;

    /// Commits it.
    ///
    /// # Errors
    /// When the database says so.
    fn commit(&self, writer: &mut W) -> Result<(), Self::Error>;
}

/// Why a commit did not come to a good end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError<E> {
    /// The database said so. The writer is back.
    #[error(transparent)]
    Failed(E),
    /// The writer is lost: nothing is committed any more.
    #[error("the thread that commits broke off")]
    BrokeOff,
}

/// What came of a commit.
pub(crate) type Outcome<E> = Result<(), CommitError<E>>;

/// What comes back from the thread.
type Done<W, C> = (W, Result<(), <C as Commit<W>>::Error>);

/// Where the one writer is.
enum Place<W> {
    /// Here, with nothing to do.
    Here(W),
    /// With the thread, which is at a commit.
    Away,
    /// Lost: something broke off.
    Nowhere,
}

/// The writer of a database, and the thread to which it is lent.
pub(crate) struct Committer<W: Send + 'static, C: Commit<W>> {
    place: Place<W>,
    /// `None` while this is dropped.
    lender: Option<Lender<W, C>>,
}

impl<W: Send + 'static, C: Commit<W>> Committer<W, C> {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(writer: W) -> io::Result<Self> {
        Ok(Self { place: Place::Here(writer), lender: Some(Lender::start()?) })
    }

    /// The writer, unless a commit is under way or it is lost.
    pub(crate) const fn writer(&self) -> Option<&W> {
        match &self.place {
            Place::Here(writer) => Some(writer),
            Place::Away | Place::Nowhere => None,
        }
    }

    /// The same, to write with.
    pub(crate) const fn writer_mut(&mut self) -> Option<&mut W> {
        match &mut self.place {
            Place::Here(writer) => Some(writer),
            Place::Away | Place::Nowhere => None,
        }
    }

    /// Begins a commit. What became of the one before it must have been asked for.
    ///
    /// # Errors
    /// When the writer is not here, or the thread is gone.
    pub(crate) fn begin(&mut self, commit: C) -> Outcome<C::Error> {
        let lender = self.lender.as_ref().ok_or(CommitError::BrokeOff)?;
        let place = std::mem::replace(&mut self.place, Place::Nowhere);
        let Place::Here(writer) = place else {
            self.place = place;
            return Err(CommitError::BrokeOff);
        };
        lender.jobs.send((writer, commit)).map_err(|_| CommitError::BrokeOff)?;
        self.place = Place::Away;
        Ok(())
    }

    /// Whether a commit is under way whose outcome nobody was told yet.
    pub(crate) const fn is_away(&self) -> bool {
        matches!(self.place, Place::Away)
    }

    /// Whether the writer will never come back.
    pub(crate) const fn is_lost(&self) -> bool {
        matches!(self.place, Place::Nowhere)
    }

    /// What became of the commit under way, if it is over.
    pub(crate) fn try_settle(&mut self) -> Option<Outcome<C::Error>> {
        let lender = self.lender.as_ref().filter(|_| self.is_away())?;
        match lender.done.try_recv() {
            Err(TryRecvError::Empty) => None,
            Ok(done) => Some(self.take_back(Some(done))),
            Err(TryRecvError::Disconnected) => Some(self.take_back(None)),
        }
    }

    /// Waits for the commit under way, and says what became of it; at once nothing if there is none.
    pub(crate) fn settle(&mut self) -> Option<Outcome<C::Error>> {
        let lender = self.lender.as_ref().filter(|_| self.is_away())?;
        let done = lender.done.recv().ok();
        Some(self.take_back(done))
    }

    fn take_back(&mut self, done: Option<Done<W, C>>) -> Outcome<C::Error> {
        let (place, outcome) = match done {
            Some((writer, outcome)) => (Place::Here(writer), outcome.map_err(CommitError::Failed)),
            None => (Place::Nowhere, Err(CommitError::BrokeOff)),
        };
        self.place = place;
        outcome
    }
}

impl<W: Send + 'static, C: Commit<W>> Drop for Committer<W, C> {
    /// Once it is gone, nobody writes.
    fn drop(&mut self) {
        if let Some(Lender { jobs, thread, .. }) = self.lender.take() {
            drop(jobs);
            // It ends after its commit, if it is at one. A panic of it was an error of that commit.
            if !planted::is_on(Bug::CommitNotAwaited) {
                let _ = thread.join();
            }
        }
    }
}

/// The thread, from the other side.
struct Lender<W, C: Commit<W>> {
    jobs: Sender<(W, C)>,
    done: Receiver<Done<W, C>>,
    thread: thread::JoinHandle<()>,
}

impl<W: Send + 'static, C: Commit<W>> Lender<W, C> {
    fn start() -> io::Result<Self> {
        let (jobs, work) = channel::<(W, C)>();
        let (finished, done) = channel();
        let thread = thread::Builder::new().name("state".to_owned()).spawn(move || {
            for (mut writer, commit) in work {
                let outcome = commit.commit(&mut writer);
                if finished.send((writer, outcome)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, done, thread })
    }
}

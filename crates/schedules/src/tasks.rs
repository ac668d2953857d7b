//! What tasks wait for each other with: tokio's own, with a moment before each step at which others may have their turn.

use shuttle::sync::atomic::{AtomicBool, Ordering};

pub use tokio::sync::oneshot;

/// A moment at which another thread may be let go on: reading what others could have written is one.
fn moment() {
    AtomicBool::new(false).load(Ordering::SeqCst);
}

/// As tokio's.
#[derive(Debug, Default)]
pub struct Notify(tokio::sync::Notify);

impl Notify {
    /// As tokio's.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As tokio's.
    pub fn notify_one(&self) {
        moment();
        self.0.notify_one();
    }

    /// As tokio's.
    pub async fn notified(&self) {
        moment();
        self.0.notified().await;
    }
}

pub use semaphore::{OwnedSemaphorePermit, Semaphore};

mod semaphore {
    use super::moment;
    use std::sync::Arc;
    use tokio::sync::{AcquireError, TryAcquireError};

    /// As tokio's.
    #[derive(Debug)]
    pub struct Semaphore(Arc<tokio::sync::Semaphore>);

    impl Semaphore {
        /// As tokio's.
        #[must_use]
        pub fn new(permits: usize) -> Self {
            Self(Arc::new(tokio::sync::Semaphore::new(permits)))
        }

        /// As tokio's.
        pub fn add_permits(&self, count: usize) {
            moment();
            self.0.add_permits(count);
        }

        /// As tokio's.
        ///
        /// # Errors
        /// As tokio's.
        pub async fn acquire_many_owned(
            self: Arc<Self>,
            count: u32,
        ) -> Result<OwnedSemaphorePermit, AcquireError> {
            moment();
            let permit = Arc::clone(&self.0).acquire_many_owned(count).await?;
            Ok(OwnedSemaphorePermit(Some(permit)))
        }

        /// As tokio's.
        ///
        /// # Errors
        /// As tokio's.
        pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
            moment();
            let permit = Arc::clone(&self.0).try_acquire_owned()?;
            Ok(OwnedSemaphorePermit(Some(permit)))
        }
    }

    /// As tokio's.
    #[derive(Debug)]
    pub struct OwnedSemaphorePermit(Option<tokio::sync::OwnedSemaphorePermit>);

    impl Drop for OwnedSemaphorePermit {
        fn drop(&mut self) {
            moment();
            self.0 = None;
        }
    }
}

/// As tokio's.
pub mod mpsc {
    use super::moment;
    use tokio::sync::mpsc::{self, error::SendError};

    /// As tokio's.
    #[must_use]
    pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (UnboundedSender(sender), UnboundedReceiver(receiver))
    }

    /// As tokio's.
    #[derive(Debug)]
    pub struct UnboundedSender<T>(mpsc::UnboundedSender<T>);

    impl<T> Clone for UnboundedSender<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    impl<T> UnboundedSender<T> {
        /// As tokio's.
        ///
        /// # Errors
        /// As tokio's.
        pub fn send(&self, message: T) -> Result<(), SendError<T>> {
            moment();
            self.0.send(message)
        }
    }

    /// As tokio's.
    #[derive(Debug)]
    pub struct UnboundedReceiver<T>(mpsc::UnboundedReceiver<T>);

    impl<T> UnboundedReceiver<T> {
        /// As tokio's.
        pub async fn recv_many(&mut self, messages: &mut Vec<T>, limit: usize) -> usize {
            moment();
            self.0.recv_many(messages, limit).await
        }
    }
}

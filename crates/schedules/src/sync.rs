//! What stands in the place of a crate's own `sync`.

pub use crate::tasks;
pub use condvar::{Condvar, Timeout};
pub use shuttle::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic, mpsc};

mod condvar {
    use shuttle::sync::atomic::{AtomicBool, Ordering};
    use shuttle::sync::{Arc, LockResult, MutexGuard, PoisonError};
    use std::time::Duration;

    /// As the standard one. There is no time in a model: a wait with an end ends when its turn comes, or it is woken before.
    #[derive(Debug, Default)]
    pub struct Condvar(Arc<shuttle::sync::Condvar>);

    /// How a wait with an end ended.
    #[derive(Clone, Copy, Debug)]
    pub struct Timeout;

    impl Timeout {
        /// Whether its time was over. That may always be.
        #[must_use]
        pub const fn timed_out(self) -> bool {
            true
        }
    }

    impl Condvar {
        /// Waits until it is woken.
        ///
        /// # Errors
        /// When another thread panicked with the lock in its hands.
        pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
            self.0.wait(guard)
        }

        /// Waits until it is woken, or its time is over.
        ///
        /// # Errors
        /// When another thread panicked with the lock in its hands.
        pub fn wait_timeout<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, Timeout)> {
            let is_awake = Arc::new(AtomicBool::new(false));
            let (wakes, seen) = (Arc::clone(&self.0), Arc::clone(&is_awake));
            // Others that wait are woken as well, as they may be at any time.
            shuttle::thread::spawn(move || {
                while !seen.load(Ordering::SeqCst) {
                    wakes.notify_all();
                    shuttle::thread::yield_now();
                }
            });
            let woken = self.0.wait(guard);
            is_awake.store(true, Ordering::SeqCst);
            match woken {
                Ok(guard) => Ok((guard, Timeout)),
                Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), Timeout))),
            }
        }

        /// Wakes one that waits.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Wakes all that wait.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

/// Threads. One that panics is alone in that, as in a real process; here a panic would otherwise end the whole model.
pub mod thread {
    use std::io;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// As the standard one's.
    pub type Result<T> = std::thread::Result<T>;

    /// Starts a thread.
    #[derive(Debug, Default)]
    pub struct Builder(Option<String>);

    impl Builder {
        /// One without a name.
        #[must_use]
        pub const fn new() -> Self {
            Self(None)
        }

        /// One with this name.
        #[must_use]
        pub fn name(self, name: String) -> Self {
            Self(Some(name))
        }

        /// Starts it.
        ///
        /// # Errors
        /// Never.
        pub fn spawn<T: Send + 'static>(
            self,
            body: impl FnOnce() -> T + Send + 'static,
        ) -> io::Result<JoinHandle<T>> {
            let mut builder = shuttle::thread::Builder::new();
            if let Some(name) = self.0 {
                builder = builder.name(name);
            }
            builder.spawn(move || catch_unwind(AssertUnwindSafe(body))).map(JoinHandle)
        }
    }

    /// Starts a thread without a name.
    pub fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        JoinHandle(shuttle::thread::spawn(move || catch_unwind(AssertUnwindSafe(body))))
    }

    /// A thread that was started.
    #[derive(Debug)]
    pub struct JoinHandle<T>(shuttle::thread::JoinHandle<Result<T>>);

    impl<T> JoinHandle<T> {
        /// Waits until it ends.
        ///
        /// # Errors
        /// When it panicked.
        pub fn join(self) -> Result<T> {
            self.0.join().and_then(|ended| ended)
        }
    }
}

//! What stands in the place of a crate's own `sync`.

pub use crate::tasks;
pub use shuttle::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic, mpsc};

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

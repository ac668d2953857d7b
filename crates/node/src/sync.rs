//! What threads share, wait with and start. The files whose schedules are explored take it from here and from nowhere else:
//! `crates/schedules` puts something in the place of this one under which it decides who runs next.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic, mpsc};
pub(crate) use std::thread;
pub(crate) use tokio::sync as tasks;

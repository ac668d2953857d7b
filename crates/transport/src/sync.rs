//! What tasks share. The files whose schedules are explored take it from here and from nowhere else: `crates/schedules` puts
//! something in the place of this one under which it decides who runs next.

pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic};
pub(crate) use tokio::sync as tasks;

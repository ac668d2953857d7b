//! Who runs next is decided by the machine, and each run of a test sees one of very many orders. Here it is decided by a draw,
//! at each step that threads can see of each other, and each test tries thousands of orders (row P12).
//!
//! What runs are the node's and the transport's own sources. A test is a crate of its own that takes such a file in by its path
//! and gives it [`sync`] as its `crate::sync`: the same names, behind which [shuttle](https://docs.rs/shuttle) runs all threads
//! of the model on one and lets one of them go on at a time. When none can go on, that is a deadlock or a lost wake-up, and the
//! test fails with the schedule that led there.
//!
//! What stays out: orders of memory weaker than sequential consistency (each file that relies on them says why they do), time, and
//! what happens within a call of tokio's queues, semaphores and notifications: each is one step.

mod explore;

pub mod tasks;

pub mod sync;

pub use explore::explore;

//! A key-value application: example and benchmark load. Its tests are of single operations, and `outvote kv` is tested at a live
//! cluster with rivals for one key; no checker of whole histories looks for linearizability yet.
//!
//! [`Kv`] is what replicas run. Clients send an encoded [`KvOperation`], or an encoded [`KvQuestion`] as a query, and read
//! the reply with [`KvAnswer::parse`].

mod answer;
mod machine;
mod operation;

pub use answer::{KvAnswer, KvError};
pub use machine::Kv;
pub use operation::{KvOperation, KvQuestion};

//! A key-value application: example, benchmark load, and the subject of linearizability tests.
//!
//! [`Kv`] is what replicas run. Clients send an encoded [`KvOperation`], or an encoded [`KvQuestion`] as a query, and read
//! the reply with [`KvAnswer::parse`].

mod answer;
mod machine;
mod operation;

pub use answer::{KvAnswer, KvError};
pub use machine::Kv;
pub use operation::{KvOperation, KvQuestion};

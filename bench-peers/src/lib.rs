//! Drives other systems as their users would, and measures as `outvote bench` does.
//!
//! Reading order: `recorder` keeps latencies; `etcd`, `cometbft` (with `http_client`) and `members` speak to each system;
//! `target` makes them one; `loops` drives closed and open loops; `failover` kills who leads.

mod recorder;

pub mod cometbft;
mod etcd;
mod http_client;
mod members;

mod target;

mod failover;
mod loops;

pub use failover::{Failover, failover};
pub use loops::{Load, Measured, measure};
pub use recorder::{Latency, Recorder};
pub use target::{Kind, Payload, Target};

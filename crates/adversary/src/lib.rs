//! Byzantine behaviours as wrappers around what a replica sends, one file each.
//!
//! The same code lies in the simulator and in a demonstration cluster. A liar has the replica's own key and nothing more.

pub mod behaviour;
pub mod dice;
pub mod hand;
pub mod liar;

pub mod asker;
pub mod censor;
pub mod corruptor;
pub mod delayer;
pub mod equivocator;
pub mod flooder;
pub mod forger;
pub mod half_batch;
pub mod laggard;
pub mod miser;
pub mod mutator;
pub mod mute;
pub mod replayer;
pub mod stormer;

pub mod adversary;

pub use adversary::Adversary;
pub use behaviour::Behaviour;
pub use hand::Hand;
pub use liar::Liar;
pub use mutator::Mutator;

//! A virtual network, clock and disk for whole clusters, checkers that are separate from what they check, and the
//! abstract model of the protocol.

pub mod model;
pub mod random;

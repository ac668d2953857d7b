//! How a cluster grows: replicas as shipped (rings 1 and 2) on machines with so many cores, links with a length and a width, and
//! clients that ask as fast as they are answered. Nothing fails here and nothing is drawn by lot: the same scenario gives the same
//! figures, to the nanosecond.
//!
//! What is real: every message, its bytes and its order, every rule, each signature asked for or made, batches, leases, tickets.
//! What is reckoned: how long a machine works for it ([`Prices`], measured figures), the way of a frame ([`Distance`]), the
//! disk, and execution, whose answer here is a digest of the block. Keys are the simulator's stand-ins; the processor is charged
//! for Ed25519.
//!
//! Reading order: `prices` and `distance` are what a machine and a link cost; `scenario` is what is asked; `cores` shares the
//! processor; `station` is one replica and its machine; `crowd` are all clients; `stage` lets it happen; `tally` counts and
//! `figures` says what came of it, beside the formula of the design.

mod distance;
mod prices;

mod scenario;

mod cores;

mod station;

mod crowd;

mod stage;
mod tally;

mod figures;

pub use distance::{Distance, REGIONS};
pub use figures::{Figures, Formula, PerBlock};
pub use prices::Prices;
pub use scenario::{Hardware, Scenario};
pub use stage::run;

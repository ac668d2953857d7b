//! Small-scope mutation: liars that follow the protocol, but for a field now and then, correctly signed (ByzzFuzz).
//!
//! Each seed plays a short game on the [`crate::arena`]: some rounds with divisions, leaders, losses and clocks as it says, in which up
//! to `f` liars change some of their messages ([`Mutator`](outvote_adversary::Mutator)); then everything is mended, the liars go
//! on, and work must be done all the same. What was changed is counted, so that a field that is never reached is noticed.

mod campaign;
mod play;

pub use campaign::{Options, Report, campaign};
pub use outvote_adversary::mutator::{Mutation, Tally};
pub use play::{Game, Verdict, kit, play};

//! Twins: two instances behind one key, among which partitions divide the world.
//!
//! Whatever two such instances do together one liar could do, and most attacks on agreement can be played by them (Bano et
//! al., "Twins: BFT systems made robust"). A [`Scenario`] says, round after round, who leads and who hears whom. Short ones
//! are played completely, one for each class of those that differ only in names ([`Orbits`]); longer and less
//! regular ones are drawn by seeds ([`sample`]). All of them are played on the [`crate::arena`] by [`play()`], on several
//! threads by [`campaign()`]; [`whole`] plays a few on the whole [`crate::World`], with disks, execution and delays.
//!
//! Leaders follow from views (Q6), so a scenario chooses them by choosing views: a round begins with a certificate that a
//! quorum has given up the view before the next one of the wanted leader. It is made of the suspicions that the
//! instances would have signed, had each view in between ended by itself with all else lost.

mod campaign;
mod orbits;
mod play;
mod sample;
mod scenario;
pub mod whole;

pub use campaign::{Options, Report, What, campaign};
pub use orbits::{Alphabet, Orbits, divisions};
pub use play::{ROUNDS_MAX, Verdict, kit, play};
pub use sample::sample;
pub use scenario::{Lead, Round, Scenario, Split};

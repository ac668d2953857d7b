//! Mistakes that can be switched on one at a time, to prove that checkers and tests can fail.
//!
//! Without the feature `planted-bugs` every question is answered with a constant no, and nothing of it is left in the
//! program. No release is ever built with the feature. `cargo xtask bugs` plants each and says what catches it.

mod bugs;
#[cfg(feature = "planted-bugs")]
mod switch;

pub use bugs::Bug;
#[cfg(feature = "planted-bugs")]
pub use switch::{is_on, plant};

/// Whether this mistake is on: never.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
#[must_use]
pub const fn is_on(_: Bug) -> bool {
    false
}

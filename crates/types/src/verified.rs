//! The type that says "every signature in here was checked".

use core::ops::Deref;

/// A value whose signatures were all checked against the committee's, or the client's own, keys.
///
/// In production only `outvote-crypto` makes one; the simulator is the one other maker. A check in `cargo xtask check`
/// keeps it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Vouches for `value`. Only `outvote-crypto` and `outvote-sim` may name this.
    #[doc(hidden)]
    #[must_use]
    pub const fn vouched_for(value: T) -> Self {
        Self(value)
    }

    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

//! The small numbers everything is named by.

use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub $inner);

        impl $name {
            /// The following one; stays at the largest value, so that a hostile `MAX` cannot overflow.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// The one `count` later, saturating.
            #[must_use]
            pub const fn plus(self, count: $inner) -> Self {
                Self(self.0.saturating_add(count))
            }

            /// How far `self` lies above `earlier`; 0 if it does not.
            #[must_use]
            pub const fn since(self, earlier: Self) -> $inner {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number! {
    /// A member's index in the committee.
    ReplicaId(u16)
}
number! {
    /// A leader's term. `leader(view) = members[view mod n]`.
    View(u64)
}
number! {
    /// A block's place in the agreed order. Genesis is 0, the first block is 1.
    Sequence(u64)
}
number! {
    /// A committee's term. Ranks, promises and signing domains carry it.
    Epoch(u64)
}
number! {
    /// A client session's own counter; the first request carries 1.
    Nonce(u64)
}
number! {
    /// Microseconds of a monotonic clock since an origin that the caller chose. For timers only; never agreed upon.
    Instant(u64)
}
number! {
    /// Microseconds since the Unix epoch. Agreed in headers; the only time that applications see.
    WallTime(u64)
}

impl ReplicaId {
    /// The index as a `usize`, for tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The rank of a quorum certificate: view first, then sequence (Q5: Zyzzyva's error was the other order).
///
/// The derived order is lexicographic in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(not(feature = "planted-bugs"), derive(PartialOrd, Ord))]
pub struct Rank {
    /// The view in which the certified block was proposed.
    pub view: View,
    /// The certified block's sequence.
    pub sequence: Sequence,
}

#[cfg(feature = "planted-bugs")]
impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(feature = "planted-bugs")]
impl Ord for Rank {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        if crate::planted::is_on(crate::planted::Bug::RankBySequence) {
            return (self.sequence, self.view).cmp(&(other.sequence, other.view));
        }
        (self.view, self.sequence).cmp(&(other.view, other.sequence))
    }
}

//! Quorum arithmetic for every committee size.
//!
//! `q = ceil(2n/3)`, never "2f+1": at n = 5 two such "quorums" share one member, at n = 6 none.

use crate::id::{ReplicaId, View};
use crate::limits::MAX_REPLICAS;
use crate::planted::{self, Bug};

/// The sizes that follow from the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    n: usize,
}

/// A committee size that Byzantine agreement cannot serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Fewer than four replicas cannot outvote a single liar.
    #[error(
        "{0} replicas cannot outvote a liar: use at least 4, in any mode (the federated one, for fewer, is not part of this version yet)"
    )]
    TooFew(usize),
    /// More than the wire format carries.
    #[error("{0} replicas are more than the {MAX_REPLICAS} that one committee may have")]
    TooMany(usize),
}

impl Quorum {
    /// The arithmetic for `n` replicas.
    ///
    /// # Errors
    /// When `n` is below 4 or above [`MAX_REPLICAS`].
    pub const fn byzantine(n: usize) -> Result<Self, QuorumError> {
        // Q3: fewer than four replicas cannot outvote a liar.
        if n < 4 {
            return Err(QuorumError::TooFew(n));
        }
        if n > MAX_REPLICAS {
            return Err(QuorumError::TooMany(n));
        }
        Ok(Self { n })
    }

    /// How many replicas there are.
    #[must_use]
    pub const fn n(self) -> usize {
        self.n
    }

    /// How many liars are outvoted: `floor((n-1)/3)`.
    #[must_use]
    pub const fn f(self) -> usize {
        // Q1: f = floor((n - 1) / 3).
        (self.n - 1) / 3
    }

    /// How many identical valid votes decide: `ceil(2n/3)`. Two quorums share at least `f + 1` members.
    #[must_use]
    pub fn quorum(self) -> usize {
        // Q1: q = ceil(2n / 3), so two quorums meet in a correct replica.
        (2 * self.n).div_ceil(3) - usize::from(planted::is_on(Bug::QuorumOffByOne))
    }

    /// How many must say the same so that one of them is honest: `f + 1`.
    #[must_use]
    pub const fn weak(self) -> usize {
        // Q2: one of f + 1 is correct; enough for answers and pulls, never for a certificate.
        self.f() + 1
    }

    /// Who leads `view`.
    #[must_use]
    pub const fn leader(self, view: View) -> ReplicaId {
        // Q6: members lead in turn. The remainder is below MAX_REPLICAS, so the cast loses nothing.
        ReplicaId((view.0 % self.n as u64) as u16)
    }

    /// Whether `id` names a member.
    #[must_use]
    pub const fn has(self, id: ReplicaId) -> bool {
        (id.0 as usize) < self.n
    }

    /// All members, in order.
    pub fn members(self) -> impl Iterator<Item = ReplicaId> {
        (0..self.n).map(|index| ReplicaId(index as u16))
    }
}

//! Which cluster a member belongs to, and in what another one differs.

use outvote_types::committee::COMMITTEE_PARTS;
use outvote_types::{Committee, Digest};

/// Bytes of a part's digest that are told: enough to see a difference. The cluster's whole digest decides.
const PART_BYTES: usize = 8;
/// Bytes of all parts as they are told.
pub(crate) const PARTS_BYTES: usize = COMMITTEE_PARTS * PART_BYTES;

/// A cluster's identity, and the parts that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// The cluster's name: links between clusters are refused even if somebody uses a key twice.
    pub cluster: Digest,
    /// The parts, under the names that people know them by.
    pub parts: [(&'static str, Digest); COMMITTEE_PARTS],
}

impl From<&Committee> for ClusterIdentity {
    fn from(committee: &Committee) -> Self {
        Self { cluster: committee.cluster_id(), parts: committee.parts() }
    }
}

impl ClusterIdentity {
    /// The parts as they are told.
    pub(crate) fn told(&self) -> [u8; PARTS_BYTES] {
        let mut told = [0; PARTS_BYTES];
        for (place, (_, digest)) in told.chunks_exact_mut(PART_BYTES).zip(&self.parts) {
            place.copy_from_slice(&digest.0[..PART_BYTES]);
        }
        told
    }

    /// The names of our parts that differ from what was told.
    pub(crate) fn differing(&self, told: &[u8; PARTS_BYTES]) -> Vec<&'static str> {
        let ours = self.told();
        let pairs = ours.chunks_exact(PART_BYTES).zip(told.chunks_exact(PART_BYTES));
        pairs.zip(&self.parts).filter(|((ours, told), _)| ours != told).map(|(_, (name, _))| *name).collect()
    }
}

//! The canonical committee, which pages and links get as bytes.

use crate::canonical::read;
use crate::samples;
use outvote_crypto::check_committee;
use outvote_types::{Committee, View, encode};

pub(crate) fn run(input: &[u8]) {
    let Some(committee) = read::<Committee>(input) else { return };
    let (_, _, _) = (committee.cluster_id(), committee.genesis_id(), committee.parts());
    let leader = committee.leader(View(u64::MAX));
    assert!(leader.is_none_or(|id| id.index() < committee.members.len()));
    if check_committee(&committee).is_ok() {
        assert!(committee.duplicates().is_empty() && committee.members.len() >= 4);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![encode(&samples::committee())]
}

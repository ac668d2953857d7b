//! Certificates and proofs: what a quorum signed, and what convicts.

use super::{choice, chosen};
use crate::canonical::read;
use crate::samples;
use outvote_crypto::{Keyring, check_certificate, check_checkpoint};
use outvote_types::{
    Certificate, CheckpointCertificate, Epoch, Evidence, NewView, Phase, Quorum, Reminder, ReplicaId,
    TimeoutCertificate, ViewChange, encode,
};
use std::collections::BTreeSet;

thread_local! {
    static KEYRING: Keyring = Keyring::new(samples::committee());
}

/// A second opinion on the signers of a certificate: distinct members, a quorum of them.
fn is_quorum(signers: impl Iterator<Item = ReplicaId>, quorum: Quorum) -> bool {
    let all: Vec<ReplicaId> = signers.collect();
    let distinct: BTreeSet<ReplicaId> = all.iter().copied().collect();
    distinct.len() == all.len() && distinct.len() >= 3 && all.iter().all(|id| id.0 < 4) && quorum.n() == 4
}

pub(crate) fn run(input: &[u8]) {
    let Some((choice, bytes)) = choice(input, 6) else { return };
    KEYRING.with(|keyring| {
        let (quorum, verifier) = (keyring.quorum(), samples::scheme(0));
        match choice {
            0 => {
                let Some(found) = read::<Certificate>(bytes) else { return };
                let holds = check_certificate(&verifier, keyring, &found);
                assert!(!holds || is_quorum(found.votes.iter().map(|(id, _)| *id), quorum));
            }
            1 => {
                let Some(found) = read::<CheckpointCertificate>(bytes) else { return };
                let holds = check_checkpoint(&verifier, keyring, &found);
                assert!(!holds || is_quorum(found.votes.iter().map(|(id, _)| *id), quorum));
            }
            2 => {
                let Some(found) = read::<TimeoutCertificate>(bytes) else { return };
                let holds = found.is_well_formed(quorum);
                assert!(!holds || is_quorum(found.votes.iter().map(|(id, _)| *id), quorum));
            }
            3 => {
                let _ = read::<ViewChange>(bytes).map(|found| found.head.body.is_allowed());
            }
            4 => {
                let Some(found) = read::<NewView>(bytes) else { return };
                let _ = (found.signed.body.is_allowed(quorum), found.signed.body.base());
            }
            _ => {
                let _ = read::<Reminder>(bytes).map(|found| found.signer());
                let Some(found) = read::<Evidence>(bytes) else { return };
                let charge = found.charge(quorum, Epoch(0));
                assert!(charge.is_none_or(|charge| quorum.has(charge.accused)), "only members are accused");
            }
        }
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut all = vec![
        chosen(0, encode(&samples::certificate(Phase::Prepare))),
        chosen(0, encode(&samples::certificate(Phase::Commit))),
        chosen(1, encode(&samples::stable())),
        chosen(2, encode(&samples::timeout())),
        chosen(3, encode(&samples::view_change())),
        chosen(4, encode(&samples::new_view())),
        chosen(5, encode(&Reminder::default())),
    ];
    all.extend(samples::evidence().iter().map(|proof| chosen(5, encode(proof))));
    all
}

//! Stand-alone checks for clients and receipts: signed things against a committee, without a [`crate::Checker`].

use crate::keyring::Keyring;
use crate::scheme::{Check, Verify};
use outvote_types::{Certificate, CheckpointCertificate, Outcome, Reply, Signable, Signed, SignedHeader};

fn all_hold<V: Verify + ?Sized>(verifier: &V, checks: &[Check]) -> bool {
    verifier.verify(checks).into_iter().all(|verdict| verdict)
}

fn is_signed<V: Verify + ?Sized, B: Signable>(verifier: &V, keyring: &Keyring, signed: &Signed<B>) -> bool {
    keyring.check_signed(signed).is_some_and(|check| all_hold(verifier, &[check]))
}

/// Whether a certificate is a quorum of valid votes of this committee.
#[must_use]
pub fn check_certificate<V: Verify + ?Sized>(
    verifier: &V,
    keyring: &Keyring,
    certificate: &Certificate,
) -> bool {
    keyring.checks_of_certificate(certificate).is_some_and(|checks| all_hold(verifier, &checks))
}

/// Whether a checkpoint certificate is a quorum of valid votes of this committee.
#[must_use]
pub fn check_checkpoint<V: Verify + ?Sized>(
    verifier: &V,
    keyring: &Keyring,
    certificate: &CheckpointCertificate,
) -> bool {
    keyring.checks_of_checkpoint(certificate).is_some_and(|checks| all_hold(verifier, &checks))
}

/// Whether the member that a REPLY names signed it.
#[must_use]
pub fn check_reply<V: Verify + ?Sized>(verifier: &V, keyring: &Keyring, reply: &Signed<Reply>) -> bool {
    is_signed(verifier, keyring, reply)
}

/// Whether the member that an OUTCOME names signed it.
#[must_use]
pub fn check_outcome<V: Verify + ?Sized>(verifier: &V, keyring: &Keyring, outcome: &Signed<Outcome>) -> bool {
    is_signed(verifier, keyring, outcome)
}

/// Whether the leader that a header names signed it.
#[must_use]
pub fn check_header<V: Verify + ?Sized>(verifier: &V, keyring: &Keyring, header: &SignedHeader) -> bool {
    is_signed(verifier, keyring, header)
}

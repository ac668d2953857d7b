//! Receipts and proofs of lies: files that strangers hand in.

use crate::allocation::bounded;
use crate::samples;
use outvote_crypto::{Checker, Keyring};
use outvote_session::Receipt;
use outvote_session::evidence_file::read_evidence;
use outvote_types::encode;
use std::sync::Arc;

thread_local! {
    static CHECKER: Checker = Checker::new(samples::committee(), Arc::new(samples::scheme(0)));
    static KEYRING: Keyring = Keyring::new(samples::committee());
}

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // A list of nothing in JSON takes a byte or two, and a header in memory takes hundreds.
    let Ok(receipt) = bounded(text.len(), 400, 64 * 1024, || Receipt::from_json(text)) else { return };
    let again = Receipt::from_json(&receipt.to_json());
    assert!(again.is_ok_and(|again| again == receipt), "what is written is read again");
    let verdict = KEYRING.with(|keyring| receipt.verify_with(keyring, &samples::scheme(0)));
    assert!(verdict.is_err(), "the samples' committee never signed a receipt");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../../../docs/receipt-example.json").to_vec(),
        include_bytes!("../../../../docs/receipt-example-released.json").to_vec(),
    ]
}

pub(crate) fn run_evidence(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(evidence) = bounded(text.len(), 64, 128 * 1024, || read_evidence(text)) else { return };
    let again = read_evidence(&hex::encode(encode(&evidence)));
    assert_eq!(again.as_ref(), Ok(&evidence));
    let _ = CHECKER.with(|checker| checker.check_evidence(&evidence));
}

pub(crate) fn evidence_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for proof in samples::evidence() {
        let digits = hex::encode(encode(&proof));
        seeds.push(format!("{{\"accused\":0,\"proof\":\"{digits}\"}}").into_bytes());
        seeds.push(digits.into_bytes());
    }
    seeds
}

//! Receipts from a live cluster, verified without one.

use crate::support::{Counter, count_of, submit};
use outvote::{Cluster, Outcome, Receipt, ResultKind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_proves_what_was_done_and_nothing_else() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let other = Cluster::start(4, Counter::default).await.expect("another started");
    let client = cluster.client().await.expect("connected");
    submit(&client, b"before").await;
    let finished = client.submit_bytes(b"proven".to_vec()).await.expect("submitted");
    let Outcome::Committed(done) = &finished.outcome else { panic!("not committed") };
    let receipt = client.receipt(finished.ticket, 0).await.expect("a receipt");
    let committee = cluster.committee().committee.clone();
    let text = receipt.to_json();
    let verdict = Receipt::from_json(&text).expect("parsed").verify(&committee).expect("holds");
    assert_eq!((verdict.sequence, verdict.kind), (done.sequence, ResultKind::Applied));
    assert_eq!((verdict.payload.as_slice(), count_of(&verdict.answer)), (&b"proven"[..], 2));
    assert_eq!(Some(verdict.author), client.session());

    let by_place = client.receipt_at(done.sequence, 0).await.expect("a receipt by its place");
    assert_eq!(by_place.verify(&committee).expect("holds").payload, b"proven");

    assert!(receipt.verify(&other.committee().committee).is_err(), "of another cluster");
    // Every digit of every hexadecimal field matters.
    let digits: Vec<usize> = text
        .char_indices()
        .filter(|(_, character)| character.is_ascii_hexdigit())
        .map(|(at, _)| at)
        .collect();
    for at in digits.into_iter().step_by(37) {
        let mut forged = text.clone().into_bytes();
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        let forged = String::from_utf8(forged).unwrap();
        let Ok(forged) = Receipt::from_json(&forged) else { continue };
        if let Ok(said) = forged.verify(&committee) {
            assert_eq!(said, verdict, "a changed receipt may hold only if it says the same (at {at})");
        }
    }
    cluster.stop().await;
    other.stop().await;
}

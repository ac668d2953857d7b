//! A receipt holds, or it does not: nothing in it can be changed unseen.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::{Cluster, Executed, answer, key, operation, request, result};
use outvote_crypto::{Verifier, sign_author};
use outvote_session::{Receipt, ReceiptError, Verdict};
use outvote_types::client::ReceiptParts;
use outvote_types::{Answer, BoundedVec, Nonce, Operation, RequestBody, ResultKind, Sequence, Signature};

fn build(cluster: &Cluster, parts: &[ReceiptParts]) -> Result<Receipt, ReceiptError> {
    let parts: Vec<&ReceiptParts> = parts.iter().collect();
    Receipt::build(&cluster.keyring, &parts, &Verifier::default())
}

/// Three requests in one block, certified through its grandchild, and the receipt of the second.
fn example() -> (Cluster, Receipt) {
    let mut cluster = Cluster::new(4);
    let before = cluster.applied(&[request(&cluster, &key(9), 1, &["earlier"])]);
    let author = key(5);
    let session = key(1);
    let mut signed = operation("four replicas, one liar");
    let domain = *cluster.keyring.client_domain();
    let at = (Nonce(7), 1);
    signed.author = Some(sign_author(&author, &domain, &session.public_key(), at.0, at.1, &signed).into());
    let body = RequestBody {
        session: session.public_key(),
        nonce: Nonce(7),
        operations: BoundedVec::new(vec![operation("first"), signed]).unwrap(),
    };
    let envelope = outvote_crypto::sign_request(&session, &domain, body);
    let requests =
        [request(&cluster, &key(2), 1, &["one"]), envelope, request(&cluster, &key(3), 4, &["three"])];
    let block = cluster.applied(&requests);
    let child = cluster.applied(&[request(&cluster, &key(2), 2, &["next"])]);
    let grandchild = cluster.block(&[], Vec::new());
    assert_eq!(before.header.sequence, Sequence(1));
    let chain = [&block, &child, &grandchild];
    let parts = [1, 2, 3].map(|replica| cluster.parts(replica, &chain, 1, 1));
    let receipt = build(&cluster, &parts).unwrap();
    (cluster, receipt)
}

/// One request held in one block and executed in a later one.
fn released_example() -> (Cluster, Receipt) {
    let mut cluster = Cluster::new(4);
    let early = request(&cluster, &key(1), 2, &["second"]);
    let late = request(&cluster, &key(1), 1, &["first"]);
    let waits = Answer::refused("held", "waits for an earlier nonce");
    let ordered =
        cluster.block(core::slice::from_ref(&early), vec![result(&early, 0, ResultKind::Held, waits)]);
    let results = vec![
        result(&late, 0, ResultKind::Applied, answer("one")),
        result(&early, 0, ResultKind::Applied, answer("two")),
    ];
    let released: Executed = cluster.block(&[late], results);
    let parts = [0, 2].map(|replica| cluster.released_parts(replica, &[&ordered], &[&released], 0));
    let receipt = build(&cluster, &parts).unwrap();
    (cluster, receipt)
}

fn read(text: &str, cluster: &Cluster) -> Result<Verdict, ReceiptError> {
    Receipt::from_json(text)?.verify(&cluster.committee)
}

#[test]
fn a_receipt_says_who_what_when_and_with_which_result() {
    let (cluster, receipt) = example();
    let verdict = read(&receipt.to_json(), &cluster).unwrap();
    assert_eq!(verdict.sequence, Sequence(2));
    assert_eq!(verdict.ordered, Sequence(2));
    assert_eq!(verdict.author, key(5).public_key());
    assert_eq!(verdict.session, key(1).public_key());
    assert_eq!((verdict.nonce, verdict.index), (Nonce(7), 1));
    assert_eq!(verdict.payload, b"four replicas, one liar");
    assert_eq!((verdict.kind, verdict.answer), (ResultKind::Applied, answer("done")));
}

// R5, R6: headers up to the nearest certified descendant, its certificate, and `f + 1` REPLYs.
#[test]
fn a_receipt_has_exactly_the_signatures_that_it_takes() {
    let (_, receipt) = example();
    assert_eq!(receipt.ordered.commits.len(), 3);
    assert_eq!(receipt.replies.len(), 2);
    assert_eq!(receipt.ordered.headers.len(), 3, "the nearest certified block is the grandchild");
}

// R6: header, certificate and REPLYs of the block that released it.
#[test]
fn a_held_operations_receipt_shows_the_block_that_released_it() {
    let (cluster, receipt) = released_example();
    let verdict = read(&receipt.to_json(), &cluster).unwrap();
    assert_eq!((verdict.ordered, verdict.sequence), (Sequence(1), Sequence(2)));
    assert_eq!((verdict.kind, verdict.answer), (ResultKind::Applied, answer("two")));
    let mut without = receipt.clone();
    without.released = None;
    assert!(without.verify(&cluster.committee).is_err(), "the result is not in the block that ordered it");
    let mut swapped = receipt.clone();
    swapped.released = Some(core::mem::replace(&mut swapped.ordered, receipt.released.unwrap()));
    assert!(swapped.verify(&cluster.committee).is_err());
    // What ran where it was ordered was not released by that block.
    let (cluster, mut same) = example();
    same.released = Some(same.ordered.clone());
    assert!(same.verify(&cluster.committee).is_err());
}

// R5, R6: no digest, path or signature of a receipt is decoration.
// Faults: M05
#[test]
fn every_hexadecimal_digit_matters() {
    for (cluster, receipt) in [example(), released_example()] {
        let text = receipt.to_json();
        let mut flipped_digits = 0;
        for (place, character) in text.char_indices() {
            let is_inside = character.is_ascii_hexdigit() && is_in_hexadecimal_run(&text, place);
            if is_inside {
                let other = if character == '0' { "1" } else { "0" };
                let bad = format!("{}{other}{}", &text[..place], &text[place + 1..]);
                assert!(
                    read(&bad, &cluster).is_err(),
                    "flipped at {place}: {}",
                    &text[place.saturating_sub(60)..place]
                );
                flipped_digits += 1;
            }
        }
        assert!(flipped_digits > 1_000, "{flipped_digits}");
    }
}

fn is_in_hexadecimal_run(text: &str, place: usize) -> bool {
    let bytes = text.as_bytes();
    let start = (0..=place).rev().find(|at| !bytes[*at].is_ascii_hexdigit()).map_or(0, |at| at + 1);
    let end = (place..bytes.len()).find(|at| !bytes[*at].is_ascii_hexdigit()).unwrap_or(bytes.len());
    end - start >= 64
}

// Faults: M19
#[test]
fn no_changed_character_gives_another_verdict() {
    let (cluster, receipt) = released_example();
    let text = receipt.to_json();
    let truth = read(&text, &cluster).unwrap();
    for place in 0..text.len() {
        for other in [b'0', b' ', b'"', b'F', text.as_bytes()[place] ^ 1] {
            let mut bytes = text.clone().into_bytes();
            if bytes[place] == other {
                continue;
            }
            bytes[place] = other;
            let Ok(bad) = String::from_utf8(bytes) else { continue };
            if let Ok(verdict) = read(&bad, &cluster) {
                let was = text.as_bytes()[place];
                assert!(
                    was.is_ascii_whitespace(),
                    "{:?} became {:?} at {place}",
                    char::from(was),
                    char::from(other)
                );
                assert_eq!(verdict, truth);
            }
        }
    }
}

// Faults: M05, M06, M09
#[test]
fn upper_case_unknown_missing_and_repeated_fields_are_refused() {
    let (cluster, receipt) = example();
    let text = receipt.to_json();
    let cluster_line = text.lines().find(|line| line.contains("\"cluster\"")).unwrap();
    let upper = text.replace(cluster_line, &cluster_line.to_uppercase().replace("CLUSTER", "cluster"));
    assert!(read(&upper, &cluster).is_err());
    let repeated = text.replace(cluster_line, &format!("{cluster_line}\n{cluster_line}"));
    assert!(read(&repeated, &cluster).is_err());
    assert!(read(&text.replace(cluster_line, ""), &cluster).is_err());
    let unknown = text.replace(cluster_line, &format!("{cluster_line}\n  \"note\": \"trust me\","));
    assert!(read(&unknown, &cluster).is_err());
    let newer = text.replace("outvote-receipt/1", "outvote-receipt/2");
    assert!(matches!(read(&newer, &cluster), Err(ReceiptError::OtherFormat(_))));
}

// Faults: R12
#[test]
fn one_signature_more_or_less_is_refused() {
    let (cluster, receipt) = example();
    let refused = |receipt: &Receipt| assert!(receipt.verify(&cluster.committee).is_err());
    let mut fewer = receipt.clone();
    fewer.ordered.commits.pop();
    refused(&fewer);
    let mut twice = receipt.clone();
    twice.ordered.commits[1] = twice.ordered.commits[0].clone();
    refused(&twice);
    let mut disordered = receipt.clone();
    disordered.ordered.commits.swap(0, 1);
    refused(&disordered);
    let mut fewer = receipt.clone();
    fewer.replies.pop();
    refused(&fewer);
    let mut twice = receipt.clone();
    twice.replies[1] = twice.replies[0].clone();
    refused(&twice);
    let mut more = receipt.clone();
    let mut third = more.replies[0].clone();
    third.replica = 3;
    more.replies.push(third);
    refused(&more);
}

// Faults: R07
#[test]
fn another_committee_refuses_it() {
    let (cluster, receipt) = example();
    let mut other = cluster.committee.clone();
    other.genesis_salt = [8; 32];
    assert!(matches!(receipt.verify(&other), Err(ReceiptError::OtherCluster { .. })));
}

#[test]
fn a_refused_operation_has_a_receipt_that_says_so() {
    let mut cluster = Cluster::new(4);
    let asked = request(&cluster, &key(1), 1, &["enter"]);
    let no = Answer::refused("no-such-room", "there is no \"room\" of that name\n");
    let block = cluster
        .block(core::slice::from_ref(&asked), vec![result(&asked, 0, ResultKind::Refused, no.clone())]);
    let parts = [0, 1].map(|replica| cluster.parts(replica, &[&block], 0, 0));
    let receipt = build(&cluster, &parts).unwrap();
    let verdict = read(&receipt.to_json(), &cluster).unwrap();
    assert_eq!((verdict.kind, verdict.answer), (ResultKind::Refused, no));
}

// Faults: R20
#[test]
fn a_liars_parts_are_passed_over() {
    let mut cluster = Cluster::new(4);
    let asked = request(&cluster, &key(1), 1, &["enter"]);
    let block = cluster.applied(&[asked]);
    let mut bad_payload = cluster.parts(0, &[&block], 0, 0);
    bad_payload.payload = Operation { author: None, query: false, ..operation("another") }.payload;
    let mut bad_certificate = cluster.parts(0, &[&block], 0, 0);
    let mut votes = bad_certificate.certificate.votes.clone().into_inner();
    votes[2].1 = Signature([1; 64]);
    bad_certificate.certificate.votes = BoundedVec::new(votes).unwrap();
    let mut bad_signature = cluster.parts(0, &[&block], 0, 0);
    bad_signature.reply.signature.0[0] ^= 1;
    for lie in [bad_payload, bad_certificate, bad_signature] {
        let honest = [2, 3].map(|replica| cluster.parts(replica, &[&block], 0, 0));
        let [first, second] = honest;
        let truth =
            build(&cluster, &[first.clone(), second.clone()]).unwrap().verify(&cluster.committee).unwrap();
        let sound = build(&cluster, &[lie.clone(), first.clone(), second]).unwrap();
        assert_eq!(sound.verify(&cluster.committee).unwrap(), truth);
        // With one honest part only, there may be a receipt, but never for anything else.
        if let Ok(receipt) = build(&cluster, &[lie, first]) {
            assert_eq!(receipt.verify(&cluster.committee).unwrap(), truth);
        }
    }
    let lonely = cluster.parts(2, &[&block], 0, 0);
    assert!(build(&cluster, &[lonely.clone(), lonely]).is_err(), "one replica twice is one replica");
}

/// The example of the document is made by this test and nothing else: run it with `OUTVOTE_UPDATE_EXAMPLES=1` to renew
/// the files after a change of the format.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test may renew the document's example")]
fn the_documents_example_is_current() {
    let (cluster, receipt) = example();
    let (_, released) = released_example();
    let members: Vec<outvote_session::MemberEntry> = cluster
        .committee
        .members
        .iter()
        .zip(0..)
        .map(|(member, index): (_, u16)| outvote_session::MemberEntry {
            member: *member,
            address: format!("127.0.0.1:{}", 4100 + index),
        })
        .collect();
    let file =
        outvote_session::CommitteeFile::create(members, [7; 32], false, outvote_types::Parameters::default())
            .unwrap();
    assert_eq!(file.committee, cluster.committee);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    for (name, text) in [
        ("receipt-example.json", receipt.to_json()),
        ("receipt-example-released.json", released.to_json()),
        ("receipt-example-committee.toml", file.to_toml()),
    ] {
        let path = format!("{folder}/{name}");
        if std::env::var_os("OUTVOTE_UPDATE_EXAMPLES").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(stored, text, "docs/{name} is out of date");
    }
}

//! What was said elsewhere, brought in.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use outvote_chat::ChatOperation;
use outvote_chat::import::{
    Envelope, ImportError, ImportPlan, LogLines, MAX_LINE_BYTES, Message, Why, parse_line,
};
use outvote_crypto::{Check, KeyPair, Verifier};
use outvote_types::limits::MAX_REQUEST_BYTES;
use outvote_types::{Digest, Domain, Nonce, PublicKey, Request, RequestBody};
use std::collections::{BTreeMap, BTreeSet};

const EXCERPT: &str = include_str!("fixtures/ubuntu-2015-02-04.log");

fn excerpt() -> Vec<Message> {
    LogLines::new(EXCERPT.as_bytes(), "excerpt").collect::<Result<_, _>>().unwrap()
}

fn problems(bytes: &[u8]) -> Vec<(u64, Why)> {
    let problem = |line| match line {
        Ok(_) => None,
        Err(ImportError::Line { line, why, .. }) => Some((line, why)),
        Err(other) => panic!("{other}"),
    };
    LogLines::new(bytes, "log").filter_map(problem).collect()
}

#[test]
fn a_line_has_a_nick_and_a_text() {
    assert_eq!(parse_line("[09:14] <]Alex[> a <b> c"), Ok(("]Alex[", "a <b> c")));
    assert_eq!(parse_line("[00:00] <x>  two blanks"), Ok(("x", " two blanks")));
    for line in [
        "",
        "hello",
        "[9:14] <x> y",
        "[09:14] x y",
        "[09:14]<x> y",
        "[ab:cd] <x> y",
        "[09:14] <x y",
        "=== x left",
    ] {
        assert_eq!(parse_line(line), Err(Why::Form), "{line}");
    }
    for line in ["[09:14] <x>", "[09:14] <x> "] {
        assert_eq!(parse_line(line), Err(Why::Empty), "{line}");
    }
    assert_eq!(parse_line("[09:14] <> y"), Err(Why::Nick));
    assert_eq!(parse_line(&format!("[09:14] <x> {}", "y".repeat(16_385))), Err(Why::TooLong));
}

#[test]
fn a_day_of_real_chat_is_read_whole() {
    let messages = excerpt();
    assert_eq!(messages.len(), 300);
    assert!(messages.iter().zip(1..).all(|(message, line)| message.line == line));
    assert!(messages.iter().any(|message| !message.text.is_ascii()));
}

// Faults: M07
#[test]
fn a_malformed_line_is_named_and_the_next_ones_are_read() {
    let log = [
        &b"[09:14] <a> one\n"[..],
        b"garbage\n",
        b"\n",
        b"[09:14] <b> \xff\n",
        &[b'x'; MAX_LINE_BYTES + 5000],
        b"\n[09:15] <c> two\r\n[09:15] <d> three",
    ]
    .concat();
    assert_eq!(problems(&log), [(2, Why::Form), (4, Why::NotUtf8), (5, Why::TooLong)]);
    let read: Vec<(u64, String)> =
        LogLines::new(&log[..], "log").flatten().map(|message| (message.line, message.text)).collect();
    assert_eq!(read, [(1, "one".into()), (6, "two".into()), (7, "three".into())]);
    let error = LogLines::new(&log[..], "day.log").find_map(Result::err).unwrap();
    assert_eq!(error.to_string(), "day.log, line 2: it does not have the form `[HH:MM] <nick> text`");
}

#[test]
fn people_get_names_first_and_messages_keep_their_order() {
    let messages = excerpt();
    let known = messages[0].nick.clone();
    let mut plan = ImportPlan::new("ubuntu", 50, [known.clone()]);
    plan.add_file(messages.clone());
    let nicks: BTreeSet<&str> = messages.iter().map(|message| message.nick.as_str()).collect();
    let registered: BTreeSet<&str> = plan.new_nicks().iter().map(String::as_str).collect();
    assert_eq!(registered.len(), plan.new_nicks().len());
    assert_eq!(registered, nicks.iter().copied().filter(|nick| *nick != known).collect());
    assert_eq!(plan.messages(), 300);

    let new_nicks = plan.new_nicks().to_vec();
    let envelopes: Vec<Envelope> = plan.envelopes().collect();
    assert!(envelopes.iter().all(|envelope| (1..=50).contains(&envelope.operations.len())));
    let operations: Vec<_> = envelopes.into_iter().flat_map(|envelope| envelope.operations).collect();
    let (first, rest) = operations.split_at(new_nicks.len());
    for (planned, nick) in first.iter().zip(&new_nicks) {
        assert_eq!(planned.operation, ChatOperation::Register { name: nick.clone() });
    }
    assert_eq!(rest.len(), messages.len());
    for (planned, message) in rest.iter().zip(&messages) {
        let expected = ChatOperation::Post { room: "ubuntu".into(), text: message.text.clone() };
        assert_eq!((&planned.operation, &planned.nick), (&expected, &message.nick));
        assert_eq!(planned.origin.map(|origin| (origin.file, origin.line)), Some((0, message.line)));
    }
}

#[test]
fn every_envelope_fits_a_request_and_is_signed_by_its_authors() {
    let long = |line: u64| Message { nick: format!("n{}", line % 3), text: "x".repeat(16_384), line };
    let mut plan = ImportPlan::new(&"r".repeat(64), 100_000, []);
    plan.add_file((1..200).map(long));
    let keys: BTreeMap<String, KeyPair> =
        plan.new_nicks().iter().map(|nick| (nick.clone(), KeyPair::generate().unwrap())).collect();
    let domain = Domain::clients(&Digest::of(b"cluster"));
    let ordering = KeyPair::generate().unwrap();
    let mut count = 0;
    for (envelope, nonce) in plan.envelopes().zip(1..) {
        let (session, nonce) = (ordering.public_key(), Nonce(nonce));
        let operations = envelope.sign(&domain, &session, nonce, |nick| keys.get(nick)).unwrap();
        count += operations.len();
        let body = RequestBody {
            session: PublicKey::default(),
            nonce,
            operations: outvote_types::BoundedVec::new(operations).unwrap(),
        };
        let request: Request = outvote_crypto::sign_request(&ordering, &domain, body);
        assert!(outvote_types::encode(&request).len() <= MAX_REQUEST_BYTES);
        let signatures = request.signatures(&domain);
        assert_eq!(signatures.len(), envelope.operations.len() + 1);
        let checks: Vec<Check> =
            signatures.into_iter().map(|(key, bytes, signature)| Check { key, bytes, signature }).collect();
        assert!(Verifier::default().verify_all(&checks).into_iter().all(|verdict| verdict));
    }
    assert_eq!(count, 3 + 199);
}

#[test]
fn a_nick_without_a_key_is_named() {
    let mut plan = ImportPlan::new("r", 10, []);
    plan.add_file([Message { nick: "ada".into(), text: "x".into(), line: 1 }]);
    let envelope = plan.envelopes().next().unwrap();
    let domain = Domain::clients(&Digest::ZERO);
    let nobody = |_: &str| None::<&KeyPair>;
    assert_eq!(envelope.sign(&domain, &PublicKey::default(), Nonce(1), nobody), Err("ada".into()));
}

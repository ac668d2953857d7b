//! B4, M1: no bytes make the checker panic, and none that were tampered with are vouched for.
#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use outvote_crypto::Checker;
use outvote_types::{Data, Message, decode, encode};
use proptest::prelude::*;
use std::sync::LazyLock;

static WORLD: LazyLock<World> = LazyLock::new(World::new);
static FRAMES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| WORLD.every_message().iter().map(encode).collect());

fn feed(checker: &mut Checker, bytes: &[u8]) -> Option<Message> {
    let message = decode::<Message>(bytes).ok()?;
    checker.check(message).ok()?.message.map(outvote_types::Verified::into_inner)
}

// Faults: M04, M05
#[test]
fn a_message_that_is_cut_off_anywhere_or_goes_on_is_none() {
    for frame in &*FRAMES {
        for length in 0..frame.len() {
            assert!(decode::<Message>(&frame[..length]).is_err(), "a kind {} of {length} bytes", frame[0]);
        }
        assert!(decode::<Message>(&[frame, &[0][..]].concat()).is_err(), "a kind {} and a byte", frame[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    // Faults: M01, R08
    #[test]
    fn flipped_bytes_are_never_vouched_for_as_something_else(
        frame in 0..22usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..4),
    ) {
        let mut bytes = FRAMES[frame].clone();
        for (at, mask) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }
        if let Ok(message) = decode::<Message>(&bytes) {
            prop_assert_eq!(encode(&message), bytes.clone(), "M1: one value, one encoding");
        }
        let mut checker = WORLD.checker();
        if let Some(message) = feed(&mut checker, &bytes) {
            // Parts may have been taken out, and data that no signature covers may differ; nothing else may.
            let original = decode::<Message>(&FRAMES[frame]).unwrap();
            let unsigned = matches!(
                message,
                Message::Data(Data::Gone { .. } | Data::Bucket { .. } | Data::Manifest(_) | Data::Batches(_))
            );
            let parts = matches!((&message, &original), (Message::Relay(_), Message::Relay(_)))
                || matches!((&message, &original), (Message::Propose(a), Message::Propose(b)) if a.header == b.header)
                || matches!((&message, &original), (Message::Data(Data::Block(a)), Message::Data(Data::Block(b))) if a.header == b.header);
            prop_assert!(message == original || unsigned || parts, "{message:?}");
        }
    }

    // Faults: M01
    #[test]
    fn cut_spliced_and_stretched_bytes_never_panic(
        frame in 0..22usize,
        other in 0..22usize,
        cut in any::<prop::sample::Index>(),
        splice in any::<prop::sample::Index>(),
        junk in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let (a, b) = (&FRAMES[frame], &FRAMES[other]);
        let mut bytes = a[..cut.index(a.len())].to_vec();
        bytes.extend(&junk);
        bytes.extend(&b[splice.index(b.len())..]);
        feed(&mut WORLD.checker(), &bytes);
    }

    // Faults: M01, M06
    #[test]
    fn bytes_out_of_nowhere_never_panic(kind in 0..18u8, junk in prop::collection::vec(any::<u8>(), 0..2048)) {
        let mut bytes = vec![kind];
        bytes.extend(junk);
        feed(&mut WORLD.checker(), &bytes);
    }
}

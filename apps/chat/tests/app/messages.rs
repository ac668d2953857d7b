//! What was said, in which place, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::common::{ADA, BOB, Town, index, refused};
use outvote_chat::{ChatAnswer, ChatOperation, ChatQuestion, MAX_TEXT_BYTES};
use outvote_types::{Answer, Sequence};

#[test]
fn indexes_are_dense_in_each_room() {
    let mut town = Town::new();
    for number in 0..5 {
        assert_eq!(index(town.post(ADA, "lobby", "x")), number);
        assert_eq!(index(town.post(ADA, "attic", "x")), number);
        assert_eq!(refused(town.post(BOB, "attic", "x")), "not-a-member");
        assert_eq!(refused(town.post(BOB, "lobby", "")), "text-empty");
    }
    let head = town.ask(&ChatQuestion::Head { room: "lobby".into() });
    assert_eq!(head, Ok(ChatAnswer::Head { room: "lobby".into(), next_index: 5 }));
}

#[test]
fn a_message_carries_its_place_in_the_order() {
    let mut town = Town::new();
    let next = town.0.context;
    let posted = town.post(BOB, "lobby", "hello").unwrap();
    let ChatAnswer::Posted { room, index, sequence, position, time_us } = posted else {
        panic!("{posted:?}")
    };
    assert_eq!((room.as_str(), index), ("lobby", 0));
    assert_eq!((sequence, position, time_us), (next.sequence.0, next.position, next.time.0));
    let message = town.history("lobby", None).unwrap().remove(0);
    assert_eq!((message.sequence, message.position, message.time_us), (sequence, position, time_us));
    assert_eq!((message.author.as_str(), message.key), ("bob", BOB));
}

#[test]
fn a_message_is_shown_in_the_agreed_json() {
    let mut town = Town::new();
    town.post(BOB, "lobby", "<script>alert(1)</script>").unwrap();
    let message = town.history("lobby", None).unwrap().remove(0);
    let json = serde_json::to_value(&message).unwrap();
    let expected = serde_json::json!({
        "index": 0, "sequence": message.sequence, "position": 0, "room": "lobby", "author": "bob",
        "key": "02".repeat(32), "time_us": message.time_us, "text": "<script>alert(1)</script>",
        "edited": false, "deleted": false,
    });
    assert_eq!(json, expected);
}

// Faults: M07
#[test]
fn any_unicode_text_is_kept_byte_for_byte() {
    let mut town = Town::new();
    let texts = [
        "\0",
        "\u{1b}[2J",
        "\u{202e}txt.exe",
        "a\u{301} \u{e1}",
        "\u{feff}",
        "\r\n",
        "🦀👩‍👩‍👧",
        " ",
        "\u{10ffff}",
        "\u{fffe}",
        "<img src=x onerror=alert(1)>",
        "'; DROP TABLE messages; --",
        "{{7*7}}",
    ];
    for text in texts {
        town.post(ADA, "lobby", text).unwrap();
    }
    let kept: Vec<String> =
        town.history("lobby", None).unwrap().into_iter().map(|message| message.text).collect();
    assert_eq!(kept, texts);
}

// Faults: K06
#[test]
fn a_text_has_1_to_16384_bytes() {
    let mut town = Town::new();
    let longest = "é".repeat(MAX_TEXT_BYTES / 2);
    assert_eq!(longest.len(), 16_384);
    assert_eq!(index(town.post(ADA, "lobby", &longest)), 0);
    assert_eq!(town.history("lobby", None).unwrap()[0].text, longest);
    assert_eq!(refused(town.post(ADA, "lobby", &format!("{longest}x"))), "text-too-long");
    assert_eq!(refused(town.post(ADA, "lobby", "")), "text-empty");
}

#[test]
fn history_comes_in_pages_from_any_point() {
    let mut town = Town::new();
    for number in 0..10 {
        town.post(ADA, "lobby", &number.to_string()).unwrap();
    }
    let page = |before, after, limit| -> Vec<u64> {
        let messages = town.page("lobby", before, after, limit, None).unwrap();
        messages.into_iter().map(|message| message.index).collect()
    };
    assert_eq!(page(None, None, 3), [7, 8, 9]);
    assert_eq!(page(Some(7), None, 3), [4, 5, 6]);
    assert_eq!(page(Some(2), None, 3), [0, 1]);
    assert_eq!(page(Some(0), None, 3), [0; 0]);
    assert_eq!(page(None, Some(3), 3), [4, 5, 6]);
    assert_eq!(page(Some(6), Some(3), 9), [4, 5]);
    assert_eq!(page(None, Some(9), 3), [0; 0]);
    assert_eq!(page(None, Some(u64::MAX), 3), [0, 1, 2]);
    assert_eq!(page(Some(u64::MAX), None, 0), (0..10).collect::<Vec<_>>());
    assert_eq!(page(Some(3), Some(7), 9), [0; 0]);
}

#[test]
fn a_page_of_long_messages_stays_within_an_answer() {
    let mut town = Town::new();
    let text = "x".repeat(MAX_TEXT_BYTES);
    for _ in 0..100 {
        town.post(ADA, "lobby", &text).unwrap();
    }
    let (mut seen, mut after) = (0, u64::MAX);
    while let Some(last) = town.page("lobby", None, Some(after), 500, None).unwrap().last() {
        seen += last.index - after.wrapping_add(1) + 1;
        after = last.index;
    }
    assert_eq!(seen, 100);
    let latest = town.history("lobby", None).unwrap();
    assert_eq!(latest.last().unwrap().index, 99);
    assert!(latest.len() < 100);
}

#[test]
fn a_place_of_the_order_leads_to_an_index() {
    let mut town = Town::new();
    let sequences: Vec<u64> = (0..9)
        .map(|_| {
            town.join(BOB, "lobby").unwrap();
            match town.post(ADA, "lobby", "x") {
                Ok(ChatAnswer::Posted { sequence, .. }) => sequence,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    let index_at = |sequence| match town
        .ask(&ChatQuestion::IndexAt { room: "lobby".into(), sequence: Sequence(sequence) })
    {
        Ok(ChatAnswer::Head { next_index, .. }) => next_index,
        other => panic!("{other:?}"),
    };
    for (expected, sequence) in (0..).zip(&sequences) {
        assert_eq!(index_at(*sequence), expected);
        assert_eq!(index_at(*sequence + 1), expected + 1);
    }
    assert_eq!((index_at(0), index_at(u64::MAX)), (0, 9));
}

// Faults: M01
#[test]
fn hostile_bytes_are_a_refusal() {
    let mut town = Town::new();
    let good = ChatOperation::Post { room: "lobby".into(), text: "hello".into() }.encode();
    let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    bad.push([&good[..], &[0]].concat());
    bad.extend([vec![7], vec![255; 64], vec![6, 255, 255, 255, 255], vec![0, 1, 0, 0, 0, 0xff]]);
    // Access has two values.
    bad.push(vec![1, 1, 0, 0, 0, b'x', 2]);
    for bytes in bad {
        let answer = town.0.apply(ADA, &bytes);
        assert!(
            matches!(&answer, Answer::Refused { code, .. } if code == "bad-operation"),
            "{bytes:?}: {answer:?}"
        );
        let answer = town.0.query(&bytes);
        assert!(!matches!(&answer, Answer::Done(_)) || ChatQuestion::decode(&bytes).is_ok(), "{bytes:?}");
    }
    assert!(town.history("lobby", None).unwrap().is_empty());
}

#[test]
fn the_wire_numbers_stay() {
    let key = outvote_types::PublicKey([7; 32]);
    let room = || "r".to_string();
    let first_bytes: Vec<u8> = [
        ChatOperation::Register { name: room() },
        ChatOperation::CreateRoom { room: room(), access: outvote_chat::Access::InviteOnly },
        ChatOperation::Join { room: room() },
        ChatOperation::Leave { room: room() },
        ChatOperation::Invite { room: room(), member: key },
        ChatOperation::Remove { room: room(), member: key },
        ChatOperation::Post { room: room(), text: "x".into() },
    ]
    .iter()
    .map(|operation| operation.encode()[0])
    .collect();
    assert_eq!(first_bytes, [0, 1, 2, 3, 4, 5, 6]);
    let posted = ChatAnswer::Posted { room: room(), index: 1, sequence: 2, position: 3, time_us: 4 };
    let expected = [
        &[6, 1, 0, 0, 0, b'r'][..],
        &[1, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0],
        &[3, 0, 0, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(posted.encode(), expected);
    assert_eq!(ChatAnswer::Head { room: room(), next_index: 0 }.encode()[0], 132);
}

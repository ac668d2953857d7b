//! Who is who.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::common::{ADA, BOB, Town, refused};
use outvote_chat::{ChatAnswer, ChatOperation, ChatQuestion, is_name};

#[test]
fn a_name_belongs_to_who_came_first() {
    let mut town = Town::empty();
    assert_eq!(town.register(ADA, "ada"), Ok(ChatAnswer::Registered { name: "ada".into() }));
    assert_eq!(refused(town.register(BOB, "ada")), "name-taken");
    assert_eq!(town.register(BOB, "Ada"), Ok(ChatAnswer::Registered { name: "Ada".into() }));
}

#[test]
fn a_key_has_one_name_for_ever() {
    let mut town = Town::new();
    assert_eq!(refused(town.register(ADA, "countess")), "already-registered");
    assert_eq!(refused(town.register(ADA, "ada")), "already-registered");
    assert_eq!(
        refused(town.ask(&ChatQuestion::IdentityByName { name: "countess".into() })),
        "not-registered"
    );
}

#[test]
fn key_and_name_lead_to_each_other() {
    let town = Town::new();
    let by_key = town.ask(&ChatQuestion::Identity { key: BOB }).unwrap();
    let by_name = town.ask(&ChatQuestion::IdentityByName { name: "bob".into() }).unwrap();
    assert_eq!(by_key, by_name);
    let ChatAnswer::Identity { identity } = by_key else { panic!("an identity is expected") };
    assert_eq!((identity.name.as_str(), identity.key), ("bob", BOB));
    let long = ChatQuestion::IdentityByName { name: "x".repeat(2000) };
    assert_eq!(refused(town.ask(&long)), "not-registered");
}

// Faults: M07
#[test]
fn names_have_1_to_64_bytes_and_show_something() {
    for name in [
        "a",
        "ada lovelace",
        "アダ",
        "x\u{301}",
        "🦀",
        &"n".repeat(64),
        &"é".repeat(32),
        "<b>",
        "\u{202e}eve",
    ] {
        assert!(is_name(name), "{name:?}");
    }
    for name in
        ["", " ", "\u{3000}\u{a0}", "a\nb", "a\0", "\u{1b}[31m", "\u{85}", &"n".repeat(65), &"é".repeat(33)]
    {
        assert!(!is_name(name), "{name:?}");
        assert_eq!(refused(Town::empty().register(ADA, name)), "bad-name");
    }
}

#[test]
fn only_people_with_a_name_do_anything() {
    let nobody = outvote_types::PublicKey([9; 32]);
    let mut town = Town::new();
    let room = || "lobby".to_string();
    let operations = [
        ChatOperation::CreateRoom { room: "cellar".into(), access: outvote_chat::Access::Public },
        ChatOperation::Join { room: room() },
        ChatOperation::Leave { room: room() },
        ChatOperation::Invite { room: room(), member: ADA },
        ChatOperation::Remove { room: room(), member: ADA },
        ChatOperation::Post { room: room(), text: "hello".into() },
    ];
    for operation in operations {
        assert_eq!(refused(town.act(nobody, &operation)), "not-registered", "{operation:?}");
    }
    assert_eq!(town.rooms(None), ["lobby"]);
}

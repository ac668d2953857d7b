//! Who may do what where; decided by the order alone (K14).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::common::{ADA, BOB, EVE, Town, index, refused};
use outvote_chat::{Access, ChatAnswer, ChatQuestion};
use outvote_types::PublicKey;

#[test]
fn a_room_is_opened_once_under_a_good_name() {
    let mut town = Town::new();
    assert_eq!(refused(town.create(BOB, "lobby", Access::InviteOnly)), "room-exists");
    assert_eq!(refused(town.create(BOB, " ", Access::Public)), "bad-name");
    assert_eq!(refused(town.create(BOB, &"r".repeat(65), Access::Public)), "bad-name");
    assert_eq!(
        town.create(BOB, &"r".repeat(64), Access::Public),
        Ok(ChatAnswer::RoomCreated { room: "r".repeat(64) })
    );
}

#[test]
fn everybody_with_a_name_posts_in_a_public_room() {
    let mut town = Town::new();
    assert_eq!(index(town.post(BOB, "lobby", "hello")), 0);
    assert_eq!(index(town.post(EVE, "lobby", "hi")), 1);
}

#[test]
fn an_invite_only_room_is_for_its_members() {
    let mut town = Town::new();
    assert_eq!(refused(town.post(BOB, "attic", "may I?")), "not-a-member");
    assert_eq!(refused(town.join(BOB, "attic")), "not-a-member");
    assert!(town.invite(ADA, "attic", BOB).is_ok());
    assert_eq!(index(town.post(BOB, "attic", "thanks")), 0);
    assert_eq!(town.members("attic", Some(BOB)).unwrap(), ["ada", "bob"]);
}

// Faults: K14
#[test]
fn a_removed_member_posts_and_reads_no_more() {
    let mut town = Town::new();
    town.invite(ADA, "attic", BOB).unwrap();
    town.post(BOB, "attic", "before").unwrap();
    assert!(town.remove(ADA, "attic", BOB).is_ok());
    assert_eq!(refused(town.post(BOB, "attic", "after")), "not-a-member");
    assert_eq!(town.history("attic", Some(BOB)).unwrap_err(), "not-a-member");
    assert_eq!(town.members("attic", Some(BOB)).unwrap_err(), "not-a-member");
    assert_eq!(town.history("attic", Some(ADA)).unwrap().len(), 1);
}

// Faults: K14
#[test]
fn the_order_decides_between_a_post_and_a_removal() {
    let mut earlier = Town::new();
    earlier.invite(ADA, "attic", BOB).unwrap();
    assert!(earlier.post(BOB, "attic", "x").is_ok());
    assert!(earlier.remove(ADA, "attic", BOB).is_ok());

    let mut later = Town::new();
    later.invite(ADA, "attic", BOB).unwrap();
    assert!(later.remove(ADA, "attic", BOB).is_ok());
    assert_eq!(refused(later.post(BOB, "attic", "x")), "not-a-member");
    assert_eq!(later.history("attic", Some(ADA)).unwrap(), []);
}

// Faults: W10, K14
#[test]
fn invite_only_history_is_shown_to_members_alone() {
    let mut town = Town::new();
    town.post(ADA, "attic", "secret").unwrap();
    for reader in [None, Some(BOB), Some(PublicKey([9; 32]))] {
        assert_eq!(town.history("attic", reader).unwrap_err(), "not-a-member");
        // The same check at the leaf, whatever the window.
        assert_eq!(town.page("attic", Some(1), None, 1, reader).unwrap_err(), "not-a-member");
        assert_eq!(town.page("attic", None, Some(u64::MAX), 1, reader).unwrap_err(), "not-a-member");
        assert_eq!(town.members("attic", reader).unwrap_err(), "not-a-member");
    }
    assert_eq!(town.history("attic", Some(ADA)).unwrap()[0].text, "secret");
    assert_eq!(town.history("lobby", None).unwrap(), []);
}

// Faults: W10
#[test]
fn invite_only_rooms_are_listed_for_their_members() {
    let mut town = Town::new();
    assert_eq!(town.rooms(None), ["lobby"]);
    assert_eq!(town.rooms(Some(BOB)), ["lobby"]);
    town.invite(ADA, "attic", BOB).unwrap();
    assert_eq!(town.rooms(Some(BOB)), ["attic", "lobby"]);
}

#[test]
fn only_the_owner_invites_and_removes() {
    let mut town = Town::new();
    town.invite(ADA, "attic", BOB).unwrap();
    assert_eq!(refused(town.invite(BOB, "attic", EVE)), "not-the-owner");
    assert_eq!(refused(town.remove(BOB, "attic", ADA)), "not-the-owner");
    assert_eq!(refused(town.remove(ADA, "attic", EVE)), "not-a-member");
    assert_eq!(refused(town.invite(ADA, "attic", PublicKey([9; 32]))), "not-registered");
    assert_eq!(refused(town.invite(ADA, "lobby", BOB)), "bad-operation");
    assert_eq!(refused(town.remove(ADA, "lobby", ADA)), "bad-operation");
}

#[test]
fn an_owner_who_left_may_come_back() {
    let mut town = Town::new();
    assert!(town.leave(ADA, "attic").is_ok());
    assert_eq!(refused(town.post(ADA, "attic", "x")), "not-a-member");
    assert!(town.invite(ADA, "attic", ADA).is_ok());
    assert_eq!(index(town.post(ADA, "attic", "x")), 0);
}

#[test]
fn members_are_counted_once() {
    let mut town = Town::new();
    town.join(BOB, "lobby").unwrap();
    town.join(BOB, "lobby").unwrap();
    assert_eq!(town.members("lobby", None).unwrap(), ["ada", "bob"]);
    town.leave(BOB, "lobby").unwrap();
    assert_eq!(refused(town.leave(BOB, "lobby")), "not-a-member");
    let Ok(ChatAnswer::Room { room }) = town.ask(&ChatQuestion::Room { room: "lobby".into() }) else {
        panic!("a room is expected");
    };
    assert_eq!((room.members, room.owner_name.as_str()), (1, "ada"));
    town.invite(ADA, "attic", BOB).unwrap();
    town.invite(ADA, "attic", BOB).unwrap();
    let Ok(ChatAnswer::Room { room }) = town.ask(&ChatQuestion::Room { room: "attic".into() }) else {
        panic!("a room is expected");
    };
    assert_eq!(room.members, 2, "invited twice, and in once");
}

#[test]
fn a_room_that_is_not_there_is_named() {
    let mut town = Town::new();
    assert_eq!(refused(town.post(ADA, "nowhere", "x")), "no-such-room");
    for answer in [town.join(ADA, "nowhere"), town.leave(ADA, "nowhere"), town.invite(ADA, "nowhere", BOB)] {
        assert_eq!(refused(answer), "no-such-room");
    }
    let operation = outvote_chat::ChatOperation::Post { room: "nowhere".into(), text: "x".into() };
    let outvote_types::Answer::Refused { message, .. } = town.0.apply(ADA, &operation.encode()) else {
        panic!("a refusal is expected");
    };
    assert!(message.starts_with("there is no room \"nowhere\": create it first"), "{message}");
}

// Faults: W12
#[test]
fn no_room_runs_into_another_ones_keys() {
    let mut town = Town::new();
    // One name is the other with bytes behind it that look like the start of an index.
    for room in ["r", "r!", "rr", "r r"] {
        town.create(ADA, room, Access::Public).unwrap();
        town.post(ADA, room, room).unwrap();
    }
    for room in ["r", "r!", "rr", "r r"] {
        let texts: Vec<String> = town.history(room, None).unwrap().into_iter().map(|m| m.text).collect();
        assert_eq!(texts, [room]);
        assert_eq!(town.members(room, None).unwrap(), ["ada"]);
    }
}

#[test]
fn rooms_come_in_pages() {
    let mut town = Town::new();
    for number in 0..7 {
        town.create(BOB, &format!("room {number}"), Access::Public).unwrap();
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let Ok(ChatAnswer::Rooms { rooms, next }) =
            town.ask(&ChatQuestion::Rooms { as_key: None, after, limit: 3 })
        else {
            panic!("rooms are expected");
        };
        assert!(rooms.len() <= 3);
        found.extend(rooms.into_iter().map(|room| room.room));
        if next.is_none() {
            break;
        }
        after = next;
    }
    assert_eq!(found.len(), 8);
    assert!(found.is_sorted());
}

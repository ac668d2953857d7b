//! The oracle of the chat accepts what may be and names what may not.

use outvote_torture::{Heard, Posted, Removal, wrong_in};

fn posted(person: u32, number: u64, heard: Heard) -> Posted {
    Posted { person, room: "lobby".into(), number, invoked: number * 10, heard }
}

fn shown(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn names(wrong: &[String], words: &str) {
    assert!(wrong.len() == 1 && wrong[0].contains(words), "{wrong:?}");
}

#[test]
fn what_was_heard_stands_once_and_everywhere_in_one_order() {
    let said = [
        posted(0, 1, Heard::Stands(0)),
        posted(1, 1, Heard::Stands(1)),
        posted(0, 2, Heard::Nothing),
        posted(1, 2, Heard::Refused("no".into())),
    ];
    let right = shown(&["0-1", "1-1"]);
    assert!(wrong_in("lobby", &said, &[right.clone(), right.clone()], None).is_empty());
    // Nobody knows whether it was done: both are right.
    let with_unknown = shown(&["0-1", "1-1", "0-2"]);
    assert!(wrong_in("lobby", &said, std::slice::from_ref(&with_unknown), None).is_empty());
    names(&wrong_in("lobby", &said, &[right.clone(), with_unknown], None), "another order");
    names(&wrong_in("lobby", &said, &[shown(&["0-1"])], None), "lost");
    names(&wrong_in("lobby", &said, &[shown(&["0-1", "1-1", "0-1"])], None).split_off(0)[..1], "twice");
    names(&wrong_in("lobby", &said, &[shown(&["0-1", "1-1", "1-2"])], None), "was refused");
    names(&wrong_in("lobby", &said, &[shown(&["0-1", "1-1", "9-9"])], None), "nobody said");
    assert!(!wrong_in("lobby", &said, &[shown(&["1-1", "0-1"])], None).is_empty());
}

#[test]
fn a_persons_messages_keep_their_order() {
    let said = [posted(0, 1, Heard::Nothing), posted(0, 2, Heard::Nothing)];
    names(&wrong_in("lobby", &said, &[shown(&["0-2", "0-1"])], None), "before what the same person");
}

// Faults: K14
#[test]
fn whoever_was_removed_is_heard_no_more() {
    let said = [posted(3, 1, Heard::Stands(0)), posted(3, 5, Heard::Nothing)];
    let removal = |at| Removal { person: 3, room: "lobby".into(), at };
    let both = [shown(&["3-1", "3-5"])];
    names(&wrong_in("lobby", &said, &both, Some(&removal(40))), "had been removed");
    // What was on its way then may have come first.
    assert!(wrong_in("lobby", &said, &both, Some(&removal(60))).is_empty());
}

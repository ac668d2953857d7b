//! What strangers wrote cannot do anything to a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use outvote_chat::terminal::{escape, escape_lines, escape_name};
use proptest::prelude::*;

#[test]
fn plain_text_is_shown_as_it_is() {
    for text in [
        "",
        "hello, world",
        "Grüße, 世界",
        "👩\u{200d}👩\u{200d}👧",
        "می\u{200c}خواهم",
        "C:\\temp",
        "a\u{301}",
    ] {
        assert_eq!(escape(text), text);
    }
}

// Faults: M07
#[test]
fn escape_sequences_and_turned_text_are_written_out() {
    assert_eq!(escape("\u{1b}]0;owned\u{7}"), "\\u{1b}]0;owned\\u{7}");
    assert_eq!(escape("\u{9b}31m"), "\\u{9b}31m");
    assert_eq!(escape("invoice\u{202e}fdp.exe"), "invoice\\u{202e}fdp.exe");
    assert_eq!(escape("a\r\nb\tc"), "a\\u{d}\\nb\\tc");
}

// Faults: M07
#[test]
fn no_line_of_a_message_passes_for_another_message() {
    assert_eq!(escape_lines("one\n<ada> two\r", 4), "one\n    <ada> two\\u{d}");
}

#[test]
fn joiners_show_in_names() {
    assert_eq!(escape_name("a\u{200d}da"), "a\\u{200d}da");
    assert_eq!(escape_name("ada"), "ada");
}

proptest! {
    // Faults: M07
    #[test]
    fn nothing_shown_controls_anything(text in any::<String>()) {
        let controls = |character: char| {
            character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        prop_assert!(!escape(&text).chars().any(controls));
    }
}

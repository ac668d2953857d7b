//! Any arguments whatsoever: an answer or a sentence, an exit code that the manual knows, and never a panic.

use crate::common::Stage;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// Command lines that are tried.
const LINES: u64 = 160;
/// Commands that end by themselves in an empty folder; those that would run are only tried with a flag that nobody knows.
const COMMANDS: [&[&str]; 26] = [
    &["init"],
    &["committee", "create"],
    &["testnet", "--no-such-flag"],
    &["start"],
    &["status"],
    &["doctor"],
    &["chat", "register"],
    &["chat", "rooms"],
    &["chat", "history"],
    &["chat", "send"],
    &["chat", "import"],
    &["chat", "invite"],
    &["kv", "get"],
    &["kv", "put"],
    &["kv", "cas"],
    &["receipt", "verify"],
    &["receipt", "get"],
    &["evidence", "list"],
    &["evidence", "show"],
    &["evidence", "verify"],
    &["config", "check"],
    &["config", "explain"],
    &["sim", "--no-such-flag"],
    &["bench", "--no-such-flag"],
    &["demo", "--no-such-flag"],
    &["no-such-command"],
];
const WORDS: [&[u8]; 24] = [
    b"",
    b"-",
    b"--",
    b"--home",
    b"nowhere",
    b"--output",
    b"json",
    b"xml",
    b"-o",
    b"-1",
    b"18446744073709551616",
    b"1e9",
    b"0x10",
    b"\xff\xfe",
    b"\x1b[2J",
    b"a\nb",
    b"--committee",
    b"=",
    b"--home=",
    b"/dev/null",
    b"lobby",
    b"@",
    b"*",
    b"\xe2\x80\xae",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

// Faults: M15
#[test]
fn any_arguments_get_an_answer_or_a_sentence_and_a_known_exit_code() {
    let stage = Stage::new();
    for seed in 0..LINES {
        let mut dice = Dice(seed);
        let command = COMMANDS[dice.below(COMMANDS.len())];
        let mut line: Vec<OsString> = command.iter().map(OsString::from).collect();
        for _ in 0..dice.below(5) {
            line.push(OsStr::from_bytes(WORDS[dice.below(WORDS.len())]).to_owned());
        }
        let done = stage.command(&[]).args(&line).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let code = done.status.code();
        assert!(matches!(code, Some(0..=4)), "{line:?} ends with {code:?}: {said}");
        assert!(!said.contains("panicked"), "{line:?}: {said}");
        assert!(code == Some(0) || !said.trim().is_empty(), "{line:?} fails without a word");
    }
}

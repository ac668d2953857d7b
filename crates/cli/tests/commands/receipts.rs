//! The verifier that `docs/receipt.md` prints for readers, run as they would, beside the program's own: what one refuses, the
//! other refuses, too.

use crate::common::skipped::cannot_be_done_here;
use crate::common::{Ended, Stage, ended};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
const EXAMPLES: [&str; 2] = ["receipt-example.json", "receipt-example-released.json"];

fn document(name: &str) -> String {
    fs::read_to_string(format!("{DOCS}{name}")).unwrap()
}

/// Both verifiers, and the committee.
struct Verifiers {
    stage: Stage,
}

impl Verifiers {
    /// `None` where there is no Python that can run the document's program.
    fn new(test: &str) -> Option<Self> {
        let can_run = Command::new("python3").args(["-c", "import tomllib"]).output();
        if !can_run.is_ok_and(|done| done.status.success()) {
            cannot_be_done_here(test, "Python 3.11 or newer");
            return None;
        }
        let stage = Stage::new();
        let text = document("receipt.md");
        let (_, program) = text.split_once("```python\n").unwrap();
        fs::write(stage.path("verify.py"), program.split_once("```").unwrap().0).unwrap();
        fs::write(stage.path("committee.toml"), document("receipt-example-committee.toml")).unwrap();
        Some(Self { stage })
    }

    fn python(&self) -> Ended {
        let arguments = ["verify.py", "receipt.json", "committee.toml"];
        let folder = self.stage.folder.path();
        ended(Command::new("python3").args(arguments).current_dir(folder).output().unwrap())
    }

    fn program(&self) -> Ended {
        self.stage.run(&["receipt", "verify", "receipt.json", "--committee", "committee.toml"])
    }

    fn write(&self, receipt: impl AsRef<[u8]>) {
        fs::write(self.stage.path("receipt.json"), receipt).unwrap();
    }

    /// Each of the two says no, in its own words.
    fn refuse(&self, what: &str, receipt: impl AsRef<[u8]>) {
        self.write(receipt);
        let (python, program) = (self.python(), self.program());
        assert!(python.code == 1 && python.out.is_empty(), "{what}, in Python: {python:?}");
        assert!(python.err.contains("Error"), "{what}, in Python: {python:?}");
        assert!(program.code == 1 && program.out.is_empty(), "{what}, in the program: {program:?}");
    }
}

#[test]
fn the_documents_verifier_accepts_its_examples_and_says_what_they_prove() {
    let Some(verifiers) =
        Verifiers::new("the_documents_verifier_accepts_its_examples_and_says_what_they_prove")
    else {
        return;
    };
    for name in EXAMPLES {
        verifiers.write(document(name));
        let (python, program) = (verifiers.python(), verifiers.program());
        assert_eq!((python.code, program.code), (0, 0), "{name}: {python:?} {program:?}");
        let receipt: Value = serde_json::from_str(&document(name)).unwrap();
        let author = receipt["operation"]["author"].as_str().unwrap();
        assert!(
            python.out.starts_with("applied at sequence 2 by ") && python.out.contains(author),
            "{python:?}"
        );
    }
}

#[test]
fn no_digit_can_be_changed_unnoticed() {
    let Some(verifiers) = Verifiers::new("no_digit_can_be_changed_unnoticed") else { return };
    for name in EXAMPLES {
        let text = document(name);
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        let mut at = 0;
        let mut count = 0;
        for part in text.split('"') {
            if digits(part) {
                let mut changed = text.clone().into_bytes();
                // Not always the first digit, so that every byte has its turn somewhere.
                let place = at + (7 * count) % part.len();
                changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
                verifiers.refuse(&format!("{name}, the digit at {place}"), changed);
                count += 1;
            }
            at += part.len() + 1;
        }
        assert!(count > 20, "a receipt holds many digests: {count}");
    }
}

/// The example with one thing changed.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut receipt: Value = serde_json::from_str(&document(EXAMPLES[0])).unwrap();
    change(&mut receipt);
    receipt.to_string()
}

// Faults: M05, M09
#[test]
fn no_field_is_added_left_out_said_twice_or_put_as_something_else() {
    let Some(verifiers) = Verifiers::new("no_field_is_added_left_out_said_twice_or_put_as_something_else")
    else {
        return;
    };
    verifiers.write(changed(|_| {}));
    assert_eq!(
        (verifiers.python().code, verifiers.program().code),
        (0, 0),
        "order and white space do not matter"
    );

    let objects = [
        "",
        "/operation",
        "/ordered",
        "/ordered/headers/0",
        "/ordered/headers/0/batches/0",
        "/ordered/commits/0",
        "/result",
        "/result/answer",
        "/replies/1",
        "/payload_path/0",
    ];
    for place in objects {
        let more = changed(|receipt| receipt.pointer_mut(place).unwrap()["more"] = 1.into());
        verifiers.refuse(&format!("a field more in {place:?}"), more);
        let list = changed(|receipt| {
            let object = receipt.pointer_mut(place).unwrap();
            *object = object.as_object().unwrap().values().cloned().collect();
        });
        verifiers.refuse(&format!("a list for {place:?}"), list);
    }
    for (place, field) in [
        ("", "released"),
        ("", "format"),
        ("/ordered/headers/0", "control"),
        ("/ordered/headers/1", "new_view_digest"),
        ("/operation", "query"),
        ("/operation", "index"),
    ] {
        let less = changed(|receipt| {
            receipt.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(field).unwrap();
        });
        verifiers.refuse(&format!("no {field} in {place:?}"), less);
    }
    let text = changed(|_| {});
    for field in ["\"query\":false", "\"nonce\":7", "\"control\":null"] {
        let twice = text.replacen(field, &format!("{field},{field}"), 1);
        assert_ne!(twice, text);
        verifiers.refuse(&format!("{field} twice"), twice);
    }
}

// Faults: M05, M19
#[test]
fn every_value_has_one_spelling() {
    let Some(verifiers) = Verifiers::new("every_value_has_one_spelling") else { return };
    let values = [
        ("/operation/query", json!(0)),
        ("/operation/nonce", json!("7")),
        ("/operation/nonce", json!(7.0)),
        ("/operation/index", json!(true)),
        ("/ordered/headers/0/epoch", json!(false)),
        ("/replies/1/replica", json!(-1)),
        ("/replies/1/replica", json!(65_537)),
        ("/result/kind", json!({"applied": null})),
        ("/result/kind", json!("Applied")),
        ("/ordered/headers", json!([])),
        ("/ordered/commits", json!({})),
        ("/released", json!(false)),
        ("/format", json!("outvote-receipt/2")),
    ];
    for (place, value) in values {
        let what = format!("{place} is {value}");
        verifiers.refuse(&what, changed(|receipt| *receipt.pointer_mut(place).unwrap() = value));
    }
    let text = changed(|_| {});
    let (digits, answer) = (r#""payload":"66"#, r#""answer":{"done":"#);
    for (what, from, to) in [
        ("white space among digits", digits, r#""payload":"66 "#),
        ("upper case", "ab", "AB"),
        ("no digit", digits, r#""payload":"6g"#),
        ("half a byte", digits, r#""payload":"6"#),
        ("a number below zero", r#""view":0"#, r#""view":-0"#),
        ("an answer of another form", answer, r#""answer":{"accepted":"#),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{what}");
        verifiers.refuse(what, other);
    }
    verifiers.refuse("something after the end", format!("{text}{text}"));
    verifiers.refuse("a byte order mark", format!("\u{feff}{text}"));
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    verifiers.refuse("UTF-16", wide);
    verifiers.refuse("longer than any receipt", format!("{text}{}", " ".repeat(16 << 20)));
}

/// A field of the receipt that is a list.
fn list<'a>(receipt: &'a mut Value, place: &str) -> &'a mut Vec<Value> {
    receipt.pointer_mut(place).unwrap().as_array_mut().unwrap()
}

// Faults: R12
#[test]
fn no_more_and_no_fewer_signatures_steps_and_headers_are_taken() {
    let Some(verifiers) = Verifiers::new("no_more_and_no_fewer_signatures_steps_and_headers_are_taken")
    else {
        return;
    };
    for place in ["/replies", "/ordered/commits"] {
        verifiers.refuse("one signature less", changed(|receipt| drop(list(receipt, place).pop())));
        verifiers.refuse(
            "one twice",
            changed(|receipt| {
                let all = list(receipt, place);
                all[1] = all[0].clone();
            }),
        );
        verifiers.refuse(
            "one more",
            changed(|receipt| {
                let all = list(receipt, place);
                all.push(all[0].clone());
            }),
        );
        verifiers.refuse("another order", changed(|receipt| list(receipt, place).reverse()));
        verifiers.refuse(
            "another signer",
            changed(|receipt| {
                let last = list(receipt, place).last_mut().unwrap();
                last["replica"] = if last["replica"] == 3 { 2 } else { 3 }.into();
            }),
        );
        verifiers.refuse(
            "a stranger",
            changed(|receipt| list(receipt, place).last_mut().unwrap()["replica"] = 4.into()),
        );
    }
    verifiers.refuse("a step less", changed(|receipt| drop(list(receipt, "/payload_path").pop())));
    verifiers.refuse(
        "the other side",
        changed(|receipt| {
            let step = &mut list(receipt, "/payload_path")[0];
            *step = json!({"left": step["right"]});
        }),
    );
    verifiers.refuse(
        "more steps than any path has",
        changed(|receipt| {
            let step = list(receipt, "/payload_path")[0].clone();
            list(receipt, "/payload_path").resize(33, step);
        }),
    );
    verifiers
        .refuse("a gap in the headers", changed(|receipt| drop(list(receipt, "/ordered/headers").remove(1))));
    verifiers.refuse("no certified header", changed(|receipt| drop(list(receipt, "/ordered/headers").pop())));
    verifiers
        .refuse("another epoch", changed(|receipt| list(receipt, "/ordered/headers")[0]["epoch"] = 1.into()));
    verifiers.refuse(
        "released before it was ordered",
        changed(|receipt| receipt["released"] = receipt["ordered"].clone()),
    );
}

// Faults: R07
#[test]
fn another_committees_keys_prove_nothing() {
    let Some(verifiers) = Verifiers::new("another_committees_keys_prove_nothing") else { return };
    let committee = document("receipt-example-committee.toml");
    let key = committee.split("consensus_key = \"").nth(1).unwrap().split('"').next().unwrap();
    let link = committee.split("link_key = \"").nth(1).unwrap().split('"').next().unwrap();
    // The identity, a point of order four, and one key for two purposes.
    let (identity, small) = (format!("01{}", "00".repeat(31)), "00".repeat(32));
    for (what, from, to) in [
        ("other salt", "genesis_salt = \"07", "genesis_salt = \"08"),
        ("other rules", "tenure_ms = 0", "tenure_ms = 1"),
        ("the identity", key, identity.as_str()),
        ("a small order", key, small.as_str()),
        ("one key twice", link, key),
    ] {
        let other = committee.replacen(from, to, 1);
        assert_ne!(other, committee, "{what}");
        fs::write(verifiers.stage.path("committee.toml"), other).unwrap();
        verifiers.write(document(EXAMPLES[0]));
        let (python, program) = (verifiers.python(), verifiers.program());
        assert!(python.code == 1 && python.out.is_empty(), "{what}, in Python: {python:?}");
        assert!(program.code == 2 && program.out.is_empty(), "{what}, in the program: {program:?}");
    }
}

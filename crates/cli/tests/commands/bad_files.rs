//! Files that people hand in or keep, damaged in every way: an error that names the file and the cure, and the file stays.

use crate::common::{Ended, Stage, set_mode};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// More than any machine holds in memory; on disk it takes nothing.
const ENORMOUS: u64 = 1 << 40;
const NO_TEXT: &[u8] = b"a line\nanother\n\xff\xfe a third\n";

fn assert_says(done: &Ended, code: i32, words: &[&str]) {
    assert_eq!(done.code, code, "{done:?}");
    assert_eq!(done.out, "", "nothing but data goes to stdout");
    for word in words {
        assert!(done.err.contains(word), "should say {word:?}: {}", done.err);
    }
}

fn make_enormous(path: &Path) {
    File::create(path).unwrap().set_len(ENORMOUS).unwrap();
}

/// A JSON text, misspelt.
fn misspelt(whole: &str) -> Vec<Vec<u8>> {
    let secret = whole.find("secret\"").unwrap() + "secret\": \"".len();
    let mut other_key = whole.as_bytes().to_vec();
    other_key[secret + 1] = if other_key[secret + 1] == b'0' { b'1' } else { b'0' };
    vec![
        Vec::new(),
        whole.as_bytes()[..whole.len() / 2].to_vec(),
        whole.as_bytes()[..whole.len() - 1].to_vec(),
        [whole.as_bytes(), b"x"].concat(),
        [whole.as_bytes(), b"\xff"].concat(),
        b"[]".to_vec(),
        b"null".to_vec(),
        "[".repeat(100_000).into(),
        whole.replacen("secret\"", "sekret\"", 1).into(),
        whole.replacen("secret\"", "more\": 1, \"secret\"", 1).into(),
        other_key,
    ]
}

// Faults: M14
#[test]
fn a_damaged_import_is_named_with_the_cure_and_nothing_is_written_over() {
    let stage = Stage::new();
    stage.testnet("net");
    fs::write(stage.path("a.log"), "[10:00] <ada> hello\n").unwrap();
    let import = || stage.run(&["chat", "import", "a.log", "--room", "lobby", "--home", "net"]);
    // Nobody runs, so it ends when it has made its keys.
    assert_says(&import(), 1, &["can be reached"]);
    let files = || {
        let entries = fs::read_dir(stage.path("net/client/import")).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some())
    };
    assert_eq!(files().count(), 2, "the nicks' keys, and the record of this import");
    for path in files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut all_bad = misspelt(&whole);
        // The next nonce would be behind the last one.
        all_bad.extend(
            whole
                .contains("\"done\"")
                .then(|| whole.replace("\"done\":0", &format!("\"done\":{}", u64::MAX)).into_bytes()),
        );
        for bad in all_bad {
            fs::write(&path, &bad).unwrap();
            assert_says(&import(), 2, &[name, "from a copy"]);
            assert!(fs::read(&path).unwrap() == bad, "it is left as it was");
        }
        make_enormous(&path);
        assert_says(&import(), 2, &[name, "longer than"]);
        fs::write(&path, &whole).unwrap();
        for mode in [0o644, 0o640, 0o602] {
            set_mode(&path, mode);
            assert_says(&import(), 2, &[name, &format!("mode is {mode:04o}"), "chmod 600"]);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_says(&import(), 2, &[name, "move it away"]);
        fs::remove_dir(&path).unwrap();
        fs::write(&path, &whole).unwrap();
        set_mode(&path, 0o600);
    }
    assert_says(&import(), 1, &["can be reached"]);
}

// Faults: M03, M07
#[test]
fn a_public_part_is_taken_whole_or_named() {
    let stage = Stage::new();
    let mut parts = Vec::new();
    for id in 0..4 {
        let (home, address) = (format!("home-{id}"), format!("127.0.0.1:{}", 4100 + id));
        let part = stage.json(&["init", "--home", &home, "--address", &address]);
        fs::write(stage.path(&format!("{id}.json")), part.to_string()).unwrap();
        parts.push(part);
    }
    let create = |first: &str| {
        stage.run(&["committee", "create", first, "1.json", "2.json", "3.json", "-o", "committee.toml"])
    };
    let whole = parts[0].to_string();
    let field = |name: &str| parts[0][name].as_str().unwrap();
    let line =
        format!("{}@{}@{}@{}", field("consensus_key"), field("link_key"), field("address"), field("http"));
    for bad in [
        Vec::new(),
        NO_TEXT.to_vec(),
        whole.as_bytes()[..whole.len() - 1].to_vec(),
        format!("{whole}x").into(),
        whole.replacen("link_key", "link_kee", 1).into(),
        whole.replacen('{', "{\"more\": 1, ", 1).into(),
        whole.replacen("\"127", "127", 1).into(),
        b"[]".to_vec(),
        "[".repeat(4_000).into(),
        format!("\"{line}\"").into(),
        format!("{line}@").into(),
        format!("{line}\n{line}").into(),
        line.rsplit_once('@').unwrap().0.into(),
        vec![b' '; 4097],
    ] {
        fs::write(stage.path("part"), &bad).unwrap();
        let done = create("part");
        assert_says(&done, 2, &["part"]);
        let has_cure = ["outvote init", "right file"].iter().any(|cure| done.err.contains(cure));
        assert!(has_cure && done.err.len() < 500, "{done:?}");
    }
    make_enormous(&stage.path("part"));
    assert_says(&create("part"), 2, &["part", "longer than 4096 bytes"]);
    let long = create(&"no part ".repeat(10_000));
    assert_says(&long, 2, &["no part", "outvote init"]);
    assert!(long.err.len() < 500, "it is shown in part: {long:?}");
    assert_says(&create("\u{1b}[2J"), 2, &["neither a file nor a public part"]);
    assert!(!create("\u{1b}[2J").err.contains('\u{1b}'), "no terminal obeys it");
    assert!(!stage.path("committee.toml").exists(), "nothing was made of any of these");
    fs::write(stage.path("part"), format!(" {line}\n")).unwrap();
    assert_eq!(create("part").code, 0, "either form is taken");
}

#[test]
fn a_proof_that_is_longer_than_any_is_refused_and_never_read_whole() {
    let stage = Stage::new();
    stage.testnet("net");
    make_enormous(&stage.path("bad.json"));
    for command in ["receipt", "evidence"] {
        let done = stage.run(&[command, "verify", "bad.json", "--committee", "net/committee.toml"]);
        assert_says(&done, 1, &["bad.json", "no proof", "longer than", "right file"]);
    }
}

// Faults: M14
#[test]
fn a_configuration_or_committee_that_is_no_text_is_named_with_its_line_and_kept() {
    let stage = Stage::new();
    stage.testnet("net");
    let long = "#".repeat((1 << 20) + 1);
    let check = ["config", "check", "--home", "net/replica-0"];
    let [config, own, all] =
        ["net/replica-0/config/config.toml", "net/replica-0/config/committee.toml", "net/committee.toml"];
    for (bad, words) in [
        (NO_TEXT, [", line 3: ", "UTF-8"]),
        (long.as_bytes(), ["longer than the 1048576 bytes", "right file"]),
    ] {
        for (file, name) in [(config, "config.toml"), (own, "committee.toml")] {
            let whole = fs::read(stage.path(file)).unwrap();
            fs::write(stage.path(file), bad).unwrap();
            assert_says(&stage.start_and_fail("net/replica-0"), 2, &[name, words[0], words[1]]);
            if file == config {
                assert_says(&stage.run(&check), 2, &[name, words[0], words[1]]);
                assert_says(&stage.run(&["demo", "--home", "net"]), 2, &[name, "right file"]);
            }
            assert!(fs::read(stage.path(file)).unwrap() == bad, "it is left as it was");
            fs::write(stage.path(file), whole).unwrap();
        }
        let whole = fs::read(stage.path(all)).unwrap();
        fs::write(stage.path(all), bad).unwrap();
        for command in [&["status"][..], &["chat", "rooms"], &["demo"]] {
            let done = stage.run(&[command, &["--home", "net"]].concat());
            assert_says(&done, 2, &["committee.toml", words[0], words[1]]);
        }
        fs::write(stage.path(all), whole).unwrap();
    }
    assert_eq!(stage.run(&check).code, 0);
}

#[test]
fn a_note_of_the_application_that_is_no_text_is_never_written_over() {
    let stage = Stage::new();
    stage.testnet("net");
    let path = stage.path("net/replica-0/config/application");
    for bad in [&b"\xff"[..], b"kv\xff", b""] {
        fs::write(&path, bad).unwrap();
        assert_says(&stage.start_and_fail("net/replica-0"), 2, &["config/application", "chat or kv"]);
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
}

// Faults: M15
#[test]
fn a_variable_that_is_no_text_is_named_if_it_is_ours() {
    let stage = Stage::new();
    stage.testnet("net");
    let check = |name: &[u8]| {
        let mut command = stage.command(&["config", "check", "--home", "net"]);
        command.env(OsStr::from_bytes(name), OsStr::from_bytes(b"\xff")).output().unwrap()
    };
    for foreign in [&b"SOMEBODYS"[..], b"\xfe", b"OUTVOTE_\xfe__X"] {
        assert_eq!(check(foreign).status.code(), Some(0), "it is nobody's business here");
    }
    let ours = check(b"OUTVOTE_LOG__LEVEL");
    let said = String::from_utf8(ours.stderr).unwrap();
    assert_eq!(ours.status.code(), Some(2), "{said}");
    assert!(said.contains("OUTVOTE_LOG__LEVEL") && said.contains("unset it"), "{said}");
}

// Whoever runs this, also one whom permission bits do not stop: below a file nothing can be made, and the kernel's own view of
// devices takes no folders.
#[test]
fn a_place_where_nothing_can_be_written_is_named_with_the_cure() {
    let stage = Stage::new();
    fs::write(stage.path("taken"), "somebody's").unwrap();
    for (place, named) in [
        ("taken", "taken"),
        ("taken/below", "taken"),
        ("/sys/outvote", "/sys/outvote"),
        ("/proc/sys/outvote", "/proc/sys/outvote"),
    ] {
        for command in [
            &["init", "--address", "127.0.0.1:4100", "--home", place][..],
            &["testnet", "-o", place],
            &["demo", "--home", place],
        ] {
            assert_says(&stage.run(command), 1, &[named, "permissions"]);
        }
    }
    assert_eq!(fs::read(stage.path("taken")).unwrap(), b"somebody's");
    assert_eq!(fs::read_dir(stage.folder.path()).unwrap().count(), 1, "no half of a cluster is left behind");

    stage.testnet("net");
    for (folder, above) in [("net/client/identities", None), ("net/client", Some("net/client"))] {
        let path = stage.path(above.unwrap_or(folder));
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "").unwrap();
        let done = stage.run(&["chat", "register", "ada", "--home", "net"]);
        assert_says(&done, 1, &["net/client/identities", "permissions"]);
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(stage.path("net/client/identities")).unwrap();
    }
}

// serde's and toml's own words repeat what they found.
// Faults: M07
#[test]
fn nothing_in_a_strangers_file_is_obeyed_by_the_terminal_that_complains_of_it() {
    let stage = Stage::new();
    stage.testnet("net");
    for trick in ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{9b}31m", "\u{202e}", "\u{200b}", "\u{feff}"] {
        let field = format!("{{\"{trick}\": 1}}").replace('\u{1b}', "\\u001b").replace('\u{7}', "\\u0007");
        fs::write(stage.path("bad.json"), &field).unwrap();
        let committee = fs::read_to_string(stage.path("net/committee.toml")).unwrap();
        let quoted = trick.replace('\u{1b}', "\\u001b").replace('\u{7}', "\\u0007");
        fs::write(stage.path("bad.toml"), format!("\"{quoted}\" = 1\n{committee}")).unwrap();
        for arguments in [
            ["receipt", "verify", "bad.json", "--committee", "net/committee.toml"],
            ["receipt", "verify", "bad.json", "--committee", "bad.toml"],
            ["evidence", "verify", "bad.json", "--committee", "bad.toml"],
        ] {
            let done = stage.run(&arguments);
            assert!(matches!(done.code, 1 | 2) && !done.err.is_empty(), "{done:?}");
            let shown: String = done.err.chars().filter(|c| *c != '\n').collect();
            let is_obeyed = shown.chars().any(|c| c.is_control() || trick.contains(c) && !c.is_ascii());
            assert!(!is_obeyed, "{trick:?} is written out: {done:?}");
        }
    }
}

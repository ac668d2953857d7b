//! Operators' odd days: a dump, a folder in memory, a firewall in one direction, a log that nobody reads, Ctrl-C too early.

use crate::common::demo::{Demo, signal};
use crate::common::running::{PATIENCE, Running, all_reach_each_other, chat_goes_on};
use crate::common::skipped::cannot_be_done_here;
use crate::common::{Stage, until};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// More than a pipe takes in that nobody reads.
const PIPE_BYTES: u64 = 64 * 1024;

/// A shell that allows core files and then becomes this.
fn with_core_files(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -c unlimited && {script}")]).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

// Faults: W14
#[test]
fn a_replica_that_is_killed_leaves_no_core_file_with_its_keys() {
    let stage = Stage::new();
    stage.testnet("net");
    let program = env!("CARGO_BIN_EXE_outvote");
    let script = format!("exec {program} start --with-parent --home net/replica-0");
    let mut replica = with_core_files(&script, stage.folder.path()).spawn().unwrap();
    let limits = format!("/proc/{}/limits", replica.id());
    let (pid, lock) = (replica.id().to_string(), stage.path("net/replica-0/data/LOCK"));
    let limit = until("it has said that it wants no core file", PATIENCE, || {
        let limits = fs::read_to_string(&limits).unwrap_or_default();
        let line = limits.lines().find(|line| line.starts_with("Max core file size"))?;
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        // The shell has become the replica, and that has taken its home.
        (fs::read_to_string(&lock).is_ok_and(|holder| holder.trim() == pid)).then_some(words)
    });
    assert_eq!(limit[4..6], ["0", "0"], "neither now nor later");
    signal(replica.id(), "ABRT");
    let ended = until("it is dead", PATIENCE, || replica.try_wait().unwrap());
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    let files = fs::read_dir(stage.folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(!files.into_iter().any(|name| name.to_string_lossy().starts_with("core")));

    // Another process that dies so here and now does leave one, or nothing was shown.
    let control = with_core_files("kill -ABRT $$", stage.folder.path()).status();
    if !control.is_ok_and(|ended| ended.core_dumped()) {
        let test = "a_replica_that_is_killed_leaves_no_core_file_with_its_keys";
        cannot_be_done_here(test, "core files of processes that die");
    }
}

fn is_memory(folder: &str) -> bool {
    let told = Command::new("stat").args(["-f", "-c", "%T", folder]).output();
    told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).trim() == "tmpfs")
}

// Faults: O10
#[test]
fn a_home_in_memory_is_remarked_upon_by_the_doctor_and_in_the_log() {
    const MEMORY: &str = "/dev/shm";
    if !is_memory(MEMORY) {
        let test = "a_home_in_memory_is_remarked_upon_by_the_doctor_and_in_the_log";
        return cannot_be_done_here(test, "a file system in memory at /dev/shm");
    }
    let (stage, folder) = (Stage::new(), tempfile::tempdir_in(MEMORY).unwrap());
    stage.testnet("net");
    let home = folder.path().join("replica-0");
    let copied = Command::new("cp").arg("-r").arg(stage.path("net/replica-0")).arg(&home).status();
    assert!(copied.unwrap().success());
    let home = home.to_str().unwrap();
    let done = stage.run(&["doctor", "--home", home, "--output", "json"]);
    let report: Value = serde_json::from_str(&done.out).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["found"].as_str().unwrap().contains("memory (tmpfs)"));
    let found = found.unwrap_or_else(|| panic!("{}", done.out));
    assert!(found["cure"].as_str().unwrap().contains("disk of this machine"), "{found}");
    assert_eq!(found["ok"], true, "a remark, no failure");
    let words = stage.run(&["doctor", "--home", home]).out;
    assert!(words.lines().any(|line| line.starts_with("note ") && line.contains("memory")), "{words}");
    Running::start(&stage, home).says(&["WARN", "memory (tmpfs)"]);
}

// Faults: O09
#[test]
fn the_doctor_names_a_pair_of_replicas_that_a_firewall_keeps_apart_in_one_direction() {
    let can_trace = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !can_trace.is_ok_and(|status| status.success()) {
        let test = "the_doctor_names_a_pair_of_replicas_that_a_firewall_keeps_apart_in_one_direction";
        return cannot_be_done_here(test, "strace, and the right to trace a process");
    }
    let stage = Stage::new();
    stage.testnet("net");
    let _others: Vec<Running> =
        [0, 1, 3].map(|id| Running::start(&stage, &format!("net/replica-{id}"))).into_iter().collect();
    // Of each pair the lower one dials: this one hears from 0 and 1, and gets no word out to 3.
    let mut traced = Command::new("strace");
    traced.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=connect",
        "-e",
        "inject=connect:error=EHOSTUNREACH",
    ]);
    traced.arg(env!("CARGO_BIN_EXE_outvote")).args(["start", "--with-parent", "--home", "net/replica-2"]);
    traced.current_dir(stage.folder.path()).env_remove("OUTVOTE_HOME");
    let _walled = Running::of(traced, &stage, "net/replica-2");
    let found = until("the doctor finds the pair and nothing else between replicas", PATIENCE, || {
        let done = stage.run(&["doctor", "--home", "net", "--output", "json"]);
        let report: Value = serde_json::from_str(&done.out).ok()?;
        let links: Vec<String> = report["findings"]
            .as_array()?
            .iter()
            .filter(|finding| finding["about"].as_str().is_some_and(|about| about.ends_with(": links")))
            .map(|finding| finding["found"].to_string())
            .collect();
        (links.len() == 2 && done.out.contains("4 of 4 replicas answer")).then_some(links)
    });
    assert!(found[0].contains("replica 2 has no link to replica 3"), "{found:?}");
    assert!(found[1].contains("replica 3 has no link to replica 2"), "{found:?}");
    chat_goes_on(&stage, "net", "ada");
}

/// Sends what is no HTTP, each time on another connection: a line of the log each, and together more than a pipe holds.
fn babble(address: SocketAddr) {
    for _ in 0..3_000 {
        let mut stream = TcpStream::connect(address).unwrap();
        // It may have been closed already.
        let _ = stream.write_all(b"\x16\x03 no page \r\n\r\n");
        let _ = stream.read(&mut [0; 16]);
    }
}

/// Says something in a room, again and again.
fn talk(stage: &Stage, count: usize) {
    for arguments in [["chat", "create", "lobby"], ["chat", "join", "lobby"]] {
        assert_eq!(stage.run(&[&arguments[..], &["--home", "net"]].concat()).code, 0);
    }
    for number in 0..count {
        let done = stage.run(&["chat", "send", "lobby", &format!("message {number}"), "--home", "net"]);
        assert_eq!(done.code, 0, "{done:?}");
    }
}

// Faults: O14
#[test]
fn replicas_that_log_everything_go_on_and_so_does_one_whose_log_nobody_reads() {
    let stage = Stage::new();
    let port = stage.testnet("net");
    let start = |id: usize| {
        let home = format!("net/replica-{id}");
        let mut command = stage.command(&["start", "--with-parent", "--home", &home]);
        command.env("OUTVOTE_LOG__LEVEL", "trace");
        (command, home)
    };
    let mut loud: Vec<Running> = (0..3)
        .map(|id| {
            let (command, home) = start(id);
            Running::of(command, &stage, &home)
        })
        .collect();
    let (mut command, _) = start(3);
    let mut unread =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    all_reach_each_other(&stage, "net");
    chat_goes_on(&stage, "net", "ada");
    for id in [0, 3] {
        babble((Ipv4Addr::LOCALHOST, port + id).into());
    }
    talk(&stage, 10);
    let written = || fs::metadata(stage.path("net/replica-0/log.txt")).map_or(0, |log| log.len());
    until("more was logged than a pipe holds", PATIENCE, || (written() > 4 * PIPE_BYTES).then_some(()));
    assert!(loud[0].said().contains("DEBUG"), "more than usual is logged");
    talk_is_everywhere(&stage);
    assert_eq!(unread.try_wait().unwrap(), None);
    // With another one gone the quorum needs it.
    drop(loud.remove(0));
    let done = stage.run(&["chat", "send", "lobby", "it is still here", "--home", "net"]);
    assert_eq!(done.code, 0, "{done:?}");
    signal(unread.id(), "TERM");
    let ended = until("it stops in order", PATIENCE, || unread.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

/// All four have executed the same.
fn talk_is_everywhere(stage: &Stage) {
    until("all four are level", PATIENCE, || {
        let status = stage.json(&["status", "--home", "net"]);
        let all: Vec<u64> =
            status["replicas"].as_array()?.iter().filter_map(|one| one["executed"].as_u64()).collect();
        (all.len() == 4 && all[0] > 10 && all.iter().all(|one| *one == all[0])).then_some(())
    });
}

// Faults: O18
#[test]
fn ctrl_c_in_the_middle_of_sending_doubles_nothing_and_leaves_no_gap() {
    let demo = Demo::start(&[]);
    demo.done(&["chat", "register", "ada"]);
    demo.done(&["chat", "create", "lobby"]);
    let mut agreed = Vec::new();
    for number in 0..12_u64 {
        let text = format!("message {number}");
        let mut sending =
            demo.command(&["chat", "send", "lobby", &text]).stdout(Stdio::piped()).spawn().unwrap();
        // At another moment each time, from before it is connected to after it is done.
        std::thread::sleep(Duration::from_millis(number * number));
        if sending.try_wait().unwrap().is_none() {
            signal(sending.id(), "INT");
        }
        if until("it ends", PATIENCE, || sending.try_wait().unwrap()).code() == Some(0) {
            agreed.push(text);
        }
    }
    // The next one finds its place, whatever became of those before.
    demo.done(&["chat", "send", "lobby", "the last one"]);
    agreed.push("the last one".into());
    let history = demo.json(&["chat", "history", "lobby", "--limit", "100"]);
    let texts: Vec<&str> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|message| message["text"].as_str())
        .collect();
    let mut once = texts.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), texts.len(), "nothing stands twice: {texts:?}");
    assert!(agreed.iter().all(|text| texts.contains(&text.as_str())), "{agreed:?} were agreed: {texts:?}");
}

//! A disk that reports errors: the replica ends with the cause and the cure, the others go on, and nothing is lost.

use crate::common::running::{PATIENCE, Running, all_reach_each_other, chat_goes_on};
use crate::common::skipped::cannot_be_done_here;
use crate::common::{Stage, until};
use std::process::Command;

/// The flush, counted in each thread, from which on all fail: late enough that the start succeeds.
const FIRST_FAILURE: usize = 15;
/// The write from which on all fail, likewise.
const FIRST_FULL_WRITE: usize = 40;
/// So many messages surely take more flushes than that.
const MESSAGES_MAX: usize = 200;

fn can_trace() -> bool {
    Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status()
        .is_ok_and(|status| status.success())
}

/// A replica whose calls of the system fail as `inject` says.
fn start_traced(stage: &Stage, home: &str, inject: &str) -> Running {
    let mut traced = Command::new("strace");
    let calls = inject.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={calls}"), format!("inject={inject}"));
    traced.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
    traced.arg(env!("CARGO_BIN_EXE_outvote")).args(["start", "--with-parent", "--home", home]);
    traced.current_dir(stage.folder.path()).env_remove("OUTVOTE_HOME");
    let replica = Running::of(traced, stage, home);
    replica.says(&["replica 3 serves"]);
    replica
}

/// Three replicas that are well.
fn three_others(stage: &Stage) -> Vec<Running> {
    stage.testnet("net");
    (0..3).map(|id| Running::start(stage, &format!("net/replica-{id}"))).collect()
}

fn open_lobby(stage: &Stage) {
    chat_goes_on(stage, "net", "ada");
    for arguments in [["chat", "create", "lobby"], ["chat", "join", "lobby"]] {
        assert_eq!(stage.run(&[&arguments[..], &["--home", "net"]].concat()).code, 0);
    }
}

fn send(stage: &Stage, number: usize) {
    let done = stage.run(&["chat", "send", "lobby", &format!("message {number}"), "--home", "net"]);
    assert_eq!(done.code, 0, "the others go on: {done:?}");
}

/// The disk of the last replica fails for good, and with it the replica, at once and with the cure; well again, it comes back,
/// votes, and has all.
fn fails_and_comes_back(inject: &str, words: &[&str]) {
    let stage = Stage::new();
    let _others = three_others(&stage);
    let mut ill = start_traced(&stage, "net/replica-3", inject);
    open_lobby(&stage);
    let mut sent = 0;
    while ill.child.try_wait().unwrap().is_none() {
        send(&stage, sent);
        sent += 1;
        assert!(sent < MESSAGES_MAX, "its disk fails and nobody notices: {}", ill.said());
    }
    let ended = until("it has ended", PATIENCE, || ill.child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(1));
    let said = ill.said();
    let last = said.lines().last().unwrap();
    for word in words {
        assert!(last.contains(word), "{word}: {said}");
    }
    let _well = Running::start(&stage, "net/replica-3");
    let replicas = all_reach_each_other(&stage, "net");
    assert_eq!(replicas[3]["observer"], false, "its promises were kept");
    let history = stage.json(&["chat", "history", "lobby", "--limit", "500", "--home", "net"]);
    assert_eq!(history["messages"].as_array().unwrap().len(), sent);
}

// Faults: S01
// D20: never tried again, since a second flush may report success for what the system has thrown away.
#[test]
fn a_replica_whose_fsync_fails_ends_with_the_cure_and_comes_back_with_nothing_lost() {
    if !can_trace() {
        let test = "a_replica_whose_fsync_fails_ends_with_the_cure_and_comes_back_with_nothing_lost";
        return cannot_be_done_here(test, "strace, and the right to trace a process");
    }
    let inject = format!("fsync,fdatasync:error=EIO:when={FIRST_FAILURE}+");
    fails_and_comes_back(&inject, &["replica-3/data", "Input/output error", "check the disk", "start again"]);
}

// Faults: S02
// D20: half a write is as good as none.
#[test]
fn a_replica_whose_disk_fills_up_ends_with_the_cure_and_comes_back_once_there_is_room() {
    if !can_trace() {
        let test = "a_replica_whose_disk_fills_up_ends_with_the_cure_and_comes_back_once_there_is_room";
        return cannot_be_done_here(test, "strace, and the right to trace a process");
    }
    let inject = format!("pwrite64:error=ENOSPC:when={FIRST_FULL_WRITE}+");
    fails_and_comes_back(&inject, &["replica-3/data", "the disk is full", "free some space", "start again"]);
}

// Faults: S03
#[test]
fn interrupted_writes_and_syncs_are_gone_on_with() {
    if !can_trace() {
        let test = "interrupted_writes_and_syncs_are_gone_on_with";
        return cannot_be_done_here(test, "strace, and the right to trace a process");
    }
    let stage = Stage::new();
    let _others = three_others(&stage);
    let mut disturbed =
        start_traced(&stage, "net/replica-3", "pwrite64,fsync,fdatasync:error=EINTR:when=2+3");
    open_lobby(&stage);
    (0..10).for_each(|number| send(&stage, number));
    let replicas = all_reach_each_other(&stage, "net");
    assert_eq!(replicas[3]["observer"], false);
    assert!(disturbed.child.try_wait().unwrap().is_none(), "it has ended: {}", disturbed.said());
}

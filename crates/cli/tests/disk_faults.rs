//! A disk that reports errors: the replica ends with the cause and the cure, the others go on, and nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;
#[path = "../../outvote/tests/cluster/skipped.rs"]
mod skipped;

use common::running::{PATIENCE, Running, all_reach_each_other, chat_goes_on};
use common::{Stage, until};
use skipped::cannot_be_done_here;
use std::process::Command;

/// The flush, counted in each thread, from which on all fail: late enough that the start succeeds.
const FIRST_FAILURE: usize = 15;
/// So many messages surely take more flushes than that.
const MESSAGES_MAX: usize = 200;

fn can_trace() -> bool {
    Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status()
        .is_ok_and(|status| status.success())
}

// D20: never tried again, since a second flush may report success for what the system has thrown away.
#[test]
fn a_replica_whose_fsync_fails_ends_with_the_cure_and_comes_back_with_nothing_lost() {
    if !can_trace() {
        let test = "a_replica_whose_fsync_fails_ends_with_the_cure_and_comes_back_with_nothing_lost";
        return cannot_be_done_here(test, "strace, and the right to trace a process");
    }
    let stage = Stage::new();
    stage.testnet("net");
    let _others: Vec<Running> =
        (0..3).map(|id| Running::start(&stage, &format!("net/replica-{id}"))).collect();
    let mut traced = Command::new("strace");
    let failure = format!("inject=fsync,fdatasync:error=EIO:when={FIRST_FAILURE}+");
    traced.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", &failure]);
    traced.arg(env!("CARGO_BIN_EXE_outvote")).args(["start", "--with-parent", "--home", "net/replica-3"]);
    traced.current_dir(stage.folder.path()).env_remove("OUTVOTE_HOME");
    let mut ill = Running::of(traced, &stage, "net/replica-3");
    ill.says(&["replica 3 serves"]);
    chat_goes_on(&stage, "net", "ada");
    for arguments in [["chat", "create", "lobby"], ["chat", "join", "lobby"]] {
        assert_eq!(stage.run(&[&arguments[..], &["--home", "net"]].concat()).code, 0);
    }
    let mut sent = 0;
    while ill.child.try_wait().unwrap().is_none() {
        let done = stage.run(&["chat", "send", "lobby", &format!("message {sent}"), "--home", "net"]);
        assert_eq!(done.code, 0, "the others go on: {done:?}");
        sent += 1;
        assert!(sent < MESSAGES_MAX, "its disk fails and nobody notices: {}", ill.said());
    }
    let ended = until("it has ended", PATIENCE, || ill.child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(1));
    let said = ill.said();
    let last = said.lines().last().unwrap();
    for word in ["replica-3/data", "Input/output error", "check the disk", "start again"] {
        assert!(last.contains(word), "{word}: {said}");
    }
    let _well = Running::start(&stage, "net/replica-3");
    let replicas = all_reach_each_other(&stage, "net");
    assert_eq!(replicas[3]["observer"], false, "its promises were kept");
    let history = stage.json(&["chat", "history", "lobby", "--limit", "500", "--home", "net"]);
    assert_eq!(history["messages"].as_array().unwrap().len(), sent);
}

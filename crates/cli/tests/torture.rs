//! One round of `cargo xtask torture`: the harness and its judges at work. The others are for the night.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use outvote_torture::{Verdict, all_nemeses, play};
use std::path::Path;

// Faults: P02
#[tokio::test]
async fn a_cluster_that_is_killed_whole_again_and_again_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let all = all_nemeses();
    let nemesis = all.iter().find(|nemesis| nemesis.name == "kill-all").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_outvote"));
    let outcome = play(nemesis, 4, 1, program, folder.path().join("net")).await;
    assert!(matches!(outcome.verdict, Verdict::Passed), "{}", outcome.in_words());
    assert!(outcome.operations > 100, "{}", outcome.in_words());
}

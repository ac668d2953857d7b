//! Every kept input, and each of them bent a little, from a fixed seed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use outvote_fuzzing::mutation::bent;
use outvote_fuzzing::{ALL, Pace, Target, corpus};
use outvote_sim::random::Random;
use std::panic::catch_unwind;
use std::time::Instant;

/// Writes the inputs that targets begin with instead of comparing them.
const WRITE: &str = "OUTVOTE_WRITE_SEEDS";

/// How many bent inputs a decoder gets instead; others get a part of it, as ever.
const COUNT: &str = "OUTVOTE_BENT_INPUTS";

/// Bent inputs of each target.
fn bent_inputs(pace: Pace) -> u64 {
    let of_decoders = std::env::var(COUNT).ok().and_then(|count| count.parse().ok()).unwrap_or(4_000);
    match pace {
        Pace::Decoder => of_decoders,
        Pace::Machine => of_decoders / 8,
        Pace::Cluster => of_decoders / 200,
    }
}

/// Runs one input; what it was is kept where the fuzzer would keep it, so that one command replays it.
fn run(target: &Target, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        let folder = corpus::folder("").join("../artifacts").join(target.name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("found-by-the-gate");
        std::fs::write(&file, input).unwrap();
        panic!("replay it: cargo xtask fuzz --replay {} {}", target.name, file.display());
    }
}

fn try_out(name: &str) {
    let target = outvote_fuzzing::find(name).unwrap();
    let inputs = corpus::read(name).unwrap();
    assert!(!inputs.is_empty(), "fuzz/corpus/{name} holds nothing to begin with");
    for (_, input) in &inputs {
        run(target, input);
    }
    let (mut random, begin) = (Random::new(1), Instant::now());
    let count = bent_inputs(target.pace);
    for _ in 0..count {
        let (input, other) = (&random.pick(&inputs).1, &random.clone().pick(&inputs).1);
        let input = bent(&mut random, input, other, target.longest);
        run(target, &input);
    }
    println!("{name}: {:.0} a second", count as f64 / begin.elapsed().as_secs_f64());
}

// The kept bytes are those of the format as it was when they were written: what they say must not change unnoticed.
// Faults: M16
#[test]
fn what_targets_begin_with_is_what_was_kept() {
    let is_writing = std::env::var_os(WRITE).is_some();
    for target in ALL {
        let folder = corpus::folder(target.name);
        for (number, seed) in (target.seeds)().iter().enumerate() {
            let file = folder.join(format!("seed-{number:02}"));
            if is_writing {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, seed).unwrap();
            }
            let kept = std::fs::read(&file).unwrap();
            // A handshake begins with random numbers.
            assert!(
                kept == *seed || target.name == "tls",
                "{} has changed; {WRITE}=1 writes it anew",
                file.display()
            );
        }
    }
}

// Faults: M01, M02, M03, M05, M18, M19
#[test]
fn messages_of_replicas_have_one_spelling_and_a_bounded_size() {
    try_out("messages");
}

// Faults: M01, M02, M05, M19
#[test]
fn words_of_clients_have_one_spelling_and_a_bounded_size() {
    try_out("client_words");
}

// Faults: M01, M02, M05, M19, K06
#[test]
fn requests_and_blocks_know_their_own_lengths() {
    try_out("requests");
}

// Faults: M01, M02, M18, R10, R11
#[test]
fn a_certificate_that_holds_has_a_quorum_of_distinct_members() {
    try_out("certificates");
}

// Faults: M01, M02, M09, M14
#[test]
fn a_committee_that_is_taken_names_each_key_once() {
    try_out("committee");
}

// Faults: M01, M02, M10
#[test]
fn records_of_the_log_have_one_spelling() {
    try_out("records");
}

// Faults: M01, M02, M10
#[test]
fn archived_blocks_have_one_spelling() {
    try_out("archive");
}

// Faults: M01, M02, M11
#[test]
fn frames_are_the_same_however_the_stream_was_cut() {
    try_out("frames");
}

// Faults: M01, M06, M11, M16
#[test]
fn a_greeting_is_answered_once_and_shortly() {
    try_out("greetings");
}

// Faults: M01, M02, M05
#[test]
fn a_receipt_has_one_spelling_and_no_stranger_makes_one() {
    try_out("receipts");
}

// Faults: M01, M02
#[test]
fn a_file_with_a_proof_is_read_or_refused() {
    try_out("evidence_files");
}

// Faults: M01, M14
#[test]
fn committee_configuration_and_keys_are_read_or_refused_in_a_sentence() {
    try_out("text_files");
}

// Faults: M01, M02, M05
#[test]
fn operations_of_applications_have_one_spelling() {
    try_out("operations");
}

// Faults: M01, M07
#[test]
fn a_foreign_log_is_read_line_by_line_and_nothing_in_it_is_obeyed() {
    try_out("chat_import");
}

// Faults: M01, M07
#[test]
fn applications_take_any_bytes_and_answer_in_their_own_words() {
    try_out("applications");
}

// Faults: M10
#[test]
fn a_bent_log_opens_twice_alike() {
    try_out("log");
}

// Faults: M10
#[test]
fn bent_rows_of_the_state_are_errors_and_never_a_panic() {
    try_out("state_rows");
}

// Faults: M10
#[test]
fn a_bent_database_is_an_error_and_never_another_value() {
    try_out("state_file");
}

// Faults: M18, R17
#[test]
fn a_lying_peer_changes_nothing_of_a_fetched_state() {
    try_out("transfer");
}

// Faults: M01, M11
#[test]
fn no_bytes_of_a_stranger_finish_a_handshake() {
    try_out("tls");
}

// Faults: M12, M13
#[test]
fn any_bytes_on_the_http_side_get_an_answer_or_none() {
    try_out("http");
}

// Faults: M17, M18, M20, R06
#[test]
fn a_member_that_bends_what_it_says_breaks_no_rule_and_stops_nothing() {
    try_out("peer");
}

#[test]
fn every_target_is_tried_out_here() {
    let source = include_str!("corpus.rs");
    for target in ALL {
        assert!(source.contains(&format!("try_out(\"{}\")", target.name)), "{} has no test", target.name);
    }
}

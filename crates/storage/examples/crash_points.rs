//! All crash points of all workloads of up to three steps, on the real storage code, for as long as is wanted; each round
//! loses other sectors.
//!
//! ```text
//! cargo run --release -p outvote-storage --example crash_points -- --minutes 60
//! cargo run --release -p outvote-storage --example crash_points -- again log 123 4
//! cargo run --release -p outvote-storage --example crash_points -- flips
//! ```
#![allow(clippy::unwrap_used, reason = "a test program stops at the first surprise")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

#[path = "../tests/storage/harness/mod.rs"]
mod harness;

use harness::flips::{
    all_bits, flip, judge_log, judge_state, log_sample, quieten_the_database, state_sample,
};
use harness::log::LogSubject;
use harness::state::StateSubject;
use harness::{Count, Depth, Failure, Subject, crash_workload, workloads};
use outvote_storage::Disk as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "crash_points [--minutes M] | crash_points again (log|state|large-state) WORKLOAD ROUND | crash_points flips";
/// How often a line of progress is printed.
const PROGRESS: Duration = Duration::from_secs(10);

// Faults: S04, S05, S06, S19, S22, S28
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        [] => run(Duration::ZERO),
        ["--minutes", minutes] => match minutes.parse::<u64>() {
            Ok(minutes) => run(Duration::from_secs(minutes * 60)),
            Err(_) => Err(Failure(USAGE.to_owned())),
        },
        ["flips"] => flip_all(),
        ["again", subject, number, round] => match (number.parse(), round.parse()) {
            (Ok(number), Ok(round)) => again(subject, number, round),
            _ => Err(Failure(USAGE.to_owned())),
        },
        _ => Err(Failure(USAGE.to_owned())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(what)) => {
            eprintln!("FAILED: {what}");
            ExitCode::FAILURE
        }
    }
}

const fn depth(round: u64) -> Depth {
    Depth { steps: 3, subset_changes: 6, coins: 8, recoveries_every: 1, every: 1, round }
}

/// One round at least, and more until the time is over.
fn run(time: Duration) -> Result<(), Failure> {
    let start = Instant::now();
    for round in 0.. {
        let log = tour::<LogSubject>(round, start)?;
        let state = tour::<StateSubject<true>>(round, start)?;
        let large = tour::<StateSubject<false>>(round, start)?;
        let seconds = start.elapsed().as_secs();
        println!(
            "round {round} is done after {seconds} s: log {log:?}, state {state:?}, large state {large:?}"
        );
        if start.elapsed() >= time {
            break;
        }
    }
    Ok(())
}

fn tour<S: Subject>(round: u64, start: Instant) -> Result<Count, Failure> {
    let (mut count, mut said) = (Count::default(), Instant::now());
    let all = workloads::<S>(depth(round).steps);
    for (number, workload) in all.iter().enumerate() {
        crash_workload::<S>(number, workload, &depth(round), &mut count)?;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            let (seconds, of) = (start.elapsed().as_secs(), all.len());
            println!(
                "{seconds} s: round {round}, {}: {} of {of} workloads, {} points",
                S::NAME,
                number + 1,
                count.points
            );
        }
    }
    Ok(count)
}

fn again(subject: &str, number: usize, round: u64) -> Result<(), Failure> {
    match subject {
        LogSubject::NAME => again_of::<LogSubject>(number, round),
        StateSubject::<true>::NAME => again_of::<StateSubject<true>>(number, round),
        StateSubject::<false>::NAME => again_of::<StateSubject<false>>(number, round),
        _ => Err(Failure(USAGE.to_owned())),
    }
}

fn again_of<S: Subject>(number: usize, round: u64) -> Result<(), Failure> {
    let all = workloads::<S>(depth(round).steps);
    let workload = all.get(number).ok_or_else(|| Failure(format!("there are {} workloads", all.len())))?;
    let mut count = Count::default();
    crash_workload::<S>(number, workload, &depth(round), &mut count)?;
    println!("{workload:?}: {count:?}, all legal");
    Ok(())
}

// Faults: S07, S08, S20
/// Every bit of a small log and of a small database.
fn flip_all() -> Result<(), Failure> {
    quieten_the_database();
    let sample = log_sample();
    for file in sample.0.list().unwrap() {
        println!("{file}: {:?}", flip(&sample, &file, all_bits(&sample.0, &file), judge_log)?);
    }
    let sample = state_sample();
    let (end, said) = (all_bits(&sample.0, "state").end, Instant::now());
    let bits = || {
        all_bits(&sample.0, "state").inspect(|bit| {
            if bit % 200_000 == 0 {
                println!("{} s: state, bit {bit} of {end}", said.elapsed().as_secs());
            }
        })
    };
    println!("state: {:?}", flip(&sample, "state", bits(), judge_state::<true>)?);
    println!("large state: {:?}", flip(&sample, "state", bits(), judge_state::<false>)?);
    Ok(())
}

//! A campaign from the command line: `cargo run --release -p outvote-sim --example campaign -- FIRST COUNT [REPLICAS]`, or
//! one seed with its text: `... -- FIRST trace [REPLICAS]`.
#![allow(clippy::print_stdout, reason = "the output is what it is for")]

use outvote_sim::{Options, campaign, replay};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let first_seed = arguments.first().map_or(Ok(0), |text| text.parse())?;
    let replicas = arguments.get(2).map(|text| text.parse()).transpose()?;
    if arguments.get(1).is_some_and(|text| text == "trace") {
        let outcome = replay(first_seed, replicas);
        println!("{}", outcome.trace.unwrap_or_default());
        println!("{:?}\n{:?}", outcome.violations, outcome.stall);
        return Ok(());
    }
    let seeds = arguments.get(1).map_or(Ok(100), |text| text.parse())?;
    let options = Options { seeds, first_seed, replicas, ..Options::default() };
    let report = campaign(&options, |_, outcome| {
        if !outcome.is_good() {
            println!(
                "{}: {:?} {}",
                outcome.command(),
                outcome.violations.first(),
                outcome.stall.as_deref().unwrap_or("")
            );
        }
    });
    println!(
        "{} seeds, {} violations, {} stalls, {} operations, {} blocks, {} views entered, {:.0} simulated s, {:.1} s, {:.1} seeds/s, {:?} {}",
        report.seeds,
        report.violations,
        report.stalls,
        report.committed_ops,
        report.blocks,
        report.view_changes,
        report.simulated_seconds,
        report.wall_seconds,
        report.seeds_per_s,
        report.faults,
        report.trace_hash
    );
    Ok(())
}

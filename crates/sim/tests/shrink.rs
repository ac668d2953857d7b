//! A failing seed is cut down to what makes it fail, and the command that is printed plays it.
//! A target of its own: the planted mistake is on in the whole process.

#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

use outvote_sim::{Mode, Reduction, Run, shrink};
use outvote_types::planted::{Bug, plant};

/// Tries for one seed.
const TRIES: usize = 300;
/// Faults that may be left.
const FAULTS_MAX: usize = 20;

#[test]
fn a_failing_seed_shrinks_to_a_few_faults() {
    std::panic::set_hook(Box::new(|_| {}));
    plant(Some(Bug::LeaseLostAtRestart));
    let run = |seed| Run { seed, replicas: 4, mode: Mode::WithinBound, reduction: Reduction::default() };
    let failing = (0..200).map(run).find(|run| run.play(false).failure().is_some());
    let shrunk = failing.as_ref().and_then(|run| shrink(run, TRIES));
    let again = shrunk.as_ref().map(|shrunk| shrunk.run.play(false));
    plant(None);
    let (failing, shrunk, again) =
        (failing.expect("one fails"), shrunk.expect("it fails"), again.expect("it plays"));
    assert_eq!(again.failure(), shrunk.outcome.failure(), "the small run fails in the same way");
    assert_eq!(again.trace_hash, shrunk.outcome.trace_hash, "and the same way each time");
    assert!(shrunk.faults <= FAULTS_MAX, "{} faults are left: {}", shrunk.faults, shrunk.run.command());
    assert!(shrunk.faults <= failing.plan().faults.len());
    assert!(shrunk.run.command().contains("--keep"), "{}", shrunk.run.command());
    let sound = shrunk.run.play(false);
    assert!(sound.is_good(), "without the mistake nothing fails: {:?} {:?}", sound.violations, sound.stall);
}

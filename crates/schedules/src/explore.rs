//! Runs a model under schedule after schedule.

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};
use std::any::type_name;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Says how many schedules each test tries.
const COUNT_VARIABLE: &str = "OUTVOTE_SCHEDULES";
/// How many in the gate.
const COUNT: usize = 8_000;
/// Says with which number the draws begin.
const SEED_VARIABLE: &str = "OUTVOTE_SCHEDULES_SEED";
/// Holds the one schedule that is to be tried.
const REPLAY_VARIABLE: &str = "OUTVOTE_SCHEDULE";
/// Half of the schedules are drawn step by step. In the other half one thread runs on until it must wait, but for so many moments
/// less one at which another one is preferred: what few turns at the wrong moment bring about is found sooner so.
const DEPTH: usize = 3;
/// A model that takes more steps never ends.
const STEPS_MAX: usize = 20_000;
/// Bytes of each thread's stack.
const STACK_BYTES: usize = 256 << 10;

/// Runs `model`, a closure in a test's own function, under many schedules, and says how many. A failure is said with its schedule,
/// and with the command that plays it again.
///
/// # Panics
/// When the model does in one of them, or when all of its threads wait for each other.
pub fn explore<M: Fn() + Send + Sync + 'static>(model: M) {
    let (program, test) = names::<M>();
    if let Ok(schedule) = env::var(REPLAY_VARIABLE) {
        let mut replay = ReplayScheduler::new_from_encoded(&schedule.split_whitespace().collect::<String>());
        replay.set_allow_incomplete();
        Runner::new(replay, config()).run(model);
        return;
    }
    let (count, seed) = (number(COUNT_VARIABLE).unwrap_or(COUNT), number(SEED_VARIABLE).unwrap_or(0) as u64);
    let model = Arc::new(model);
    let drawn = RandomScheduler::new_from_seed(seed, count.div_ceil(2));
    let preferring = PctScheduler::new_from_seed(seed, DEPTH, count / 2);
    let tried = Arc::new(AtomicUsize::new(0));
    let failed = run(drawn, &model, &tried).or_else(|| run(preferring, &model, &tried));
    let tried = tried.load(Ordering::Relaxed);
    if let Some(why) = failed {
        say(&format!(
            "{program}: {test}: failed under schedule {tried} of {count}, seed {seed}. The schedule stands above; it is played again by\n\
             {REPLAY_VARIABLE}=\"SCHEDULE\" cargo test --release -p outvote-schedules --test {program} {test} -- --exact"
        ));
        resume_unwind(why);
    }
    say(&format!("{program}: {test}: {tried} schedules, none failed"));
}

type Failure = Box<dyn std::any::Any + Send>;

fn run<M: Fn() + Send + Sync + 'static>(
    scheduler: impl Scheduler + 'static,
    model: &Arc<M>,
    tried: &Arc<AtomicUsize>,
) -> Option<Failure> {
    let (model, tried) = (Arc::clone(model), Arc::clone(tried));
    let one = move || {
        tried.fetch_add(1, Ordering::Relaxed);
        model();
    };
    catch_unwind(AssertUnwindSafe(|| Runner::new(scheduler, config()).run(one))).err()
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    // The crate's own words say what is left out.
    config.silence_warnings = true;
    config
}

fn number(variable: &str) -> Option<usize> {
    env::var(variable).ok()?.parse().ok()
}

/// The test's program and name, from the name of the closure in it: `program::test::{{closure}}`.
fn names<M>() -> (&'static str, &'static str) {
    let path = type_name::<M>().trim_end_matches("::{{closure}}");
    path.split_once("::").unwrap_or(("", path))
}

#[allow(clippy::print_stdout, reason = "a test's figure and its failure are shown with its output")]
fn say(text: &str) {
    println!("{text}");
}

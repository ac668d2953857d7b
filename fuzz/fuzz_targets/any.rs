//! One program for all targets, so that only one is linked: `OUTVOTE_FUZZ_TARGET` names the target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outvote_fuzzing::{Target, find};
use std::sync::OnceLock;

/// Which target.
const VARIABLE: &str = "OUTVOTE_FUZZ_TARGET";

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn target() -> &'static Target {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    match find(&name) {
        Some(target) => target,
        None => panic!("{VARIABLE} names no target: `{name}`"),
    }
}

fuzz_target!(|input: &[u8]| {
    (TARGET.get_or_init(target).run)(input);
});

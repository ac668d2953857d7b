//! Which mistake is on in this process. Compiled with the feature `planted-bugs` only, so it may know the system.

extern crate std;

use super::Bug;
use alloc::format;
use core::sync::atomic::{AtomicU8, Ordering};

/// The variable that names the mistake with which a test program runs.
const VARIABLE: &str = "OUTVOTE_PLANTED_BUG";
/// Stands for "none".
const NONE: u8 = u8::MAX;
/// Stands for "the variable was not looked at yet".
const UNREAD: u8 = NONE - 1;
static PLANTED: AtomicU8 = AtomicU8::new(UNREAD);

/// Switches one mistake on, or all off, in the whole process.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(NONE, |bug| bug as u8), Ordering::SeqCst);
}

/// Whether this mistake is on.
#[must_use]
pub fn is_on(bug: Bug) -> bool {
    match PLANTED.load(Ordering::Relaxed) {
        UNREAD => first() == bug as u8,
        planted => planted == bug as u8,
    }
}

#[cold]
fn first() -> u8 {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    let bug = Bug::ALL.iter().find(|bug| format!("{bug:?}") == name);
    let number = bug.map_or(NONE, |bug| *bug as u8);
    PLANTED.store(number, Ordering::SeqCst);
    number
}

const _: () = assert!(Bug::ALL.len() < UNREAD as usize, "each mistake has a number");

//! A panic of a replica is a finding like any other.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs this; where it panics, the panic's words.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        words.unwrap_or_else(|| String::from("a panic without words"))
    })
}

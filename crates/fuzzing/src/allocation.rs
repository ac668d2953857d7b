//! How much memory a piece of work holds at its worst moment.

/// Runs `work`, and asserts that it never held more than `times` the input's bytes and `constant` bytes beyond them.
///
/// # Panics
/// When it held more: a length in the input was believed, or a small input grows in memory.
pub fn bounded<T>(input: usize, times: usize, constant: usize, work: impl FnOnce() -> T) -> T {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(work()));
    let most = (input * times + constant) as u64;
    assert!(
        info.bytes_max <= most,
        "{} bytes were held for an input of {input} bytes, {most} at most",
        info.bytes_max
    );
    let Some(result) = result else { unreachable!("the work was done") };
    result
}

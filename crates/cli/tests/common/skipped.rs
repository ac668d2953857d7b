//! How a test says that it cannot be done on this host.

/// Says so where the gate looks: what a passed test prints nobody sees.
#[allow(clippy::print_stderr, reason = "also says so to whoever runs the test by hand")]
pub(crate) fn cannot_be_done_here(test: &str, needs: &str) {
    let line = format!("{test}: needs a host with {needs}\n");
    eprint!("skipped {line}");
    if let Some(list) = std::env::var_os("OUTVOTE_SKIPPED_TESTS") {
        let mut list = std::fs::File::options().create(true).append(true).open(list).unwrap();
        std::io::Write::write_all(&mut list, line.as_bytes()).unwrap();
    }
}

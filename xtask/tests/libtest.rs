//! What `cargo test` printed, in numbers.

use xtask::tests::not_run;
use xtask::{Counts, counts, failures, ignored, skipped};

const OUTPUT: &str = "
running 3 tests
test a::holds ... ok
test b::breaks ... FAILED
test c::waits ... ignored, needs a host with IPv6
test d::rests ... ignored

failures:

---- b::breaks stdout ----
thread 'b::breaks' panicked at x.rs:1:1:
left is not right

failures:
    b::breaks

test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.00s

running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
";

#[test]
fn the_results_of_all_programs_are_summed() {
    assert_eq!(counts(OUTPUT), Counts { passed: 3, failed: 1, ignored: 2 });
}

#[test]
fn ignored_tests_come_with_their_reason() {
    let found: Vec<(String, String)> =
        ignored(OUTPUT).into_iter().map(|test| (test.name, test.reason)).collect();
    let expected = [("c::waits", "needs a host with IPv6"), ("d::rests", "")];
    assert_eq!(found, expected.map(|(name, reason)| (name.to_owned(), reason.to_owned())));
}

#[test]
fn a_failure_comes_with_what_it_said() {
    let found = failures(OUTPUT, 40);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("---- b::breaks stdout ----") && found[0].ends_with("left is not right"),
        "{found:?}"
    );
}

#[test]
fn a_long_failure_is_cut() {
    assert_eq!(failures(OUTPUT, 1), ["---- b::breaks stdout ----"]);
}

#[test]
fn a_test_that_could_not_be_done_here_is_named_with_what_it_needs() {
    let list =
        "disks::a_full_disk: needs a host with the right to mount\n\nlinks::x: was tired\nno reason at all\n";
    let found = skipped(list);
    let texts: Vec<(&str, &str)> =
        found.iter().map(|test| (test.name.as_str(), test.reason.as_str())).collect();
    let expected = [
        ("disks::a_full_disk", "needs a host with the right to mount"),
        ("links::x", "was tired"),
        ("no reason at all", ""),
    ];
    assert_eq!(texts, expected);

    let in_ci = not_run(&found, true);
    assert_eq!((in_ci.skipped.len(), in_ci.failures.len()), (1, 2), "{in_ci:?}");
    assert!(in_ci.failures[0].starts_with("links::x: was tired"), "{in_ci:?}");
    let elsewhere = not_run(&found, false);
    assert_eq!((elsewhere.skipped.len(), elsewhere.failures.len()), (3, 0), "{elsewhere:?}");
}

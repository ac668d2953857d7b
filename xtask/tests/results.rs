//! What the runners print, read back as what became of each test.

use xtask::{Outcome, Verdict, libtest_results, page_results, spec_results};

fn outcome(target: &str, name: &str, verdict: Verdict) -> Outcome {
    Outcome { target: target.to_owned(), name: name.to_owned(), verdict }
}

const STDOUT: &str = "\nrunning 2 tests\ntest a::works ... ok\ntest fails ... FAILED\n\nfailures:\n\n---- fails stdout ----\n\
                      test result: not really\n\ntest result: FAILED. 1 passed; 1 failed;\n\nrunning 1 test\n\
                      test waits ... ignored, needs a host with strace\n\ntest result: ok.\n\nrunning 0 tests\n";

#[test]
fn each_test_of_libtest_comes_with_its_file() {
    let stderr = "    Finished in 3s\n     Running unittests src/lib.rs (target/release/deps/a-1)\n     Running tests/b.rs \
                  (target/release/deps/b-2)\n   Doc-tests a\n";
    assert_eq!(
        libtest_results(STDOUT, stderr),
        [
            outcome("src/lib.rs", "a::works", Verdict::Passed),
            outcome("src/lib.rs", "fails", Verdict::Failed),
            outcome("tests/b.rs", "waits", Verdict::Skipped),
        ]
    );
}

#[test]
fn files_are_left_out_where_the_two_streams_do_not_fit() {
    let found = libtest_results(STDOUT, "     Running tests/b.rs (target/release/deps/b-2)\n");
    assert!(found.iter().all(|outcome| outcome.target.is_empty()), "{found:?}");
}

#[test]
fn the_spec_reporter_is_read() {
    let text = "✔ numbers keep their digits (1.25ms)\n✖ text (with brackets) is text (3ms)\n﹣ later (0.1ms) # SKIP\nℹ tests 3\n";
    assert_eq!(
        spec_results(text),
        [
            outcome("", "numbers keep their digits", Verdict::Passed),
            outcome("", "text (with brackets) is text", Verdict::Failed),
            outcome("", "later", Verdict::Skipped),
        ]
    );
}

#[test]
fn playwrights_report_is_read_with_its_nested_suites() {
    let report = r#"{"suites": [{"specs": [{"title": "one", "ok": true, "file": "a.spec.ts", "tests": [{"status": "expected"}]}],
        "suites": [{"specs": [
            {"title": "two", "ok": false, "file": "a.spec.ts", "tests": [{"status": "unexpected"}]},
            {"title": "three", "ok": true, "file": "a.spec.ts", "tests": [{"status": "skipped"}]}]}]}]}"#;
    assert_eq!(
        page_results(report),
        [
            outcome("a.spec.ts", "one", Verdict::Passed),
            outcome("a.spec.ts", "two", Verdict::Failed),
            outcome("a.spec.ts", "three", Verdict::Skipped),
        ]
    );
    assert_eq!(page_results("no JSON"), []);
}

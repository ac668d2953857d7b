//! The table of kinds, from a report as the sampler prints it.

use outvote_bench::{kind_of, kinds_of};

const REPORT: &str = "# comments come first\n\
 40.00%  ~verify-0       ~outvote          ~[.] curve25519_dalek::backend::serial::u64::field::FieldElement51::pow2k\n\
 10.00%  ~core           ~outvote          ~[.] sha2::sha256::x86_sha::compress\n\
 10.00%  ~execution      ~outvote          ~[.] _blake3_compress_in_place_sse41\n\
  9.90%  ~log            ~[kernel.kallsyms]~[k] finish_task_switch.isra.0\n\
 20.00%  ~tokio-rt-worker~[kernel.kallsyms]~[k] tcp_sendmsg_locked\n\
\n\
 10.00%  ~core           ~outvote          ~[.] something::nobody::knows\n";

#[test]
fn the_kinds_sum_up_to_what_was_used() {
    let kinds = kinds_of(REPORT, 200.0);
    let sum: f64 = kinds.iter().map(|kind| kind.us).sum();
    assert!((sum - 200.0).abs() < 1e-9, "{sum}");
    let works: Vec<&str> = kinds.iter().map(|kind| kind.work).collect();
    assert_eq!(works[0], "verify signatures");
    assert_eq!(works.iter().filter(|work| work.starts_with("hash")).count(), 1, "{works:?}");
    let hash = kinds.iter().find(|kind| kind.work.starts_with("hash"));
    assert!(hash.is_some_and(|kind| (kind.us - 200.0 * 20.0 / 99.9).abs() < 1e-9), "{kinds:?}");
}

#[test]
fn a_report_without_samples_is_no_table() {
    assert!(kinds_of("# nothing\n", 200.0).is_empty());
}

#[test]
fn threads_that_write_files_do_nothing_else_in_the_kernel() {
    let kernel = "[kernel.kallsyms]";
    assert_eq!(kind_of("log", kernel, "[k] finish_task_switch"), "kernel: files and disk");
    assert_eq!(kind_of("core", kernel, "[k] finish_task_switch"), "kernel: switch and wake threads");
    assert_eq!(kind_of("core", kernel, "[k] nobody_knows"), "kernel: other");
    assert_eq!(kind_of("log", "outvote", "[.] crc32fast::baseline::update"), "log");
    assert_eq!(kind_of("core", "outvote", "[.] Ledwards25519_scalarmulbase_scalarloop"), "sign");
    assert_eq!(kind_of("core", "outvote", "[.] nobody::knows"), "everything else");
}

//! The pieces of a measurement.

use outvote_bench::{
    Breakdown, Configuration, Cost, HostRates, Options, Payloads, Recorder, Signatures, Work, configured,
    cpu_seconds_of_stat, kib_of_status,
};
use outvote_kv::KvOperation;
use outvote_types::decode;
use std::io::Write as _;
use std::time::{Duration, Instant};

const RATES: HostRates = HostRates {
    sign_s: 10e-6,
    verify_batch_s: 20e-6,
    verify_single_s: 30e-6,
    hash_byte_s: 1e-9,
    write_byte_s: 0.5e-9,
};

#[test]
fn an_operation_has_exactly_the_bytes_that_were_asked_for() {
    for payload_bytes in [17, 256, 4096] {
        let payloads = Payloads::new(&Options { payload_bytes, ..Options::default() }).expect("payloads");
        let operation = payloads.operation(3, 7);
        assert_eq!(operation.payload.len(), payload_bytes);
        decode::<KvOperation>(&operation.payload).expect("an operation of the application");
        assert_eq!(operation, payloads.operation(3, 7), "the same numbers give the same operation");
        assert_ne!(payloads.operation(3, 8), payloads.operation(4, 8));
    }
}

#[test]
fn lines_of_a_file_become_values_in_order() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"one\n\ntwo\nthree\n").expect("written");
    let options = Options { data: Some(file.path().into()), ..Options::default() };
    let payloads = Payloads::new(&options).expect("payloads");
    let value = |number| match decode(&payloads.operation(0, number).payload) {
        Ok(KvOperation::Put { value, .. }) => String::from_utf8(value).expect("text"),
        other => panic!("{other:?}"),
    };
    let three: Vec<String> = (0..3).map(value).collect();
    let all = ["one", "two", "three"];
    let first = all.iter().position(|line| *line == three[0]).expect("a line of the file");
    assert_eq!(three, [all[first], all[(first + 1) % 3], all[(first + 2) % 3]]);
    assert_eq!(value(0), value(3), "it begins anew");
}

#[test]
fn an_empty_file_is_no_load() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let options = Options { data: Some(file.path().into()), ..Options::default() };
    let error = Payloads::new(&options).expect_err("no line").to_string();
    assert!(error.contains("no line"), "{error}");
}

#[test]
fn options_out_of_range_are_named() {
    let wrong = [
        (Options { payload_bytes: 3, ..Options::default() }, "--payload"),
        (Options { clients: 0, ..Options::default() }, "--clients"),
        (Options { in_flight: 65, ..Options::default() }, "--in-flight"),
        (Options { signatures: Signatures::Envelope(0), ..Options::default() }, "--envelope-ops"),
        (Options { rate: Some(0), ..Options::default() }, "--rate"),
        (Options { measured: Duration::ZERO, ..Options::default() }, "--seconds"),
    ];
    for (options, option) in wrong {
        let error = options.check().expect_err(option).to_string();
        assert!(error.starts_with(option), "{error}");
    }
    Options::default().check().expect("the defaults are fine");
}

#[test]
fn throughput_counts_ends_and_latency_counts_starts_in_the_span() {
    let from = Instant::now();
    let until = from + Duration::from_secs(10);
    let recorder = Recorder::new(from, until);
    let at = |ms: u64| from + Duration::from_millis(ms);
    recorder.committed(at(0), at(2), 1);
    recorder.committed(at(1000), at(1004), 1);
    // A stall: meant to start inside the span, ended after it. It must show in the latency.
    recorder.committed(at(9_000), at(12_000), 1);
    // Ended before the span.
    let before = from.checked_sub(Duration::from_millis(5)).expect("an earlier moment");
    recorder.committed(before, before + Duration::from_millis(1), 1);
    assert_eq!(recorder.count(), 2);
    let latency = recorder.latency();
    assert!((latency.p50 - 4.0).abs() < 0.1, "{latency:?}");
    assert!((latency.max - 3000.0).abs() < 10.0, "{latency:?}");
}

#[test]
fn refusals_keep_the_first_reason() {
    let recorder = Recorder::new(Instant::now(), Instant::now());
    recorder.rejected("first");
    recorder.rejected("second");
    recorder.pending();
    assert_eq!(recorder.refusals(), (2, Some("first".to_owned())));
    assert_eq!(recorder.deadlines_passed(), 1);
}

fn work() -> Work {
    Work { n: 4, f: 1, cores: 2, payload_bytes: 256, operations_per_signature: 1, batch: 50 }
}

#[test]
fn the_limit_adds_up() {
    // 10 us for the client, 4 * 20 us for the batch checks; votes: (13 * 10 + (3 + 24 + 2) * 30) / 50 = 20 us;
    // hashes: 4 * 384 bytes * 2 ns = 3.072 us; log: 4 * 384 * 0.5 ns = 0.768 us.
    let limit = work().limit(&RATES);
    let expected = 2.0 / (10e-6 + 80e-6 + 20e-6 + 3.072e-6 + 0.768e-6);
    assert!((limit.ops_per_s - expected).abs() < 1e-6 * expected, "{limit:?} {expected}");
    assert!(limit.model.starts_with("2 cores / 113.8 us"), "{}", limit.model);
}

#[test]
fn an_envelope_shares_one_signature() {
    let alone = work().limit(&RATES).ops_per_s;
    let shared = Work { operations_per_signature: 50, ..work() }.limit(&RATES).ops_per_s;
    assert!(shared > 10.0 * alone, "{shared} {alone}");
}

#[test]
fn the_rates_of_this_machine_are_sane() {
    let folder = tempfile::tempdir().expect("a folder");
    let rates = HostRates::measure(8, folder.path());
    for rate in [rates.sign_s, rates.verify_batch_s, rates.verify_single_s, rates.hash_byte_s] {
        assert!(rate > 0.0 && rate < 0.1, "{rates:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is left behind");
}

#[test]
fn processor_time_is_read_behind_a_name_with_parentheses() {
    let stat = "4711 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 8 0 100 0 0";
    assert_eq!(cpu_seconds_of_stat(stat), Some(4.0));
    assert_eq!(cpu_seconds_of_stat("garbage"), None);
}

#[test]
fn memory_is_read_by_its_name() {
    let status = "Name:\tx\nVmHWM:\t   61440 kB\nVmRSS:\t   51200 kB\n";
    assert_eq!(kib_of_status(status, "VmHWM"), Some(61_440));
    assert_eq!(kib_of_status(status, "VmRSS"), Some(51_200));
    assert_eq!(kib_of_status(status, "VmSwap"), None);
}

#[test]
fn a_configuration_changes_nothing_but_the_batch() {
    let text =
        "# a comment\n[batch]\n# count_max says how many\ncount_max = 50\ngrowth = 16\nbytes_max = 1048576\n";
    let changed = configured(text, Configuration { batch_max: Some(200), ..Configuration::default() });
    assert_eq!(
        changed,
        text.replace("count_max = 50", "count_max = 200").replace("growth = 16", "growth = 1")
    );
}

#[test]
fn costs_are_those_of_the_time_between_and_the_dearest_comes_first() {
    let before = Breakdown::of([]);
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(100) {
        std::hint::black_box((0..1_000u64).sum::<u64>());
    }
    let costs = Breakdown::of([]).costs_since(&before, 10);
    let us: f64 = costs.iter().map(Cost::us).sum();
    // 100 ms and what other tests of this program use meanwhile, for ten operations.
    assert!(us >= 5_000.0, "{costs:?}");
    assert!(costs.windows(2).all(|pair| pair[0].us() >= pair[1].us()), "{costs:?}");
    assert_eq!(before.costs_since(&before, 10), Vec::new());
}

//! What an application may do, and what happens when it does more.
#![allow(clippy::unwrap_used)]

#[path = "execution/common/mod.rs"]
mod common;

use common::{Bench, Words, client, code, config, request};
use outvote_execution::{
    Alarm, Answer, Application, Context, ExecutionError, Executor, ExecutorConfig, MemoryBackend,
    StateReader, StateWriter,
};
use outvote_types::ResultKind::{Applied, Refused};
use outvote_types::{Author, Digest, Signature};
use std::cell::Cell;

fn twice() -> ExecutorConfig {
    ExecutorConfig { execute_twice: true, ..config(1_000) }
}

#[test]
fn a_refused_operation_changes_nothing() {
    let mut bench = Bench::new();
    bench.run(vec![request(1, 1, &["put a 1"])]);
    let result = bench.run(vec![request(1, 2, &["refuse a", "refuse b"])]);
    assert_eq!(common::kinds(&result), [Refused; 2]);
    assert_eq!((bench.get("a").as_deref(), bench.get("b")), (Some("1"), None));
}

// Faults: P07
#[test]
fn a_panic_is_a_refusal_without_effect_and_the_log_goes_on() {
    // Fault P07: a hundred poisoned operations, on a replica that runs each twice, too.
    std::panic::set_hook(Box::new(|_| {}));
    for config in [config(1_000), twice()] {
        let mut bench = Bench::with(config);
        for nonce in 1..=100 {
            let result = bench.run(vec![request(1, nonce, &["panic a", "put b 1"])]);
            assert_eq!(common::kinds(&result), [Refused, Applied]);
            assert_eq!(code(&result.results[0].answer), "application-panicked");
            let Answer::Refused { message, .. } = &result.results[0].answer else { panic!() };
            assert!(!message.contains("poison"), "a panic's text may differ between replicas: {message}");
            assert_eq!(result.alarms, [Alarm::Panicked { position: 0, message: "poison".into() }]);
        }
        assert_eq!((bench.get("a"), bench.get("b").as_deref()), (None, Some("1")));
        let question = bench.run(vec![request(1, 101, &["get b"])]);
        assert_eq!(common::kinds(&question), [Applied]);
        assert_eq!(code(&bench.executor.query(b"panic").unwrap()), "application-panicked");
    }
}

// Faults: K06, K09
#[test]
fn broken_limits_refuse_the_whole_operation() {
    let mut bench = Bench::new();
    let operations = ["long-key", "long-value", "flood", "long-answer", "longest-key", "longest-value"];
    let result = bench.run(vec![request(1, 1, &operations)]);
    let codes: Vec<&str> = result.results.iter().map(|result| code(&result.answer)).collect();
    let expected = ["key-too-long", "value-too-long", "too-much-written", "answer-too-long", "done", "done"];
    assert_eq!(codes, expected);
    assert_eq!(bench.get("before"), None);
    let listed = bench.run(vec![request(1, 2, &["list f"])]);
    assert_eq!(listed.results[0].answer, Answer::done(Vec::new()));
}

#[test]
fn the_context_names_author_session_and_place() {
    // E1
    let mut bench = Bench::new();
    let mut foreign = request(1, 1, &["who", "who"]);
    let mut operations = foreign.body.operations.to_vec();
    operations[1].author = Some(Author { key: client(5), signature: Signature::default() }.into());
    let operations = outvote_types::BoundedVec::new(operations).unwrap();
    foreign.body = outvote_types::RequestBody { operations, ..(*foreign.body).clone() }.into();
    let result = bench.run(vec![request(2, 1, &["who"]), foreign]);
    for (at, (session, author)) in [(2, 2), (1, 1), (1, 5)].into_iter().enumerate() {
        let context = Context {
            time: bench.chain.time,
            sequence: bench.chain.sequence,
            position: u32::try_from(at).unwrap(),
            session: client(session),
            author: client(author),
        };
        assert_eq!(result.results[at].answer, Answer::done(format!("{context:?}").into_bytes()));
        assert_eq!(result.results[at].author, client(author));
    }
}

#[test]
fn an_ordered_question_sees_the_operations_before_it() {
    let mut bench = Bench::new();
    let result = bench.run(vec![request(1, 1, &["get a", "put a 1", "get a", "put a 2"])]);
    assert_eq!(common::kinds(&result), [Refused, Applied, Applied, Applied]);
    assert_eq!(result.results[2].answer, Answer::done(b"1".to_vec()));
}

/// Writes and answers how often it was called: not deterministic at all.
struct Moody(Cell<u8>);

impl Application for Moody {
    fn apply(&self, _: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        self.0.set(self.0.get() + 1);
        if operation == b"write" {
            state.put(b"count", &[self.0.get()]);
            return Answer::done(Vec::new());
        }
        Answer::done(vec![self.0.get()])
    }

    fn query(&self, _: &[u8], _: &StateReader<'_>) -> Answer {
        Answer::done(Vec::new())
    }
}

// Faults: P08
#[test]
fn executing_twice_finds_an_application_that_is_not_deterministic() {
    // Fault P08.
    let backend = Box::new(MemoryBackend::new());
    let mut executor = Executor::open(backend, Box::new(Moody(Cell::new(0))), twice()).unwrap();
    let mut chain = common::Chain::new();
    let result = executor.execute(&chain.block(vec![request(1, 1, &["answer", "write"])])).unwrap();
    let expected = [
        Alarm::NotDeterministic { position: 0, what: "the answer" },
        Alarm::NotDeterministic { position: 1, what: "what was written" },
    ];
    assert_eq!(result.alarms, expected);
    // A sound one raises no alarm and gives the same results as when it runs once.
    let (mut once, mut again) = (Bench::new(), Bench::with(twice()));
    let requests = vec![request(1, 1, &["put a 1", "refuse a", "del a", "get a", "put b 2"])];
    assert_eq!(once.run(requests.clone()), again.run(requests));
    assert_eq!(once.executor.state_digest(), again.executor.state_digest());
}

#[test]
fn blocks_out_of_order_and_foreign_ones_are_not_executed() {
    let mut bench = Bench::new();
    let (first, second) = (bench.chain.block(vec![]), bench.chain.block(vec![]));
    assert!(matches!(bench.executor.execute(&second), Err(ExecutionError::OutOfOrder { .. })));
    bench.executor.execute(&first).unwrap();
    assert!(matches!(bench.executor.execute(&first), Err(ExecutionError::OutOfOrder { .. })));
    let mut foreign = second.clone();
    foreign.header.body.parent = Digest([1; 32]);
    assert!(matches!(bench.executor.execute(&foreign), Err(ExecutionError::WrongParent { .. })));
    bench.executor.execute(&second).unwrap();
    assert_eq!((bench.executor.executed().0, bench.executor.executed_id()), (2, bench.chain.parent));
}

#[test]
fn a_state_of_another_cluster_is_refused_once_it_has_executed_something() {
    let backend = MemoryBackend::new();
    let open = |seed: u8| {
        let genesis = Digest([seed; 32]);
        let config = ExecutorConfig { genesis, is_home_blank: true, ..config(10) };
        Executor::open(Box::new(backend.clone()), Box::new(Words), config)
    };
    drop(open(8).unwrap());
    drop(open(9).unwrap());
    let elsewhere = ExecutorConfig { genesis: Digest([8; 32]), ..config(10) };
    let error = Executor::open(Box::new(backend.clone()), Box::new(Words), elsewhere).err().unwrap();
    assert!(
        matches!(error, ExecutionError::OtherCluster { .. }),
        "the log of this home is somebody's: {error}"
    );
    let mut executor = open(8).unwrap();
    let mut block = common::Chain::new().block(vec![]);
    block.header.body.parent = Digest([8; 32]);
    executor.execute(&block).unwrap();
    executor.flush().unwrap();
    drop(executor);
    let error = open(9).err().unwrap();
    assert!(matches!(error, ExecutionError::OtherCluster { .. }), "{error}");
    assert_eq!(open(8).unwrap().executed().0, 1, "its own cluster's is there as before");
}

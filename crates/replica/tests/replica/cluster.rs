//! Four whole replicas with real keys.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::jar::{Cluster, Delays, Family};
use outvote_replica::Record;
use outvote_types::{Message, Sequence, View};

const SECOND_US: u64 = 1_000_000;

fn all_executed(cluster: &Cluster, client: usize, nonce: u64, payload: &[u8]) -> bool {
    let request = cluster.family.request(client, nonce, payload);
    cluster.jars.iter().filter(|jar| jar.running).all(|jar| jar.archive.has_executed(&request))
}

/// Submits `count` requests of ten clients in turn to everybody, one per millisecond.
fn load(cluster: &mut Cluster, count: u64) {
    let everybody: Vec<_> = (0..cluster.jars.len()).collect();
    for number in 0..count {
        let client = usize::try_from(number % 10).unwrap();
        let request = cluster.family.request(client, 1 + number / 10, format!("load {number}").as_bytes());
        cluster.submit(&everybody, &request);
        cluster.run_for(1_000);
    }
}

#[test]
fn a_request_commits_on_four_jars() {
    let mut cluster = Cluster::of(4);
    let request = cluster.family.request(1, 1, b"hello");
    cluster.submit(&[0, 1], &request);
    assert!(cluster.run_until(SECOND_US, |c| all_executed(c, 1, 1, b"hello")), "nobody executed the request");
    // Four message delays, one flush and the work between: nowhere near a timeout.
    assert!(cluster.now_us < 1_000_000 + 5_000, "it took until {} us", cluster.now_us);
    cluster.run_for(SECOND_US);
    cluster.assert_safe();
    for index in 0..4 {
        let status = cluster.status(index);
        // N1: the view's first block is empty; the request is in the second.
        assert_eq!((status.view, status.committed, status.executed), (View(0), Sequence(2), Sequence(2)));
        let jar = &cluster.jars[index];
        let reply = jar.replies.iter().find(|reply| reply.body.sequence == Sequence(2)).unwrap();
        let domain = cluster.family.domain();
        let bytes =
            domain.signing_bytes(outvote_types::Kind::Reply, &outvote_types::Signable::digest(&reply.body));
        let key = cluster.family.committee.members[index].consensus_key;
        let check = outvote_crypto::Check { key, bytes, signature: reply.signature };
        assert_eq!(cluster.family.scheme(0).verify(&[check]), vec![true], "a reply's signature holds");
    }
}

#[test]
fn every_request_of_a_load_is_executed_once_and_in_the_same_order_everywhere() {
    let mut cluster = Cluster::of(4);
    load(&mut cluster, 300);
    cluster.run_for(SECOND_US);
    cluster.assert_safe();
    let orders: Vec<Vec<_>> = (0..4)
        .map(|index| {
            cluster.jars[index].archive.requests().iter().map(outvote_types::Request::digest).collect()
        })
        .collect();
    assert_eq!(orders[0].len(), 300, "each request once");
    assert!(orders.iter().all(|order| *order == orders[0]));
    assert_eq!(cluster.status(0).view, View(0), "nobody had a reason to mutiny");
    assert!(cluster.status(2).stable >= Sequence(64), "checkpoints became stable: {:?}", cluster.status(2));
}

// Faults: P15
#[test]
fn nothing_that_the_log_table_names_leaves_before_it_is_durable() {
    // A disk far slower than the network: every message that must wait has something to wait for. D1, D2, D3.
    let delays = Delays { disk_us: 20_000, ..Delays::default() };
    let mut cluster = Cluster::new(Family::of(4), delays);
    load(&mut cluster, 60);
    cluster.isolate(0);
    load_from(&mut cluster, 60, 60);
    assert!(cluster.run_until(20 * SECOND_US, |c| c.status(1).view > View(0) && c.status(1).normal));
    cluster.heal();
    cluster.run_for(5 * SECOND_US);
    cluster.assert_safe();
    for (index, jar) in cluster.jars.iter().enumerate() {
        assert!(jar.gated.compared > 20, "replica {index}: the oracle saw {} messages", jar.gated.compared);
        assert!(jar.replica.counters().withheld > 0, "replica {index} never waited for its disk");
    }
}

fn load_from(cluster: &mut Cluster, first: u64, count: u64) {
    for number in first..first + count {
        let client = usize::try_from(number % 10).unwrap();
        let request = cluster.family.request(client, 1 + number / 10, format!("load {number}").as_bytes());
        cluster.submit(&[1, 2, 3], &request);
        cluster.run_for(1_000);
    }
}

// Faults: P01
#[test]
fn a_dead_leader_is_outvoted_and_its_log_goes_on() {
    let mut cluster = Cluster::of(4);
    load(&mut cluster, 20);
    cluster.crash(0);
    let request = cluster.family.request(5, 3, b"after the leader");
    cluster.submit(&[1, 2, 3], &request);
    assert!(
        cluster.run_until(5 * SECOND_US, |c| all_executed(c, 5, 3, b"after the leader")),
        "{:?}",
        cluster.status(1)
    );
    cluster.assert_safe();
    assert!((1..4).all(|index| cluster.status(index).view == View(1)));
    let sent_new_view = |m: &Message| matches!(m, Message::NewView(_));
    assert!(cluster.jars[1].sent.iter().any(|(_, message)| sent_new_view(message)));
}

// Faults: S05
#[test]
fn a_replica_that_lost_power_catches_up_and_votes_again() {
    let mut cluster = Cluster::of(4);
    load(&mut cluster, 20);
    cluster.crash(3);
    load_from_all_but_three(&mut cluster);
    cluster.restart(3);
    assert!(
        cluster.run_until(10 * SECOND_US, |c| c.status(3).executed == c.status(0).executed),
        "{:?} lags behind {:?}",
        cluster.status(3),
        cluster.status(0)
    );
    // The lease of a test cluster is short, so it does not sit out for long.
    for nonce in 5..15 {
        let request = cluster.family.request(1, nonce, b"more");
        cluster.submit(&[0, 1, 2, 3], &request);
        cluster.run_for(SECOND_US / 2);
    }
    cluster.assert_safe();
    assert!(!cluster.status(3).sitting_out, "{:?}", cluster.status(3));
}

fn load_from_all_but_three(cluster: &mut Cluster) {
    for number in 20..40u64 {
        let client = usize::try_from(number % 10).unwrap();
        let request = cluster.family.request(client, 1 + number / 10, b"while one is away");
        cluster.submit(&[0, 1, 2], &request);
        cluster.run_for(1_000);
    }
}

// Faults: P02, S05
#[test]
fn a_cluster_that_lost_power_as_a_whole_goes_on_after_one_view_change() {
    let mut cluster = Cluster::of(4);
    load(&mut cluster, 30);
    (0..4).for_each(|index| cluster.crash(index));
    (0..4).for_each(|index| cluster.restart(index));
    let request = cluster.family.request(5, 4, b"power is back");
    cluster.submit(&[0, 1, 2, 3], &request);
    assert!(
        cluster.run_until(10 * SECOND_US, |c| all_executed(c, 5, 4, b"power is back")),
        "{:?}",
        (0..4).map(|index| cluster.status(index)).collect::<Vec<_>>()
    );
    cluster.assert_safe();
    let lost: Vec<_> = cluster.jars.iter().map(|jar| jar.archive.requests().len()).collect();
    assert!(lost.iter().all(|count| *count >= 30), "a committed request was lost: {lost:?}");
}

#[test]
fn no_promise_is_written_before_what_it_names() {
    let mut cluster = Cluster::new(Family::with_interval(4, 8), Delays { disk_us: 3_000, job_us: 0 });
    load(&mut cluster, 100);
    cluster.run_for(SECOND_US);
    // The oracle compares each promise with the blocks before it (D15) and with the promise before it (D21).
    cluster.assert_safe();
    let promises = |record: &&Record| matches!(record, Record::Promise(_));
    assert!(cluster.jars.iter().all(|jar| jar.disk.iter().filter(promises).count() > 1));
}

#[test]
fn the_same_inputs_give_the_same_actions_byte_by_byte() {
    let run = || {
        let mut cluster = Cluster::new(Family::of(4), Delays { disk_us: 700, job_us: 300 });
        load(&mut cluster, 50);
        cluster.isolate(0);
        load_from(&mut cluster, 50, 10);
        cluster.run_for(3 * SECOND_US);
        cluster.jars.iter_mut().map(|jar| jar.replica.take_trace()).collect::<Vec<_>>()
    };
    let (first, second) = (run(), run());
    assert!(first.iter().all(|trace| trace.len() > 100), "something happened");
    assert!(first.iter().flatten().any(|entry| !entry.actions.is_empty()));
    assert_eq!(first, second);
}

//! Wall clocks and view timeouts.
#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Cluster, EPOCH_US, block, propose, request};
use outvote_types::Message;

// W1, W2, W5: an untimely header is not prepared, and nothing else follows.
#[test]
fn an_untimely_header_is_not_prepared() {
    for (offset, timely) in
        [(-700_000i64, false), (-500_000, true), (0, true), (90_000, true), (200_000, false)]
    {
        let mut cluster = Cluster::started(4);
        cluster.run_ms(1_000);
        let parent = cluster.replica(1).status().committed_id;
        let time = (EPOCH_US + cluster.now).saturating_add_signed(offset);
        let (header, batches) = block(0, 0, 2, parent, time, &[]);
        let before = cluster.prepares(1).len();
        cluster.give(0, 1, propose(&header, &batches));
        assert_eq!(cluster.prepares(1).len() - before, usize::from(timely), "offset {offset}");
        assert_eq!(cluster.suspicions(1), Vec::<char>::new());
    }
}

// W3, N3: all clocks step back by an hour; the log goes on by a microsecond a block.
#[test]
fn the_log_outlives_clocks_that_step_back() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    cluster.nodes.iter_mut().for_each(|node| node.clock_offset = -3_600_000_000);
    for nonce in 2..=5 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(50);
    }
    assert_eq!(cluster.ordered(3).len(), 5);
    assert_eq!(cluster.view(3), 0);
    let times: Vec<u64> =
        cluster.nodes[3].commits.iter().map(|block| block.block.header.body.time.0).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(times[2..].windows(2).all(|pair| pair[1] == pair[0] + 1));
}

// T1: the window grows with failed views and shrinks back.
#[test]
fn the_window_grows_and_shrinks_back() {
    let mut cluster = Cluster::started(7);
    cluster.run_ms(50);
    // Views never open: all openings are lost.
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::NewView(_)));
    cluster.kill(0);
    cluster.run_ms(5_000);
    let grown = cluster.replica(3).status().timeout_us;
    assert!(grown > 1_000_000 && grown <= 10_000_000, "{grown}");
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(12_000);
    for nonce in 1..=60 {
        (1..7).for_each(|i| cluster.request(i, request(9, nonce, b"x")));
        cluster.run_ms(100);
    }
    assert_eq!(cluster.replica(3).status().timeout_us, 500_000);
    assert_eq!(cluster.ordered(3).len(), 60);
}

// T4: a replica that was away during a view change is brought into the view by what its peers answer.
#[test]
fn a_replica_that_was_away_learns_the_view() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(50);
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    cluster.link(0, 1, false);
    cluster.link(1, 0, false);
    cluster.run_ms(50);
    (0..3).for_each(|i| cluster.give(0, i, suspect_of(0)));
    (0..3).for_each(|i| cluster.give(1, i, suspect_of(1)));
    (0..3).for_each(|i| cluster.give(2, i, suspect_of(2)));
    cluster.run_ms(50);
    assert_eq!((cluster.view(0), cluster.view(3)), (1, 0));
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(1_100);
    assert_eq!(cluster.view(3), 1);
    assert!(cluster.replica(3).status().normal);
    cluster.request(1, request(9, 1, b"x"));
    cluster.run_ms(20);
    assert_eq!(cluster.ordered(3), vec![(9, 1)]);
}

fn suspect_of(replica: u16) -> Message {
    let suspect =
        outvote_types::Suspect { view: outvote_types::View(0), replica: outvote_types::ReplicaId(replica) };
    Message::Suspect(cluster::signed(suspect))
}

// V10, V8: f liars who suspect all the time end no view, idle or busy.
#[test]
fn a_liar_alone_ends_no_view() {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=30 {
        (0..4).for_each(|i| cluster.give(3, i, suspect_of(3)));
        if nonce % 2 == 0 {
            cluster.request(0, request(9, nonce / 2, b"x"));
        }
        cluster.run_ms(100);
    }
    assert_eq!(cluster.view(1), 0);
    assert_eq!(cluster.suspicions(1), Vec::<char>::new());
}

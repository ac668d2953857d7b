//! Wall clocks and view timeouts.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, EPOCH_US, block, propose, request};
use outvote_crypto::Checker;
use outvote_protocol::{Input, Note, Output};
use outvote_types::{Instant, Message, WallTime};

// W1, W2, W5: an untimely header is not prepared, and nothing else follows.
// Faults: C02, L14
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

// W1: time rises from block to block.
#[test]
fn a_header_with_its_parents_time_is_not_prepared() {
    for (later_us, timely) in [(0, false), (1, true)] {
        let mut cluster = Cluster::started(4);
        cluster.request(0, request(9, 1, b"x"));
        cluster.run_ms(50);
        let parent = cluster.nodes[1].commits.last().unwrap().block.header.body.clone();
        let time = parent.time.0 + later_us;
        let (header, batches) = block(0, 0, parent.sequence.0 + 1, parent.id(), time, &[]);
        let before = cluster.prepares(1).len();
        cluster.give(0, 1, propose(&header, &batches));
        assert_eq!(cluster.prepares(1).len() - before, usize::from(timely), "{later_us} us later");
    }
}

// W3, N3: all clocks step back by an hour; the log goes on by a microsecond a block.
// Faults: C05
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
    suspect_in(0, replica)
}

fn suspect_in(view: u64, replica: u16) -> Message {
    let suspect = outvote_types::Suspect {
        view: outvote_types::View(view),
        replica: outvote_types::ReplicaId(replica),
    };
    Message::Suspect(crate::cluster::signed(suspect))
}

// V11: a quorum suspects one view, not each a view of its own.
#[test]
fn suspicions_of_different_views_do_not_add_up() {
    let mut cluster = Cluster::started(4);
    for (view, replica) in [(0, 1), (1, 2), (2, 3)] {
        cluster.give(usize::from(replica), 0, suspect_in(view, replica));
    }
    assert_eq!(cluster.view(0), 0);
}

// V10, V8: f liars who suspect all the time end no view, idle or busy.
// Faults: L20, L21
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

// T7: wall clocks that jump about make nobody impatient, and a monotonic clock that seems to go back is held still.
// Faults: C01, C05, O17
#[test]
fn timers_follow_the_monotonic_clock_alone() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(1_000);
    for jump_us in [3_600_000_000i64, -3_600_000_000, 86_400_000_000, 0] {
        cluster.nodes.iter_mut().for_each(|node| node.clock_offset = jump_us);
        cluster.run_ms(300);
    }
    assert_eq!(cluster.view(2), 0);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
    let wall = WallTime(EPOCH_US + cluster.now);
    let leader = cluster.nodes[0].replica.as_mut().unwrap();
    let asked = Input::Request(Checker::own_request(request(9, 1, b"x")));
    let proposed = leader.step(Instant(5), wall, asked);
    assert!(!proposed.is_empty());
    let later = leader.step(Instant(cluster.now + 1_000), wall, Input::Tick);
    let suspects = later.iter().any(|output| matches!(output, Output::Note(Note::Suspected { .. })));
    assert!(!suspects, "what was just proposed is not old: {later:?}");
}

// T7: each view has its whole window, however long the one before had gone without a commit.
#[test]
fn timers_start_anew_with_each_view() {
    let mut cluster = Cluster::started(7);
    cluster.run_ms(50);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::NewView(_)));
    cluster.kill(0);
    let (mut view, mut since, mut window) = (0, cluster.now, 0);
    let mut views = 0;
    while views < 5 {
        let suspected = cluster.suspicions(3).len();
        cluster.run_us(500);
        if cluster.suspicions(3).len() > suspected && view > 0 {
            assert!(cluster.now - since >= window, "view {view}: {} of {window}", cluster.now - since);
        }
        if cluster.view(3) > view {
            (view, since) = (cluster.view(3), cluster.now);
            window = cluster.replica(3).status().timeout_us;
            views += 1;
        }
    }
}

// W4: D grows by a tenth with each view that failed, and a commit takes that back.
#[test]
fn failed_views_widen_the_tolerance_of_time_until_a_commit() {
    let mut cluster = Cluster::new(4);
    cluster.loses = Box::new(|_, _, message| match message {
        Message::Commit(_) => true,
        Message::Certificate(certificate) => certificate.phase == outvote_types::Phase::Commit,
        _ => false,
    });
    cluster.start_all();
    while cluster.view(3) < 3 || !cluster.replica(3).status().normal {
        cluster.run_us(1_000);
    }
    // 500 ms and three tenths of growth, and 100 ms: 765 ms are tolerated now. Older than the opening block it must not be.
    cluster.run_ms(1_000);
    assert_eq!(cluster.view(3), 3, "within the third view's window");
    // Each at a replica of its own, since a replica judges a slot's header once.
    for (at, offset, timely) in [(2, 780_000, false), (1, 750_000, true)] {
        let before = cluster.prepares(at).len();
        let (_, sequence, parent) = *cluster.prepares(at).last().unwrap();
        let (header, _) = block(3, 3, sequence + 1, parent, EPOCH_US + cluster.now - offset, &[]);
        cluster.give(3, at, propose(&header, &[]));
        assert_eq!(cluster.prepares(at).len() - before, usize::from(timely), "{offset} us old");
    }
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(5_000);
    let status = cluster.replica(0).status();
    assert!(status.committed.0 > 0);
    let leader = status.leader.0;
    let followers: Vec<usize> = (0..4).filter(|i| *i != usize::from(leader)).collect();
    for (at, offset, timely) in [(followers[0], 630_000, false), (followers[1], 590_000, true)] {
        let status = cluster.replica(at).status();
        let parent = cluster.nodes[at].commits.last().unwrap();
        let time = EPOCH_US + cluster.now - offset;
        assert!(parent.block.header.body.time.0 < time, "the parent is old enough");
        let (header, _) =
            block(leader, status.view.0, status.committed.0 + 1, status.committed_id, time, &[]);
        let before = cluster.prepares(at).len();
        cluster.give(usize::from(leader), at, propose(&header, &[]));
        assert_eq!(cluster.prepares(at).len() - before, usize::from(timely), "{offset} us old");
    }
}

// W6: votes carry no time and blocks have the leader's alone: a follower with another clock signs and commits the same.
// Faults: C01, R29, O17
#[test]
fn a_followers_clock_is_in_nothing_that_it_says() {
    let run = |offset: i64| {
        let mut cluster = Cluster::new(4);
        cluster.nodes[3].clock_offset = offset;
        cluster.start_all();
        for nonce in 1..=10 {
            cluster.request(0, request(9, nonce, b"x"));
            cluster.run_ms(20);
        }
        let sent: Vec<Vec<u8>> = cluster.nodes[3].sent.iter().map(outvote_types::encode).collect();
        let blocks: Vec<_> = cluster.nodes[3].commits.iter().map(|block| block.id).collect();
        assert_eq!(blocks.len(), 11);
        (sent, blocks)
    };
    assert_eq!(run(0), run(-90_000));
    assert_eq!(run(0), run(400_000));
}

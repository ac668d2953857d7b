//! Reasons to suspect, each one alone: nothing else in these tests can be the cause.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, EPOCH_US, block, propose, request, signed};
use outvote_protocol::Note;
use outvote_types::{Message, ReplicaId, Suspect, View};

fn suspect_of(replica: u16) -> Message {
    Message::Suspect(signed(Suspect { view: View(0), replica: ReplicaId(replica) }))
}

/// Why a replica suspected in this view, in order.
fn reasons_in(cluster: &Cluster, i: usize, wanted: u64) -> Vec<char> {
    let notes = cluster.nodes[i].notes.iter();
    let reasons = notes.filter_map(|note| match note {
        Note::Suspected { view, reason } if view.0 == wanted => Some(*reason),
        _ => None,
    });
    reasons.collect()
}

/// A cluster that has been connected for longer than a window, so no clock waits for a quorum to come within reach.
fn settled() -> Cluster {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(600);
    cluster
}

/// The leader works and hears nothing of a request that replica 2 holds.
fn work_waits_at_one() -> Cluster {
    let mut cluster = settled();
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Relay(_)));
    cluster.request(2, request(9, 1, b"waits"));
    cluster
}

// V8: f + 1 suspect and work has been waiting for T / 2: a replica that had no reason of its own joins them, and with it the
// view ends.
#[test]
fn work_that_waits_while_f_plus_1_suspect_is_a_reason_after_half_a_window() {
    let mut cluster = work_waits_at_one();
    cluster.give(1, 2, suspect_of(1));
    cluster.give(3, 2, suspect_of(3));
    cluster.run_ms(249);
    assert_eq!(cluster.suspicions(2), Vec::<char>::new(), "not before T / 2");
    assert_eq!(cluster.view(2), 0);
    cluster.run_ms(2);
    assert_eq!(cluster.suspicions(2), vec!['h']);
    assert_eq!(cluster.view(2), 1, "its own suspicion is the last one that the certificate needed");
}

// V8: neither f suspicions nor an idle cluster is enough, and a leader never suspects itself for this reason.
// Faults: L20
#[test]
fn f_suspicions_and_idleness_and_leading_are_each_no_reason_to_join() {
    let mut few = work_waits_at_one();
    few.give(1, 2, suspect_of(1));
    few.run_ms(480);
    assert_eq!(few.suspicions(2), Vec::<char>::new(), "one of them may be the liar");
    let mut idle = settled();
    idle.give(1, 2, suspect_of(1));
    idle.give(3, 2, suspect_of(3));
    idle.run_ms(5_000);
    assert_eq!(idle.suspicions(2), Vec::<char>::new(), "nothing waits");
    let mut leading = settled();
    leading.loses = Box::new(|_, _, message| matches!(message, Message::Prepare(_)));
    leading.request(0, request(9, 1, b"stays open"));
    leading.give(1, 0, suspect_of(1));
    leading.give(3, 0, suspect_of(3));
    leading.run_ms(450);
    assert_eq!(leading.suspicions(0), Vec::<char>::new(), "it is the leader itself");
}

// V8: a commit in between begins the half window anew.
#[test]
fn a_commit_begins_the_half_window_anew() {
    let mut cluster = work_waits_at_one();
    cluster.give(1, 2, suspect_of(1));
    cluster.give(3, 2, suspect_of(3));
    cluster.run_ms(200);
    let committed = cluster.committed(2);
    cluster.request(0, request(8, 1, b"goes through"));
    cluster.run_ms(100);
    assert_eq!(cluster.committed(2), committed + 1);
    assert_eq!(cluster.suspicions(2), Vec::<char>::new());
    cluster.run_ms(155);
    assert_eq!(cluster.suspicions(2), vec!['h']);
}

// V8: who no longer suspects has fallen silent, and brings nobody along two windows later.
#[test]
fn suspicions_that_were_given_up_bring_nobody_along() {
    let mut cluster = settled();
    cluster.give(1, 2, suspect_of(1));
    cluster.give(3, 2, suspect_of(3));
    cluster.run_ms(1_001);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Relay(_)));
    cluster.request(2, request(9, 1, b"waits"));
    cluster.run_ms(450);
    assert_eq!(cluster.suspicions(2), Vec::<char>::new());
    // Whoever repeats it within two windows counts.
    cluster.give(1, 2, suspect_of(1));
    cluster.give(3, 2, suspect_of(3));
    cluster.run_ms(2);
    assert_eq!(cluster.suspicions(2), vec!['h']);
}

// V11: three replicas that suspected the leader one after the other, each for a while, depose nobody; three at a time do.
#[test]
fn suspicions_that_were_given_up_depose_nobody() {
    let mut cluster = settled();
    for sender in [1, 2, 3] {
        cluster.give(sender, 0, suspect_of(sender as u16));
        cluster.run_ms(2_001);
    }
    assert_eq!(cluster.view(0), 0, "none of them was there when the next one came");
    for sender in [1, 2, 3] {
        assert_eq!(cluster.view(0), 0);
        cluster.give(sender, 0, suspect_of(sender as u16));
        cluster.run_ms(600);
    }
    assert_eq!(cluster.view(0), 1, "all of them were said within four windows");
}

// V10, V11: a reason of one's own counts for as long as it holds, and again when it comes back, without a word from anybody.
#[test]
fn the_own_suspicion_counts_while_there_is_a_reason_for_it() {
    let mut cluster = settled();
    // The leader falls silent for one of them, and is heard again.
    cluster.loses = Box::new(|from, to, _| (from, to) == (0, 2));
    cluster.run_ms(700);
    assert_eq!(cluster.suspicions(2), vec!['a']);
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(300);
    cluster.give(1, 2, suspect_of(1));
    cluster.give(3, 2, suspect_of(3));
    assert_eq!(cluster.view(2), 0, "its own is given up");
    cluster.loses = Box::new(|from, to, _| (from, to) == (0, 2));
    cluster.run_ms(700);
    assert_eq!(cluster.view(2), 1, "and counts again");
}

// V4, V10: a proof that comes while the leader is doubted for a reason that passes is not given up with it.
#[test]
fn a_proof_against_a_leader_outlasts_a_doubt_that_was_there_before() {
    let mut cluster = settled();
    // Nobody hears from replica 2 of its work, nor of the proof.
    cluster.loses = Box::new(|from, _, message| from == 2 && !matches!(message, Message::Fetch(_)));
    cluster.request(2, request(9, 1, b"waits"));
    cluster.run_ms(1_500);
    assert_eq!(cluster.suspicions(2), vec!['b']);
    let parent = cluster.replica(2).status().committed_id;
    let (next, now) = (cluster.committed(2) + 1, EPOCH_US + cluster.now);
    for payload in [b"pay Ann", b"pay Bob"] {
        let (header, batches) = block(0, 0, next, parent, now, &[request(1, 1, payload)]);
        cluster.give(0, 2, propose(&header, &batches));
    }
    // What it waited and voted for is decided, so no doubt is left but the proof.
    cluster.request(0, request(9, 1, b"waits"));
    cluster.run_ms(2_500);
    assert!(cluster.committed(2) >= next);
    assert_eq!(cluster.view(2), 0);
    cluster.give(1, 2, suspect_of(1));
    cluster.give(3, 2, suspect_of(3));
    assert_eq!(cluster.view(2), 1, "it goes on suspecting, and two more are enough");
}

// V7: two of four sit out after a restart, so this view has no quorum that prepares; the leader never restarted.
#[test]
fn more_that_sit_out_than_can_be_spared_is_a_reason_at_once() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(100);
    // Each for itself: a suspicion of the leader would be a reason for the others (V4).
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Suspect(_)));
    cluster.kill(3);
    cluster.restart(3);
    cluster.run_ms(400);
    assert!(cluster.replica(3).status().sitting_out);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new(), "one can be spared");
    cluster.kill(2);
    cluster.restart(2);
    cluster.run_ms(5);
    for i in 0..4 {
        assert_eq!(cluster.suspicions(i), vec!['g'], "replica {i}");
        assert_eq!(cluster.view(i), 0, "replica {i}");
    }
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(300);
    cluster.request(1, request(9, 1, b"x"));
    cluster.run_ms(20);
    for i in 0..4 {
        assert_eq!((cluster.view(i), cluster.ordered(i)), (1, vec![(9, 1)]), "replica {i}");
    }
}

// V6: the leader of the new view is heard all the time and its link is up, but its NEWVIEW reaches nobody.
#[test]
fn a_view_in_which_nothing_is_committed_within_a_window_is_a_reason() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(100);
    cluster.loses =
        Box::new(|_, _, message| matches!(message, Message::NewView(n) if n.signed.body.view == View(1)));
    cluster.kill(0);
    while cluster.view(1) < 1 || cluster.view(2) < 1 || cluster.view(3) < 1 {
        cluster.run_ms(1);
    }
    let heartbeats = |cluster: &Cluster| {
        let sent = cluster.nodes[1].sent.iter();
        sent.filter(|m| matches!(m, Message::Heartbeat(beat) if beat.body.view == View(1))).count()
    };
    cluster.run_ms(490);
    assert!(heartbeats(&cluster) >= 4, "the leader is heard");
    for i in 1..4 {
        assert_eq!(reasons_in(&cluster, i, 1), Vec::<char>::new(), "replica {i}: not before T");
    }
    // What one of them says is no reason for another yet.
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::NewView(_) | Message::Suspect(_)));
    cluster.run_ms(20);
    for i in 1..4 {
        assert_eq!(reasons_in(&cluster, i, 1), vec!['f'], "replica {i}");
    }
}

/// How long view 1 lasts, in milliseconds, and why it ends at replica 2, when its leader has been silent for so long before
/// the view begins. Its links stay up.
fn stay_with_a_leader_that_was_silent_for(ms: u64) -> (u64, Vec<char>) {
    let mut cluster = Cluster::started(7);
    cluster.run_ms(3_000 - ms);
    cluster.loses = Box::new(|from, _, _| from == 1);
    cluster.run_ms(ms);
    cluster.kill(0);
    while cluster.view(2) == 0 {
        cluster.run_ms(1);
    }
    let entered = cluster.now;
    while cluster.view(2) == 1 {
        cluster.run_ms(1);
    }
    ((cluster.now - entered) / 1_000, reasons_in(&cluster, 2, 1))
}

// T2: 100 ms for a leader that has been silent for two seconds, and a whole window for any other.
#[test]
fn a_leader_that_was_silent_for_two_seconds_gets_100_ms() {
    let (stay_ms, why) = stay_with_a_leader_that_was_silent_for(2_200);
    assert_eq!(why, vec!['a']);
    assert!((99..110).contains(&stay_ms), "it got {stay_ms} ms");
    let (stay_ms, why) = stay_with_a_leader_that_was_silent_for(1_000);
    assert_eq!(why, vec!['a']);
    assert!((499..510).contains(&stay_ms), "it got {stay_ms} ms");
}

//! Checkpoints, divergence and repair.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, request, signed};
use outvote_protocol::{Input, Justification, Note, Output, Record, Tunables};
use outvote_types::{
    CheckpointCertificate, CheckpointVote, Digest, Message, Parameters, Rank, ReplicaId, Sequence, Status,
    View,
};

fn run(cluster: &mut Cluster, from: u64, to: u64) {
    for nonce in from..=to {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(3);
    }
}

fn stable(cluster: &Cluster, i: usize) -> Vec<(CheckpointCertificate, Sequence)> {
    let others = cluster.nodes[i].others.iter();
    let stable = others.filter_map(|output| match output {
        Output::Stable { certificate, retain_from } => Some((certificate.clone(), *retain_from)),
        _ => None,
    });
    stable.collect()
}

// C1, C2, C3, D5: q equal roots make a checkpoint stable; two intervals stay for laggards.
#[test]
fn checkpoints_become_stable() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    run(&mut cluster, 1, 30);
    for i in 0..4 {
        let stable = stable(&cluster, i);
        assert!(stable.len() >= 7, "replica {i}: {}", stable.len());
        let (certificate, retain_from) = stable.last().unwrap();
        assert_eq!(retain_from.0, certificate.sequence.0 - 8 + 1);
        assert_eq!(certificate.votes.len(), 3);
    }
}

// C1, C2: where bytes bring checkpoints early, they become stable all the same, and what stays is the last two of them and
// not twice the interval.
#[test]
fn checkpoints_by_bytes_become_stable() {
    let mut cluster = Cluster::new(4);
    cluster.agree(Parameters { checkpoint_interval: 64, checkpoint_bytes: 2_500, ..Parameters::default() });
    cluster.start_all();
    run(&mut cluster, 1, 60);
    for i in 0..4 {
        let stable = stable(&cluster, i);
        let ends: Vec<u64> = stable.iter().map(|(certificate, _)| certificate.sequence.0).collect();
        assert!(ends.len() >= 7 && ends.iter().all(|end| end % 64 != 0), "replica {i}: {ends:?}");
        for (at, (_, retain_from)) in stable.iter().enumerate().skip(2) {
            assert_eq!(retain_from.0, ends[at - 2] + 1, "replica {i}: {ends:?}");
        }
        // Until as many are known the interval is the bound.
        assert_eq!((stable[0].1, stable[1].1), (Sequence(1), Sequence(1)));
    }
    // A restart knows one checkpoint only, so it keeps more and not less.
    cluster.kill(3);
    cluster.restart(3);
    let before = stable(&cluster, 3).len();
    run(&mut cluster, 61, 120);
    let after = stable(&cluster, 3);
    let last = after.last().unwrap();
    assert!(after.len() >= before + 3 && last.1.0 > last.0.sequence.0 - 64);
    assert_eq!(cluster.committed(3), cluster.committed(0));
}

// X5, C3: the opening of the view is written again at each checkpoint, for whoever came in by suspicion as well.
#[test]
fn the_opening_of_the_view_outlives_the_log_before_a_checkpoint() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    run(&mut cluster, 1, 3);
    cluster.kill(0);
    cluster.run_ms(300);
    assert_eq!(cluster.view(2), 1);
    let is_opening = |record: &Record| matches!(record, Record::Justification(Justification::NewView(opening)) if opening.signed.body.view.0 == 1);
    let is_right = |record: &Record| matches!(record, Record::Justification(Justification::Timeout(right)) if right.view.0 == 0);
    assert!(cluster.nodes[2].disk.iter().any(is_right));
    let before = cluster.nodes[2].disk.len();
    for nonce in 4..=16 {
        cluster.request(1, request(9, nonce, b"x"));
        cluster.run_ms(20);
    }
    assert!(cluster.replica(2).status().stable.0 >= 12);
    let later = cluster.nodes[2].disk.split_off(before);
    assert!(later.iter().any(is_opening) && later.iter().any(is_right));
    // A log that begins there has both for a laggard.
    cluster.kill(2);
    cluster.nodes[2].disk = later;
    cluster.nodes[2].sent.clear();
    cluster.loses = Box::new(|_, _, _| true);
    cluster.start(2, false);
    let behind = Status {
        view: View(0),
        rank: Rank::default(),
        committed: Sequence(0),
        stable: Sequence(0),
        sitting_out: false,
        replica: ReplicaId(3),
    };
    cluster.give(3, 2, Message::Status(signed(behind)));
    let sent = &cluster.nodes[2].sent;
    assert!(
        sent.iter().any(|m| matches!(m, Message::NewView(opening) if opening.signed.body.view == View(1)))
    );
    assert!(sent.iter().any(|m| matches!(m, Message::Timeout(right) if right.view == View(0))));
}

// C1, B2: votes where no checkpoint is due move nothing, however many a liar sends, and drown nobody's vote.
// Faults: R15
#[test]
fn votes_for_other_places_are_no_checkpoints() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    for nonce in 1..=30 {
        for sequence in [0, nonce, nonce + 1, 4 * nonce + 1, u64::MAX] {
            let vote = CheckpointVote {
                sequence: Sequence(sequence),
                id: Digest::of(b"a block"),
                state_root: Digest::of(b"a state"),
                replica: ReplicaId(3),
            };
            (0..3).for_each(|to| cluster.give(3, to, Message::Checkpoint(signed(vote))));
        }
        run(&mut cluster, nonce, nonce);
    }
    for i in 0..3 {
        let status = cluster.replica(i).status();
        assert!(status.stable >= Sequence(24) && status.stable.0.is_multiple_of(4), "{:?}", status.stable);
        assert!(!status.diverged);
    }
}

// N7, C1: without stable checkpoints the window closes, and it opens again when they come.
#[test]
fn the_window_waits_for_checkpoints() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    cluster.loses = Box::new(|_, _, message| matches!(message, outvote_types::Message::Checkpoint(_)));
    run(&mut cluster, 1, 30);
    assert_eq!(cluster.committed(0), 16, "W = 4C");
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(1_000);
    assert!(cluster.committed(0) > 16);
}

// C4, C7, R1: a replica whose state the others contradict stops answering, fetches the state, and says so.
// Faults: P08
#[test]
fn a_diverged_replica_repairs_itself() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    cluster.nodes[3].lies_about_state = true;
    run(&mut cluster, 1, 6);
    assert!(cluster.replica(3).status().diverged);
    let lock = cluster.replica(3).status().high_rank;
    let fetched = cluster.nodes[3].others.iter().find_map(|output| match output {
        Output::FetchState { certificate, .. } => Some(certificate.clone()),
        _ => None,
    });
    let certificate = fetched.unwrap();
    let replies = |cluster: &Cluster| {
        let others = cluster.nodes[3].others.iter();
        others.filter(|output| matches!(output, Output::Reply { .. })).count()
    };
    let silent = replies(&cluster);
    run(&mut cluster, 7, 7);
    assert_eq!(replies(&cluster), silent, "it answers nobody");
    cluster.nodes[3].lies_about_state = false;
    let header = cluster.nodes[0].archive[&certificate.sequence].block.header.clone();
    cluster.input(3, Input::StateInstalled { certificate, header: header.into() });
    assert!(!cluster.replica(3).status().diverged);
    assert!(cluster.replica(3).status().high_rank >= lock, "the lock stays");
    assert!(cluster.nodes[3].notes.iter().any(|note| matches!(note, Note::Repaired { .. })));
    run(&mut cluster, 8, 12);
    assert!(replies(&cluster) > silent);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    for i in 0..3 {
        assert!(!cluster.replica(i).status().diverged, "the others are not moved by one");
    }
}

// C6: a laggard beyond what peers keep asks for the state.
// Faults: X05
#[test]
fn a_laggard_beyond_retention_fetches_the_state() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    cluster.run_ms(10);
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    // Known to the laggard, too, which cannot tell anybody: whatever is in the state that it will get must not wait here for ever.
    (1..=40).for_each(|nonce| cluster.request(3, request(9, nonce, b"x")));
    assert_eq!(cluster.replica(3).status().pending, 40);
    run(&mut cluster, 1, 40);
    cluster.loses = Box::new(|_, _, _| false);
    for i in 0..3 {
        let keep = cluster.nodes[i].archive.split_off(&Sequence(33));
        cluster.nodes[i].archive = keep;
    }
    cluster.run_ms(2_500);
    let asked = cluster.nodes[3].others.iter().filter_map(|output| match output {
        Output::FetchState { certificate, .. } => Some(certificate.clone()),
        _ => None,
    });
    let certificate = { asked }.next_back().unwrap();
    let header = cluster.nodes[0].archive[&certificate.sequence].block.header.clone();
    cluster.nodes[3].executed = (certificate.sequence, certificate.id);
    cluster.input(3, Input::StateInstalled { certificate, header: header.into() });
    assert_eq!(cluster.replica(3).status().pending, 0);
    cluster.run_ms(3_000);
    assert_eq!(cluster.committed(3), cluster.committed(0));
}

// C11: where no state can be had, execution goes on above the own one, by blocks.
#[test]
fn a_laggard_whose_transfer_came_to_nothing_goes_on_by_blocks() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    run(&mut cluster, 1, 6);
    let before = cluster.nodes[3].executed;
    let header = cluster.nodes[0].archive[&before.0].block.header.clone();
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    run(&mut cluster, 7, 40);
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(2_500);
    let asks = |cluster: &Cluster| {
        cluster.nodes[3]
            .others
            .iter()
            .filter(|o| matches!(o, Output::FetchState { repair: false, .. }))
            .count()
    };
    assert_eq!(asks(&cluster), 1);
    cluster.nodes[3].executed = before;
    cluster.input(3, Input::StateKept { header: Some(Box::new(header)) });
    cluster.run_ms(3_000);
    assert_eq!(cluster.nodes[3].executed.0.0, cluster.committed(0), "all blocks came, and in order");
}

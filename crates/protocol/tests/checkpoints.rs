//! Checkpoints, divergence and repair.
#![allow(clippy::unwrap_used)]

mod cluster;

use cluster::{Cluster, request};
use outvote_protocol::{Input, Note, Output, Tunables};
use outvote_types::{CheckpointCertificate, Sequence};

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
#[test]
fn a_diverged_replica_repairs_itself() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    cluster.nodes[3].lies_about_state = true;
    run(&mut cluster, 1, 6);
    assert!(cluster.replica(3).status().diverged);
    let lock = cluster.replica(3).status().high_rank;
    let fetched = cluster.nodes[3].others.iter().find_map(|output| match output {
        Output::FetchState { certificate } => Some(certificate.clone()),
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
    cluster.input(3, Input::StateInstalled { certificate, header });
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
#[test]
fn a_laggard_beyond_retention_fetches_the_state() {
    let mut cluster = Cluster::with(4, 4, Tunables::default());
    cluster.start_all();
    cluster.run_ms(10);
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    run(&mut cluster, 1, 40);
    cluster.loses = Box::new(|_, _, _| false);
    for i in 0..3 {
        let keep = cluster.nodes[i].archive.split_off(&Sequence(33));
        cluster.nodes[i].archive = keep;
    }
    cluster.run_ms(2_500);
    let asked = cluster.nodes[3].others.iter().filter_map(|output| match output {
        Output::FetchState { certificate } => Some(certificate.clone()),
        _ => None,
    });
    let certificate = { asked }.next_back().unwrap();
    let header = cluster.nodes[0].archive[&certificate.sequence].block.header.clone();
    cluster.nodes[3].executed = (certificate.sequence, certificate.id);
    cluster.input(3, Input::StateInstalled { certificate, header });
    cluster.run_ms(3_000);
    assert_eq!(cluster.committed(3), cluster.committed(0));
}

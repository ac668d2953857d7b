//! Obtaining what one lacks, and losing nothing on the way.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, request};
use outvote_protocol::{Input, Note, Tunables};
use outvote_types::{
    BoundedVec, Certificate, Data, Digest, Fetch, Message, Phase, Propose, ReplicaId, Sequence, Signature,
    View,
};
use std::cell::Cell;
use std::rc::Rc;

// N9, C9, C10: a replica that gets no batches fetches them from those who echoed the header.
// Faults: L09
#[test]
fn batches_that_the_leader_withholds_are_fetched() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|from, to, message| {
        from == 0 && to == 3 && matches!(message, Message::Propose(_) | Message::Data(_))
    });
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(200);
    assert_eq!(cluster.ordered(3), vec![(9, 1)]);
    assert_eq!(cluster.view(3), 0);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// N9, V17, V18: half a batch, then the plug is pulled: not certified, so the next view goes on without it.
// Faults: L09
#[test]
fn a_batch_that_reached_nobody_stops_nobody() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses =
        Box::new(|from, _, message| from == 0 && matches!(message, Message::Propose(_) | Message::Data(_)));
    cluster.request(0, request(9, 1, b"x"));
    let (header, _) = crate::cluster::block(
        0,
        0,
        2,
        cluster.replica(1).status().committed_id,
        crate::cluster::EPOCH_US + cluster.now,
        &[request(9, 1, b"x")],
    );
    for i in 1..4 {
        cluster.give(0, i, crate::cluster::propose(&header, &[]));
    }
    cluster.kill(0);
    cluster.request(2, request(9, 1, b"x"));
    cluster.run_ms(600);
    for i in 1..4 {
        assert_eq!(cluster.ordered(i), vec![(9, 1)], "replica {i}");
    }
}

// C5, T5: a laggard fetches ranges, each checked by its certificate.
// Faults: R02
#[test]
fn a_laggard_fetches_ranges() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    for nonce in 1..=150 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_us(1000);
    }
    assert!(cluster.committed(3) < 5);
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(3_000);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    assert_eq!(cluster.ordered(3), cluster.ordered(0));
}

// V14, V18, V19, D1: a block that is certified at one replica and committed nowhere survives the leader.
#[test]
fn a_prepared_block_survives_a_view_change() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    // All COMMITs are lost, and only replicas 2 and 3 see enough PREPAREs.
    cluster.loses = Box::new(|_, to, message| {
        matches!(message, Message::Commit(_)) || (to == 1 && matches!(message, Message::Prepare(_)))
    });
    cluster.request(0, request(9, 1, b"survives"));
    cluster.run_ms(5);
    let locked = cluster.replica(2).status().high_rank;
    assert_eq!(locked.sequence.0, 2);
    assert_eq!(cluster.committed(2), 1);
    cluster.loses = Box::new(|_, _, _| false);
    cluster.kill(0);
    cluster.run_ms(300);
    for i in 1..4 {
        assert_eq!(cluster.ordered(i), vec![(9, 1)], "replica {i}");
        let block = cluster.nodes[i].commits.iter().find(|block| !block.block.batches.is_empty()).unwrap();
        assert_eq!(block.block.header.body.view.0, 0, "the old block itself, not a new one");
    }
}

// N13: a replica that missed a block's PREPAREs goes on from its certificate.
#[test]
fn a_latecomer_fast_forwards() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses =
        Box::new(|from, to, message| to == 3 && (from == 0 || matches!(message, Message::Prepare(_))));
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(5);
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(1_200);
    cluster.request(0, request(9, 2, b"y"));
    cluster.run_ms(20);
    let slots: Vec<u64> = cluster.prepares(3).iter().map(|(_, sequence, _)| *sequence).collect();
    assert_eq!(slots, vec![1, 3]);
    assert_eq!(cluster.ordered(3).len(), 2);
}

// T6, V10, V11, V14, V18: a third of all messages is lost, and the leader dies twice.
// Faults: N01
#[test]
fn progress_survives_the_loss_of_a_third_of_all_messages() {
    for seed in 1..=8u64 {
        let mut cluster = Cluster::started(4);
        cluster.run_ms(20);
        let mut state = seed;
        cluster.loses = Box::new(move |_, _, _| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 3 == 0
        });
        for nonce in 1..=5 {
            (0..4).for_each(|i| cluster.request(i, request(9, nonce, b"x")));
            cluster.run_ms(4_000);
        }
        cluster.kill(usize::try_from(cluster.view(1) % 4).unwrap());
        let alive: Vec<usize> = (0..4).filter(|i| cluster.nodes[*i].replica.is_some()).collect();
        alive.iter().for_each(|i| cluster.request(*i, request(9, 6, b"x")));
        cluster.run_ms(60_000);
        for i in alive {
            assert!(cluster.ordered(i).contains(&(9, 6)), "seed {seed}, replica {i}");
        }
    }
}

// N9: a proposal whose batches do not match its payload root is never prepared.
// Faults: L08
#[test]
fn a_wrong_payload_root_is_never_prepared() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let parent = cluster.replica(1).status().committed_id;
    let (mut header, batches) = crate::cluster::block(
        0,
        0,
        2,
        parent,
        crate::cluster::EPOCH_US + cluster.now,
        &[request(9, 1, b"x")],
    );
    header.body.payload_root = outvote_types::Digest::ZERO;
    let prepare = crate::cluster::vote(outvote_types::Phase::Prepare, &header.body, 0);
    let batches = outvote_types::BoundedVec::truncated(batches);
    cluster.give(0, 1, Message::Propose(Box::new(Propose { header, prepare, batches })));
    assert_eq!(cluster.suspicions(1), vec!['d']);
    assert_eq!(cluster.prepares(1).len(), 1);
}

// B3, C10: a peer that fetches without end is answered at a bounded rate, and the others as ever.
// Faults: R18, R25
#[test]
fn a_peer_that_fetches_without_end_slows_itself_alone() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    let id = cluster.replica(0).status().committed_id;
    let answers = Rc::new(Cell::new(0));
    let counted = Rc::clone(&answers);
    cluster.loses = Box::new(move |from, _, message| {
        counted.set(counted.get() + u32::from(from == 0 && matches!(message, Message::Data(_))));
        true
    });
    let fetch =
        |from: u16| Message::Fetch(crate::cluster::signed(Fetch::Block { id, replica: ReplicaId(from) }));
    for _ in 0..2_000 {
        cluster.give(2, 0, fetch(2));
    }
    let flood = answers.get();
    assert!((1..=256).contains(&flood), "{flood} answers");
    cluster.give(3, 0, fetch(3));
    assert_eq!(answers.get(), flood + 1, "the next peer is answered at once");
}

// C5, C9, C10: a replica that knows the headers of many blocks and has none of their batches takes them as a range. Its peers
// committed them so long ago that they have them in their archives alone.
// Faults: N04
#[test]
fn headers_without_batches_do_not_hold_a_laggard_back() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, to, message| {
        to == 3 && matches!(message, Message::Propose(_) | Message::Data(_) | Message::NewView(_))
    });
    for nonce in 1..=200 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(2);
    }
    assert!(cluster.ordered(0).len() > 150 && cluster.ordered(3).is_empty());
    cluster.loses = Box::new(|_, _, _| false);
    let asked = fetches(&cluster);
    for nonce in 201..=400 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(4);
    }
    let (others, own) = (cluster.ordered(0).len(), cluster.ordered(3).len());
    assert!(own + 10 > others, "{own} of {others} blocks after a second");
    let is_alarm = |note: &Note| matches!(note, Note::BlockMissing { .. });
    assert!(!cluster.nodes[3].notes.iter().any(is_alarm), "all blocks are at hand");
    let asked = fetches(&cluster) - asked;
    assert!(asked < 100, "{asked} questions for what a few ranges bring");
}

// B1, C9: blocks that were certified and abandoned are in nobody's memory. However many of them are looked for, there is room
// for what was agreed on.
// Faults: N04
#[test]
fn blocks_that_nobody_has_take_no_room_from_agreed_ones() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    for nonce in 1..=150 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(2);
    }
    let start = cluster.committed(3);
    for (above, twin) in (1..=8).flat_map(|above| (0..9).map(move |twin| (above, twin))) {
        cluster.give(0, 3, abandoned(start + above, twin));
    }
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(3_000);
    assert!(cluster.committed(0) > start + 100);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    assert_eq!(cluster.ordered(3), cluster.ordered(0));
}

/// A prepare certificate for a block that nobody has any more.
fn abandoned(sequence: u64, twin: u64) -> Message {
    let id = Digest::of_parts(&[b"abandoned", &sequence.to_le_bytes(), &twin.to_le_bytes()]);
    let votes = (0..3).map(|replica| (ReplicaId(replica), Signature::default())).collect();
    Message::Certificate(Certificate {
        phase: Phase::Prepare,
        view: View(0),
        sequence: Sequence(sequence),
        id,
        votes: BoundedVec::truncated(votes),
    })
}

/// How often replica 3 asked for anything.
fn fetches(cluster: &Cluster) -> usize {
    cluster.nodes[3].sent.iter().filter(|message| matches!(message, Message::Fetch(_))).count()
}

// C10: pieces and ranges are counted apart. Whoever asks for too many pieces still gets the range that ends its lagging.
#[test]
fn whoever_asks_for_too_many_pieces_still_gets_its_range() {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=5 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(20);
    }
    let id = cluster.replica(0).status().committed_id;
    let answers = Rc::new(Cell::new(0));
    let counted = Rc::clone(&answers);
    cluster.loses = Box::new(move |from, to, message| {
        let is_range = matches!(message, Message::Data(Data::Range { .. }));
        counted.set(counted.get() + u32::from((from, to) == (0, 2) && is_range));
        false
    });
    for _ in 0..2_000 {
        cluster.give(
            2,
            0,
            Message::Fetch(crate::cluster::signed(Fetch::Block { id, replica: ReplicaId(2) })),
        );
    }
    let range = Fetch::Range { first: Sequence(1), last: Sequence(3), replica: ReplicaId(2) };
    for asked in 1..=2_000 {
        cluster.give(2, 0, Message::Fetch(crate::cluster::signed(range.clone())));
        assert!(answers.get() > 0, "no answer to the first range");
        assert!(answers.get() <= 256, "{} answers to {asked} ranges", answers.get());
    }
}

/// Blocks that may wait for execution in the tests below, and those that may be handed out.
const LAG: u64 = 16;
const HANDED_MAX: usize = LAG as usize + 8;

fn with_little_room() -> Cluster {
    let mut cluster = Cluster::with(4, 1024, Tunables { execution_lag_max: LAG, ..Tunables::default() });
    cluster.start_all();
    cluster.run_ms(20);
    cluster
}

fn order_many(cluster: &mut Cluster, nonces: core::ops::RangeInclusive<u64>) {
    for nonce in nonces {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_us(1000);
    }
}

fn ranges_asked(cluster: &Cluster) -> usize {
    let asks =
        |message: &&Message| matches!(message, Message::Fetch(f) if matches!(f.body, Fetch::Range { .. }));
    cluster.nodes[3].sent.iter().filter(asks).count()
}

/// Executes one block after the other at replica 3, from the `done`-th on, and says how many are done; never more than the
/// bound wait meanwhile.
fn execute_slowly(cluster: &mut Cluster, mut done: usize) -> usize {
    while let Some(block) = cluster.nodes[3].commits.get(done) {
        let (sequence, id) = (block.block.header.body.sequence, block.id);
        done += 1;
        let result_root = Digest::of_parts(&[b"results", &id.0]);
        cluster.input(3, Input::Executed { sequence, result_root, state_root: None });
        cluster.run_us(500);
        let waiting = cluster.nodes[3].commits.len() - done;
        assert!(waiting <= HANDED_MAX, "{waiting} blocks wait for execution");
    }
    done
}

// E10: what is fetched and handed out is bounded by what execution has done, and goes on with it.
#[test]
fn a_laggard_fetches_no_further_than_execution_may_lag() {
    let mut cluster = with_little_room();
    cluster.loses = Box::new(|from, to, _| from == 3 || to == 3);
    order_many(&mut cluster, 1..=150);
    let done = cluster.nodes[3].commits.len();
    assert!(done < 5 && cluster.committed(0) > 100);
    cluster.nodes[3].executes = false;
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(3_000);
    assert_eq!(cluster.nodes[3].commits.len() - done, HANDED_MAX);
    let asked = ranges_asked(&cluster);
    cluster.run_ms(3_000);
    assert_eq!(cluster.nodes[3].commits.len() - done, HANDED_MAX, "nothing more without execution");
    assert_eq!(ranges_asked(&cluster), asked, "and nothing more is asked for");
    let _ = execute_slowly(&mut cluster, done);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    assert_eq!(cluster.ordered(3), cluster.ordered(0));
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// E10: one slow executor among fast ones falls behind like a laggard, blames nobody, and comes back.
#[test]
fn a_replica_whose_execution_is_slow_holds_a_bounded_number_of_blocks() {
    let mut cluster = with_little_room();
    let done = cluster.nodes[3].commits.len();
    cluster.nodes[3].executes = false;
    order_many(&mut cluster, 1..=300);
    cluster.run_ms(2_000);
    assert!(cluster.committed(0) > 200, "the others go on");
    assert_eq!(cluster.nodes[3].commits.len() - done, HANDED_MAX);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
    let done = execute_slowly(&mut cluster, done);
    cluster.run_ms(2_000);
    let _ = execute_slowly(&mut cluster, done);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    assert_eq!(cluster.ordered(3), cluster.ordered(0));
    // And it votes again.
    cluster.nodes[3].executes = true;
    order_many(&mut cluster, 301..=310);
    cluster.run_ms(50);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// E10: a restart commits from its log no more than execution may be given.
#[test]
fn a_restart_hands_out_no_more_than_execution_may_lag() {
    let mut cluster = with_little_room();
    cluster.nodes[3].executes = false;
    order_many(&mut cluster, 1..=18);
    let before = cluster.nodes[3].commits.len();
    cluster.kill(3);
    // A disk on which the state stayed behind: everything in the log is to be executed again.
    cluster.nodes[3].executed = (outvote_types::Sequence(0), cluster.committee.genesis_id());
    cluster.nodes[3].executed_header = None;
    cluster.restart(3);
    assert!(cluster.nodes[3].commits.len() - before <= HANDED_MAX);
    cluster.run_ms(1_000);
    let _ = execute_slowly(&mut cluster, before);
    assert_eq!(cluster.committed(3), cluster.committed(0));
}

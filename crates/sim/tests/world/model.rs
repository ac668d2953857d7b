//! The abstract model: the protocol never forks, and each broken rule does. The full sizes are in `examples/model.rs`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "the counts are what is wanted")]

use outvote_sim::model::{Configuration, Finding, Mutant, Search, search, walk};
use outvote_types::{
    Digest, NewViewBody, Rank, ReplicaId, Sequence, Signature, Signed, View, ViewChangeHead,
};
use std::time::Duration;

fn run(name: &str, configuration: Configuration, states_max: usize) -> Finding {
    let found = search(&Search { configuration, states_max, time_max: Duration::from_secs(120) });
    println!(
        "{name}: {} canonical states, depth {}, exhausted: {}",
        found.states, found.depth, found.exhausted
    );
    found
}

fn honest(views: u8, blocks: u8) -> Configuration {
    Configuration::honest(4, views, blocks).expect("four replicas are enough")
}

#[test]
fn one_view_of_three_blocks_never_forks() {
    let found = run("1 view, 3 blocks", honest(1, 3), 4_000_000);
    assert!(found.exhausted && found.fork.is_none());
}

#[test]
fn two_views_of_two_blocks_never_fork() {
    let found = run("2 views, 2 blocks", honest(2, 2), 4_000_000);
    assert!(found.exhausted && found.fork.is_none());
}

#[test]
fn three_views_of_one_block_never_fork() {
    let found = run("3 views, 1 block", honest(3, 1), 4_000_000);
    assert!(found.exhausted && found.fork.is_none());
}

#[test]
fn the_first_states_of_three_views_of_two_blocks_never_fork() {
    let found = run("3 views, 2 blocks, bounded", honest(3, 2), 400_000);
    assert!(found.fork.is_none());
}

#[test]
fn every_interleaving_gives_the_same_verdict_where_it_can_be_searched() {
    let found = run("1 view, 2 blocks, free", honest(1, 2).free(), 4_000_000);
    assert!(found.exhausted && found.fork.is_none());
    let found = run("2 views, 1 block, free", honest(2, 1).free(), 4_000_000);
    assert!(found.exhausted && found.fork.is_none());
    for mutant in [Mutant::CommitAfterPrepare, Mutant::VotesAgainAfterRestart] {
        let found = run("free mutant", honest(2, 2).free().with(mutant), 4_000_000);
        assert!(found.fork.is_some(), "{mutant:?}");
    }
}

// Faults: R22
#[test]
fn two_liars_among_four_fork() {
    let found = run("f = 2 at n = 4", Configuration { byzantine: 2, ..honest(2, 2) }, 4_000_000);
    assert!(found.fork.is_some());
}

fn forks(mutant: Mutant) {
    let (views, blocks) = mutant.size();
    let found = run(&format!("{mutant:?}"), honest(views, blocks).with(mutant), 12_000_000);
    assert!(found.fork.is_some(), "{mutant:?} goes unnoticed");
}

#[test]
fn ranking_by_sequence_first_forks() {
    forks(Mutant::RankBySequence);
}

#[test]
fn committing_after_prepares_alone_forks() {
    forks(Mutant::CommitAfterPrepare);
}

#[test]
fn a_lock_lost_at_restart_forks() {
    forks(Mutant::LockLostAtRestart);
}

#[test]
fn voting_again_in_a_view_after_a_restart_forks() {
    forks(Mutant::VotesAgainAfterRestart);
}

#[test]
fn a_new_view_from_two_view_changes_forks() {
    forks(Mutant::ViewChangeQuorumOfTwo);
}

#[test]
fn a_new_view_accepted_after_a_restart_forks() {
    forks(Mutant::NewViewAfterRestart);
}

#[test]
fn a_new_view_accepted_after_a_fast_forward_forks() {
    forks(Mutant::NewViewAfterFastForward);
}

#[test]
fn preparing_beyond_the_durable_lease_forks() {
    forks(Mutant::PrepareBeyondLease);
}

#[test]
fn a_lease_forgotten_at_restart_forks() {
    forks(Mutant::LeaseForgotten);
}

#[test]
fn random_walks_of_seven_replicas_never_fork_and_commit() {
    let configuration = Configuration::honest(7, 3, 2).expect("seven replicas are enough");
    let walks = walk(&configuration, 7, 20_000, 60);
    println!("n = 7: {} steps, {} walks committed", walks.steps, walks.committed);
    assert!(walks.fork.is_none());
    assert!(walks.committed > 100);
}

#[test]
fn random_walks_find_a_commit_after_prepares() {
    let configuration = Configuration::honest(7, 3, 2).expect("seven replicas are enough");
    let walks = walk(&configuration.with(Mutant::CommitAfterPrepare), 7, 20_000, 60);
    assert!(walks.fork.is_some());
}

/// The model ranks heads by (rank, block); the replicas' own `NewViewBody::base` must agree with it.
#[test]
fn the_model_and_the_replicas_choose_the_same_base() {
    let heads: Vec<_> = [(0, 5, 9), (1, 2, 3), (1, 2, 4)]
        .into_iter()
        .zip(0..)
        .map(|((view, sequence, id), replica)| ViewChangeHead {
            view: View(2),
            rank: Rank { view: View(view), sequence: Sequence(sequence) },
            id: Digest([id; 32]),
            replica: ReplicaId(replica),
        })
        .map(|head| Signed::new(head, Signature::default()))
        .collect();
    let highest = heads.iter().map(|head| (head.body.rank, head.body.id)).max();
    let heads = outvote_types::BoundedVec::truncated(heads);
    let body = NewViewBody { view: View(2), leader: ReplicaId(2), heads };
    assert_eq!(body.base(), highest);
    assert_eq!(body.base(), Some((Rank { view: View(1), sequence: Sequence(2) }, Digest([4; 32]))));
}

//! Scenario 51 of `docs/protocol.md`: logs that are damaged in the middle are mended from the others, and what nobody has any
//! more is named and never skipped.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_replica::{Note, Record};
use outvote_sim::{Kind, Verdict, World};
use outvote_types::{Phase, Sequence};

/// The certificate that the last promise of this replica names.
fn is_lock(world: &World, index: usize) -> impl Fn(&Record) -> bool + use<> {
    let promise = *world.machines[index].disk.promise().unwrap();
    move |record| match record {
        Record::Certificate(held) => (held.rank(), held.id) == (promise.high_rank, promise.high_id),
        _ => false,
    }
}

fn block_at(record: &Record) -> Option<u64> {
    match record {
        Record::Block(block) => Some(block.header.body.sequence.0),
        _ => None,
    }
}

fn has_noted(world: &World, index: usize, is_it: impl Fn(&Note) -> bool) -> bool {
    world.notes.iter().any(|(_, at, note)| *at == id(index) && is_it(note))
}

fn lacks_proof(note: &Note) -> bool {
    matches!(note, Note::ProofMissing { .. })
}

/// Nobody lost the right to vote: with one of the others gone, the rest agrees on, through a change of leaders.
fn all_vote(world: &mut World, whose_vote_counts: usize) {
    let leader = status(world, whose_vote_counts).leader.index();
    let other = (0..4).find(|index| *index != whose_vote_counts && *index != leader).unwrap();
    let gone = if leader == whose_vote_counts { other } else { leader };
    crash(world, gone);
    commits(world, 5);
    restart(world, gone);
    commits(world, 5);
    converges(world);
    assert!((0..4).all(|index| !status(world, index).observer));
}

// Faults: S07
/// Scenario 51. D23, C9
#[test]
fn blocks_that_rot_in_the_middle_of_one_log_come_from_the_others() {
    for (first, last) in [(1, 1), (5, 5), (10, 15), (1, 20), (29, 29)] {
        let mut world = cluster(4);
        commits(&mut world, 30);
        crash(&mut world, 3);
        let is_hit = |record: &Record| block_at(record).is_some_and(|at| (first..=last).contains(&at));
        assert!(world.machines[3].disk.rot_all(is_hit) > 0);
        restart(&mut world, 3);
        converges(&mut world);
        assert_eq!(status(&world, 3).executed.0, world.checkers.height());
        all_vote(&mut world, 3);
    }
}

// Faults: S07
/// Scenario 51: every single record of a log is lost in turn; the replica votes again each time. D23
#[test]
fn whichever_record_rots_the_replica_comes_back_and_votes() {
    let mut count = usize::MAX;
    for victim in 0.. {
        if victim >= count {
            break;
        }
        let mut world = cluster(4);
        commits(&mut world, 6);
        crash(&mut world, 0);
        commits(&mut world, 6);
        crash(&mut world, 3);
        let mut at = 0;
        let lost = world.machines[3].disk.rot_all(|_| {
            at += 1;
            at - 1 == victim
        });
        count = at;
        assert_eq!(lost, 1);
        restart(&mut world, 3);
        restart(&mut world, 0);
        converges(&mut world);
        all_vote(&mut world, 3);
    }
    assert!(count > 20, "only {count} records");
}

// Faults: S07
/// Scenario 51: without the proof of its lock a replica stays out of the change of view, and with it it is back. D23, V14
#[test]
fn a_lock_without_its_proof_is_neither_forgotten_nor_claimed() {
    let mut world = cluster(4);
    commits(&mut world, 10);
    crash(&mut world, 3);
    let is_proof = is_lock(&world, 3);
    assert!(world.machines[3].disk.rot_all(is_proof) > 0);
    let promised = world.machines[3].disk.promise().unwrap().high_rank;
    for kind in [Kind::Certificate, Kind::NewView, Kind::ViewChange] {
        world.rule(None, Some(3), Some(kind), Verdict::Drop);
    }
    restart(&mut world, 3);
    assert!(has_noted(&world, 3, lacks_proof));
    assert_eq!(status(&world, 3).high_rank, promised, "the lock is as high as it was promised");
    crash(&mut world, 0);
    world.clients[0].want(1);
    world.wake(0);
    world.run_for(10 * SECOND);
    is_sound(&world);
    assert!(!world.clients[0].is_done(), "two heads open no view, and the third has no proof");
    assert!(!status(&world, 3).observer);
    world.links.rules.clear();
    assert!(world.run_until(30 * SECOND, |world| world.clients[0].is_done()), "{:?}", status(&world, 3));
    assert!(status(&world, 3).high_rank >= promised);
    restart(&mut world, 0);
    converges(&mut world);
    all_vote(&mut world, 3);
}

// Faults: S24
/// Scenario 51: every log is damaged, each in other places, and each block and each proof is left in one of them. D23, C9
#[test]
fn what_rotted_in_all_logs_and_is_left_in_one_each_is_brought_together() {
    for left in 0..4usize {
        let mut world = cluster(4);
        commits(&mut world, 25);
        converges(&mut world);
        world.run_for(SECOND);
        for index in 0..4 {
            crash(&mut world, index);
        }
        for index in 0..4usize {
            let keeper = |sequence: u64| (sequence as usize + left) % 4;
            let lost = world.machines[index].disk.rot_all(|record| match record {
                Record::Block(block) => keeper(block.header.body.sequence.0) != index,
                Record::Certificate(certificate) => keeper(certificate.sequence.0) != index,
                _ => false,
            });
            assert!(lost > 20, "replica {index} lost {lost} records");
        }
        (0..4).for_each(|index| restart(&mut world, index));
        commits(&mut world, 5);
        converges(&mut world);
        all_vote(&mut world, left);
    }
}

// Faults: S25
/// Scenario 51: a block that no log has any more is named by all, and nobody goes on without it. D25
#[test]
fn a_block_that_is_lost_everywhere_stops_all_and_is_named() {
    for lost in [2, 12, 24] {
        let mut world = cluster(4);
        commits(&mut world, 25);
        converges(&mut world);
        (0..4).for_each(|index| crash(&mut world, index));
        for machine in &mut world.machines {
            assert!(machine.disk.rot_all(|record| block_at(record) == Some(lost)) > 0);
        }
        (0..4).for_each(|index| restart(&mut world, index));
        world.clients[0].want(1);
        world.wake(0);
        world.run_for(20 * SECOND);
        is_sound(&world);
        assert!(!world.clients[0].is_done(), "somebody went on without block {lost}");
        for index in 0..4 {
            assert!(status(&world, index).executed.0 < lost, "replica {index} has skipped block {lost}");
            let names = |note: &Note| match note {
                Note::BlockMissing { sequence, .. } => *sequence <= Sequence(lost),
                _ => false,
            };
            assert!(
                has_noted(&world, index, names),
                "replica {index} does not say that block {lost} is gone"
            );
        }
    }
}

// Faults: S24
/// Scenario 51: the one log that still has an old block has holes above it, or on both sides. The block outlives the changes of
/// view after the restart, and is handed on. D23, D25
#[test]
fn the_last_copy_of_an_old_block_is_not_forgotten_below_a_hole() {
    for holes in [&[20][..], &[3, 20]] {
        let mut world = cluster(4);
        commits(&mut world, 10);
        crash(&mut world, 0);
        commits(&mut world, 15);
        restart(&mut world, 0);
        commits(&mut world, 5);
        converges(&mut world);
        world.run_for(SECOND);
        (0..4).for_each(|index| crash(&mut world, index));
        let mut views = Vec::new();
        for record in world.machines[2].disk.records() {
            if let Record::Block(block) = record {
                let header = &block.header.body;
                views.extend(matches!(header.sequence.0, 5 | 20).then_some(header.view));
            }
        }
        assert!(views.len() == 2 && views[0] < views[1], "{views:?}");
        for index in 0..4 {
            let is_hit = |record: &Record| match block_at(record) {
                Some(at) if index == 2 => holes.contains(&at),
                at => at == Some(5),
            };
            assert!(world.machines[index].disk.rot_all(is_hit) > 0);
        }
        // The changes of view come first, and only then does anything that was agreed on.
        world.rule(None, None, Some(Kind::Data), Verdict::Drop);
        (0..4).for_each(|index| restart(&mut world, index));
        let before = top_view(&world);
        assert!(world.run_until(30 * SECOND, |world| top_view(world) >= before + 2), "{before}");
        world.links.rules.clear();
        commits(&mut world, 5);
        converges(&mut world);
        all_vote(&mut world, 2);
    }
}

// Faults: S25
/// Scenario 51: a lock whose proof nobody has is kept all the same; no view opens below it. D23, D21
#[test]
fn a_proof_that_is_lost_everywhere_lowers_no_lock() {
    let mut world = cluster(4);
    commits(&mut world, 10);
    converges(&mut world);
    world.run_for(SECOND);
    (0..4).for_each(|index| crash(&mut world, index));
    let promised = world.machines[1].disk.promise().unwrap().high_rank;
    for machine in &mut world.machines {
        // The commit certificate of the same block would prove it as well.
        machine.disk.rot_all(|record| match record {
            Record::Certificate(held) => {
                matches!(held.phase, Phase::Prepare | Phase::Commit) && held.sequence >= promised.sequence
            }
            _ => false,
        });
    }
    (0..4).for_each(|index| restart(&mut world, index));
    world.clients[0].want(1);
    world.wake(0);
    world.run_for(20 * SECOND);
    is_sound(&world);
    assert!(!world.clients[0].is_done(), "a view was opened below a lock");
    for index in 0..4 {
        assert!(has_noted(&world, index, lacks_proof));
        assert!(status(&world, index).high_rank >= promised, "replica {index} has lowered its lock");
    }
}

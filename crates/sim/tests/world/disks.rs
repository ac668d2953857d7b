//! Disks that fail, rot, fill up and lie: within the bound all is repaired, beyond it replicas stop and say what they lack.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_replica::{Note, Promise, Record, Ticket, Voting};
use outvote_sim::disk::Disk;
use outvote_sim::plan::START_US;
use outvote_sim::random::Random;
use outvote_sim::{Fault, Mode, Options, Plan, campaign};
use outvote_types::{Digest, Epoch, Rank, Sequence, View};

// Faults: S01
#[test]
fn a_failed_flush_stops_the_replica_and_nothing_is_lost() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.strike(&Fault::FlushFails(id(2), 500_000));
    commits(&mut world, 3);
    assert!(
        world.run_until(SECOND, |world| world.status(2).is_none()) || world.faults.contains_key("restart")
    );
    world.run_for(SECOND);
    assert!(world.status(2).is_some(), "it is started again");
    commits(&mut world, 10);
    converges(&mut world);
}

// Faults: S02
#[test]
fn a_full_disk_stops_its_replica_until_there_is_space() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.strike(&Fault::DiskFull(id(1)));
    commits(&mut world, 5);
    assert!(world.status(1).is_none(), "nothing can be written, so nothing is said");
    world.strike(&Fault::Restart(id(1)));
    commits(&mut world, 5);
    assert!(world.status(1).is_none(), "a start does not help");
    world.strike(&Fault::DiskSpace(id(1)));
    commits(&mut world, 5);
    converges(&mut world);
}

// Faults: S07
#[test]
fn a_record_that_rots_in_the_middle_of_the_log_is_repaired_from_peers() {
    let mut repaired = 0;
    for index in 0..40 {
        let mut plan = Plan::with_checkpoints(8, 4, 64);
        plan.gives_up_blocks = true;
        let mut world = with(plan);
        commits(&mut world, 12);
        world.strike(&Fault::Rot(id(2), index));
        world.run_for(10_000);
        restart(&mut world, 2);
        commits(&mut world, 5);
        converges(&mut world);
        assert!(!status(&world, 2).observer, "it lost nothing that it promised");
        repaired += u64::from(
            world.machines[2].disk.durable().iter().any(|record| matches!(record, Record::Block(_))),
        );
    }
    assert!(repaired > 0);
}

/// D1: peers send the lock's block again, and COMMIT for it leaves only once it is on this disk again.
// Faults: S07
#[test]
fn a_block_that_rotted_is_durable_again_before_commit_rests_on_it() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.run_for(SECOND);
    crash(&mut world, 2);
    let disk = &mut world.machines[2].disk;
    let locked = disk.promise().unwrap().high_id;
    let is_locked =
        |record: &Record| matches!(record, Record::Block(block) if block.header.body.id() == locked);
    let place = disk.durable().iter().position(is_locked).unwrap();
    assert!(place < disk.last_write(), "what follows it was written later");
    disk.rot(place);
    restart(&mut world, 2);
    world.run_for(3 * SECOND);
    converges(&mut world);
    assert!(world.machines[2].disk.has_block(&locked));
}

// Faults: S24
#[test]
fn records_rot_on_all_disks_at_once_and_all_come_back() {
    for seed in 0..10 {
        let mut plan = busy(300 + seed);
        plan.requests_per_client = 30;
        for index in 0..4usize {
            for number in 0..3 {
                let at = START_US + 300_000 + number;
                plan.faults.push((at, Fault::Rot(id(index), seed * 31 + index as u64 * 7 + number * 5)));
            }
            plan.faults.push((START_US + 400_000, Fault::Restart(id(index))));
        }
        plan.faults.sort_by_key(|(at, _)| *at);
        lives(plan);
    }
}

// Faults: S06
#[test]
fn any_part_of_a_write_may_have_arrived_when_power_fails() {
    for step in 0..40u64 {
        let mut plan = busy(400 + step);
        plan.scattered_writes = true;
        for (index, spread) in [(0u64, 0), (1, 137), (2, 411), (3, 739)] {
            let at = START_US + 100_000 + step * 1_711 + spread;
            let victim = id(usize::try_from(index).unwrap());
            plan.faults.push((at, Fault::Crash(victim)));
            plan.faults.push((at + 50_000, Fault::Restart(victim)));
        }
        plan.faults.sort_by_key(|(at, _)| *at);
        lives(plan);
    }
}

// Faults: S15
#[test]
fn a_slow_disk_does_not_slow_the_others() {
    let mut world = cluster(4);
    world.strike(&Fault::Disk(id(3), 600_000));
    commits_within(&mut world, 50, 3 * SECOND);
    assert_eq!(top_view(&world), 0);
}

// Faults: S17
#[test]
fn a_peer_that_cannot_read_its_disk_is_not_waited_for() {
    let mut world = with(Plan::with_checkpoints(9, 4, 4));
    commits(&mut world, 5);
    crash(&mut world, 3);
    commits(&mut world, 40);
    world.strike(&Fault::Unreadable(id(0)));
    world.strike(&Fault::Unreadable(id(1)));
    restart(&mut world, 3);
    converges(&mut world);
}

// Faults: S09, S10
#[test]
fn a_write_that_lands_nowhere_or_elsewhere_does_no_harm() {
    for step in 0..40u64 {
        let mut plan = busy(500 + step);
        let victim = id(usize::try_from(step % 4).unwrap());
        plan.liars = vec![(victim, outvote_adversary::Behaviour::Honest)];
        let at = START_US + 50_000 + step * 9_000;
        let over = (step % 2 == 0).then_some(step * 13);
        plan.faults = vec![
            (at, Fault::LoseWrite(victim, over)),
            (at + step * 5_000, Fault::Crash(victim)),
            (at + step * 5_000 + 40_000, Fault::Restart(victim)),
        ];
        lives(plan);
    }
}

// Faults: S25
#[test]
fn a_committed_block_that_is_lost_everywhere_halts_the_cluster_and_is_named() {
    let mut plan = Plan::with_checkpoints(10, 4, 64);
    plan.beyond_bound = true;
    plan.flush_blocks = u64::MAX;
    let mut world = with(plan);
    commits(&mut world, 8);
    world.run_for(SECOND);
    let mut lost = None;
    for index in 0..4 {
        crash(&mut world, index);
        let disk = &mut world.machines[index].disk;
        // Not in the last write: that would be taken for one that was never finished.
        let place = disk
            .durable()
            .iter()
            .position(|record| matches!(record, Record::Block(block) if block.header.body.sequence.0 == 4));
        if let Some(Record::Block(block)) = place.map(|place| disk.durable()[place].clone()) {
            lost = Some(block.header.body.id());
        }
        disk.rot(place.unwrap());
    }
    (0..4).for_each(|index| restart(&mut world, index));
    world.clients[0].want(1);
    world.wake(0);
    assert!(!world.run_until(30 * SECOND, |world| world.clients[0].is_done()), "there is a hole");
    let lost = lost.unwrap();
    let named = world
        .notes
        .iter()
        .filter(|(_, _, note)| matches!(note, Note::BlockMissing { id: Some(id), .. } if *id == lost));
    assert!(named.count() > 0, "{:?}", world.status(0));
    is_sound(&world);
}

// Faults: S24, S25
#[test]
fn beyond_the_bound_all_is_repaired_or_named_and_nothing_diverges() {
    let options = Options { seeds: 60, mode: Mode::BeyondBound, replicas: Some(4), ..Options::default() };
    let report = campaign(&options, |_, _| ());
    let failing: Vec<_> =
        report.failures.iter().map(|outcome| (outcome.command(), outcome.failure())).collect();
    assert!(failing.is_empty(), "{failing:?}");
    let count = |word: &str| report.faults.get(word).copied().unwrap_or_default();
    assert!(count("repaired") > 0 && count("halted_and_named") > 0, "{:?}", report.faults);
}

fn promise(counter: u64, sequence: u64) -> Record {
    Record::Promise(Promise {
        counter,
        epoch: Epoch(0),
        view: View(0),
        lease: Sequence(256),
        high_rank: Rank { view: View(0), sequence: Sequence(sequence) },
        high_id: Digest::of(b"block"),
    })
}

// D13, D23: old damage does not bind a replica to a lock that nobody ever acted upon: what was promised before the torn write is
// known. Where two logs of four had any, and the power failed, nothing was agreed on ever after (seed 1712430).
// Faults: S06, S07
#[test]
fn old_damage_and_a_torn_write_leave_the_lock_that_was() {
    let torn = |rots: u64| {
        let mut found = Vec::new();
        for dice in 0..64 {
            let mut disk = Disk::with(vec![promise(1, 0)]);
            for (ticket, records) in [
                (1, vec![promise(2, 4)]),
                (2, vec![Record::Retired]),
                (3, vec![Record::Retired, promise(3, 5)]),
            ] {
                disk.append(Ticket(ticket), records);
                if ticket < 3 {
                    disk.end_flush();
                }
            }
            let is_hit = |record: &Record| matches!(record, Record::Promise(p) if p.counter == rots);
            let hit = disk.durable().iter().position(is_hit);
            disk.rot(hit.unwrap_or(usize::MAX));
            disk.crash(&mut Random::new(dice), true, true);
            if disk.is_after_gap() {
                found.push(disk.voting());
            }
        }
        assert!(!found.is_empty(), "no write was torn between its records");
        found
    };
    let names = |voting: &Voting, counter| matches!(voting, Voting::AllowedAfterGap { before } if before.counter == counter);
    assert!(torn(0).iter().all(|voting| names(voting, 2)));
    assert!(torn(1).iter().all(|voting| names(voting, 2)), "what rotted was older");
    assert!(torn(2).iter().all(|voting| *voting == Voting::Allowed), "promise one was not the last");
}

//! Scenarios of `docs/protocol.md` section 9 about disks that are wiped, and disks that are put back from a copy.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::stage::*;
use outvote_adversary::Behaviour;
use outvote_replica::Voting;
use outvote_sim::disk::Disk;
use outvote_sim::plan::START_US;
use outvote_sim::{Fault, Verdict};

// Faults: S12
/// Scenario 25. D16, D17
// Faults: S12
#[test]
fn a_wiped_disk_makes_an_observer() {
    let mut world = cluster(4);
    commits(&mut world, 10);
    crash(&mut world, 3);
    world.machines[3].disk.wipe();
    world.machines[3].wipe_state();
    world.machines[3].voting = Voting::Observer { why: "the disk was wiped" };
    restart(&mut world, 3);
    commits(&mut world, 10);
    converges(&mut world);
    assert!(status(&world, 3).observer);
    assert_eq!(status(&world, 3).executed.0, world.checkers.height(), "it follows");
    // Its vote is not there to be counted.
    crash(&mut world, 2);
    let height = world.checkers.height();
    world.clients[0].want(1);
    world.wake(0);
    world.run_for(5 * SECOND);
    assert_eq!(world.checkers.height(), height, "two voters and an observer are no quorum");
}

// Faults: S12
/// Scenario 25: the key of the wiped disk votes on, as one with a new home does, and says two things at every occasion. The
/// others bear it as they bear any liar, and show what it forgot. D16, D17, X1
// Faults: S12, R24
#[test]
fn peers_survive_the_equivocation_of_a_wiped_key() {
    for behaviour in [Behaviour::Honest, Behaviour::Equivocate] {
        let mut world = with_liars(4, &[(0, Behaviour::Honest)]);
        commits(&mut world, 10);
        crash(&mut world, 0);
        let wiped = Disk::first(&world.committee);
        world.machines[0].disk = wiped;
        world.machines[0].wipe_state();
        world.machines[0].incarnation = 0;
        world.machines[0].adversary.behave(behaviour);
        // It is asked to lead again from the first slot on before anybody can tell it what it said there.
        world.rule(None, Some(0), None, Verdict::Drop);
        restart(&mut world, 0);
        let client = world.add_client(0);
        world.request(client, 1, b"another first block", &[0]);
        world.run_for(SECOND / 5);
        world.links.rules.clear();
        commits(&mut world, 20);
        world.run_for(3 * SECOND);
        converges(&mut world);
        assert!(
            world.accused.iter().any(|(by, whom, _)| *by != id(0) && *whom == id(0)),
            "{:?}",
            world.accused
        );
        assert!((1..4).all(|index| !status(&world, index).observer));
    }
}

// Faults: S14
/// D18, D22: it is shown what it forgot as soon as it is back, so not even its first VIEWCHANGE leaves.
// Faults: S14, O06
#[test]
fn an_old_copy_of_a_disk_is_found_out_before_it_votes() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.strike(&Fault::CopyDisk(id(3)));
    for victim in [0, 1] {
        crash(&mut world, victim);
        commits(&mut world, 3);
        restart(&mut world, victim);
    }
    let height = world.checkers.height();
    world.strike(&Fault::OldCopy(id(3)));
    assert!(status(&world, 3).executed.0 < height, "it has forgotten");
    commits(&mut world, 3);
    converges(&mut world);
    assert!(status(&world, 3).observer);
    // Nobody needs to show it anything again.
    crash(&mut world, 3);
    world.rule(None, Some(3), None, Verdict::Drop);
    restart(&mut world, 3);
    assert!(status(&world, 3).observer);
}

/// D18: a copy that was put back before anything else was signed has lost nothing.
#[test]
fn a_copy_that_is_not_old_silences_nobody() {
    let mut world = cluster(4);
    commits(&mut world, 3);
    world.run_for(SECOND);
    world.strike(&Fault::CopyDisk(id(3)));
    world.strike(&Fault::OldCopy(id(3)));
    commits(&mut world, 30);
    crash(&mut world, 0);
    commits(&mut world, 3);
    converges(&mut world);
    assert!((1..4).all(|index| !status(&world, index).observer));
}

// Faults: S14
/// D18, D22: whenever the copy was taken and put back, nobody else is harmed, and who relied upon what it said shows it.
// Faults: S14, R24
#[test]
fn an_old_copy_put_back_at_any_moment_does_no_harm() {
    for step in 0..40u64 {
        let mut plan = busy(700 + step);
        let victim = id(usize::try_from(step % 4).unwrap());
        plan.liars = vec![(victim, Behaviour::Honest)];
        let copied = START_US + 2_000 + step * 311;
        plan.faults =
            vec![(copied, Fault::CopyDisk(victim)), (copied + 10_000 + step * 7_000, Fault::OldCopy(victim))];
        lives(plan);
    }
}

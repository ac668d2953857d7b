//! Planted bugs that show only when the right things come together: each has a stage of its own on which it is caught, and
//! on which nothing is wrong without it. Those that any campaign finds are hunted in `hunt.rs`; `cargo xtask bugs` runs both.

#![allow(clippy::print_stdout, reason = "what caught the bug is what is wanted")]

#[path = "world/stage/mod.rs"]
mod stage;

use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_replica::{Action, Recipients};
use outvote_sim::twins::whole::{play, scenarios};
use outvote_sim::{Fault, Kind, Plan, Verdict, World};
use outvote_types::planted::{Bug, plant};
use outvote_types::{Blob, BoundedVec, Data, Digest, Instant, Message, Vote, decode, encode};
use stage::*;
use std::sync::{Mutex, PoisonError};

/// The switch belongs to the whole process, so one bug at a time.
static SWITCH: Mutex<()> = Mutex::new(());

/// Twins can fork what is not sound.
// Faults: R04
#[test]
fn twins_fork_a_quorum_that_is_one_vote_short() {
    let _guard = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    plant(Some(Bug::QuorumOffByOne));
    let found = scenarios(4, 1, 2).iter().position(|scenario| play(scenario).is_err());
    plant(None);
    println!("QuorumOffByOne: {found:?} by twins");
    assert!(found.is_some());
}

/// Plays a stage with the bug and without it: only with it something goes wrong.
fn is_caught_on(bug: Bug, stage: fn() -> Option<String>) {
    let _guard = SWITCH.lock().unwrap_or_else(PoisonError::into_inner);
    plant(None);
    assert_eq!(stage(), None, "the stage is sound without {bug:?}");
    plant(Some(bug));
    let found = stage();
    plant(None);
    println!("{bug:?}: {found:?}");
    assert!(found.is_some(), "{bug:?} goes unnoticed");
}

/// What is wrong with a world in which the client wants something more.
fn verdict(world: &mut World, requests: u64, us: u64) -> Option<String> {
    world.clients[0].want(requests);
    world.wake(0);
    let done = world.run_until(us, |world| !world.checkers.found().is_empty() || world.clients[0].is_done());
    let found = world.checkers.found().first().map(|violation| violation.name.to_owned());
    found.or_else(|| (!done).then(|| String::from("stall")))
}

/// The first copy of every VIEWCHANGE is lost.
fn the_first_view_changes_are_lost() -> Option<String> {
    let mut world = cluster(4);
    world.rule(None, None, Some(Kind::ViewChange), Verdict::DropFirst);
    crash(&mut world, 0);
    verdict(&mut world, 3, 60 * SECOND)
}

#[test]
fn a_view_change_sent_once_is_caught() {
    is_caught_on(Bug::ViewChangeSentOnce, the_first_view_changes_are_lost);
}

/// The first copy of every vote is lost.
fn the_first_votes_are_lost() -> Option<String> {
    let mut world = cluster(4);
    world.rule(None, None, Some(Kind::Prepare), Verdict::DropFirst);
    world.rule(None, None, Some(Kind::Commit), Verdict::DropFirst);
    verdict(&mut world, 3, 60 * SECOND)
}

#[test]
fn votes_sent_once_are_caught() {
    is_caught_on(Bug::VotesSentOnce, the_first_votes_are_lost);
}

fn the_state_is_lost_and_the_log_is_not() -> Option<String> {
    let mut world = a_state_below_the_lock();
    verdict(&mut world, 5, 30 * SECOND)
}

#[test]
fn a_lock_lowered_by_state_transfer_is_caught() {
    is_caught_on(Bug::LockLoweredByTransfer, the_state_is_lost_and_the_log_is_not);
}

fn a_long_chain_of_a_low_view_meets_a_short_one_of_a_high_view() -> Option<String> {
    verdict(&mut long_against_short(), 3, 60 * SECOND)
}

#[test]
fn ranking_by_sequence_first_is_caught() {
    is_caught_on(Bug::RankBySequence, a_long_chain_of_a_low_view_meets_a_short_one_of_a_high_view);
}

/// Checkpoints come by bytes, and replicas restart between them with a state that was flushed there.
fn replicas_restart_between_checkpoints() -> Option<String> {
    let mut plan = Plan::with_checkpoints(3, 4, 1_000);
    plan.parameters.checkpoint_bytes = 2_000;
    plan.flush_blocks = 1;
    let mut world = with(plan);
    for index in [1, 2, 3] {
        let found = verdict(&mut world, 3, 30 * SECOND);
        if found.is_some() {
            return found;
        }
        crash(&mut world, index);
        restart(&mut world, index);
    }
    verdict(&mut world, 20, 30 * SECOND)
}

#[test]
fn a_count_of_bytes_that_a_restart_forgets_is_caught() {
    is_caught_on(Bug::CheckpointBytesForgotten, replicas_restart_between_checkpoints);
}

fn those_who_had_the_state_have_lost_it() -> Option<String> {
    verdict(&mut a_transfer_that_nobody_can_finish(), 40, 60 * SECOND)
}

#[test]
fn a_transfer_that_is_waited_for_in_vain_is_caught() {
    is_caught_on(Bug::StuckTransferKept, those_who_had_the_state_have_lost_it);
}

fn everybody_with_the_state_restarts() -> Option<String> {
    verdict(&mut all_who_have_the_state_restart(), 10, 60 * SECOND)
}

#[test]
fn a_snapshot_that_dies_with_its_process_is_caught() {
    is_caught_on(Bug::SnapshotDiesWithProcess, everybody_with_the_state_restarts);
}

/// A replica that was needed in two changes of the view gets a disk from before them.
fn a_disk_is_put_back_from_an_old_copy() -> Option<String> {
    let mut world = cluster(4);
    let _ = verdict(&mut world, 3, 10 * SECOND);
    world.strike(&Fault::CopyDisk(id(3)));
    for victim in [0, 1] {
        crash(&mut world, victim);
        let found = verdict(&mut world, 3, 10 * SECOND);
        if found.is_some() {
            return found;
        }
        restart(&mut world, victim);
    }
    world.strike(&Fault::OldCopy(id(3)));
    let stall = verdict(&mut world, 3, 10 * SECOND).filter(|name| name == "stall");
    world.run_for(SECOND);
    // The harm itself is looked for, not the reminder that went unheeded.
    let harm = world.checkers.found().iter().find(|violation| violation.name != "rollback");
    harm.map(|violation| violation.name.to_owned()).or(stall)
}

/// It shows the leader a lower lock than it has shown before, and nothing but D18 keeps it from that.
// Faults: S14
#[test]
fn an_old_copy_that_votes_on_is_caught() {
    is_caught_on(Bug::RollbackUnnoticed, a_disk_is_put_back_from_an_old_copy);
}

/// Sends buckets with false values, under a true manifest.
struct Poisoner;
impl Liar for Poisoner {
    fn act(&mut self, _: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { frame, to, .. } = &action else { return out.push(action) };
        match decode::<Message>(frame) {
            Ok(Message::Data(Data::Bucket { checkpoint, bucket, after, pairs, last })) => {
                let mut pairs = pairs.into_inner();
                for (_, value) in &mut pairs {
                    *value = Blob::new(value.iter().map(|byte| byte ^ 1).collect()).unwrap_or_default();
                }
                let pairs = BoundedVec::truncated(pairs);
                let data = Message::Data(Data::Bucket { checkpoint, bucket, after, pairs, last });
                out.push(Action::Send { to: *to, urgent: false, frame: encode(&data).into() });
            }
            _ => out.push(action),
        }
    }
}

/// A replica far behind fetches the state while one of those it asks lies.
fn a_laggard_among_corrupt_answers() -> Option<String> {
    let mut plan = Plan::with_checkpoints(3, 4, 4);
    plan.liars = vec![(id(0), Behaviour::Honest)];
    let mut world = with(plan);
    world.machines[0].adversary.lie(Box::new(Poisoner));
    world.strike(&Fault::Partition(vec![id(3)]));
    for _ in 0..60 {
        let found = verdict(&mut world, 1, 10 * SECOND);
        if found.is_some() {
            return found;
        }
    }
    // For a while only the liar is heard.
    world.links.mend();
    let _ = world
        .run_until(10 * SECOND, |w| w.machines[3].transfer.as_ref().is_some_and(|t| t.progress().is_some()));
    for from in [1, 2] {
        world.rule(Some(from), Some(3), Some(Kind::Data), Verdict::Drop);
    }
    world.run_for(5 * SECOND);
    world.links.rules.clear();
    world.run_for(15 * SECOND);
    verdict(&mut world, 20, 30 * SECOND)
}

// Faults: S21
#[test]
fn an_unchecked_bucket_is_caught() {
    is_caught_on(Bug::BucketUnchecked, a_laggard_among_corrupt_answers);
}

/// A leader that puts its blocks an hour off.
fn a_forger_leads() -> Option<String> {
    let mut world = with_liars(4, &[(0, Behaviour::Forge)]);
    verdict(&mut world, 30, 60 * SECOND)
}

// Faults: C02
#[test]
fn an_unchecked_time_is_caught() {
    is_caught_on(Bug::TimestampUnchecked, a_forger_leads);
}

/// Proposes blocks whose parent nobody knows.
struct Orphaner;
impl Liar for Orphaner {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { frame, .. } = &action else { return out.push(action) };
        match decode::<Message>(frame) {
            Ok(Message::Propose(mut propose)) if propose.header.body.sequence.0 > 1 => {
                propose.header.body.parent = Digest([7; 32]);
                let vote = Vote { id: propose.header.body.id(), ..propose.prepare.body };
                propose.header = hand.sign(propose.header.body);
                propose.prepare = hand.sign(vote);
                let frame = encode(&Message::Propose(propose)).into();
                out.push(Action::Send { to: Recipients::Others, urgent: true, frame });
            }
            _ => out.push(action),
        }
    }
}

fn an_orphan_is_proposed() -> Option<String> {
    let mut world = with_liars(4, &[(0, Behaviour::Honest)]);
    world.machines[0].adversary.lie(Box::new(Orphaner));
    verdict(&mut world, 10, 60 * SECOND)
}

// Faults: L07
#[test]
fn an_unchecked_parent_is_caught() {
    is_caught_on(Bug::ParentUnchecked, an_orphan_is_proposed);
}

//! What must be durable before what, and the restart rule.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, block, promises, request, vote};
use outvote_protocol::{Note, Output, Promise, Record, Tunables, Voting};
use outvote_types::{
    BoundedVec, CheckpointCertificate, Digest, Message, Phase, Reminder, ReplicaId, Sequence, View, Vote,
    encode,
};

fn commits_sent(cluster: &Cluster, i: usize) -> usize {
    let sent = cluster.nodes[i].sent.iter();
    sent.filter(|m| matches!(m, Message::Commit(v) if usize::from(v.body.replica.0) == i)).count()
}

// D1: COMMIT waits for its certificate and block; PREPARE does not (D3).
// Faults: P15
#[test]
fn a_commit_waits_for_the_disk_and_a_prepare_does_not() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    let (prepares, commits) = (cluster.prepares(2).len(), commits_sent(&cluster, 2));
    cluster.nodes[2].holds_disk = true;
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(20);
    assert_eq!(cluster.prepares(2).len(), prepares + 1);
    assert_eq!(commits_sent(&cluster, 2), commits);
    cluster.nodes[2].holds_disk = false;
    cluster.sync(2);
    assert_eq!(commits_sent(&cluster, 2), commits + 1);
}

// D2, D3, D6: before the first lease is durable nothing is prepared; STATUS does not wait.
// Faults: P15
#[test]
fn nothing_is_prepared_before_the_lease_is_durable() {
    let mut cluster = Cluster::new(4);
    cluster.nodes[3].holds_disk = true;
    cluster.start_all();
    cluster.run_ms(50);
    assert_eq!(cluster.prepares(3), vec![]);
    assert!(cluster.nodes[3].sent.iter().any(|message| matches!(message, Message::Status(_))));
    assert_eq!(cluster.committed(0), 1, "the others go on");
    cluster.nodes[3].holds_disk = false;
    cluster.sync(3);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    assert!(!cluster.prepares(3).is_empty());
}

fn small_lease() -> Tunables {
    Tunables { lease_slots: 8, ..Tunables::default() }
}

// D4, D7, D8, D9: a restarted follower prepares nothing at or below its lease, and votes again above it.
// Faults: R24
#[test]
fn a_restarted_follower_sits_out_its_lease() {
    let mut cluster = Cluster::with(4, 1024, small_lease());
    cluster.start_all();
    for nonce in 1..=10 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(5);
    }
    let promises = cluster.nodes[3].disk.iter().filter_map(|record| match record {
        Record::Promise(promise) => Some(*promise),
        _ => None,
    });
    let lease = { promises }.next_back().unwrap().lease.0;
    let before = cluster.prepares(3);
    cluster.kill(3);
    cluster.run_ms(5);
    cluster.restart(3);
    assert!(cluster.replica(3).status().sitting_out);
    let mut commits = 0;
    for nonce in 11..=40 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(5);
        if cluster.replica(3).status().sitting_out {
            commits = commits_sent(&cluster, 3);
        }
    }
    let after: Vec<_> = cluster.prepares(3).split_off(before.len());
    assert!(!after.is_empty(), "it votes again");
    assert!(
        after.iter().all(|(view, sequence, _)| *view == 0 && *sequence > lease),
        "{after:?} above {lease}"
    );
    assert!(commits > 0, "it commits while it sits out");
    assert!(cluster.nodes[3].notes.iter().any(|note| matches!(note, Note::VotesAgain { .. })));
    assert_eq!(cluster.view(3), 0);
    assert_eq!(cluster.ordered(3).len(), 40);
}

// D7, D10, V21: a replica that restarts in a view takes no NEWVIEW of it. Scenario 43, first half: nor a second one, whose
// base lies above the lease.
// Faults: R24
#[test]
fn no_opening_is_taken_after_a_restart_in_its_view() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(50);
    cluster.kill(0);
    cluster.run_ms(300);
    assert_eq!(cluster.view(2), 1);
    let opening = cluster.nodes[1].sent.iter().find(|m| matches!(m, Message::NewView(_))).unwrap().clone();
    cluster.kill(2);
    cluster.loses = Box::new(|_, _, _| true);
    cluster.start(2, false);
    assert!(cluster.replica(2).status().sitting_out);
    let before = cluster.prepares(2).len();
    cluster.give(1, 2, opening.clone());
    let Message::NewView(mut second) = opening else { unreachable!() };
    let (base, _) = block(0, 0, 5_000, outvote_types::Digest::ZERO, 5, &[]);
    let votes = [0, 1, 3].map(|id| (outvote_types::ReplicaId(id), outvote_types::Signature::default()));
    second.certificate = Some(outvote_types::Certificate {
        phase: Phase::Prepare,
        view: base.body.view,
        sequence: base.body.sequence,
        id: base.body.id(),
        votes: outvote_types::BoundedVec::truncated(votes.to_vec()),
    });
    let mut heads = second.signed.body.heads.to_vec();
    heads[0].body.rank = base.body.rank();
    heads[0].body.id = base.body.id();
    second.signed.body.heads = outvote_types::BoundedVec::truncated(heads);
    cluster.give(1, 2, Message::NewView(second));
    let status = cluster.replica(2).status();
    assert!(!status.normal && status.sitting_out, "{status:?}");
    let (header, batches) = block(1, 1, 3, status.committed_id, crate::cluster::EPOCH_US + cluster.now, &[]);
    cluster.give(1, 2, crate::cluster::propose(&header, &batches));
    assert_eq!(cluster.prepares(2).len(), before);
}

// D18: a peer shows a later vote of this key than its promises allow: the disk is an old copy.
// Faults: S14, R24
#[test]
fn an_old_copy_of_the_disk_is_noticed() {
    let mut cluster = Cluster::with(4, 1024, small_lease());
    cluster.start_all();
    cluster.run_ms(20);
    let parent = cluster.replica(3).status().committed_id;
    let (header, _) = block(0, 0, 100, parent, 0, &[]);
    // SUSPECT may outrun the disk and proves nothing.
    let suspect =
        outvote_types::Suspect { view: outvote_types::View(9), replica: outvote_types::ReplicaId(3) };
    cluster.give(1, 3, Message::Suspect(crate::cluster::signed(suspect)));
    assert!(!cluster.replica(3).status().observer);
    cluster.give(1, 3, Message::Commit(vote(Phase::Commit, &header.body, 3)));
    assert!(cluster.replica(3).status().observer);
    let votes = cluster.prepares(3).len();
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    assert_eq!(cluster.prepares(3).len(), votes, "it never votes again");
    assert_eq!(cluster.ordered(3), vec![(9, 1)], "it follows");
}

// Faults: S14, S07
// D24: that a key votes no more is not forgotten with the one record that says so.
#[test]
fn a_key_that_votes_no_more_is_not_brought_back_by_a_damaged_record() {
    let mut cluster = Cluster::with(4, 1024, small_lease());
    cluster.start_all();
    cluster.run_ms(20);
    let parent = cluster.replica(3).status().committed_id;
    let (header, _) = block(0, 0, 100, parent, 0, &[]);
    cluster.give(1, 3, Message::Commit(vote(Phase::Commit, &header.body, 3)));
    cluster.run_ms(20);
    assert!(cluster.replica(3).status().observer);
    cluster.kill(3);
    let before = cluster.nodes[3].disk.len();
    cluster.nodes[3].disk.retain(|record| !matches!(record, Record::Retired));
    assert_eq!(cluster.nodes[3].disk.len(), before - 1);
    cluster.restart(3);
    assert!(
        cluster.replica(3).status().observer,
        "it has signed what it knows nothing of, and says so no more"
    );
}

// D16, D17: without promises a replica follows, serves, and says nothing that binds.
// Faults: S12
#[test]
fn a_replica_with_a_lost_disk_only_follows() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    cluster.kill(3);
    cluster.nodes[3].disk.clear();
    cluster.nodes[3].sent.clear();
    cluster.nodes[3].others.clear();
    cluster.nodes[3].executed = (outvote_types::Sequence(0), cluster.committee.genesis_id());
    cluster.nodes[3].executed_header = None;
    cluster.start_as(3, false, Voting::Observer { why: "the disk was lost" });
    cluster.connect();
    cluster.request(0, request(9, 2, b"y"));
    cluster.run_ms(1500);
    assert_eq!(cluster.committed(3), cluster.committed(0));
    let binding =
        cluster.nodes[3].sent.iter().filter(|m| !matches!(m, Message::Status(_) | Message::Fetch(_)));
    assert_eq!(binding.count(), 0);
    assert!(!cluster.nodes[3].others.iter().any(|output| matches!(output, Output::Reply { .. })));
}

// D15, D21: every promise on disk names a lock whose certificate and block came no later.
#[test]
fn a_promise_never_runs_ahead_of_its_block() {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=20 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_us(700);
    }
    cluster.kill(0);
    cluster.run_ms(300);
    for node in &cluster.nodes {
        let mut held = std::collections::BTreeSet::from([cluster.committee.genesis_id()]);
        let (mut last, mut view) = (0, 0);
        for record in &node.disk {
            match record {
                Record::Block(block) => {
                    assert!(held.contains(&block.header.body.parent) || block.header.body.sequence.0 > 1);
                    held.insert(block.header.body.id());
                }
                Record::Promise(promise) => {
                    assert!(held.contains(&promise.high_id));
                    assert!(promise.counter > last && promise.view.0 >= view);
                    (last, view) = (promise.counter, promise.view.0);
                }
                _ => {}
            }
        }
    }
}

// E11: a restart reads where a block belongs from its header alone, and of no other record.
#[test]
fn the_place_of_a_block_is_read_from_its_record_and_from_no_other() {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=5 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(20);
    }
    let mut places = 0;
    for record in &cluster.nodes[1].disk {
        let expected = match record {
            Record::Block(block) => Some(block.header.body.sequence),
            _ => None,
        };
        places += u32::from(expected.is_some());
        let mut bytes = encode(record);
        assert_eq!(Record::block_sequence(&bytes), expected);
        // The batches are not looked at; a header that is cut short has no place.
        bytes.truncate(40);
        assert_eq!(Record::block_sequence(&bytes), None);
    }
    assert!(places >= 5 && places < cluster.nodes[1].disk.len() as u32);
    assert_eq!(Record::block_sequence(&[]), None);
}

fn last_promise(disk: &[Record]) -> Promise {
    promises(disk).next().unwrap()
}

/// What was promised before a write that is torn.
fn promise_before(disk: &[Record], torn: Promise) -> Promise {
    promises(disk).find(|promise| promise.counter != torn.counter).unwrap()
}

// D13, D23: a torn last write that kept only its promise takes the lock back to the one before; behind a whole one the lock
// stays as high as it was promised, and only its proof has to come.
// Faults: S06
#[test]
fn a_promise_whose_write_was_torn_revives_no_lock_and_loses_no_vote() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    cluster.request(0, request(9, 2, b"y"));
    cluster.run_ms(50);
    cluster.kill(3);
    let disk = cluster.nodes[3].disk.clone();
    let last = last_promise(&disk);
    let is_lock = |record: &Record| matches!(record, Record::Certificate(c) if (c.rank(), c.id) == (last.high_rank, last.high_id));
    let torn: Vec<Record> = disk.into_iter().filter(|record| !is_lock(record)).collect();
    let before = promise_before(&torn, last);
    for (voting, is_torn) in [(Voting::Allowed, false), (Voting::AllowedAfterGap { before }, true)] {
        cluster.nodes[3].disk.clone_from(&torn);
        cluster.start_as(3, false, voting);
        let status = cluster.replica(3).status();
        if is_torn {
            cluster.sync(3);
            // The gap is covered by the next write, which says so.
            let promised = last_promise(&cluster.nodes[3].disk);
            assert_eq!((promised.high_rank, promised.view), (status.high_rank, last.view));
            assert!(promised.counter > last.counter);
        }
        assert!(!status.observer, "{voting:?}");
        assert_eq!(status.high_rank < last.high_rank, is_torn, "{voting:?}");
        assert_eq!(status.view, last.view, "the view is never taken back");
        cluster.kill(3);
    }
}

// D13: of the last write one copy of the promise may be all that is left, so it is promised anew before anything rests on it.
// Faults: S06, S11
#[test]
fn what_the_disk_holds_is_promised_anew_before_anything_rests_on_it() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    cluster.kill(3);
    let found = last_promise(&cluster.nodes[3].disk);
    cluster.nodes[3].holds_disk = true;
    cluster.nodes[3].sent.clear();
    cluster.restart(3);
    cluster.kill(0);
    cluster.run_ms(1_500);
    let rests =
        |message: &Message| !matches!(message, Message::Status(_) | Message::Reminder(_) | Message::Fetch(_));
    assert!(!cluster.nodes[3].sent.iter().any(rests), "{:?}", cluster.nodes[3].sent);
    assert_eq!(cluster.view(1), 0, "the others wait for it");
    cluster.nodes[3].holds_disk = false;
    cluster.sync(3);
    let later = promises(&cluster.nodes[3].disk).filter(|promise| promise.counter > found.counter);
    let again = later.min_by_key(|promise| promise.counter).unwrap();
    assert_eq!(again, Promise { counter: found.counter + 1, ..found });
    cluster.run_ms(1_500);
    assert_eq!(cluster.view(1), 1);
}

// D13, E11: the same where the state is lost too, and the log begins above the block that execution needs next: the lock is the
// one before, not none at all.
// Faults: S06, S08
#[test]
fn a_torn_write_beside_a_lost_state_does_not_take_the_lock_back_to_nothing() {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=3 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(50);
    }
    cluster.kill(3);
    let disk = cluster.nodes[3].disk.clone();
    let last = last_promise(&disk);
    let is_gone = |record: &Record| match record {
        Record::Certificate(c) => (c.rank(), c.id) == (last.high_rank, last.high_id),
        // Truncated; the state that stood for it is lost.
        Record::Block(block) => block.header.body.sequence.0 == 1,
        _ => false,
    };
    cluster.nodes[3].disk = disk.into_iter().filter(|record| !is_gone(record)).collect();
    cluster.nodes[3].executed = (outvote_types::Sequence(0), cluster.committee.genesis_id());
    cluster.nodes[3].executed_header = None;
    let before = promise_before(&cluster.nodes[3].disk, last);
    cluster.start_as(3, false, Voting::AllowedAfterGap { before });
    let status = cluster.replica(3).status();
    assert_eq!(status.high_rank.sequence.0 + 1, last.high_rank.sequence.0, "{status:?}");
}

/// A replica's log whose last write kept nothing but its promise, whose blocks up to `stable` were dropped, and whose state is
/// lost, is what it starts from.
fn start_from_torn_log_without_state(
    cluster: &mut Cluster,
    i: usize,
    stable: u64,
    is_kept: impl Fn(&Record) -> bool,
) -> Promise {
    let disk = cluster.nodes[i].disk.clone();
    let last = last_promise(&disk);
    let mut disk: Vec<Record> = disk
        .into_iter()
        .filter(|record| match record {
            Record::Certificate(c) => (c.rank(), c.id) != (last.high_rank, last.high_id),
            Record::Block(block) => block.header.body.sequence.0 > stable,
            _ => true,
        })
        .filter(is_kept)
        .collect();
    disk.insert(
        0,
        Record::Stable(CheckpointCertificate {
            sequence: Sequence(stable),
            id: Digest::of(b"block"),
            state_root: Digest::of(b"state"),
            votes: BoundedVec::default(),
        }),
    );
    cluster.nodes[i].disk = disk;
    cluster.nodes[i].executed = (Sequence(0), cluster.committee.genesis_id());
    cluster.nodes[i].executed_header = None;
    let before = promise_before(&cluster.nodes[i].disk, last);
    cluster.start_as(i, false, Voting::AllowedAfterGap { before });
    last
}

fn three_blocks() -> Cluster {
    let mut cluster = Cluster::started(4);
    for nonce in 1..=3 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(50);
    }
    cluster.kill(3);
    cluster.loses = Box::new(|_, to, _| to == 3);
    cluster
}

// D13, C2: the same where the lock's own block is dropped, since a stable checkpoint covers it.
// Faults: S06, S08
#[test]
fn a_torn_write_beside_a_lost_state_keeps_a_lock_below_the_stable_checkpoint() {
    let mut cluster = three_blocks();
    let last = start_from_torn_log_without_state(&mut cluster, 3, 3, |_| true);
    let status = cluster.replica(3).status();
    assert_eq!(
        (status.high_rank.sequence, last.high_rank.sequence),
        (Sequence(3), Sequence(4)),
        "{status:?}"
    );
}

// D13, D18, D23: where its proof is lost as well, the lock stays, and its own COMMITs up to it are no news. One above it was sent
// under the promise behind the gap: that write was finished, and what it held is lost.
// Faults: S06, S08, S14
#[test]
fn own_commits_above_the_lock_that_was_taken_back_silence_a_replica() {
    let mut cluster = three_blocks();
    let is_no_proof = |record: &Record| !matches!(record, Record::Certificate(_));
    let last = start_from_torn_log_without_state(&mut cluster, 3, 3, is_no_proof);
    assert_eq!(last.high_rank.sequence, Sequence(4));
    assert_eq!(cluster.replica(3).status().high_rank.sequence, Sequence(3));
    let mut show = |sequence| {
        let body = Vote {
            phase: Phase::Commit,
            view: View(0),
            sequence: Sequence(sequence),
            id: Digest::of(b"block"),
            replica: ReplicaId(3),
        };
        let reminder = Reminder { commit: Some(crate::cluster::signed(body)), ..Reminder::default() };
        cluster.give(1, 3, Message::Reminder(Box::new(reminder)));
        cluster.replica(3).status().observer
    };
    assert!(!show(3));
    assert!(show(4), "nothing is sent under a promise whose write was never finished, so this one was");
}

// D11: the last record of the log decides, and nothing is said on the way there: neither of the first view, whose leader
// this replica was, nor under its promises.
#[test]
fn nothing_is_sent_before_the_whole_log_is_read() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    (0..4).for_each(|i| cluster.link(i, 0, false));
    for i in 1..4 {
        for from in (1..4).filter(|from| usize::from(*from) != i) {
            let body = outvote_types::Suspect {
                view: outvote_types::View(0),
                replica: outvote_types::ReplicaId(from),
            };
            cluster.give(usize::from(from), i, Message::Suspect(crate::cluster::signed(body)));
        }
    }
    // Each has a reason of its own a tenth of a window after the link went (V9).
    cluster.run_ms(100);
    assert_eq!(cluster.view(0), 1, "the change of view is in its log as well");
    cluster.kill(0);
    cluster.nodes[0].sent.clear();
    cluster.loses = Box::new(|_, _, _| true);
    cluster.start(0, false);
    cluster.run_ms(400);
    assert!(!cluster.nodes[0].sent.is_empty());
    for message in &cluster.nodes[0].sent {
        match message {
            Message::Suspect(suspect) => assert_eq!(suspect.body.view.0, 1, "{message:?}"),
            Message::Status(status) => assert_eq!(status.body.view.0, 1, "{message:?}"),
            Message::Propose(_) | Message::Prepare(_) | Message::NewView(_) | Message::Heartbeat(_) => {
                panic!("{message:?}")
            }
            _ => {}
        }
    }
}

// D19: promises name their epoch, and those of another one bind and allow nothing in this one. Scenario 49.
#[test]
fn a_promise_of_another_epoch_is_none() {
    let mut cluster = Cluster::started(4);
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(50);
    cluster.kill(3);
    for record in &mut cluster.nodes[3].disk {
        if let Record::Promise(promise) = record {
            assert_eq!(promise.epoch, cluster.committee.epoch);
            promise.epoch = outvote_types::Epoch(7);
        }
    }
    cluster.nodes[3].sent.clear();
    cluster.restart(3);
    cluster.request(0, request(9, 2, b"y"));
    cluster.run_ms(100);
    assert!(cluster.replica(3).status().observer);
    assert_eq!(cluster.prepares(3), vec![], "it votes under no foreign promise");
    assert_eq!(cluster.ordered(3), vec![(9, 1), (9, 2)], "and follows");
}

//! Old copies of a disk: who remembers what was signed, who shows it, and what the signer makes of it.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, block, request, signed, vote};
use outvote_protocol::{Note, Record, Tunables};
use outvote_types::{
    BoundedVec, Certificate, Digest, Message, Phase, Rank, Reminder, ReplicaId, Sequence, Signature,
    SignedHeader, Status, View, ViewChangeHead, Vote,
};

/// What a backup of a data folder holds.
struct Copy {
    disk: Vec<Record>,
    executed: (Sequence, Digest),
    executed_header: Option<SignedHeader>,
}

impl Copy {
    fn of(cluster: &Cluster, i: usize) -> Self {
        let node = &cluster.nodes[i];
        Self {
            disk: node.disk.clone(),
            executed: node.executed,
            executed_header: node.executed_header.clone(),
        }
    }

    /// Stops the replica, puts the copy in place of its disk, and starts it.
    fn put_back(&self, cluster: &mut Cluster, i: usize) {
        cluster.kill(i);
        let node = &mut cluster.nodes[i];
        node.disk.clone_from(&self.disk);
        node.executed = self.executed;
        node.executed_header.clone_from(&self.executed_header);
        node.sent.clear();
        cluster.restart(i);
    }
}

fn small_lease() -> Tunables {
    Tunables { lease_slots: 8, ..Tunables::default() }
}

fn ordered(cluster: &mut Cluster, nonces: std::ops::RangeInclusive<u64>) {
    for nonce in nonces {
        (0..4).filter(|i| cluster.nodes[*i].replica.is_some()).collect::<Vec<_>>().into_iter().for_each(
            |i| {
                cluster.request(i, request(9, nonce, b"x"));
            },
        );
        cluster.run_ms(5);
    }
}

/// Replica 3 is copied in view 0 and votes on in view 1, whose quorum needs it. The others are in view 2 in the end, which
/// was opened without it, and hold certificates of that view only.
fn forgotten_view() -> (Cluster, Copy) {
    let mut cluster = Cluster::with(4, 1024, small_lease());
    cluster.start_all();
    ordered(&mut cluster, 1..=3);
    let copy = Copy::of(&cluster, 3);
    cluster.kill(0);
    cluster.run_ms(1_000);
    ordered(&mut cluster, 4..=6);
    assert_eq!(
        (cluster.view(3), cluster.ordered(3).len()),
        (1, 6),
        "it votes in a view that the copy knows nothing of"
    );
    cluster.restart(0);
    cluster.run_ms(100);
    cluster.kill(3);
    cluster.kill(1);
    cluster.restart(1);
    cluster.run_ms(2_000);
    ordered(&mut cluster, 7..=9);
    assert_eq!((cluster.view(0), cluster.ordered(0).len()), (2, 9));
    (cluster, copy)
}

fn is_binding(message: &Message, me: ReplicaId) -> bool {
    match message {
        Message::Propose(_) | Message::NewView(_) => true,
        Message::Prepare(prepare) => prepare.vote.body.replica == me,
        Message::Commit(vote) => vote.body.replica == me,
        Message::ViewChange(change) => change.head.body.replica == me,
        _ => false,
    }
}

fn reminders(cluster: &Cluster, i: usize) -> Vec<Reminder> {
    let sent = cluster.nodes[i].sent.iter();
    sent.filter_map(|m| if let Message::Reminder(r) = m { Some((**r).clone()) } else { None }).collect()
}

// D18, D22: the first words on the link show it what it forgot, so it never votes, follows, and goes on following.
// Faults: S14, R24
#[test]
fn an_old_copy_is_found_out_before_it_votes() {
    let (mut cluster, copy) = forgotten_view();
    copy.put_back(&mut cluster, 3);
    ordered(&mut cluster, 10..=15);
    cluster.run_ms(3_000);
    assert!(cluster.replica(3).status().observer);
    let binding = cluster.nodes[3].sent.iter().filter(|message| is_binding(message, ReplicaId(3)));
    assert_eq!(binding.count(), 0);
    assert_eq!(cluster.ordered(0).len(), 15, "the others go on");
    assert_eq!(cluster.committed(3), cluster.committed(0), "it follows");
}

/// What would show replica 3 too early what it forgot is lost: reminders, and whatever holds certificates with its own vote.
fn loses_what_shows_it_too_early(cluster: &mut Cluster) {
    cluster.loses = Box::new(|_, to, message| {
        to == 3
            && match message {
                Message::Reminder(_) | Message::NewView(_) | Message::ViewChange(_) => true,
                Message::Certificate(certificate)
                | Message::Data(outvote_types::Data::Range { certificate, .. }) => {
                    certificate.votes.iter().any(|(id, _)| *id == ReplicaId(3))
                }
                _ => false,
            }
    });
}

// D18: the old copy is in the others' view, with their lock, before anybody shows it what it forgot. Its promises allow
// that by then, and are no excuse.
// Faults: S14, R24
#[test]
fn an_old_copy_that_has_caught_up_is_found_out_all_the_same() {
    let (mut cluster, copy) = forgotten_view();
    let forgotten = certificate_of(&cluster, 1, Phase::Prepare);
    loses_what_shows_it_too_early(&mut cluster);
    copy.put_back(&mut cluster, 3);
    cluster.run_ms(20);
    cluster.request(2, request(9, 10, b"x"));
    cluster.run_ms(50);
    let status = cluster.replica(3).status();
    assert!(!status.observer, "nobody has shown it anything");
    assert_eq!(status.view, View(2));
    assert!(status.high_rank > forgotten.rank(), "{status:?}");
    let message = Message::Certificate(forgotten);
    assert!(cluster.replica(3).wants(ReplicaId(1), &message), "Q7 is no reason to look away");
    cluster.give(1, 3, message);
    assert!(cluster.replica(3).status().observer);
}

/// A certificate of this view with replica 3's vote in it, as one of the others made or took it.
fn certificate_of(cluster: &Cluster, view: u64, phase: Phase) -> Certificate {
    let commits = cluster.nodes[2].commits.iter();
    let header = commits.rev().map(|block| &block.block.header.body).find(|h| h.view == View(view)).unwrap();
    let votes = [1, 2, 3].map(|id| (ReplicaId(id), Signature::default()));
    Certificate {
        phase,
        view: header.view,
        sequence: header.sequence,
        id: header.id(),
        votes: BoundedVec::truncated(votes.to_vec()),
    }
}

// D18: each kind of binding word, alone and inside other messages.
// Faults: S14
#[test]
fn every_binding_word_beyond_the_disk_is_noticed() {
    let mut cluster = Cluster::with(4, 1024, small_lease());
    cluster.start_all();
    ordered(&mut cluster, 1..=3);
    let copy = Copy::of(&cluster, 3);
    let parent = cluster.replica(3).status().committed_id;
    let (later, _) = block(0, 0, 100, parent, 0, &[]);
    let (own, batches) = block(3, 3, 100, parent, 0, &[]);
    let mine = vote(Phase::Prepare, &later.body, 3);
    let head = signed(ViewChangeHead {
        view: View(9),
        rank: Rank::default(),
        id: cluster.committee.genesis_id(),
        replica: ReplicaId(3),
    });
    let votes = [0, 2, 3].map(|id| (ReplicaId(id), Signature::default()));
    let certificate = Certificate {
        phase: Phase::Commit,
        view: View(0),
        sequence: Sequence(100),
        id: later.body.id(),
        votes: BoundedVec::truncated(votes.to_vec()),
    };
    let blocks = BoundedVec::truncated(vec![outvote_types::Block {
        header: own.clone(),
        batches: BoundedVec::default(),
    }]);
    let shown = [
        crate::cluster::propose(&own, &batches),
        crate::cluster::prepare(&later, 3),
        crate::cluster::prepare(&own, 1),
        Message::Commit(vote(Phase::Commit, &later.body, 3)),
        Message::Certificate(certificate.clone()),
        Message::Data(outvote_types::Data::Range { blocks, certificate }),
        Message::Reminder(Box::new(Reminder { prepare: Some(mine), ..Reminder::default() })),
        Message::Reminder(Box::new(Reminder { head: Some(head), ..Reminder::default() })),
    ];
    for message in shown {
        copy.put_back(&mut cluster, 3);
        cluster.loses = Box::new(|_, to, _| to == 3);
        assert!(!cluster.replica(3).status().observer, "it is sound so far");
        assert!(cluster.replica(3).wants(ReplicaId(1), &message), "{message:?}");
        cluster.give(1, 3, message.clone());
        assert!(cluster.replica(3).status().observer, "{message:?}");
        cluster.loses = Box::new(|_, _, _| false);
    }
}

// D18, V15: a head whose lock the disk does not hold, though its view is promised.
// Faults: S14, R24
#[test]
fn a_lock_that_was_claimed_and_is_gone_is_noticed() {
    let mut cluster = Cluster::started(4);
    ordered(&mut cluster, 1..=3);
    cluster.kill(3);
    cluster.restart(3);
    let rank = Rank { view: View(0), sequence: cluster.replica(3).status().high_rank.sequence.next() };
    let claim = |rank, view| {
        let head = ViewChangeHead { view: View(view), rank, id: Digest::of(b"x"), replica: ReplicaId(3) };
        Message::Reminder(Box::new(Reminder { head: Some(signed(head)), ..Reminder::default() }))
    };
    cluster.give(1, 3, claim(cluster.replica(3).status().high_rank, 0));
    assert!(!cluster.replica(3).status().observer);
    cluster.give(1, 3, claim(rank, 0));
    assert!(cluster.replica(3).status().observer);
}

// D18, D22, X3: whatever a replica has really signed, in whichever life, may be shown to it at any time by anybody.
#[test]
fn an_honest_replica_is_never_silenced_by_its_own_words() {
    let mut cluster = Cluster::with(4, 4, small_lease());
    cluster.start_all();
    let mut nonce = 0;
    for life in 0..12u64 {
        nonce += 3;
        ordered(&mut cluster, nonce - 2..=nonce);
        // Power fails anywhere, also between a draft and its flush, and the view changes now and then.
        cluster.nodes[3].holds_disk = life % 3 == 1;
        nonce += 1;
        ordered(&mut cluster, nonce..=nonce);
        show_everything(&mut cluster);
        if life % 4 == 2 {
            let leader = usize::try_from(cluster.view(1) % 4).unwrap();
            if leader != 3 {
                cluster.kill(leader);
                cluster.run_ms(1_500);
                cluster.restart(leader);
            }
        }
        cluster.kill(3);
        cluster.nodes[3].holds_disk = false;
        cluster.run_ms(life * 90);
        cluster.restart(3);
        show_everything(&mut cluster);
        cluster.run_ms(300);
        show_everything(&mut cluster);
    }
    assert!(cluster.view(3) > 0, "views were changed");
    assert!(
        cluster.nodes[3].notes.iter().any(|note| matches!(note, Note::VotesAgain { .. })),
        "and it voted again"
    );
    assert!((0..4).all(|i| !cluster.replica(i).status().observer));
}

/// Replica 1 shows replica 3 every message that it ever sent.
fn show_everything(cluster: &mut Cluster) {
    for message in cluster.nodes[3].sent.clone() {
        let is_bare = matches!(message, Message::Prepare(_) | Message::Commit(_) | Message::ViewChange(_));
        if is_bare || matches!(message, Message::Propose(_) | Message::NewView(_)) {
            cluster.give(1, 3, message.clone());
            assert!(!cluster.replica(3).status().observer, "{message:?}");
        }
    }
}

// D22: the reminders that came with the links are lost, and it says more; by then its latest words stand where the forgotten
// ones stood, and its STATUS claims as much as they imply.
// Faults: S14, N02
#[test]
fn an_old_copy_that_missed_the_first_reminder_is_shown_it_again() {
    let (mut cluster, copy) = forgotten_view();
    loses_what_shows_it_too_early(&mut cluster);
    copy.put_back(&mut cluster, 3);
    cluster.run_ms(20);
    for nonce in 10..=30 {
        cluster.request(2, request(9, nonce, b"x"));
        cluster.run_ms(5);
    }
    assert!(!cluster.replica(3).status().observer, "nobody has shown it anything");
    assert_eq!(cluster.replica(3).status().view, View(2));
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(1_500);
    assert!(cluster.replica(3).status().observer);
}

// D22, B2: one place per kind, the highest; and what the receiver may well have said costs it no signature check.
#[test]
fn a_new_link_begins_with_the_highest_words() {
    let mut cluster = Cluster::started(4);
    ordered(&mut cluster, 1..=5);
    cluster.link(1, 3, false);
    let before = cluster.nodes[1].sent.len();
    cluster.link(1, 3, true);
    let Some(Message::Reminder(reminder)) = cluster.nodes[1].sent.get(before) else {
        panic!("{:?}", cluster.nodes[1].sent.get(before));
    };
    assert_eq!(reminder.signer(), Some(ReplicaId(3)));
    let highest = |phase| {
        let votes = cluster.nodes[3].sent.iter().filter_map(|message| match message {
            Message::Prepare(prepare) => Some(prepare.vote.body),
            Message::Commit(vote) => Some(vote.body),
            _ => None,
        });
        votes.filter(|vote| vote.phase == phase).map(|vote| vote.rank()).max()
    };
    let rank = |vote: &Option<outvote_types::Signed<Vote>>| vote.as_ref().map(|vote| vote.body.rank());
    assert_eq!(rank(&reminder.prepare), highest(Phase::Prepare));
    assert_eq!(rank(&reminder.commit), highest(Phase::Commit));
    assert!(!cluster.replica(3).wants(ReplicaId(1), &Message::Reminder(reminder.clone())));
    assert!(!cluster.replica(2).wants(ReplicaId(1), &Message::Reminder(reminder.clone())), "of another");
}

// D22, T4: a STATUS that claims less than its sender has signed is answered with the words; at most so often.
// Faults: S14
#[test]
fn a_status_that_falls_short_is_answered_with_a_reminder() {
    let mut cluster = Cluster::started(4);
    ordered(&mut cluster, 1..=5);
    cluster.run_ms(100);
    let now = cluster.replica(3).status();
    let status = |view, rank, sitting_out| Status {
        view,
        rank,
        committed: now.committed,
        stable: now.stable,
        sitting_out,
        replica: ReplicaId(3),
    };
    let lower = Rank { view: View(0), sequence: Sequence(now.high_rank.sequence.0 - 1) };
    for (shown, count) in [
        (status(now.view, now.high_rank, false), 0),
        (status(now.view, lower, false), 1),
        (status(now.view, now.high_rank, true), 1),
    ] {
        let before = reminders(&cluster, 1).len();
        cluster.give(3, 1, Message::Status(signed(shown)));
        cluster.give(3, 1, Message::Status(signed(shown)));
        assert_eq!(reminders(&cluster, 1).len() - before, count, "{shown:?}");
        cluster.run_ms(100);
    }
}

// D22: the certificates and the opening on a disk outlive the memory of those who remember.
// Faults: S14
#[test]
fn peers_that_have_restarted_remember_from_their_logs() {
    let mut cluster = Cluster::with(4, 1024, small_lease());
    cluster.start_all();
    ordered(&mut cluster, 1..=3);
    let copy = Copy::of(&cluster, 3);
    // The others' certificates need replica 3 from here on.
    cluster.kill(2);
    ordered(&mut cluster, 4..=15);
    cluster.kill(3);
    for i in [0, 1] {
        cluster.kill(i);
    }
    for i in [0, 1, 2] {
        cluster.restart(i);
    }
    copy.put_back(&mut cluster, 3);
    cluster.run_ms(20);
    assert!(cluster.replica(3).status().observer);
}

// D17, D18: the log says so from then on, also when its beginning is dropped; nobody needs to show it anything again.
// Faults: S14
#[test]
fn what_was_found_out_outlives_a_restart() {
    let mut cluster = Cluster::with(4, 4, small_lease());
    cluster.start_all();
    ordered(&mut cluster, 1..=3);
    let parent = cluster.replica(3).status().committed_id;
    let (later, _) = block(0, 0, 100, parent, 0, &[]);
    cluster.give(1, 3, Message::Commit(vote(Phase::Commit, &later.body, 3)));
    assert!(cluster.replica(3).status().observer);
    ordered(&mut cluster, 4..=12);
    let retired = |disk: &[Record]| disk.iter().filter(|record| matches!(record, Record::Retired)).count();
    assert!(retired(&cluster.nodes[3].disk) > 1, "written again with a stable checkpoint");
    cluster.kill(3);
    cluster.loses = Box::new(|_, _, _| true);
    cluster.restart(3);
    assert!(cluster.replica(3).status().observer);
}

//! What comes in: junk, forgeries, floods, and the order of each peer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::jar::{Cluster, Dice, Family, LATENCY_US, WALL_AT_START_US, replica_id};
use outvote_crypto::Check;
use outvote_replica::{
    Action, Event, IN_PLACE_CHECKS, JobId, MAX_JOBS_PER_PEER, MAX_WAITING_BYTES_PER_PEER, MessageType, Note,
    Recovered, Replica, Voting,
};
use outvote_types::limits::MAX_MESSAGE_BYTES;
use outvote_types::{
    BoundedVec, Certificate, Digest, Heartbeat, Instant, Message, Phase, Rank, Request, Sequence, Status,
    Suspect, TimeoutCertificate, View, ViewChange, ViewChangeHead, Vote, WallTime, encode,
};

const NOW_US: u64 = 5_000_000;

fn one(family: &Family, index: usize) -> Replica {
    let recovered = Recovered {
        records: family.first_records(),
        executed: (Sequence(0), family.committee.genesis_id()),
        executed_header: None,
        voting: Voting::Allowed,
        first_start: true,
    };
    let wall = WallTime(WALL_AT_START_US);
    Replica::recover(family.config(index), recovered, family.scheme(index), Instant(NOW_US), wall).0
}

fn give(replica: &mut Replica, event: Event) -> Vec<Action> {
    let actions = replica.step(Instant(NOW_US), WallTime(WALL_AT_START_US), event);
    replica.assert_invariants();
    actions
}

fn frame(from: usize, message: &Message) -> Event {
    Event::Frame { from: replica_id(from), bytes: encode(message) }
}

fn status_of(family: &Family, index: usize) -> Message {
    let status = Status {
        view: View(0),
        rank: outvote_types::Rank::default(),
        committed: Sequence(0),
        stable: Sequence(0),
        sitting_out: false,
        replica: replica_id(index),
    };
    Message::Status(family.sign(index, status))
}

/// A relay with more requests than are checked in place.
fn long_relay(family: &Family, client: usize, count: usize) -> Message {
    let requests: Vec<Request> =
        (0..count).map(|number| family.request(client + number, 1, format!("{number}").as_bytes())).collect();
    Message::Relay(BoundedVec::new(requests).unwrap())
}

fn jobs(actions: &[Action]) -> Vec<(JobId, Vec<Check>)> {
    let job = |action: &Action| match action {
        Action::Verify { job, checks } => Some((*job, checks.clone())),
        _ => None,
    };
    actions.iter().filter_map(job).collect()
}

fn taken(replica: &Replica, message_type: MessageType) -> u64 {
    replica.counters().messages_in.get(&message_type).copied().unwrap_or(0)
}

fn ignored(actions: &[Action]) -> Vec<&'static str> {
    let why = |action: &Action| match action {
        Action::Note(Note::Ignored { why, .. }) => Some(*why),
        _ => None,
    };
    actions.iter().filter_map(why).collect()
}

#[test]
fn a_jar_may_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Replica>();
    is_send::<Event>();
    is_send::<Action>();
}

// Faults: M01
#[test]
fn junk_never_panics_and_changes_nothing() {
    // M1: a decoder refuses every other spelling; B4: peers' bytes reach no assertion.
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let before = replica.status();
    let mut dice = Dice::new(1);
    for _ in 0..3_000 {
        let bytes: Vec<u8> = (0..dice.roll(300)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
        let actions = give(&mut replica, Event::Frame { from: replica_id(dice.roll(6)), bytes });
        assert!(!actions.iter().any(|action| matches!(action, Action::Send { .. } | Action::Write { .. })));
    }
    assert_eq!(replica.status(), before);
    assert_eq!(replica.counters().frames_in, 3_000);
}

/// Everything that a working cluster, a mutiny in it included, says: one sample of each type of message.
fn samples(family: &Family) -> Vec<(usize, Message)> {
    let mut cluster = Cluster::new(family.clone(), crate::jar::Delays::default());
    let request = family.request(1, 1, b"sample");
    cluster.submit(&[0, 1, 2, 3], &request);
    cluster.run_for(50 * LATENCY_US);
    cluster.crash(0);
    cluster.run_for(3_000_000);
    let mut samples: Vec<(usize, Message)> = Vec::new();
    for (index, jar) in cluster.jars.iter().enumerate() {
        for (_, message) in &jar.sent {
            if !samples.iter().any(|(_, known)| MessageType::of(known) == MessageType::of(message)) {
                samples.push((index, message.clone()));
            }
        }
    }
    samples.push((2, long_relay(family, 0, 3)));
    samples
}

// Faults: M04
#[test]
fn a_frame_cut_off_anywhere_is_refused() {
    let family = Family::of(4);
    let mut replica = one(&family, 3);
    let before = replica.status();
    let samples = samples(&family);
    assert!(samples.len() >= 6, "only {} types of messages", samples.len());
    for (from, message) in samples.iter().filter(|(from, _)| *from != 3) {
        let whole = encode(message);
        for length in 0..whole.len() {
            let event = Event::Frame { from: replica_id(*from), bytes: whole[..length].to_vec() };
            assert_eq!(
                ignored(&give(&mut replica, event)),
                vec!["M1: not the canonical encoding of a message"]
            );
        }
        let mut longer = whole;
        longer.push(0);
        let event = Event::Frame { from: replica_id(*from), bytes: longer };
        assert_eq!(ignored(&give(&mut replica, event)), vec!["M1: not the canonical encoding of a message"]);
    }
    assert_eq!(replica.status(), before);
}

// Faults: R08
#[test]
fn a_flipped_bit_is_never_believed() {
    // M6, M8: whatever byte a relay changes, nothing follows from it but a note.
    let family = Family::of(4);
    let samples = samples(&family);
    let mut dice = Dice::new(77);
    for (from, message) in samples.iter().filter(|(from, _)| *from != 3) {
        let signed_only = matches!(
            message,
            Message::Commit(_)
                | Message::Suspect(_)
                | Message::Heartbeat(_)
                | Message::Status(_)
                | Message::Prepare(_)
        );
        let mut replica = one(&family, 3);
        let before = replica.status();
        for _ in 0..60 {
            let mut bytes = encode(message);
            let place = dice.roll(bytes.len());
            bytes[place] ^= 1 << dice.roll(8);
            let _ = give(&mut replica, Event::Frame { from: replica_id(*from), bytes });
        }
        if signed_only {
            assert_eq!(replica.status(), before, "a changed {message:?} was believed");
            assert_eq!(taken(&replica, MessageType::of(message)), 0);
        }
    }
}

// Faults: M02
#[test]
fn a_frame_above_the_longest_message_is_dropped_unread() {
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let event = Event::Frame { from: replica_id(2), bytes: vec![0; MAX_MESSAGE_BYTES + 1] };
    assert_eq!(ignored(&give(&mut replica, event)), vec!["M1: longer than a message may be"]);
}

// Faults: X15
#[test]
fn frames_of_strangers_and_of_oneself_are_dropped() {
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    for from in [1, 4, 127] {
        let actions = give(&mut replica, frame(from, &status_of(&family, 2)));
        assert_eq!(ignored(&actions), vec!["M4: not from a peer"]);
    }
    assert_eq!(taken(&replica, MessageType::Status), 0);
}

// Faults: R08
#[test]
fn a_signature_of_another_member_is_refused() {
    // M4: the signer's index stands in the body; here 2 signs what claims to be 3's.
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let suspect = Suspect { view: View(0), replica: replica_id(3) };
    let forged = Message::Suspect(family.sign(2, suspect));
    let actions = give(&mut replica, frame(3, &forged));
    assert_eq!(taken(&replica, MessageType::Suspect), 0);
    assert!(!ignored(&actions).is_empty());
    assert_eq!(replica.counters().signatures_bad, 1);
    // And the true one passes, whoever brings it.
    let _ = give(&mut replica, frame(2, &Message::Suspect(family.sign(3, suspect))));
    assert_eq!(taken(&replica, MessageType::Suspect), 1);
}

// Faults: R07
#[test]
fn a_vote_of_another_kind_cluster_or_member_is_not_replayed_here() {
    // M2: the signed bytes name kind, cluster and epoch.
    let family = Family::of(4);
    let mut other = family.clone();
    other.committee.genesis_salt = [8; 32];
    let mut replica = one(&family, 1);
    let vote = Vote {
        phase: Phase::Prepare,
        view: View(0),
        sequence: Sequence(1),
        id: family.committee.genesis_id(),
        replica: replica_id(2),
    };
    let as_commit = Vote { phase: Phase::Commit, ..vote };
    let prepare = family.sign(2, vote);
    let replayed = outvote_types::Signed::new(as_commit, prepare.signature);
    let foreign = other.sign(2, as_commit);
    let before = replica.status();
    for message in [Message::Commit(replayed), Message::Commit(foreign)] {
        let _ = give(&mut replica, frame(2, &message));
    }
    let heartbeat =
        Heartbeat { view: View(0), proposed: Sequence(9), committed: Sequence(9), replica: replica_id(0) };
    let _ = give(&mut replica, frame(0, &Message::Heartbeat(other.sign(0, heartbeat))));
    assert_eq!(taken(&replica, MessageType::Commit) + taken(&replica, MessageType::Heartbeat), 0);
    assert_eq!(replica.status(), before);
}

// Faults: N02
#[test]
fn replayed_messages_change_nothing() {
    let family = Family::of(4);
    let mut cluster = Cluster::new(family.clone(), crate::jar::Delays::default());
    let request = family.request(1, 1, b"once");
    cluster.submit(&[0, 1, 2, 3], &request);
    cluster.run_for(100_000);
    assert!(cluster.jars[3].archive.has_executed(&request));
    let before = cluster.status(3);
    let said: Vec<_> = (0..3usize)
        .flat_map(|from| cluster.jars[from].sent.iter().map(move |(_, message)| (from, encode(message))))
        .collect();
    for (from, bytes) in said {
        cluster.step(3, Event::Frame { from: replica_id(from), bytes });
    }
    assert_eq!(cluster.status(3), before);
    cluster.run_for(100_000);
    assert_eq!(cluster.jars[3].archive.requests().len(), 1);
    cluster.assert_safe();
}

/// A VIEWCHANGE into view 1 that shows a prepare certificate of this sequence in view 0, or genesis.
fn view_change(family: &Family, from: usize, sequence: u64) -> ViewChange {
    let signers = 0..family.committee.quorum().unwrap().quorum();
    let suspect = |index| Suspect { view: View(0), replica: replica_id(index) };
    let suspects: Vec<_> =
        signers.clone().map(|i| (replica_id(i), family.sign(i, suspect(i)).signature)).collect();
    let timeout = TimeoutCertificate { view: View(0), votes: BoundedVec::new(suspects).unwrap() };
    let rank = Rank { view: View(0), sequence: Sequence(sequence) };
    let id = if sequence == 0 { family.committee.genesis_id() } else { Digest([9; 32]) };
    let certificate = (sequence > 0).then(|| {
        let vote = |index| Vote {
            phase: Phase::Prepare,
            view: View(0),
            sequence: Sequence(sequence),
            id,
            replica: replica_id(index),
        };
        let votes: Vec<_> = signers.map(|i| (replica_id(i), family.sign(i, vote(i)).signature)).collect();
        let votes = BoundedVec::new(votes).unwrap();
        Certificate { phase: Phase::Prepare, view: View(0), sequence: Sequence(sequence), id, votes }
    });
    let head = ViewChangeHead { view: View(1), rank, id, replica: replica_id(from) };
    ViewChange { head: family.sign(from, head), certificate, timeout }
}

/// The same with two votes of its certificate under each other's names.
fn spoilt(mut change: ViewChange) -> ViewChange {
    let certificate = change.certificate.take().unwrap();
    let mut votes = certificate.votes.clone().into_inner();
    (votes[0].1, votes[1].1) = (votes[1].1, votes[0].1);
    change.certificate = Some(Certificate { votes: BoundedVec::new(votes).unwrap(), ..certificate });
    change
}

fn as_message(change: ViewChange) -> Message {
    Message::ViewChange(Box::new(change))
}

// Faults: R12, R13
#[test]
fn a_view_change_with_a_bad_certificate_spoils_no_other() {
    // V16, Q7: a bad one costs its sender nothing but itself, and no head that ranks lower than before is looked at.
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let bad = as_message(spoilt(view_change(&family, 3, 2)));
    assert!(!ignored(&give(&mut replica, frame(3, &bad))).is_empty());
    assert_eq!(taken(&replica, MessageType::ViewChange), 0);
    assert_eq!(replica.status().view, View(0), "not even its timeout certificate is believed");

    let _ = give(&mut replica, frame(3, &as_message(view_change(&family, 3, 2))));
    assert_eq!((taken(&replica, MessageType::ViewChange), replica.status().view), (1, View(1)));
    // V15: lower or equal, and a bad one that claims more, from the same sender.
    let checked = replica.counters().signatures_in_place;
    for sequence in [0, 1, 2] {
        let _ = give(&mut replica, frame(3, &as_message(view_change(&family, 3, sequence))));
    }
    assert_eq!(taken(&replica, MessageType::ViewChange), 1);
    assert_eq!(replica.counters().signatures_in_place, checked, "nothing was verified for them");
    let _ = give(&mut replica, frame(3, &as_message(spoilt(view_change(&family, 3, 3)))));
    assert_eq!(taken(&replica, MessageType::ViewChange), 1);
    let _ = give(&mut replica, frame(0, &as_message(spoilt(view_change(&family, 0, 4)))));
    let _ = give(&mut replica, frame(0, &as_message(view_change(&family, 0, 0))));
    assert_eq!(taken(&replica, MessageType::ViewChange), 2, "the good one of that sender counts");
}

// Faults: R14, X03
#[test]
fn a_flood_of_view_changes_is_bounded_and_the_highest_counts() {
    // B2, V15: at seven replicas each is a job; a peer has few in work, and keeps one place.
    let family = Family::of(7);
    let mut replica = one(&family, 1);
    let scheme = family.scheme(1);
    let mut work = Vec::new();
    for sequence in 1..=30 {
        work.extend(jobs(&give(&mut replica, frame(3, &as_message(view_change(&family, 3, sequence))))));
    }
    assert!(work.len() <= MAX_JOBS_PER_PEER, "{} jobs", work.len());
    let mut done = 0;
    while let Some((job, checks)) = work.pop() {
        done += 1;
        work.extend(jobs(&give(&mut replica, Event::Checked { job, verdicts: scheme.verify(&checks) })));
        assert!(work.len() <= MAX_JOBS_PER_PEER, "{} jobs", work.len());
    }
    assert_eq!(done, 30);
    assert_eq!(replica.status().view, View(1));
    // What ranks no higher than the highest is not verified again.
    let again = give(&mut replica, frame(3, &as_message(view_change(&family, 3, 30))));
    assert!(jobs(&again).is_empty() && replica.waiting_bytes(replica_id(3)) == 0);
}

#[test]
fn few_signatures_are_checked_in_place_and_many_elsewhere() {
    let family = Family::of(4);
    let mut replica = one(&family, 0);
    assert!(jobs(&give(&mut replica, frame(2, &long_relay(&family, 0, IN_PLACE_CHECKS)))).is_empty());
    assert_eq!(taken(&replica, MessageType::Relay), 1);
    let handed_out = jobs(&give(&mut replica, frame(2, &long_relay(&family, 20, IN_PLACE_CHECKS + 1))));
    assert_eq!(handed_out.len(), 1);
    assert_eq!(handed_out[0].1.len(), IN_PLACE_CHECKS + 1);
    assert_eq!(taken(&replica, MessageType::Relay), 1, "the second one waits for its verdicts");
}

#[test]
fn the_order_of_a_peer_is_kept_although_jobs_finish_out_of_order() {
    let family = Family::of(4);
    let mut replica = one(&family, 0);
    let scheme = family.scheme(0);
    let first = jobs(&give(&mut replica, frame(2, &long_relay(&family, 0, 9)))).remove(0);
    let second = jobs(&give(&mut replica, frame(2, &long_relay(&family, 20, 12)))).remove(0);
    let _ = give(&mut replica, frame(2, &status_of(&family, 2)));
    assert!(replica.waiting_bytes(replica_id(2)) > 0);

    // Another peer does not wait for peer 2's jobs.
    let _ = give(&mut replica, frame(3, &status_of(&family, 3)));
    assert_eq!(taken(&replica, MessageType::Status), 1);

    let (job, checks) = second;
    let actions = give(&mut replica, Event::Checked { job, verdicts: scheme.verify(&checks) });
    assert_eq!(taken(&replica, MessageType::Relay), 0, "the second job's message waits for the first");
    assert!(actions.is_empty());

    let (job, checks) = first;
    let _ = give(&mut replica, Event::Checked { job, verdicts: scheme.verify(&checks) });
    assert_eq!(taken(&replica, MessageType::Relay), 2);
    assert_eq!(taken(&replica, MessageType::Status), 2);
    assert_eq!(replica.waiting_bytes(replica_id(2)), 0);
}

#[test]
fn a_verdict_for_an_unknown_job_is_only_noted() {
    let family = Family::of(4);
    let mut replica = one(&family, 0);
    let actions = give(&mut replica, Event::Checked { job: JobId(99), verdicts: vec![true] });
    assert_eq!(ignored(&actions).len(), 1);
}

// Faults: R25
#[test]
fn a_flood_of_jobs_fills_only_the_liars_own_bounded_place() {
    // B2: never more than its byte budget.
    let family = Family::of(4);
    let mut replica = one(&family, 0);
    let relay = encode(&Message::Relay(
        BoundedVec::new((0..40).map(|number| family.request(number, 1, &[7; 60_000])).collect()).unwrap(),
    ));
    assert!(relay.len() > 2_000_000);
    let (mut handed_out, mut refused) = (0, 0);
    for _ in 0..64 {
        let actions = give(&mut replica, Event::Frame { from: replica_id(2), bytes: relay.clone() });
        handed_out += jobs(&actions).len();
        refused += ignored(&actions).len();
    }
    assert!(handed_out <= MAX_JOBS_PER_PEER, "{handed_out} jobs");
    assert!(refused > 40, "only {refused} frames were refused");
    assert!(replica.waiting_bytes(replica_id(2)) <= MAX_WAITING_BYTES_PER_PEER);

    // Small frames in any number are bounded too, and the others are served as ever.
    let small = encode(&status_of(&family, 2));
    for _ in 0..10_000 {
        let _ = give(&mut replica, Event::Frame { from: replica_id(2), bytes: small.clone() });
    }
    assert!(replica.waiting_bytes(replica_id(2)) <= MAX_WAITING_BYTES_PER_PEER);
    let _ = give(&mut replica, frame(3, &status_of(&family, 3)));
    assert_eq!(taken(&replica, MessageType::Status), 1);
    assert_eq!(replica.waiting_bytes(replica_id(3)), 0);
}

// Faults: R17
#[test]
fn state_that_nobody_asked_for_is_dropped() {
    // C10.
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let bucket = |after: &[u8]| {
        Message::Data(outvote_types::Data::Bucket {
            checkpoint: Sequence(64),
            bucket: 3,
            after: outvote_types::Blob::new(after.to_vec()).unwrap(),
            pairs: BoundedVec::default(),
            last: true,
        })
    };
    let is_data = |action: &Action| matches!(action, Action::StateData { .. });
    assert!(!give(&mut replica, frame(2, &bucket(b""))).iter().any(is_data));
    let fetch = outvote_types::Fetch::Bucket {
        checkpoint: Sequence(64),
        bucket: 3,
        after: outvote_types::Blob::default(),
        replica: replica_id(1),
    };
    let asked = give(&mut replica, Event::FetchState { to: replica_id(2), fetch });
    assert!(asked.iter().any(|action| matches!(action, Action::Send { urgent: true, .. })));
    assert!(!give(&mut replica, frame(3, &bucket(b""))).iter().any(is_data), "another peer was asked");
    assert!(!give(&mut replica, frame(2, &bucket(b"k"))).iter().any(is_data), "another piece was asked for");
    assert!(give(&mut replica, frame(2, &bucket(b""))).iter().any(is_data));
    assert!(!give(&mut replica, frame(2, &bucket(b""))).iter().any(is_data), "one question, one answer");
}

// C10, C6: "gone" ends what a peer was asked for the state, also where no block is wanted from anybody; unasked it is nothing.
// Faults: R17
#[test]
fn gone_ends_what_was_asked_for_the_state() {
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let gone = Message::Data(outvote_types::Data::Gone { oldest: Sequence(89) });
    let is_data = |action: &Action| matches!(action, Action::StateData { .. });
    assert!(!give(&mut replica, frame(2, &gone)).iter().any(is_data));
    let fetch = outvote_types::Fetch::Manifest { replica: replica_id(1) };
    let _ = give(&mut replica, Event::FetchState { to: replica_id(2), fetch });
    assert!(!give(&mut replica, frame(3, &gone)).iter().any(is_data), "another peer was asked");
    assert!(give(&mut replica, frame(2, &gone)).iter().any(is_data));
    assert!(!give(&mut replica, frame(2, &gone)).iter().any(is_data), "one question, one answer");
}

#[test]
fn served_data_is_sent_as_bulk_to_the_one_who_asked() {
    let family = Family::of(4);
    let mut replica = one(&family, 1);
    let data = outvote_types::Data::Gone { oldest: Sequence(5) };
    let actions = give(&mut replica, Event::Served { to: replica_id(3), data: data.clone() });
    let [Action::Send { to, urgent, frame }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((*to, *urgent), (outvote_replica::Recipients::One(replica_id(3)), false));
    assert_eq!(outvote_types::decode::<Message>(frame).unwrap(), Message::Data(data));
}

//! What the checker vouches for, what it rejects, and what it makes evidence of.
#![allow(clippy::unwrap_used)]

mod common;

use common::{World, key};
use outvote_crypto::cache::{SIGNATURE_CACHE_MAX, SignatureCache};
use outvote_crypto::{
    Check, Checker, Keyring, Rejected, RequestChecker, Verifier, Vouched, check_certificate,
    check_checkpoint, check_header, check_outcome, check_reply, sign_request,
};
use outvote_types::*;

fn why(outcome: Result<Vouched, Rejected>) -> &'static str {
    outcome.unwrap_err().why
}

#[test]
fn every_valid_message_is_vouched_for_unchanged_and_is_not_checked_twice() {
    let world = World::new();
    let mut checker = world.checker();
    for message in world.every_message() {
        let vouched = checker.check(message.clone()).unwrap();
        assert_eq!(vouched.message.as_deref(), Some(&message));
        assert!(vouched.invalid_batches.is_empty());
        assert!(checker.prepare(message).unwrap().checks().is_empty(), "its signatures are remembered");
    }
}

// Faults: K15, R07, R08
#[test]
fn a_signature_is_valid_in_no_other_cluster_epoch_or_kind() {
    // M2: the domain binds a signature to its cluster, epoch and configuration, and the kind to its message.
    let world = World::new();
    for other in [World::with(1, 0), World::with(0, 1)] {
        let mut checker = other.checker();
        for message in world.every_message() {
            match message {
                // Unsigned answers, and parts that are taken out alone.
                Message::Data(Data::Gone { .. }) => {}
                Message::Relay(_) | Message::Data(Data::Batches(_)) => {
                    assert_eq!(checker.check(message).unwrap().message, None);
                }
                message => assert!(checker.check(message.clone()).is_err(), "{message:?}"),
            }
        }
    }
    // A SUSPECT's signature under a STATUS, and a PREPARE's under a COMMIT.
    let header = world.header(0, 1, world.committee.genesis_id(), &[]);
    let prepare = world.vote(Phase::Prepare, &header.body, 1);
    let commit = Signed { body: Vote { phase: Phase::Commit, ..prepare.body }, signature: prepare.signature };
    assert!(world.checker().check(Message::Commit(commit)).is_err());
    let mut checker = world.checker();
    assert!(why(checker.check(Message::Commit(prepare))).contains("other phase"));
}

// Faults: R08
#[test]
fn the_index_in_the_body_decides_whose_key_counts() {
    let world = World::new();
    let mut checker = world.checker();
    let body = Suspect { view: View(0), replica: ReplicaId(1) };
    assert!(checker.check(Message::Suspect(world.sign_as(2, body))).is_err(), "M4: signed by another");
    let stranger = Suspect { view: View(0), replica: ReplicaId(4) };
    assert!(why(checker.check(Message::Suspect(world.sign_as(0, stranger)))).contains("no member"));
    let heartbeat =
        Heartbeat { view: View(0), proposed: Sequence(0), committed: Sequence(0), replica: ReplicaId(1) };
    assert!(why(checker.check(Message::Heartbeat(world.sign(heartbeat)))).contains("does not lead"));
}

#[test]
fn a_proposal_and_its_parts_fit_together() {
    let world = World::new();
    let mut checker = world.checker();
    let batch = world.batch(vec![world.request(9, 1, b"a")]);
    let good = world.propose(vec![batch]);
    let other = world.header(0, 1, Digest::ZERO, &[]);
    let mut wrong = good.clone();
    wrong.prepare = world.vote(Phase::Prepare, &good.header.body, 2);
    assert!(why(checker.check(Message::Propose(Box::new(wrong)))).contains("another's"));
    let mut wrong = good.clone();
    wrong.prepare = world.vote(Phase::Prepare, &other.body, 0);
    assert!(why(checker.check(Message::Propose(Box::new(wrong)))).contains("not for its header"));
    let mut wrong = good.clone();
    wrong.batches = BoundedVec::new(vec![world.batch(vec![world.request(9, 2, b"b")])]).unwrap();
    assert!(why(checker.check(Message::Propose(Box::new(wrong)))).contains("does not name"));
    let mut without = good;
    without.batches = BoundedVec::default();
    assert!(checker.check(Message::Propose(Box::new(without))).is_ok(), "batches may follow later");
    let vote = world.vote(Phase::Prepare, &other.body, 2);
    let echo = Prepare { vote, header: world.header(0, 1, world.committee.genesis_id(), &[]) };
    assert!(why(checker.check(Message::Prepare(Box::new(echo)))).contains("header beside it"));
}

// D22: a reminder shows the words of one member, each in its place and under its own signature.
#[test]
fn a_reminder_holds_the_words_of_one_member() {
    let world = World::new();
    let good = world.reminder(2);
    let check = |reminder: Reminder| world.checker().check(Message::Reminder(Box::new(reminder)));
    assert!(check(good.clone()).is_ok());
    assert!(check(Reminder { prepare: None, head: None, ..good.clone() }).is_ok());
    let swapped = Reminder { prepare: good.commit.clone(), commit: good.prepare.clone(), head: None };
    let mixed = Reminder { head: world.reminder(1).head, ..good.clone() };
    for bad in [swapped, mixed, Reminder::default()] {
        assert!(why(check(bad)).contains("D22"));
    }
    let mut forged = good;
    forged.commit.as_mut().unwrap().signature.0[3] ^= 1;
    assert!(why(check(forged)).contains("bad signature"));
}

// Faults: L08
#[test]
fn a_bad_request_takes_out_its_batch_and_nothing_else() {
    let world = World::new();
    let mut checker = world.checker();
    let good = world.batch(vec![world.request(9, 1, b"good")]);
    let mut request = world.request(9, 2, b"bad");
    request.signature.0[3] ^= 1;
    let bad = world.batch(vec![world.request(8, 1, b"fine"), request]);
    let mut author = world.request(9, 3, b"moved");
    let mut operations = author.body.operations.clone().into_inner();
    operations.swap(0, 1);
    let operations = BoundedVec::new(operations).unwrap();
    author.body = RequestBody { operations, ..(*author.body).clone() }.into();
    let author = sign_request(&key(9), &world.clients(), (*author.body).clone());
    let moved = world.batch(vec![author]);
    let empty = world.batch(vec![]);
    let batches = vec![good.clone(), bad.clone(), moved.clone()];
    let propose = world.propose(batches.clone());
    let vouched = checker.check(Message::Propose(Box::new(propose.clone()))).unwrap();
    assert_eq!(
        vouched.invalid_batches,
        [bad.digest(), moved.digest()],
        "M10: an author's word stays in its place"
    );
    let Message::Propose(left) = vouched.message.unwrap().into_inner() else { panic!() };
    assert_eq!((left.header, &left.batches[..]), (propose.header.clone(), &[good.clone()][..]));

    let block = Block { header: propose.header, batches: BoundedVec::new(batches).unwrap() };
    let vouched = checker.check(Message::Data(Data::Block(Box::new(block)))).unwrap();
    assert_eq!(vouched.invalid_batches.len(), 2);
    let data = Data::Batches(BoundedVec::new(vec![bad.clone(), good, empty.clone()]).unwrap());
    let vouched = checker.check(Message::Data(data)).unwrap();
    assert_eq!(vouched.invalid_batches, [bad.digest(), empty.digest()]);
    let data = Data::Batches(BoundedVec::new(vec![bad]).unwrap());
    assert!(checker.check(Message::Data(data)).unwrap().message.is_none());
}

// Faults: R12, R27
#[test]
fn bad_requests_of_a_relay_are_dropped_alone() {
    let world = World::new();
    let (good, mut bad) = (world.request(9, 1, b"a"), world.request(8, 1, b"b"));
    bad.body = RequestBody { nonce: Nonce(2), ..(*bad.body).clone() }.into();
    let nothing = BoundedVec::default();
    let empty = RequestBody { operations: nothing, ..(*world.request(7, 1, b"c").body).clone() };
    let empty = sign_request(&key(7), &world.clients(), empty);
    let relay = BoundedVec::new(vec![bad.clone(), good.clone(), empty.clone()]).unwrap();
    let vouched = world.checker().check(Message::Relay(relay)).unwrap();
    let expected = Message::Relay(BoundedVec::new(vec![good.clone()]).unwrap());
    assert_eq!(vouched.message.as_deref(), Some(&expected));

    let mut checker = world.checker();
    assert!(checker.check_request(good.clone()).is_ok());
    assert!(checker.check_request(bad.clone()).is_err());
    let gateway = RequestChecker::new(world.committee.clone(), world.schemes[1].clone());
    let outcomes = gateway.check(vec![good.clone(), bad, empty, good.clone()]);
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    // What the gateway vouched for is not checked again in the proposal.
    let mut checker = world.checker();
    checker.remember(outcomes[0].as_ref().unwrap());
    let propose = world.propose(vec![world.batch(vec![good])]);
    assert_eq!(checker.prepare(Message::Propose(Box::new(propose))).unwrap().checks().len(), 2);
}

// P8: size, shape and keys are looked at before any signature, and what was judged before is not judged again.
// Faults: K01
#[test]
fn what_is_refused_for_its_shape_costs_no_signature_check() {
    let world = World::new();
    let checker = RequestChecker::new(world.committee.clone(), world.schemes[0].clone());
    let good = world.request(9, 1, b"x");
    let with = |operations: Vec<Operation>| {
        let body = RequestBody { operations: BoundedVec::new(operations).unwrap(), ..(*good.body).clone() };
        sign_request(&key(9), &world.clients(), body)
    };
    let mut weak = good.clone();
    weak.body = RequestBody { session: PublicKey([0; 32]), ..(*weak.body).clone() }.into();
    let longest = Operation {
        author: None,
        query: false,
        payload: Blob::new(vec![1; limits::MAX_OPERATION_BYTES]).unwrap(),
    };
    for bad in [with(Vec::new()), with(vec![longest; 16]), weak] {
        let pending = checker.prepare(vec![bad.clone()]);
        assert_eq!(pending.checks.len(), 0, "nothing to verify");
        assert!(pending.finish(&[])[0].is_err());
        let relay = Message::Relay(BoundedVec::new(vec![bad]).unwrap());
        assert_eq!(world.checker().prepare(relay).unwrap().checks().len(), 0);
    }
    let pending = checker.prepare(vec![good.clone()]);
    assert_eq!(pending.checks.len(), 2, "the session's and the author's");
    assert!(checker.finish(pending, &[true, false])[0].is_err());
    // What was found good is remembered, each signature by itself, and a bad one is not.
    let pending = checker.prepare(vec![good.clone()]);
    assert_eq!(pending.checks.len(), 1);
    assert!(checker.finish(pending, &[true])[0].is_ok());
    let again = checker.prepare(vec![good.clone()]);
    assert!(again.checks.is_empty() && checker.finish(again, &[])[0].is_ok());
    let mut altered = good.clone();
    altered.signature.0[0] ^= 1;
    assert_eq!(checker.prepare(vec![altered]).checks.len(), 1, "another signature is another one");
    let mut core = world.checker();
    let relay = Message::Relay(BoundedVec::new(vec![good]).unwrap());
    assert_eq!(core.prepare(relay.clone()).unwrap().checks().len(), 2);
    assert!(core.check(relay.clone()).is_ok());
    assert_eq!(core.prepare(relay).unwrap().checks().len(), 0, "known already");
}

// Faults: R09
#[test]
fn a_session_or_author_with_a_small_order_key_is_refused() {
    let world = World::new();
    // The identity as a key: R = identity, s = 0 is a valid signature of anything under ZIP-215.
    let mut request = world.request(9, 1, b"a");
    let mut identity = [0; 32];
    identity[0] = 1;
    request.body = RequestBody { session: PublicKey(identity), ..(*request.body).clone() }.into();
    request.signature.0 = [0; 64];
    request.signature.0[0] = 1;
    assert!(world.checker().check_request(request).unwrap_err().why.contains("session key"));
}

// Faults: M09, M18, R10, R11, R12
#[test]
fn certificates_need_a_quorum_of_different_members_in_order() {
    let world = World::new();
    let header = world.header(0, 1, world.committee.genesis_id(), &[]).body;
    let good = world.certificate(Phase::Commit, &header);
    let vote = |id: u16| (ReplicaId(id), world.vote(Phase::Commit, &header, id % 4).signature);
    for ids in [vec![0, 1], vec![0, 1, 1], vec![1, 0, 3], vec![0, 1, 4], vec![0, 0, 1, 3], vec![]] {
        let votes = BoundedVec::new(ids.iter().map(|id| vote(*id)).collect()).unwrap();
        let bad = Certificate { votes, ..good.clone() };
        assert!(why(world.checker().check(Message::Certificate(bad))).contains("Q4"), "{ids:?}");
    }
    // One vote's signature under another's name, and a prepare certificate posing as a commit certificate.
    let mut votes = good.votes.clone().into_inner();
    votes[0].1 = votes[1].1;
    let bad = Certificate { votes: BoundedVec::new(votes).unwrap(), ..good.clone() };
    assert!(world.checker().check(Message::Certificate(bad)).is_err());
    let posing = Certificate { phase: Phase::Commit, ..world.certificate(Phase::Prepare, &header) };
    assert!(world.checker().check(Message::Certificate(posing)).is_err());
    let genesis = Certificate { sequence: Sequence(0), ..good.clone() };
    assert!(world.checker().prepare(Message::Certificate(genesis)).is_err());
    assert!(world.checker().check(Message::Certificate(good)).is_ok());
}

// Faults: R13
#[test]
fn a_view_change_shows_exactly_what_its_head_claims() {
    // V16: the attached certificate is valid and equals the claimed rank and id. V19: so does an opening's.
    let world = World::new();
    let header = world.header(0, 1, world.committee.genesis_id(), &[]).body;
    let other = world.header(0, 2, header.id(), &[]).body;
    let good = world.view_change(Some(&header));
    let reject = |change: ViewChange| {
        let rejected = world.checker().check(Message::ViewChange(Box::new(change))).unwrap_err();
        assert_eq!(rejected.evidence, None, "X2: a relay can frame nobody");
    };
    reject(ViewChange { certificate: None, ..good.clone() });
    reject(ViewChange { certificate: Some(world.certificate(Phase::Prepare, &other)), ..good.clone() });
    reject(ViewChange { timeout: world.timeout(1), ..good.clone() });
    reject(ViewChange { certificate: good.certificate.clone(), ..world.view_change(None) });
    // A certificate of the right rank for another block; no certificate for what is genesis in one part only.
    let rival = Header { time: header.time.next(), ..header.clone() };
    reject(ViewChange { certificate: Some(world.certificate(Phase::Prepare, &rival)), ..good.clone() });
    for (rank, id) in [(header.rank(), world.committee.genesis_id()), (Rank::default(), header.id())] {
        let head = world.sign(ViewChangeHead { rank, id, ..good.head.body });
        reject(ViewChange { head, certificate: None, ..good.clone() });
    }
    let opening = world.new_view(Some(&header));
    for certificate in [None, Some(world.certificate(Phase::Prepare, &other))] {
        let bad = NewView { certificate, ..opening.clone() };
        let rejected = world.checker().check(Message::NewView(Box::new(bad))).unwrap_err();
        assert_eq!(rejected.evidence, None);
    }
    // V19: each head carries its own signer's signature, whatever the leader signed around it.
    let mut heads = opening.signed.body.heads.clone().into_inner();
    heads[1].signature.0[0] ^= 1;
    let body = NewViewBody { heads: BoundedVec::truncated(heads), ..opening.signed.body.clone() };
    let bad = NewView { signed: world.sign(body), ..opening };
    assert!(world.checker().check(Message::NewView(Box::new(bad))).is_err());
    let commit = ViewChange { certificate: Some(world.certificate(Phase::Commit, &header)), ..good };
    assert!(
        world.checker().check(Message::ViewChange(Box::new(commit))).is_ok(),
        "Q5: as good as a PREPARE one"
    );
}

#[test]
fn votes_and_questions_are_about_blocks_that_there_are() {
    let world = World::new();
    let accepts = |message| world.checker().check(message).is_ok();
    let commit = |sequence| {
        let vote = world.vote(Phase::Commit, &world.header(0, 1, Digest::ZERO, &[]).body, 1).body;
        accepts(Message::Commit(world.sign(Vote { sequence: Sequence(sequence), ..vote })))
    };
    // Q4: nobody votes for genesis.
    assert_eq!([0, 1, 2].map(commit), [false, true, true]);
    let range = |(first, last)| {
        let fetch = Fetch::Range { first: Sequence(first), last: Sequence(last), replica: ReplicaId(3) };
        accepts(Message::Fetch(world.sign(fetch)))
    };
    // C5: a range begins after genesis and does not run backwards.
    assert_eq!([(0, 5), (1, 1), (1, 5), (6, 5)].map(range), [false, true, true, false]);
}

#[test]
fn a_signed_body_that_no_rule_allows_is_evidence_and_an_unsigned_one_is_not() {
    let world = World::new();
    let mut header = world.header(0, 1, world.committee.genesis_id(), &[]).body;
    header.leader = ReplicaId(2);
    let header = world.sign(header);
    let prepare = world.vote(Phase::Prepare, &header.body, 3);
    let echo = Message::Prepare(Box::new(Prepare { vote: prepare, header }));
    let head = world.sign(ViewChangeHead {
        view: View(1),
        rank: Rank { view: View(1), sequence: Sequence(1) },
        id: Digest::ZERO,
        replica: ReplicaId(2),
    });
    let change = ViewChange { head, certificate: None, timeout: world.timeout(0) };
    let mut opening = world.new_view(None);
    opening.signed.body.heads = BoundedVec::default();
    opening.signed = world.sign(opening.signed.body);
    let messages = [echo, Message::ViewChange(Box::new(change)), Message::NewView(Box::new(opening))];
    for (message, accused) in messages.into_iter().zip([2, 2, 1]) {
        let mut checker = world.checker();
        let rejected = checker.check(message.clone()).unwrap_err();
        let evidence = rejected.evidence.clone().unwrap();
        let charge = checker.check_evidence(&evidence).unwrap();
        assert_eq!(charge.accused, ReplicaId(accused));
        assert!(checker.check(Message::Evidence(evidence)).is_ok(), "everybody agrees");
        assert!(matches!(*rejected.accusation().unwrap(), Message::Evidence(_)));
        let mut forged = message;
        match &mut forged {
            Message::Prepare(prepare) => prepare.header.signature.0[0] ^= 1,
            Message::ViewChange(change) => change.head.signature.0[0] ^= 1,
            Message::NewView(opening) => opening.signed.signature.0[0] ^= 1,
            _ => unreachable!(),
        }
        assert_eq!(world.checker().check(forged).unwrap_err().evidence, None, "nobody is framed");
    }
}

#[test]
fn nothing_that_a_correct_replica_may_do_is_evidence() {
    // X3: votes repeated, both rounds of one slot, votes of other slots and views.
    let world = World::new();
    let (one, two) = (world.header(0, 1, Digest::ZERO, &[]).body, world.header(0, 2, Digest::ZERO, &[]).body);
    let later = world.header(4, 1, Digest::ZERO, &[]).body;
    let prepare = world.vote(Phase::Prepare, &one, 1);
    let others = [
        prepare.clone(),
        world.vote(Phase::Commit, &one, 1),
        world.vote(Phase::Prepare, &two, 1),
        world.vote(Phase::Prepare, &later, 1),
        world.vote(Phase::Prepare, &world.header(0, 1, Digest::of(b"x"), &[]).body, 2),
    ];
    for other in others {
        let evidence = Evidence::Votes(prepare.clone(), other);
        assert_eq!(world.checker().check_evidence(&evidence), None, "{evidence:?}");
    }
    // A repeated VIEWCHANGE with a higher rank is two sound messages.
    for base in [None, Some(&one)] {
        let head = Evidence::ViewChange(world.head(1, base, 2));
        assert_eq!(world.checker().check_evidence(&head), None);
    }
    let twice = world.vote(Phase::Prepare, &world.header(0, 1, Digest::of(b"x"), &[]).body, 1);
    let proof = Evidence::Votes(prepare, twice);
    assert_eq!(world.checker().check_evidence(&proof).unwrap().rule, Rule::TwoPrepares);
}

// Faults: R08
#[test]
fn evidence_that_proves_nothing_is_rejected() {
    let world = World::new();
    let a = world.header(0, 1, world.committee.genesis_id(), &[]);
    let b = world.header(0, 2, world.committee.genesis_id(), &[]);
    let mut forged = world.header(0, 1, Digest::ZERO, &[]);
    forged.signature = a.signature;
    let checker = world.checker();
    for evidence in [
        Evidence::Headers(Box::new(a.clone()), Box::new(a.clone())),
        Evidence::Headers(Box::new(a.clone()), Box::new(b)),
        Evidence::Headers(Box::new(a.clone()), Box::new(forged)),
        Evidence::Header(Box::new(a)),
    ] {
        assert_eq!(checker.check_evidence(&evidence), None);
        assert!(world.checker().check(Message::Evidence(evidence.into())).is_err());
    }
}

// Faults: R17
#[test]
fn a_range_is_a_chain_with_its_own_batches_under_its_own_certificate() {
    // C5: checked by walking the parent hashes back from one certificate at the end.
    let world = World::new();
    let blocks = world.chain(4);
    let reject = |data: Data| assert!(world.checker().check(Message::Data(data)).is_err());
    let Data::Range { certificate, .. } = world.range(blocks.clone()) else { panic!() };
    let range = |blocks: Vec<Block>| Data::Range {
        blocks: BoundedVec::new(blocks).unwrap(),
        certificate: certificate.clone(),
    };
    reject(range(vec![]));
    reject(range(blocks[..3].to_vec()));
    let mut gap = blocks.clone();
    gap.remove(1);
    reject(range(gap));
    let mut strange = blocks.clone();
    let mut header = strange[1].header.body.clone();
    header.time = header.time.next();
    strange[1].header = world.sign(header);
    reject(range(strange));
    let mut stripped = blocks.clone();
    stripped[1].batches = BoundedVec::default();
    reject(range(stripped));
    let mut resigned = blocks.clone();
    resigned[1].header.signature.0[0] ^= 1;
    reject(range(resigned));
    // M9: the digest of a batch covers the clients' signatures.
    let mut tampered = blocks.clone();
    let mut batch = tampered[2].batches[0].clone();
    let mut requests = batch.requests.clone().into_inner();
    requests[0].signature.0[0] ^= 1;
    batch.requests = BoundedVec::new(requests).unwrap();
    tampered[2].batches = BoundedVec::new(vec![batch]).unwrap();
    reject(range(tampered));
    assert!(world.checker().check(Message::Data(range(blocks))).is_ok());
}

// Faults: R17
#[test]
fn a_snapshot_comes_with_its_own_header_and_certificate() {
    // C6, C8: no snapshot is believed without its certificate.
    let world = World::new();
    let blocks = world.chain(2);
    let (header, other) = (blocks[0].header.clone(), blocks[1].header.clone());
    let certificate = world.checkpoint(&header.body);
    let good = Snapshot { certificate: certificate.clone(), header, buckets: BoundedVec::default() };
    let reject = |snapshot: Snapshot| {
        assert!(world.checker().check(Message::Data(Data::Manifest(Box::new(snapshot)))).is_err());
    };
    reject(Snapshot { header: other.clone(), ..good.clone() });
    reject(Snapshot { certificate: world.checkpoint(&other.body), ..good.clone() });
    let root = Digest::of(b"another state");
    reject(Snapshot {
        certificate: CheckpointCertificate { state_root: root, ..certificate.clone() },
        ..good.clone()
    });
    let mut few = certificate.votes.clone().into_inner();
    few.pop();
    let few = CheckpointCertificate { votes: BoundedVec::new(few).unwrap(), ..certificate };
    reject(Snapshot { certificate: few.clone(), ..good.clone() });
    assert!(world.checker().check(Message::Stable(few)).is_err());
    let mut timeout = world.timeout(3);
    timeout.view = View(4);
    assert!(world.checker().check(Message::Timeout(timeout)).is_err(), "suspicions of another view");
    assert!(world.checker().check(Message::Data(Data::Manifest(Box::new(good)))).is_ok());
}

#[test]
fn what_is_remembered_is_bounded_and_never_a_bad_signature() {
    // M7: found by key, message and signature together. B1: bounded.
    let mut cache = SignatureCache::default();
    assert!(cache.is_empty());
    let first = Check { key: key(1).public_key(), bytes: check_bytes(0), signature: Signature::default() };
    cache.insert(&first);
    assert!(!cache.is_empty() && cache.len() == 1);
    assert!(cache.has(&first) && !cache.has(&Check { bytes: check_bytes(1), ..first.clone() }));
    assert!(!cache.has(&Check { key: PublicKey([3; 32]), ..first.clone() }));
    assert!(!cache.has(&Check { signature: Signature([1; 64]), ..first.clone() }));
    let many = u32::try_from(SIGNATURE_CACHE_MAX).unwrap() * 3;
    for number in 1..=many {
        cache.insert(&Check { bytes: check_bytes(number), ..first.clone() });
    }
    assert!((SIGNATURE_CACHE_MAX + 1..=2 * SIGNATURE_CACHE_MAX).contains(&cache.len()), "both generations");
    assert!(!cache.has(&first) && cache.has(&Check { bytes: check_bytes(many), ..first }));
    let world = World::new();
    let mut checker = world.checker();
    let mut suspect = world.sign(Suspect { view: View(3), replica: ReplicaId(1) });
    suspect.signature.0[0] ^= 1;
    for _ in 0..2 {
        assert!(checker.check(Message::Suspect(suspect.clone())).is_err());
    }
}

fn check_bytes(number: u32) -> [u8; 65] {
    let mut bytes = [0; 65];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn words_of_replicas_are_checked_without_a_checker() {
    let world = World::new();
    let keyring = Keyring::new(world.committee.clone());
    let verifier = Verifier::default();
    let header = world.header(0, 1, world.committee.genesis_id(), &[]);
    let reply = Reply {
        sequence: Sequence(1),
        id: header.body.id(),
        result_root: Digest::ZERO,
        replica: ReplicaId(2),
    };
    let outcome = outvote_types::Outcome {
        question: Digest::ZERO,
        sequence: Sequence(1),
        answer: Digest::ZERO,
        replica: ReplicaId(3),
    };
    assert!(check_reply(&verifier, &keyring, &world.sign(reply)));
    assert!(!check_reply(&verifier, &keyring, &world.sign_as(1, reply)));
    assert!(check_outcome(&verifier, &keyring, &world.sign(outcome)));
    assert!(!check_outcome(&verifier, &keyring, &world.sign_as(0, outcome)));
    assert!(check_header(&verifier, &keyring, &header));
    assert!(!check_header(&verifier, &keyring, &world.sign_as(2, header.body.clone())));
    let certificate = world.certificate(Phase::Commit, &header.body);
    assert!(check_certificate(&verifier, &keyring, &certificate));
    let other = Certificate { view: View(1), ..certificate.clone() };
    assert!(!check_certificate(&verifier, &keyring, &other));
    let checkpoint = world.checkpoint(&header.body);
    assert!(check_checkpoint(&verifier, &keyring, &checkpoint));
    assert!(!check_checkpoint(
        &verifier,
        &keyring,
        &CheckpointCertificate { id: Digest::ZERO, ..checkpoint }
    ));
    // The same words mean nothing in another cluster.
    let elsewhere = Keyring::new(World::with(1, 0).committee);
    assert!(!check_reply(&verifier, &elsewhere, &world.sign(reply)));
    assert!(!check_certificate(&*world.schemes[0], &elsewhere, &certificate));
}

#[test]
fn a_lost_verdict_is_our_own_bug() {
    let world = World::new();
    let mut checker = world.checker();
    let pending = checker.prepare(world.every_message().remove(0)).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| checker.finish(pending, &[])));
    assert!(outcome.is_err());
    assert!(matches!(*Checker::own(world.every_message().remove(0)), Message::Propose(_)));
}

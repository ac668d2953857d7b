//! What is signed, what is identified, and what is allowed.
#![allow(clippy::unwrap_used, reason = "tests")]

use outvote_types::block::{Batch, Block, Header};
use outvote_types::evidence::is_header_allowed;
use outvote_types::{
    Blob, BoundedVec, Certificate, Digest, Domain, Epoch, Evidence, Kind, NewViewBody, Nonce, Operation,
    Parameters, Phase, PublicKey, Quorum, Rank, ReplicaId, Request, RequestBody, Rule, Sequence, Signable,
    Signature, Signed, View, ViewChangeHead, Vote, WallTime, encode,
};

fn quorum() -> Quorum {
    Quorum::byzantine(4).unwrap()
}

fn request(nonce: u64, signature: u8) -> Request {
    let operation = Operation { author: None, query: false, payload: Blob::new(b"hello".to_vec()).unwrap() };
    let operations = BoundedVec::new(vec![operation.clone(), operation]).unwrap();
    let body = RequestBody { session: PublicKey([7; 32]), nonce: Nonce(nonce), operations };
    Request { body: body.into(), signature: Signature([signature; 64]) }
}

fn header(view: u64, time: u64) -> Header {
    Header {
        epoch: Epoch(0),
        view: View(view),
        sequence: Sequence(1),
        parent: Digest::of(b"parent"),
        time: WallTime(time),
        leader: quorum().leader(View(view)),
        batches: BoundedVec::default(),
        payload_root: Digest::ZERO,
        new_view_digest: None,
        control: None,
    }
}

fn signed<B>(body: B) -> Signed<B> {
    Signed::new(body, Signature::default())
}

/// M2, M3: other clusters, epochs, configurations and kinds sign other bytes; clients' domain forgets the epoch.
// Faults: K15, R07
#[test]
fn every_part_of_the_domain_changes_the_signed_bytes() {
    let (cluster, config) = (Digest::of(b"cluster"), Digest::of(b"config"));
    let base = Domain::replicas(&cluster, Epoch(0), &config);
    let body = Digest::of(b"body");
    let bytes = base.signing_bytes(Kind::Prepare, &body);
    let others = [
        Domain::replicas(&config, Epoch(0), &config).signing_bytes(Kind::Prepare, &body),
        Domain::replicas(&cluster, Epoch(1), &config).signing_bytes(Kind::Prepare, &body),
        Domain::replicas(&cluster, Epoch(0), &cluster).signing_bytes(Kind::Prepare, &body),
        base.signing_bytes(Kind::Commit, &body),
        base.signing_bytes(Kind::Prepare, &Digest::ZERO),
        Domain::clients(&cluster).signing_bytes(Kind::Prepare, &body),
    ];
    assert!(others.iter().all(|other| *other != bytes));
    assert_eq!(Domain::clients(&cluster), Domain::replicas(&cluster, Epoch(0), &Digest::ZERO));
}

/// M5, M9: a request's identity ignores its signature, a batch's identity covers it.
#[test]
fn identities_ignore_signatures_but_batches_cover_them() {
    let (a, b) = (request(1, 1), request(1, 2));
    assert_eq!(a.digest(), b.digest());
    let batch = |request| Batch { requests: BoundedVec::new(vec![request]).unwrap(), ..Batch::default() };
    assert_ne!(batch(a).digest(), batch(b).digest());
}

/// M10: an author's signature fits one session, one nonce and one place in the envelope.
// Faults: K15, R07
#[test]
fn an_authors_bytes_are_bound_to_session_nonce_and_index() {
    let domain = Domain::clients(&Digest::of(b"cluster"));
    let request = request(1, 0);
    let operation = &request.body.operations[0];
    let bytes = |session: u8, nonce, index| {
        operation.author_signing_bytes(&domain, &PublicKey([session; 32]), Nonce(nonce), index)
    };
    assert_ne!(bytes(7, 1, 0), bytes(8, 1, 0));
    assert_ne!(bytes(7, 1, 0), bytes(7, 2, 0));
    assert_ne!(bytes(7, 1, 0), bytes(7, 1, 1));
}

/// Q4: strangers, repeated or unordered signers, and too few of them make no certificate.
// Faults: M09, R10, R12
#[test]
fn a_certificate_needs_a_quorum_of_distinct_members() {
    let of = |voters: &[u16]| Certificate {
        phase: Phase::Prepare,
        view: View(0),
        sequence: Sequence(1),
        id: Digest::ZERO,
        votes: BoundedVec::new(voters.iter().map(|id| (ReplicaId(*id), Signature::default())).collect())
            .unwrap(),
    };
    assert!(of(&[0, 1, 3]).is_well_formed(quorum()));
    for bad in [&[0, 1][..], &[0, 1, 1], &[1, 0, 2], &[0, 1, 4]] {
        assert!(!of(bad).is_well_formed(quorum()), "{bad:?}");
    }
}

/// Q5: a higher view outranks any sequence of a lower one.
#[test]
fn ranks_compare_the_view_first() {
    let long = Rank { view: View(1), sequence: Sequence(100) };
    let short = Rank { view: View(2), sequence: Sequence(1) };
    assert!(short > long && Rank::default() < long);
    let head = |rank, replica| {
        signed(ViewChangeHead { view: View(3), rank, id: Digest::of(b"x"), replica: ReplicaId(replica) })
    };
    let heads = BoundedVec::new(vec![head(long, 0), head(short, 1), head(Rank::default(), 2)]).unwrap();
    let body = NewViewBody { view: View(3), leader: ReplicaId(3), heads };
    assert!(body.is_allowed(quorum()));
    assert_eq!(body.base().unwrap().0, short);
}

/// X1, X2: two bodies for one slot convict; two slots, two phases or one body twice do not.
// Faults: R03
#[test]
fn evidence_convicts_only_of_what_no_correct_replica_does() {
    let vote = |phase, sequence, id: &[u8]| {
        signed(Vote {
            phase,
            view: View(0),
            sequence: Sequence(sequence),
            id: Digest::of(id),
            replica: ReplicaId(2),
        })
    };
    let charge = |evidence: Evidence| evidence.charge(quorum(), Epoch(0));
    let double = Evidence::Votes(vote(Phase::Commit, 1, b"a"), vote(Phase::Commit, 1, b"b"));
    let found = charge(double).unwrap();
    assert_eq!((found.accused, found.rule), (ReplicaId(2), Rule::TwoCommits));
    for (a, b) in [
        (vote(Phase::Commit, 1, b"a"), vote(Phase::Commit, 1, b"a")),
        (vote(Phase::Commit, 1, b"a"), vote(Phase::Commit, 2, b"b")),
        (vote(Phase::Commit, 1, b"a"), vote(Phase::Prepare, 1, b"b")),
    ] {
        assert_eq!(charge(Evidence::Votes(a, b)), None);
    }
    let headers = Evidence::Headers(Box::new(signed(header(0, 1))), Box::new(signed(header(0, 2))));
    assert_eq!(charge(headers).unwrap().rule, Rule::TwoProposals);
    let other_view = Evidence::Headers(Box::new(signed(header(0, 1))), Box::new(signed(header(1, 2))));
    assert_eq!(charge(other_view), None);
    assert_eq!(
        charge(Evidence::Header(Box::new(signed(header(0, 1))))),
        None,
        "an allowed header convicts nobody"
    );
    let mut forbidden = header(0, 1);
    forbidden.control = Some(Blob::new(vec![1]).unwrap());
    assert_eq!(charge(Evidence::Header(Box::new(signed(forbidden)))).unwrap().rule, Rule::ForbiddenHeader);
}

/// N8, M4: what makes a header allowed is in its bytes and the committee, its leader's index included.
#[test]
fn a_header_is_judged_by_its_bytes_alone() {
    assert!(is_header_allowed(&header(0, 1), quorum(), Epoch(0)));
    assert!(!is_header_allowed(&header(0, 1), quorum(), Epoch(1)));
    let mut usurped = header(0, 1);
    usurped.leader = ReplicaId(1);
    assert_eq!(usurped.signer(), ReplicaId(1));
    assert!(!is_header_allowed(&usurped, quorum(), Epoch(0)));
    let mut genesis = header(0, 1);
    genesis.sequence = Sequence(0);
    assert!(!is_header_allowed(&genesis, quorum(), Epoch(0)));
}

// C1: what a block adds to the agreed count follows from its header alone, and is what it takes on the wire.
#[test]
fn a_header_names_the_bytes_of_its_block() {
    for requests in [vec![], vec![request(1, 2)], (0..50).map(|nonce| request(nonce, 3)).collect()] {
        let batch =
            Batch { author: ReplicaId(0), lane_sequence: 1, requests: BoundedVec::truncated(requests) };
        let batches = if batch.requests.is_empty() { vec![] } else { vec![batch] };
        let mut header = header(1, 2);
        header.batches = BoundedVec::truncated(batches.iter().map(Batch::reference).collect());
        let bytes = header.block_bytes();
        let block = Block { header: signed(header), batches: BoundedVec::truncated(batches) };
        assert_eq!(bytes, encode(&block).len() as u64);
    }
}

// C1: at each multiple of C, and in between where many bytes come together.
#[test]
fn a_checkpoint_is_due_after_enough_blocks_or_bytes() {
    let parameters = Parameters { checkpoint_interval: 8, checkpoint_bytes: 1_000, ..Parameters::default() };
    let due = |sequence, bytes| parameters.is_checkpoint(Sequence(sequence), bytes);
    assert!(due(8, 1) && due(16, 999) && due(3, 1_000) && due(3, 5_000));
    assert!(!due(7, 999) && !due(0, 0) && !due(1, 0));
    let defaults = Parameters::default();
    assert_eq!((defaults.checkpoint_interval, defaults.checkpoint_bytes), (1024, 64 << 20));
}

// A client's clock is asked for nowhere: this does not compile when a request gets another field.
// Faults: K18
#[test]
fn a_request_says_nothing_of_the_time() {
    let Request { body, signature } = request(1, 1);
    let RequestBody { session, nonce, operations } = (*body).clone();
    let Operation { author, query, payload } = operations[0].clone();
    assert!(author.is_none() && !query && nonce == Nonce(1));
    let parts = [session.0.len() + 8 + signature.0.len(), 4 + operations.len() * (1 + 1 + 4 + payload.len())];
    let whole = encode(&Request { body, signature });
    assert_eq!(whole.len(), parts.iter().sum::<usize>(), "no byte is left for a clock");
}

//! One good value of every message, signed by a committee of four with the simulator's keys: what fuzzers begin with.

use outvote_crypto::{Scheme, sign_body, sign_request};
use outvote_sim::keys::TagScheme;
use outvote_types::committee::{Member, Mode, Parameters};
use outvote_types::fetch::{Data, Fetch, Snapshot};
use outvote_types::{
    Author, Batch, Blob, Block, BoundedVec, Certificate, CheckpointCertificate, CheckpointVote, Committee,
    Digest, Domain, Epoch, Evidence, Header, Heartbeat, Message, NewView, NewViewBody, Nonce, Operation,
    Phase, Prepare, Propose, Rank, Reminder, ReplicaId, Request, RequestBody, Sequence, Signable, Signature,
    Signed, SignedHeader, Status, Suspect, TimeoutCertificate, View, ViewChange, ViewChangeHead, Vote,
    WallTime, merkle,
};

/// The seed of the samples' keys.
const SEED: u64 = 20;
/// A client's number; members have 0 to 3, their link keys 500 and above.
const CLIENT: u64 = 1_000;

/// The key of an actor.
#[must_use]
pub fn scheme(actor: u64) -> TagScheme {
    TagScheme::new(SEED, actor)
}

/// At most `MAX` items.
#[must_use]
pub fn few<T, const MAX: usize>(items: Vec<T>) -> BoundedVec<T, MAX> {
    BoundedVec::truncated(items)
}

/// At most `MAX` bytes.
#[must_use]
pub fn blob<const MAX: usize>(bytes: &[u8]) -> Blob<MAX> {
    Blob::new(bytes.to_vec()).unwrap_or_default()
}

/// The samples' committee.
#[must_use]
pub fn committee() -> Committee {
    let member = |index| Member {
        consensus_key: scheme(index).public_key(),
        link_key: scheme(index + 500).public_key(),
    };
    Committee {
        genesis_salt: [7; 32],
        epoch: Epoch(0),
        mode: Mode::Byzantine,
        demo: false,
        parameters: Parameters::default(),
        members: few((0..4).map(member).collect()),
    }
}

/// Signs as the member that the body names.
pub fn signed<B: Signable>(body: B) -> Signed<B> {
    sign_body(&scheme(u64::from(body.signer().0)), &committee().domain(), body)
}

/// A request with an operation of the session's own, one of another author, and a question.
#[must_use]
pub fn request(nonce: u64) -> Request {
    let own = Operation { author: None, query: false, payload: blob(b"hello") };
    let author = Author { key: scheme(CLIENT + 1).public_key(), signature: Signature([9; 64]) };
    let others = Operation { author: Some(author.into()), query: false, payload: blob(b"from somebody") };
    let question = Operation { query: true, ..own.clone() };
    let session = scheme(CLIENT);
    let operations = few(vec![own, others, question]);
    let body = RequestBody { session: session.public_key(), nonce: Nonce(nonce), operations };
    sign_request(&session, &Domain::clients(&committee().cluster_id()), body)
}

/// A batch with two requests.
#[must_use]
pub fn batch() -> Batch {
    Batch { author: ReplicaId(0), lane_sequence: 1, requests: few(vec![request(1), request(2)]) }
}

fn header_at(view: u64, sequence: u64) -> Header {
    let batch = batch();
    Header {
        epoch: Epoch(0),
        view: View(view),
        sequence: Sequence(sequence),
        parent: committee().genesis_id(),
        time: WallTime(1_700_000_000_000_000 + sequence),
        leader: ReplicaId(u16::try_from(view % 4).unwrap_or(0)),
        batches: few(vec![batch.reference()]),
        payload_root: merkle::root(&batch.payload_leaves()),
        new_view_digest: None,
        control: None,
    }
}

/// The first block's header.
#[must_use]
pub fn header() -> SignedHeader {
    signed(header_at(0, 1))
}

/// The first block.
#[must_use]
pub fn block() -> Block {
    Block { header: header(), batches: few(vec![batch()]) }
}

/// A vote for the first block.
#[must_use]
pub fn vote(phase: Phase, replica: u16) -> Signed<Vote> {
    let header = header_at(0, 1);
    let (view, sequence, id) = (header.view, header.sequence, header.id());
    signed(Vote { phase, view, sequence, id, replica: ReplicaId(replica) })
}

/// A certificate of the first block.
#[must_use]
pub fn certificate(phase: Phase) -> Certificate {
    let vote = |replica| vote(phase, replica);
    let Vote { view, sequence, id, .. } = vote(0).body;
    let votes = few((0..3).map(|at| (ReplicaId(at), vote(at).signature)).collect());
    Certificate { phase, view, sequence, id, votes }
}

fn suspect(replica: u16) -> Signed<Suspect> {
    signed(Suspect { view: View(0), replica: ReplicaId(replica) })
}

/// A quorum's suspicion of view 0.
#[must_use]
pub fn timeout() -> TimeoutCertificate {
    TimeoutCertificate {
        view: View(0),
        votes: few((0..3).map(|at| (ReplicaId(at), suspect(at).signature)).collect()),
    }
}

fn head(replica: u16) -> Signed<ViewChangeHead> {
    let certificate = certificate(Phase::Prepare);
    let (rank, id) = (certificate.rank(), certificate.id);
    signed(ViewChangeHead { view: View(1), rank, id, replica: ReplicaId(replica) })
}

/// A change into view 1.
#[must_use]
pub fn view_change() -> ViewChange {
    ViewChange { head: head(2), certificate: Some(certificate(Phase::Prepare)), timeout: timeout() }
}

/// The opening of view 1.
#[must_use]
pub fn new_view() -> NewView {
    let body = NewViewBody { view: View(1), leader: ReplicaId(1), heads: few((0..3).map(head).collect()) };
    NewView { signed: signed(body), certificate: Some(certificate(Phase::Prepare)) }
}

fn checkpoint_vote(replica: u16) -> Signed<CheckpointVote> {
    let (sequence, id) = (Sequence(1), header_at(0, 1).id());
    signed(CheckpointVote { sequence, id, state_root: Digest([3; 32]), replica: ReplicaId(replica) })
}

/// A stable checkpoint at the first block.
#[must_use]
pub fn stable() -> CheckpointCertificate {
    let CheckpointVote { sequence, id, state_root, .. } = checkpoint_vote(0).body;
    let votes = few((0..3).map(|at| (ReplicaId(at), checkpoint_vote(at).signature)).collect());
    CheckpointCertificate { sequence, id, state_root, votes }
}

/// A proof of each kind.
#[must_use]
pub fn evidence() -> Vec<Evidence> {
    let other = signed(Header { time: WallTime(5), ..header_at(0, 1) });
    let forbidden = signed(Header { control: Some(blob(b"control")), ..header_at(0, 1) });
    let other_vote = signed(Vote { id: Digest([1; 32]), ..vote(Phase::Commit, 2).body });
    let opening = new_view().signed;
    let fewer = signed(NewViewBody { heads: few(opening.body.heads[..2].to_vec()), ..opening.body.clone() });
    let ahead = Rank { view: View(1), sequence: Sequence(1) };
    vec![
        Evidence::Headers(Box::new(header()), Box::new(other)),
        Evidence::Votes(vote(Phase::Commit, 2), other_vote),
        Evidence::NewViews(Box::new(opening), Box::new(fewer.clone())),
        Evidence::Header(Box::new(forbidden)),
        Evidence::NewView(Box::new(fewer)),
        Evidence::ViewChange(signed(ViewChangeHead { rank: ahead, ..head(2).body })),
    ]
}

/// A question of each kind.
#[must_use]
pub fn fetches() -> Vec<Fetch> {
    let replica = ReplicaId(3);
    vec![
        Fetch::Batches { digests: few(vec![batch().digest()]), replica },
        Fetch::Block { id: header_at(0, 1).id(), replica },
        Fetch::Range { first: Sequence(1), last: Sequence(9), replica },
        Fetch::Manifest { replica },
        Fetch::Bucket { checkpoint: Sequence(1), bucket: 255, after: blob(b"key"), replica },
    ]
}

/// An answer of each kind.
#[must_use]
pub fn data() -> Vec<Data> {
    let pairs = few(vec![(blob(b"key"), blob(b"value")), (blob(b"other"), blob(b""))]);
    let buckets = few((0..=255).map(|at| Digest([at; 32])).collect());
    vec![
        Data::Batches(few(vec![batch()])),
        Data::Block(Box::new(block())),
        Data::Range { blocks: few(vec![block()]), certificate: certificate(Phase::Commit) },
        Data::Manifest(Box::new(Snapshot { certificate: stable(), header: header(), buckets })),
        Data::Bucket { checkpoint: Sequence(1), bucket: 7, after: blob(b""), pairs, last: true },
        Data::Gone { oldest: Sequence(2) },
    ]
}

/// A message of each type, and of each kind of proof, question and answer.
#[must_use]
pub fn messages() -> Vec<Message> {
    let prepare = vote(Phase::Prepare, 0);
    let echo = Prepare { vote: vote(Phase::Prepare, 2), header: header() };
    let (view, replica) = (View(0), ReplicaId(0));
    let (proposed, committed, stable_at) = (Sequence(9), Sequence(8), Sequence(4));
    let rank = Rank { view, sequence: committed };
    let status = Status { view, rank, committed, stable: stable_at, sitting_out: true, replica };
    let reminder = Reminder {
        prepare: Some(vote(Phase::Prepare, 1)),
        commit: Some(vote(Phase::Commit, 1)),
        head: Some(head(1)),
    };
    let mut all = vec![
        Message::Propose(Box::new(Propose { header: header(), prepare, batches: few(vec![batch()]) })),
        Message::Prepare(Box::new(echo)),
        Message::Commit(vote(Phase::Commit, 2)),
        Message::Certificate(certificate(Phase::Prepare)),
        Message::Suspect(suspect(3)),
        Message::Timeout(timeout()),
        Message::ViewChange(Box::new(view_change())),
        Message::NewView(Box::new(new_view())),
        Message::Heartbeat(signed(Heartbeat { view, proposed, committed, replica })),
        Message::Status(signed(status)),
        Message::Checkpoint(checkpoint_vote(1)),
        Message::Stable(stable()),
        Message::Relay(few(vec![request(1)])),
        Message::Reminder(Box::new(reminder)),
    ];
    all.extend(evidence().into_iter().map(|proof| Message::Evidence(proof.into())));
    all.extend(fetches().into_iter().map(|fetch| Message::Fetch(signed(fetch))));
    all.extend(data().into_iter().map(Message::Data));
    all
}

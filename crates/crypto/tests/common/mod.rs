//! A committee of four with real keys, and one message of every kind.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

use outvote_crypto::{Checker, Ed25519, KeyPair, Scheme, sign_author, sign_body, sign_request};
use outvote_types::*;
use std::sync::Arc;

pub struct World {
    pub schemes: Vec<Arc<Ed25519>>,
    pub committee: Committee,
}

pub fn key(seed: u8) -> KeyPair {
    KeyPair::from_seed([seed; 32])
}

pub fn committee_of(keys: &[PublicKey], salt: u8, epoch: u64) -> Committee {
    let members = keys.iter().zip(100u8..).map(|(key, link)| Member {
        consensus_key: *key,
        link_key: KeyPair::from_seed([link; 32]).public_key(),
    });
    Committee {
        genesis_salt: [salt; 32],
        epoch: Epoch(epoch),
        mode: Mode::Byzantine,
        demo: false,
        parameters: Parameters::default(),
        members: BoundedVec::new(members.collect()).unwrap(),
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(0, 0)
    }

    pub fn with(salt: u8, epoch: u64) -> Self {
        let schemes: Vec<_> = (1..=4).map(|seed| Arc::new(Ed25519::new(key(seed)))).collect();
        let keys: Vec<_> = schemes.iter().map(|scheme| Scheme::public_key(&**scheme)).collect();
        Self { committee: committee_of(&keys, salt, epoch), schemes }
    }

    pub fn checker(&self) -> Checker {
        Checker::new(self.committee.clone(), self.schemes[0].clone())
    }

    pub fn sign<B: Signable>(&self, body: B) -> Signed<B> {
        let signer = body.signer().index();
        self.sign_as(signer, body)
    }

    pub fn sign_as<B: Signable>(&self, signer: usize, body: B) -> Signed<B> {
        sign_body(&*self.schemes[signer], &self.committee.domain(), body)
    }

    pub fn clients(&self) -> Domain {
        Domain::clients(&self.committee.cluster_id())
    }

    pub fn request(&self, client: u8, nonce: u64, payload: &[u8]) -> Request {
        let operation =
            Operation { author: None, query: false, payload: Blob::new(payload.to_vec()).unwrap() };
        let mut authored = operation.clone();
        let session = key(client).public_key();
        let author = sign_author(&key(77), &self.clients(), &session, Nonce(nonce), 1, &authored);
        authored.author = Some(author.into());
        let operations = BoundedVec::new(vec![operation, authored]).unwrap();
        let body = RequestBody { session, nonce: Nonce(nonce), operations };
        sign_request(&key(client), &self.clients(), body)
    }

    pub fn batch(&self, requests: Vec<Request>) -> Batch {
        Batch { author: ReplicaId(0), lane_sequence: 1, requests: BoundedVec::new(requests).unwrap() }
    }

    pub fn header(&self, view: u64, sequence: u64, parent: Digest, batches: &[Batch]) -> SignedHeader {
        let leaves: Vec<_> = batches.iter().flat_map(Batch::payload_leaves).collect();
        self.sign(Header {
            epoch: self.committee.epoch,
            view: View(view),
            sequence: Sequence(sequence),
            parent,
            time: WallTime(sequence),
            leader: self.committee.leader(View(view)).unwrap(),
            batches: BoundedVec::new(batches.iter().map(Batch::reference).collect()).unwrap(),
            payload_root: merkle::root(&leaves),
            new_view_digest: None,
            control: None,
        })
    }

    pub fn vote(&self, phase: Phase, header: &Header, replica: u16) -> Signed<Vote> {
        let (view, sequence) = (header.view, header.sequence);
        self.sign(Vote { phase, view, sequence, id: header.id(), replica: ReplicaId(replica) })
    }

    pub fn propose(&self, batches: Vec<Batch>) -> Propose {
        let header = self.header(0, 1, self.committee.genesis_id(), &batches);
        let prepare = self.vote(Phase::Prepare, &header.body, header.body.leader.0);
        Propose { prepare, header, batches: BoundedVec::new(batches).unwrap() }
    }

    pub fn certificate(&self, phase: Phase, header: &Header) -> Certificate {
        let votes = [0, 1, 3].map(|id| (ReplicaId(id), self.vote(phase, header, id).signature));
        Certificate {
            phase,
            view: header.view,
            sequence: header.sequence,
            id: header.id(),
            votes: BoundedVec::new(votes.to_vec()).unwrap(),
        }
    }

    pub fn timeout(&self, view: u64) -> TimeoutCertificate {
        let vote = |id| self.sign(Suspect { view: View(view), replica: ReplicaId(id) }).signature;
        let votes = [0, 2, 3].map(|id| (ReplicaId(id), vote(id)));
        TimeoutCertificate { view: View(view), votes: BoundedVec::new(votes.to_vec()).unwrap() }
    }

    pub fn head(&self, view: u64, base: Option<&Header>, replica: u16) -> Signed<ViewChangeHead> {
        let (rank, id) = base.map_or((Rank::default(), self.committee.genesis_id()), |h| (h.rank(), h.id()));
        self.sign(ViewChangeHead { view: View(view), rank, id, replica: ReplicaId(replica) })
    }

    pub fn view_change(&self, base: Option<&Header>) -> ViewChange {
        ViewChange {
            head: self.head(1, base, 2),
            certificate: base.map(|header| self.certificate(Phase::Prepare, header)),
            timeout: self.timeout(0),
        }
    }

    pub fn new_view(&self, base: Option<&Header>) -> NewView {
        let heads = vec![self.head(1, None, 0), self.head(1, base, 2), self.head(1, None, 3)];
        let heads = BoundedVec::new(heads).unwrap();
        let signed = self.sign(NewViewBody { view: View(1), leader: ReplicaId(1), heads });
        NewView { signed, certificate: base.map(|header| self.certificate(Phase::Prepare, header)) }
    }

    pub fn chain(&self, blocks: u64) -> Vec<Block> {
        let mut parent = self.committee.genesis_id();
        (1..=blocks)
            .map(|sequence| {
                let batch = self.batch(vec![self.request(50, sequence, b"x")]);
                let header = self.header(0, sequence, parent, std::slice::from_ref(&batch));
                parent = header.body.id();
                Block { header, batches: BoundedVec::new(vec![batch]).unwrap() }
            })
            .collect()
    }

    pub fn range(&self, blocks: Vec<Block>) -> Data {
        let certificate = self.certificate(Phase::Commit, &blocks.last().unwrap().header.body);
        Data::Range { blocks: BoundedVec::new(blocks).unwrap(), certificate }
    }

    pub fn checkpoint(&self, header: &Header) -> CheckpointCertificate {
        let state_root = Digest::of(b"state");
        let (sequence, id) = (header.sequence, header.id());
        let vote =
            |r| self.sign(CheckpointVote { sequence, id, state_root, replica: ReplicaId(r) }).signature;
        let votes = [1, 2, 3].map(|r| (ReplicaId(r), vote(r)));
        CheckpointCertificate { sequence, id, state_root, votes: BoundedVec::new(votes.to_vec()).unwrap() }
    }

    /// Words that this member has signed.
    pub fn reminder(&self, replica: u16) -> Reminder {
        let header = self.header(0, 7, self.committee.genesis_id(), &[]).body;
        let id = self.committee.genesis_id();
        let head = ViewChangeHead { view: View(3), rank: Rank::default(), id, replica: ReplicaId(replica) };
        Reminder {
            prepare: Some(self.vote(Phase::Prepare, &header, replica)),
            commit: Some(self.vote(Phase::Commit, &header, replica)),
            head: Some(self.sign(head)),
        }
    }

    /// One valid message of every kind and sub-kind.
    pub fn every_message(&self) -> Vec<Message> {
        let blocks = self.chain(3);
        let header = blocks[0].header.clone();
        let other = self.header(0, 1, self.committee.genesis_id(), &[]);
        let batch = self.batch(vec![self.request(9, 1, b"hello"), self.request(9, 2, b"world")]);
        let certificate = self.checkpoint(&header.body);
        let buckets = BoundedVec::new(vec![Digest::ZERO; 256]).unwrap();
        let fetch = Fetch::Range { first: Sequence(1), last: Sequence(9), replica: ReplicaId(3) };
        let snapshot = Snapshot { certificate: certificate.clone(), header: header.clone(), buckets };
        let heartbeat =
            Heartbeat { view: View(6), proposed: Sequence(3), committed: Sequence(2), replica: ReplicaId(2) };
        let status = outvote_types::Status {
            view: View(6),
            rank: Rank::default(),
            committed: Sequence(3),
            stable: Sequence(0),
            sitting_out: false,
            replica: ReplicaId(1),
        };
        let vote = self.sign(certificate.vote_of(ReplicaId(0)));
        let prepare = Prepare { vote: self.vote(Phase::Prepare, &header.body, 2), header: header.clone() };
        let proof = Evidence::Headers(Box::new(header.clone()), Box::new(other));
        vec![
            Message::Propose(Box::new(self.propose(vec![batch.clone()]))),
            Message::Prepare(Box::new(prepare)),
            Message::Commit(self.vote(Phase::Commit, &header.body, 1)),
            Message::Certificate(self.certificate(Phase::Commit, &header.body)),
            Message::Suspect(self.sign(Suspect { view: View(3), replica: ReplicaId(1) })),
            Message::Timeout(self.timeout(4)),
            Message::ViewChange(Box::new(self.view_change(Some(&header.body)))),
            Message::ViewChange(Box::new(self.view_change(None))),
            Message::NewView(Box::new(self.new_view(Some(&header.body)))),
            Message::NewView(Box::new(self.new_view(None))),
            Message::Heartbeat(self.sign(heartbeat)),
            Message::Status(self.sign(status)),
            Message::Checkpoint(vote),
            Message::Stable(certificate),
            Message::Evidence(proof.into()),
            Message::Relay(
                BoundedVec::new(vec![self.request(9, 1, b"a"), self.request(8, 1, b"b")]).unwrap(),
            ),
            Message::Fetch(self.sign(fetch)),
            Message::Data(Data::Batches(BoundedVec::new(vec![batch]).unwrap())),
            Message::Data(Data::Block(Box::new(blocks[0].clone()))),
            Message::Data(self.range(blocks)),
            Message::Data(Data::Manifest(Box::new(snapshot))),
            Message::Data(Data::Gone { oldest: Sequence(5) }),
            Message::Reminder(Box::new(self.reminder(2))),
        ]
    }
}

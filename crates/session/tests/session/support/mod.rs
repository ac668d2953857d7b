//! Four replicas with real keys whose every word the test chooses.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses its own part")]

pub mod single;

use outvote_crypto::{KeyPair, Keyring, Verifier, sign_body, sign_request};
use outvote_session::{Outcome, Output, SharedVerify};
use outvote_types::client::{Hint, ProvenResult, ReceiptParts, StreamedOperation, ToClient, ToReplica};
use outvote_types::{
    Answer, Batch, Blob, BoundedVec, Certificate, Committee, Digest, Epoch, Header, Instant, Member, Mode,
    Nonce, Operation, Parameters, PayloadLeaf, Phase, PublicKey, ReplicaId, Reply, Request, RequestBody,
    ResultKind, ResultLeaf, Sequence, Signed, SignedHeader, View, Vote, WallTime, merkle,
};
use std::sync::Arc;

/// Milliseconds on the test's clock.
pub fn at(milliseconds: u64) -> Instant {
    Instant(milliseconds * 1000)
}

pub fn verify() -> SharedVerify {
    Arc::new(Verifier::default())
}

pub fn key(seed: u8) -> KeyPair {
    KeyPair::from_seed([seed; 32])
}

pub fn operation(text: &str) -> Operation {
    Operation { author: None, query: false, payload: Blob::new(text.as_bytes().to_vec()).unwrap() }
}

pub fn answer(text: &str) -> Answer {
    Answer::done(text.as_bytes().to_vec())
}

pub fn request(cluster: &Cluster, client: &KeyPair, nonce: u64, texts: &[&str]) -> Request {
    let operations = BoundedVec::new(texts.iter().map(|text| operation(text)).collect()).unwrap();
    let body = RequestBody { session: client.public_key(), nonce: Nonce(nonce), operations };
    sign_request(client, cluster.keyring.client_domain(), body)
}

pub struct Cluster {
    pub replicas: Vec<KeyPair>,
    pub committee: Committee,
    pub keyring: Keyring,
    pub tip: Digest,
    pub sequence: u64,
}

/// A leaf with what stands behind it.
#[derive(Clone)]
pub struct Result {
    pub session: PublicKey,
    pub nonce: Nonce,
    pub leaf: ResultLeaf,
    pub answer: Answer,
}

pub fn result(request: &Request, index: u32, kind: ResultKind, answer: Answer) -> Result {
    let leaf = ResultLeaf { request: request.digest(), index, kind, answer: answer.digest() };
    Result { session: request.body.session, nonce: request.body.nonce, leaf, answer }
}

/// A block as the test had it executed.
#[derive(Clone)]
pub struct Executed {
    pub header: Header,
    pub requests: Vec<Request>,
    pub results: Vec<Result>,
}

impl Cluster {
    pub fn new(n: u8) -> Self {
        let replicas: Vec<KeyPair> = (0..n).map(|index| key(100 + index)).collect();
        let members = replicas
            .iter()
            .zip(0u8..)
            .map(|(pair, i)| Member { consensus_key: pair.public_key(), link_key: key(200 + i).public_key() })
            .collect();
        let committee = Committee {
            genesis_salt: [7; 32],
            epoch: Epoch(0),
            mode: Mode::Byzantine,
            demo: false,
            parameters: Parameters::default(),
            members: BoundedVec::new(members).unwrap(),
        };
        let tip = committee.genesis_id();
        Self { replicas, keyring: Keyring::new(committee.clone()), committee, tip, sequence: 0 }
    }

    /// The next block of the chain.
    pub fn block(&mut self, requests: &[Request], results: Vec<Result>) -> Executed {
        let batch = Batch {
            author: ReplicaId(0),
            lane_sequence: 1,
            requests: BoundedVec::new(requests.to_vec()).unwrap(),
        };
        let batches = if requests.is_empty() { Vec::new() } else { vec![batch.reference()] };
        let leaves = if requests.is_empty() { Vec::new() } else { batch.payload_leaves() };
        self.sequence += 1;
        let header = Header {
            epoch: Epoch(0),
            view: View(0),
            sequence: Sequence(self.sequence),
            parent: self.tip,
            time: WallTime(1_700_000_000_000_000 + self.sequence),
            leader: ReplicaId(0),
            batches: BoundedVec::new(batches).unwrap(),
            payload_root: merkle::root(&leaves),
            new_view_digest: None,
            control: None,
        };
        self.tip = header.id();
        Executed { header, requests: requests.to_vec(), results }
    }

    /// One block that applies all operations of the requests with the answer "done".
    pub fn applied(&mut self, requests: &[Request]) -> Executed {
        let results = requests
            .iter()
            .flat_map(|request| {
                let count = u32::try_from(request.body.operations.len()).unwrap();
                (0..count).map(|index| result(request, index, ResultKind::Applied, answer("done")))
            })
            .collect();
        self.block(requests, results)
    }

    pub fn reply(&self, replica: u16, block: &Executed) -> Signed<Reply> {
        let leaves: Vec<Digest> = block.results.iter().map(|result| result.leaf.digest()).collect();
        let body = Reply {
            sequence: block.header.sequence,
            id: block.header.id(),
            result_root: merkle::root(&leaves),
            replica: ReplicaId(replica),
        };
        sign_body(&self.replicas[usize::from(replica)], self.keyring.replica_domain(), body)
    }

    pub fn proven(&self, block: &Executed) -> Vec<ProvenResult> {
        let leaves: Vec<Digest> = block.results.iter().map(|result| result.leaf.digest()).collect();
        block
            .results
            .iter()
            .enumerate()
            .map(|(index, result)| ProvenResult {
                session: result.session,
                nonce: result.nonce,
                leaf: result.leaf.clone(),
                path: merkle::path(&leaves, index).unwrap(),
                answer: result.answer.clone(),
            })
            .collect()
    }

    /// The bundle that `replica` sends about a block.
    pub fn results(&self, replica: u16, block: &Executed) -> ToClient {
        self.results_in_view(replica, block, 0)
    }

    pub fn results_in_view(&self, replica: u16, block: &Executed, view: u64) -> ToClient {
        let results = BoundedVec::new(self.proven(block)).unwrap();
        let hint = Hint::new(View(view), 500_000);
        ToClient::Results { reply: self.reply(replica, block), hint, results }
    }

    pub fn certificate(&self, header: &Header, voters: &[u16]) -> Certificate {
        let votes = voters.iter().map(|voter| {
            let vote = Vote {
                phase: Phase::Commit,
                view: header.view,
                sequence: header.sequence,
                id: header.id(),
                replica: ReplicaId(*voter),
            };
            let key = &self.replicas[usize::from(*voter)];
            (ReplicaId(*voter), sign_body(key, self.keyring.replica_domain(), vote).signature)
        });
        Certificate {
            phase: Phase::Commit,
            view: header.view,
            sequence: header.sequence,
            id: header.id(),
            votes: BoundedVec::new(votes.collect()).unwrap(),
        }
    }

    pub fn signed_header(&self, header: &Header) -> SignedHeader {
        sign_body(&self.replicas[usize::from(header.leader.0)], self.keyring.replica_domain(), header.clone())
    }

    pub fn headers<const MAX: usize>(&self, blocks: &[&Executed]) -> BoundedVec<SignedHeader, MAX> {
        BoundedVec::new(blocks.iter().map(|block| self.signed_header(&block.header)).collect()).unwrap()
    }

    /// What `replica` hands out toward the receipt of one operation of `chain[0]`, executed there too.
    pub fn parts(&self, replica: u16, chain: &[&Executed], request: usize, index: u32) -> ReceiptParts {
        let block = chain[0];
        let asked = &block.requests[request];
        let leaves: Vec<PayloadLeaf> = block.requests.iter().flat_map(PayloadLeaf::of_request).collect();
        let digests: Vec<Digest> = leaves.iter().map(PayloadLeaf::digest).collect();
        let place =
            leaves.iter().position(|leaf| leaf.request == asked.digest() && leaf.index == index).unwrap();
        let results: Vec<Digest> = block.results.iter().map(|result| result.leaf.digest()).collect();
        let at = block
            .results
            .iter()
            .position(|result| result.leaf.request == asked.digest() && result.leaf.index == index)
            .unwrap();
        let last = chain[chain.len() - 1];
        ReceiptParts {
            payload: asked.body.operations[index as usize].payload.clone(),
            payload_leaf: leaves[place].clone(),
            payload_path: merkle::path(&digests, place).unwrap(),
            headers: self.headers(chain),
            certificate: self.certificate(&last.header, &[0, 1, 3]),
            released: None,
            result_leaf: block.results[at].leaf.clone(),
            result_path: merkle::path(&results, at).unwrap(),
            answer: block.results[at].answer.clone(),
            reply: self.reply(replica, block),
        }
    }

    /// The same for an operation that was held in `chain[0]` and executed in `released[0]`.
    pub fn released_parts(
        &self,
        replica: u16,
        chain: &[&Executed],
        released: &[&Executed],
        request: usize,
    ) -> ReceiptParts {
        let mut parts = self.parts(replica, chain, request, 0);
        let block = released[0];
        let results: Vec<Digest> = block.results.iter().map(|result| result.leaf.digest()).collect();
        let digest = chain[0].requests[request].digest();
        let place = block.results.iter().position(|result| result.leaf.request == digest).unwrap();
        let last = released[released.len() - 1];
        parts.released = Some((self.headers(released), self.certificate(&last.header, &[0, 2, 3])));
        parts.result_leaf = block.results[place].leaf.clone();
        parts.result_path = merkle::path(&results, place).unwrap();
        parts.answer = block.results[place].answer.clone();
        parts.reply = self.reply(replica, block);
        parts
    }

    /// A page of the stream.
    pub fn streamed(&self, replica: u16, block: &Executed) -> ToClient {
        let operations = block.results.iter().zip(0u32..).map(|(result, position)| StreamedOperation {
            position,
            leaf: result.leaf.clone(),
            author: result.session,
            payload: Blob::new(b"payload".to_vec()).unwrap(),
            answer: result.answer.clone(),
        });
        ToClient::Block {
            header: Box::new(self.signed_header(&block.header)),
            reply: self.reply(replica, block),
            operations: BoundedVec::new(operations.collect()).unwrap(),
        }
    }
}

/// The outcomes among the outputs.
pub fn outcomes(outputs: &[Output]) -> Vec<(u64, Outcome)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Finished { ticket, outcome } => Some((ticket.nonce.0, outcome.clone())),
            _ => None,
        })
        .collect()
}

/// To whom requests are sent, with their nonces.
pub fn submitted(outputs: &[Output]) -> Vec<(u16, Vec<u64>)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { to, message: ToReplica::Submit(requests) } => {
                Some((to.0, requests.iter().map(|request| request.body.nonce.0).collect()))
            }
            _ => None,
        })
        .collect()
}

pub fn distrusted(outputs: &[Output]) -> Vec<u16> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Distrust { replica, .. } => Some(replica.0),
            _ => None,
        })
        .collect()
}

//! Scripted clients: they submit, retry, and weigh signed answers as any client must (R2, R4).

use outvote_crypto::{Check, Scheme, sign_request};
use outvote_types::client::ProvenResult;
use outvote_types::{
    Blob, BoundedVec, Committee, Digest, Domain, Nonce, Operation, PublicKey, Quorum, ReplicaId, Reply,
    Request, RequestBody, ResultKind, ResultLeaf, Sequence, Signable, Signed,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// After this long without an answer everybody is asked.
const PATIENCE_US: u64 = 1_500_000;
/// The longest pause between two tries.
const PATIENCE_MAX_US: u64 = 4_000_000;

/// What one replica says became of a request: block, its identity, the result root, the leaf.
type Word = (Sequence, Digest, Digest, (Digest, u8, Digest));

struct Pending {
    request: Request,
    digest: Digest,
    tries: u32,
    again_at: u64,
    words: BTreeMap<ReplicaId, Word>,
}

/// An answer that `f + 1` replicas gave alike.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// Whose.
    pub session: PublicKey,
    /// Which.
    pub nonce: Nonce,
    /// The request's identity.
    pub request: Digest,
    /// Where it was executed.
    pub sequence: Sequence,
    /// That block.
    pub id: Digest,
    /// Its result root.
    pub result_root: Digest,
    /// What became of it.
    pub kind: ResultKind,
    /// The digest of the application's answer.
    pub answer: Digest,
}

/// One scripted client.
pub struct Client {
    scheme: Arc<dyn Scheme>,
    committee: Committee,
    replicas: Domain,
    clients: Domain,
    quorum: Quorum,
    next: u64,
    total: u64,
    window: usize,
    think_us: u64,
    next_at: u64,
    pending: BTreeMap<Nonce, Pending>,
    /// Requests that ended.
    pub done: u64,
}

impl Client {
    /// A client that wants to submit `total` requests.
    #[must_use]
    pub fn new(
        scheme: Arc<dyn Scheme>,
        committee: &Committee,
        quorum: Quorum,
        total: u64,
        window: u64,
        think_us: u64,
    ) -> Self {
        Self {
            scheme,
            replicas: committee.domain(),
            clients: Domain::clients(&committee.cluster_id()),
            committee: committee.clone(),
            quorum,
            next: 1,
            total,
            window: window as usize,
            think_us,
            next_at: 0,
            pending: BTreeMap::new(),
            done: 0,
        }
    }

    /// Its session.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.scheme.public_key()
    }

    /// Whether all that it wanted is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.next > self.total && self.pending.is_empty()
    }

    /// Requests without an outcome.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// The names of these.
    pub fn waiting_names(&self) -> impl Iterator<Item = Nonce> + '_ {
        self.pending.keys().copied()
    }

    /// Wants so many more requests.
    pub fn want(&mut self, more: u64) {
        self.total += more;
    }

    /// Signs any request of this session.
    #[must_use]
    pub fn sign(&self, nonce: u64, payload: &[u8]) -> Request {
        let payload = Blob::new(payload.to_vec()).unwrap_or_default();
        let operation = Operation { author: None, query: false, payload };
        let operations = BoundedVec::truncated(vec![operation]);
        let body = RequestBody { session: self.key(), nonce: Nonce(nonce), operations };
        sign_request(&*self.scheme, &self.clients, body)
    }

    /// What it does now: requests, each with whether everybody gets it.
    pub fn act(&mut self, now_us: u64) -> Vec<(Request, bool)> {
        let mut out = Vec::new();
        for pending in self.pending.values_mut().filter(|pending| pending.again_at <= now_us) {
            pending.tries += 1;
            pending.again_at = now_us + (PATIENCE_US << pending.tries.min(3)).min(PATIENCE_MAX_US);
            out.push((pending.request.clone(), true));
        }
        if self.next <= self.total && self.pending.len() < self.window && self.next_at <= now_us {
            let request = self.sign(self.next, format!("operation {}", self.next).as_bytes());
            self.track(request.clone(), now_us);
            self.next_at = now_us + self.think_us;
            self.next += 1;
            out.push((request, false));
        }
        out
    }

    /// Waits for an answer to this request of its own.
    pub fn track(&mut self, request: Request, now_us: u64) {
        let digest = request.digest();
        let again_at = now_us + PATIENCE_US;
        let pending = Pending { digest, tries: 0, again_at, words: BTreeMap::new(), request };
        self.pending.insert(pending.request.body.nonce, pending);
    }

    /// When it wants to act again.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let again = self.pending.values().map(|pending| pending.again_at).min();
        let fresh = (self.next <= self.total && self.pending.len() < self.window).then_some(self.next_at);
        [again, fresh].into_iter().flatten().min()
    }

    /// A replica's word on a block; what is accepted because of it.
    pub fn weigh(&mut self, reply: &Signed<Reply>, results: &[ProvenResult]) -> Vec<Accepted> {
        let Some(member) = self.committee.member(reply.body.replica) else { return Vec::new() };
        let bytes = self.replicas.signing_bytes(reply.body.kind(), &reply.body.digest());
        let check = Check { key: member.consensus_key, bytes, signature: reply.signature };
        if self.scheme.verify(&[check]) != [true] {
            return Vec::new();
        }
        results.iter().filter_map(|result| self.weigh_one(&reply.body, result)).collect()
    }

    fn weigh_one(&mut self, reply: &Reply, result: &ProvenResult) -> Option<Accepted> {
        let is_final = matches!(result.leaf.kind, ResultKind::Applied | ResultKind::Refused);
        let fits = result.session == self.key()
            && is_final
            && result.answer.digest() == result.leaf.answer
            && result.path.root_from(result.leaf.digest()) == Some(reply.result_root);
        let pending = self.pending.get_mut(&result.nonce).filter(|_| fits)?;
        if pending.digest != result.leaf.request {
            return None;
        }
        let word = (reply.sequence, reply.id, reply.result_root, flat(&result.leaf));
        pending.words.insert(reply.replica, word);
        let same = pending.words.values().filter(|other| **other == word).count();
        if same < self.quorum.weak() {
            return None;
        }
        let pending = self.pending.remove(&result.nonce)?;
        self.done += 1;
        Some(Accepted {
            session: self.key(),
            nonce: result.nonce,
            request: pending.digest,
            sequence: reply.sequence,
            id: reply.id,
            result_root: reply.result_root,
            kind: result.leaf.kind,
            answer: result.leaf.answer,
        })
    }
}

const fn flat(leaf: &ResultLeaf) -> (Digest, u8, Digest) {
    (leaf.request, leaf.kind as u8, leaf.answer)
}

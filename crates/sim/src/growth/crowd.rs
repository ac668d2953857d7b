//! All clients: each asks the leader and `f` others, waits for `f + 1` answers, and asks again.

use super::scenario::Scenario;
use crate::keys::TagScheme;
use outvote_crypto::sign_request;
use outvote_types::{
    Blob, BoundedVec, Committee, Domain, Nonce, Operation, PublicKey, Quorum, ReplicaId, Request,
    RequestBody, Sequence,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Clients' keys lie above those of replicas and their links.
const FIRST_ACTOR: u64 = 10_000;

/// One request under way.
struct Asked {
    at_ns: u64,
    answers: usize,
    request: Arc<Request>,
    targets: Arc<[ReplicaId]>,
}

/// A request and who gets it.
pub(super) type Sent = (Arc<Request>, Arc<[ReplicaId]>);

struct Asker {
    scheme: TagScheme,
    next: u64,
    /// Where the others that it asks begin; they take turns.
    turn: usize,
}

/// All clients.
pub(super) struct Crowd {
    askers: Vec<Asker>,
    by_key: BTreeMap<PublicKey, usize>,
    under_way: BTreeMap<(usize, Nonce), Asked>,
    /// Whose requests are in a block.
    blocks: BTreeMap<Sequence, Arc<[(usize, Nonce)]>>,
    domain: Domain,
    quorum: Quorum,
    payload_bytes: usize,
    pub(super) answered: u64,
}

impl Crowd {
    pub(super) fn new(scenario: &Scenario, committee: &Committee, quorum: Quorum) -> Self {
        let asker = |index: usize| Asker {
            scheme: TagScheme::new(0, FIRST_ACTOR + index as u64),
            next: 1,
            turn: index,
        };
        let askers: Vec<Asker> = (0..scenario.clients).map(asker).collect();
        let key = |asker: &Asker| outvote_crypto::Scheme::public_key(&asker.scheme);
        Self {
            by_key: askers.iter().enumerate().map(|(index, asker)| (key(asker), index)).collect(),
            askers,
            under_way: BTreeMap::new(),
            blocks: BTreeMap::new(),
            domain: Domain::clients(&committee.cluster_id()),
            quorum,
            payload_bytes: scenario.payload_bytes,
            answered: 0,
        }
    }

    /// A client's next request, and who gets it: as R4 has it the probable leader, and `f` others in turn.
    pub(super) fn ask(&mut self, client: usize, leader: ReplicaId, now_ns: u64) -> Sent {
        let asker = &mut self.askers[client];
        let nonce = Nonce(asker.next);
        asker.next += 1;
        asker.turn += 1;
        let mut bytes = vec![0; self.payload_bytes];
        for (slot, byte) in bytes.iter_mut().zip(nonce.0.to_le_bytes()) {
            *slot = byte;
        }
        let payload = Blob::new(bytes).unwrap_or_default();
        let operation = Operation { author: None, query: false, payload };
        let session = outvote_crypto::Scheme::public_key(&asker.scheme);
        let operations = BoundedVec::truncated(vec![operation]);
        let body = RequestBody { session, nonce, operations };
        let request = Arc::new(sign_request(&asker.scheme, &self.domain, body));
        let others: Vec<ReplicaId> = self.quorum.members().filter(|id| *id != leader).collect();
        let first = asker.turn % others.len().max(1);
        let in_turn = others.iter().cycle().skip(first).take(self.quorum.f()).copied();
        let targets: Arc<[ReplicaId]> = std::iter::once(leader).chain(in_turn).collect();
        let sent = (Arc::clone(&request), Arc::clone(&targets));
        self.under_way.insert((client, nonce), Asked { at_ns: now_ns, answers: 0, request, targets });
        sent
    }

    /// Whose request was refused.
    pub(super) fn client(&self, session: &PublicKey) -> Option<usize> {
        self.by_key.get(session).copied()
    }

    /// A request once more, if it still has too few answers.
    pub(super) fn ask_again(&self, client: usize, nonce: Nonce) -> Option<Sent> {
        let asked = self.under_way.get(&(client, nonce))?;
        Some((Arc::clone(&asked.request), Arc::clone(&asked.targets)))
    }

    /// Notes whose requests a block holds, when the first replica has it.
    pub(super) fn on_block(&mut self, sequence: Sequence, batches: &[outvote_types::Batch]) {
        let (blocks, by_key) = (&mut self.blocks, &self.by_key);
        blocks.entry(sequence).or_insert_with(|| {
            let requests = batches.iter().flat_map(|batch| batch.requests.iter());
            let named = requests
                .filter_map(|request| Some((*by_key.get(&request.body.session)?, request.body.nonce)));
            named.collect()
        });
    }

    /// One replica's answers of a block reach those clients for whom it holds; who has enough of them now, and since when it
    /// waited.
    pub(super) fn on_answers(
        &mut self,
        sequence: Sequence,
        is_there: impl Fn(usize) -> bool,
    ) -> Vec<(usize, u64)> {
        let Some(block) = self.blocks.get(&sequence).cloned() else { return Vec::new() };
        let mut done = Vec::new();
        for (client, nonce) in block.iter().filter(|(client, _)| is_there(*client)) {
            let Some(asked) = self.under_way.get_mut(&(*client, *nonce)) else { continue };
            asked.answers += 1;
            if asked.answers >= self.quorum.weak() {
                done.push((*client, asked.at_ns));
                self.under_way.remove(&(*client, *nonce));
            }
        }
        self.answered += done.len() as u64;
        done
    }
}

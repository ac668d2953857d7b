//! What all games of one size share: the committee, its keys, and signed requests. Made once, used by every thread.

use crate::keys;
use outvote_crypto::{RequestChecker, Scheme, sign_body, sign_request};
use outvote_replica::Tunables;
use outvote_types::{
    Blob, BoundedVec, Committee, Digest, Domain, Epoch, Member, Message, Mode, Nonce, Operation, Parameters,
    Quorum, ReplicaId, Request, RequestBody, Suspect, TimeoutCertificate, Verified, View, encode,
};
use std::sync::Arc;

/// The number of the first client's key.
const FIRST_CLIENT: u64 = 1_000;
/// All games are played with the keys of this seed: nothing in them depends on which keys they are.
const KEY_SEED: u64 = 0x7477_696e_7321;

/// Keys and requests of one committee.
pub struct Kit {
    /// The committee.
    pub committee: Committee,
    /// Its arithmetic.
    pub quorum: Quorum,
    /// Tuning, the same for all.
    pub tunables: Tunables,
    schemes: Vec<Arc<dyn Scheme>>,
    /// Per client, in the order of their nonces.
    requests: Vec<Vec<(Verified<Request>, Digest)>>,
    domain: Domain,
}

impl Kit {
    /// A committee of so many, with so many clients, each of whom has signed so many requests.
    ///
    /// # Errors
    /// With what is wrong with the size, in words.
    pub fn new(
        replicas: usize,
        clients: usize,
        requests_each: u64,
        checkpoint_interval: u64,
    ) -> Result<Self, String> {
        let schemes: Vec<Arc<dyn Scheme>> =
            (0..replicas as u64).map(|actor| keys::scheme(KEY_SEED, actor, false)).collect();
        let member = |scheme: &Arc<dyn Scheme>| {
            let key = scheme.public_key();
            Member { consensus_key: key, link_key: key }
        };
        let committee = Committee {
            genesis_salt: [9; 32],
            epoch: Epoch(0),
            mode: Mode::Byzantine,
            demo: false,
            parameters: Parameters { checkpoint_interval, ..Parameters::default() },
            members: BoundedVec::truncated(schemes.iter().map(member).collect()),
        };
        let quorum = committee.quorum().map_err(|error| error.to_string())?;
        let clients = 0..clients as u64;
        let requests = clients.map(|client| requests(&committee, client, requests_each)).collect();
        let tunables = Tunables { lease_slots: 16, ..Tunables::default() };
        Ok(Self { quorum, tunables, schemes, requests, domain: committee.domain(), committee })
    }

    /// A member's key.
    #[must_use]
    pub fn scheme(&self, id: ReplicaId) -> Arc<dyn Scheme> {
        Arc::clone(&self.schemes[id.index()])
    }

    /// A client's request by its place in the client's own order, and its identity.
    #[must_use]
    pub fn request(&self, client: usize, place: u64) -> Option<&(Verified<Request>, Digest)> {
        self.requests.get(client)?.get(usize::try_from(place).ok()?)
    }

    /// The certificate that ends `view`: a quorum's suspicions, as they would sign them.
    #[must_use]
    pub fn timeout(&self, view: View) -> Arc<[u8]> {
        let signer = |replica: ReplicaId| {
            let suspect = Suspect { view, replica };
            (replica, sign_body(&*self.schemes[replica.index()], &self.domain, suspect).signature)
        };
        let votes = self.quorum.members().take(self.quorum.quorum()).map(signer).collect();
        let timeout = TimeoutCertificate { view, votes: BoundedVec::truncated(votes) };
        Arc::from(encode(&Message::Timeout(timeout)))
    }
}

fn requests(committee: &Committee, client: u64, count: u64) -> Vec<(Verified<Request>, Digest)> {
    let scheme = keys::scheme(KEY_SEED, FIRST_CLIENT + client, false);
    let domain = Domain::clients(&committee.cluster_id());
    let signed = (1..=count).map(|nonce| {
        let payload = Blob::new(format!("{client}/{nonce}").into_bytes()).unwrap_or_default();
        let operations = BoundedVec::truncated(vec![Operation { author: None, query: false, payload }]);
        let body = RequestBody { session: scheme.public_key(), nonce: Nonce(nonce), operations };
        sign_request(&*scheme, &domain, body)
    });
    let checker = RequestChecker::new(committee.clone(), Arc::clone(&scheme));
    let checked = checker.check(signed.collect()).into_iter().filter_map(Result::ok);
    checked.map(|request| (request.clone(), request.digest())).collect()
}

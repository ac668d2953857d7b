//! Clients' requests: what makes one valid, and vouching for it.

use crate::cache::{SignatureCache, name};
use crate::checker::Rejected;
use crate::keyring::Keyring;
use crate::scheme::{Check, Scheme, Verify};
use outvote_types::limits::MAX_REQUEST_BYTES;
use outvote_types::{Committee, Digest, Request, Verified};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What forbids a request whatever its signatures say; `None` when nothing does.
///
/// A pure function of its bytes: the same at every replica (N8).
pub(crate) fn fault<V: Verify + ?Sized>(verifier: &V, request: &Request) -> Option<&'static str> {
    let body = &request.body;
    if body.operations.is_empty() {
        return Some("M10: an envelope without an operation");
    }
    if request.encoded_bytes() > MAX_REQUEST_BYTES {
        return Some("M10: a request above its size");
    }
    // M6: unusable keys are refused when a session is set up, and so in each request of one.
    if !verifier.is_usable_key(&body.session) {
        return Some("M6: a session key that no one may use");
    }
    let authors = body.operations.iter().filter_map(|operation| operation.author.as_deref());
    for author in authors {
        if author.key != body.session && !verifier.is_usable_key(&author.key) {
            return Some("M6: an author's key that no one may use");
        }
    }
    None
}

/// Requests whose signatures are still to be judged.
#[derive(Debug)]
pub struct PendingRequests {
    /// The signatures to be judged, in order.
    pub checks: Vec<Check>,
    /// Their names, where good ones are remembered.
    names: Vec<Digest>,
    pub(crate) requests: Vec<(Request, Result<usize, Rejected>)>,
}

impl PendingRequests {
    pub(crate) fn new(
        scheme: &dyn Scheme,
        requests: Vec<Request>,
        mut checks_of: impl FnMut(&Request) -> Vec<Check>,
    ) -> Self {
        let mut checks = Vec::new();
        let requests = requests.into_iter().map(|request| {
            let fate = match fault(scheme, &request) {
                Some(why) => Err(Rejected::because(why)),
                None => {
                    let fresh = checks_of(&request);
                    checks.extend_from_slice(&fresh);
                    Ok(fresh.len())
                }
            };
            (request, fate)
        });
        let requests = requests.collect();
        Self { checks, names: Vec::new(), requests }
    }

    /// Only the requests at the front all of whose signatures are among the first `judged`.
    #[must_use]
    pub fn first(mut self, judged: usize) -> Self {
        let (mut signatures, mut whole) = (0, 0);
        for (_, fate) in &self.requests {
            let own = fate.as_ref().copied().unwrap_or_default();
            if signatures + own > judged {
                break;
            }
            signatures += own;
            whole += 1;
        }
        self.requests.truncate(whole);
        self.checks.truncate(signatures);
        self.names.truncate(signatures);
        self
    }

    /// Turns the verdicts into one outcome for each request, in order.
    ///
    /// # Panics
    /// When there is not one verdict for each check: the caller lost some.
    #[must_use]
    pub fn finish(self, verdicts: &[bool]) -> Vec<Result<Verified<Request>, Rejected>> {
        assert_eq!(verdicts.len(), self.checks.len(), "one verdict for each check");
        let mut rest = verdicts;
        let judged = self.requests.into_iter().map(|(request, fate)| {
            let (own, others) = rest.split_at(fate?);
            rest = others;
            if own.iter().all(|verdict| *verdict) {
                Ok(Verified::vouched_for(request))
            } else {
                Err(Rejected::because("M6: a request with a bad signature"))
            }
        });
        judged.collect()
    }
}

/// Good signatures of clients' requests that are remembered, in one generation at most: those of the last seconds under load. A
/// request that is soon sent again, by its client or by anybody who copied it, costs no second check.
pub const REQUEST_SIGNATURES_REMEMBERED: usize = 32_768;

/// Vouches for clients' requests on any thread, for gateways: shares nothing with the core but the scheme.
#[derive(Clone)]
pub struct RequestChecker {
    keyring: Keyring,
    scheme: Arc<dyn Scheme>,
    known: Arc<Mutex<SignatureCache>>,
}

impl std::fmt::Debug for RequestChecker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestChecker").field("keyring", &self.keyring).finish_non_exhaustive()
    }
}

impl RequestChecker {
    /// For the clients of this committee.
    #[must_use]
    pub fn new(committee: Committee, scheme: Arc<dyn Scheme>) -> Self {
        let known = Arc::new(Mutex::new(SignatureCache::of(REQUEST_SIGNATURES_REMEMBERED)));
        Self { keyring: Keyring::new(committee), scheme, known }
    }

    fn known(&self) -> MutexGuard<'_, SignatureCache> {
        // A set of names: whole whatever a holder did.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be judged in these requests: what was found good before is not (P8).
    #[must_use]
    pub fn prepare(&self, requests: Vec<Request>) -> PendingRequests {
        let mut names = Vec::new();
        let pending = PendingRequests::new(&*self.scheme, requests, |request| {
            let checks = self.keyring.checks_of_request(request);
            // Hashed before the lock is taken: other threads wait for it.
            let named: Vec<(Check, Digest)> = checks
                .into_iter()
                .map(|check| {
                    let name = name(&check);
                    (check, name)
                })
                .collect();
            let known = self.known();
            let fresh = named.into_iter().filter(|(_, name)| !known.has_name(name));
            let (checks, fresh): (Vec<Check>, Vec<Digest>) = fresh.unzip();
            names.extend(fresh);
            checks
        });
        PendingRequests { names, ..pending }
    }

    /// Turns the verdicts into one outcome for each request, in order, and remembers the good ones.
    ///
    /// # Panics
    /// When there is not one verdict for each check: the caller lost some.
    #[must_use]
    pub fn finish(
        &self,
        pending: PendingRequests,
        verdicts: &[bool],
    ) -> Vec<Result<Verified<Request>, Rejected>> {
        let mut known = self.known();
        let good = pending.names.iter().zip(verdicts).filter(|(_, verdict)| **verdict);
        good.for_each(|(name, _)| known.insert_name(*name));
        drop(known);
        pending.finish(verdicts)
    }

    /// Judges these requests here and now, all signatures in one batch; one outcome each, in order.
    #[must_use]
    pub fn check(&self, requests: Vec<Request>) -> Vec<Result<Verified<Request>, Rejected>> {
        let pending = self.prepare(requests);
        let verdicts = self.scheme.verify(&pending.checks);
        self.finish(pending, &verdicts)
    }
}

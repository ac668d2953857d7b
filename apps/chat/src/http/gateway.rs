//! The ordinary client, connected once per node and only when somebody first needs it.

use super::error::from_client;
use axum::http::StatusCode;
use outvote_client::{Client, ClientError, CommitteeFile, Finished, SessionKey};
use outvote_crypto::{Check, Sign, Verifier, Verify};
use outvote_node::ApiError;
use outvote_types::{Domain, PublicKey, Request, Signature};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests of browsers that wait for their outcome at most.
const WAITING_MAX: usize = 4096;
/// Sessions after which a fresh connection takes over: replicas watch a bounded number for each connection.
const SESSIONS_PER_CLIENT_MAX: usize = 8192;
/// How long a first connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Everything that acts on the whole cluster for a browser.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Inner>);

struct Inner {
    committee: CommitteeFile,
    verifier: Verifier,
    client: tokio::sync::Mutex<Option<Connected>>,
    /// Requests that wait, by session: a session is closed when its last one is done.
    waiting: Mutex<BTreeMap<PublicKey, usize>>,
}

struct Connected {
    client: Client,
    sessions: usize,
}

/// The key of a session whose requests are signed in a browser. It is never asked to sign, and could not.
struct SignedElsewhere(PublicKey);

impl Sign for SignedElsewhere {
    fn sign(&self, _: &[u8; 65]) -> Signature {
        // Nobody accepts this one.
        Signature::default()
    }
    fn public_key(&self) -> PublicKey {
        self.0
    }
}

impl Gateway {
    pub(crate) fn new(committee: CommitteeFile) -> Self {
        let (client, waiting) = (tokio::sync::Mutex::new(None), Mutex::new(BTreeMap::new()));
        Self(Arc::new(Inner { committee, verifier: Verifier::default(), client, waiting }))
    }

    pub(crate) fn committee(&self) -> &CommitteeFile {
        &self.0.committee
    }

    /// The shared client; `new_session` counts one more session of it.
    pub(crate) async fn client(&self, new_session: bool) -> Result<Client, ApiError> {
        let mut slot = self.0.client.lock().await;
        let is_worn = slot.as_ref().is_none_or(|connected| connected.sessions >= SESSIONS_PER_CLIENT_MAX);
        if is_worn {
            let builder = Client::builder(self.0.committee.clone()).patience(CONNECT_PATIENCE);
            let client = builder.connect().await.map_err(|error| from_client(&error))?;
            *slot = Some(Connected { client, sessions: 0 });
        }
        let Some(connected) = slot.as_mut() else {
            return Err(from_client(&ClientError::Closed));
        };
        connected.sessions += usize::from(new_session);
        Ok(connected.client.clone())
    }

    /// Hands a browser's request in and waits for its outcome. Its signatures are checked here: a forged request must not
    /// take the nonce of a real one in the shared client.
    pub(crate) async fn submit(&self, request: Request) -> Result<(Client, Finished), ApiError> {
        self.check(&request)?;
        let (session, nonce) = (request.body.session, request.body.nonce);
        let mut turn = Turn::take(&self.0, session)?;
        let client = self.client(turn.is_first).await?;
        let signer: SessionKey = Arc::new(SignedElsewhere(session));
        let client = client.open(signer, Some(nonce)).await.map_err(|error| from_client(&error))?;
        turn.client = Some(client.clone());
        let finished = client.start_signed(request).finished().await.map_err(|error| from_client(&error))?;
        Ok((client, finished))
    }

    fn check(&self, request: &Request) -> Result<(), ApiError> {
        if request.body.operations.is_empty() {
            return Err(ApiError::bad_input("the request has no operation", "put at least one into it"));
        }
        let domain = Domain::clients(&self.0.committee.committee.cluster_id());
        let checks: Vec<Check> = request
            .signatures(&domain)
            .into_iter()
            .map(|(key, bytes, signature)| Check { key, bytes, signature })
            .collect();
        let verifier = &self.0.verifier;
        let is_usable = checks.iter().all(|check| Verify::is_usable_key(verifier, &check.key));
        if is_usable && verifier.verify_all(&checks).into_iter().all(|verdict| verdict) {
            return Ok(());
        }
        let hint = "sign for this cluster's client_domain, see /api/v1/cluster";
        Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "bad-signature",
            "a signature of the request does not hold",
            hint,
        ))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A plain table, whole even if a holder panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request's place among those that wait; given back when it is dropped, as when the browser hangs up.
struct Turn {
    inner: Arc<Inner>,
    session: PublicKey,
    is_first: bool,
    client: Option<Client>,
}

impl Turn {
    fn take(inner: &Arc<Inner>, session: PublicKey) -> Result<Self, ApiError> {
        let mut waiting = locked(&inner.waiting);
        if waiting.values().sum::<usize>() >= WAITING_MAX {
            let hint = "try again in a second, or hand the request to another replica";
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "busy",
                "too many requests wait here",
                hint,
            ));
        }
        let count = waiting.entry(session).or_default();
        *count += 1;
        let is_first = *count == 1;
        Ok(Self { inner: Arc::clone(inner), session, is_first, client: None })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = locked(&self.inner.waiting);
        if let Some(count) = waiting.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.session);
                // Under the lock, so that whoever takes the next turn of this session opens it after this.
                if let Some(client) = self.client.take() {
                    client.close();
                }
            }
        }
    }
}

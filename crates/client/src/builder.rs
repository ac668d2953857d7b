//! Connecting.

use crate::client::Client;
use crate::driver::Driver;
use crate::error::ClientError;
use crate::link;
use outvote_crypto::Verifier;
use outvote_session::{CommitteeFile, Pool, SessionKey, Tunables};
use outvote_transport::Limits;
use outvote_types::{Nonce, ReplicaId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Messages and link changes that wait for the pool's task at most; beyond it the links stop reading.
const MAX_QUEUED_EVENTS: usize = 1024;

/// Collects what a client needs to connect.
pub struct ClientBuilder {
    committee: CommitteeFile,
    identity: Option<(SessionKey, Option<Nonce>)>,
    tunables: Tunables,
    limits: Limits,
    patience: Duration,
}

impl ClientBuilder {
    pub(crate) fn new(committee: CommitteeFile) -> Self {
        Self {
            committee,
            identity: None,
            tunables: Tunables::default(),
            limits: Limits::default(),
            patience: Duration::from_secs(10),
        }
    }

    /// The key that signs this client's requests. The replicas are asked for the nonce at which its session stands.
    #[must_use]
    pub fn identity(mut self, signer: SessionKey) -> Self {
        self.identity = Some((signer, None));
        self
    }

    /// The same with a known next nonce; a fresh key stands at 1.
    #[must_use]
    pub fn identity_at(mut self, signer: SessionKey, next: Nonce) -> Self {
        self.identity = Some((signer, Some(next)));
        self
    }

    /// Deadlines, retries and the seed of their jitter.
    #[must_use]
    pub fn tunables(mut self, tunables: Tunables) -> Self {
        self.tunables = tunables;
        self
    }

    /// The transport's bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long [`ClientBuilder::connect`] tries; 10 s unless told otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Connects: with an identity, until the session is ready; without one, until a replica is reached. Up to `f`
    /// replicas may be dead.
    ///
    /// # Errors
    /// When too few replicas can be reached in time, each with its reason.
    pub async fn connect(self) -> Result<Client, ClientError> {
        let client = self.start()?;
        client.client.wait_until_usable(client.patience, client.identity).await
    }

    fn start(self) -> Result<Starting, ClientError> {
        let Self { committee: file, identity, tunables, limits, patience } = self;
        let pool = Pool::new(&file.committee, Arc::new(Verifier::default()), tunables)?;
        let quorum = file.committee.quorum()?;
        let (commands, asked) = mpsc::unbounded_channel();
        let (events, happened) = mpsc::channel(MAX_QUEUED_EVENTS);
        for (id, (member, address)) in
            (0..).map(ReplicaId).zip(file.committee.members.iter().zip(&file.addresses))
        {
            tokio::spawn(link::serve(id, address.clone(), member.link_key, limits.clone(), events.clone()));
        }
        let session = identity.as_ref().map(|(signer, _)| signer.public_key());
        tokio::spawn(Driver::new(pool, file.committee.clone()).run(asked, happened));
        Ok(Starting { client: Client::new(Arc::new(file), commands, session, quorum), patience, identity })
    }
}

/// A client whose tasks run and whose session is not ready yet.
struct Starting {
    client: Client,
    patience: Duration,
    identity: Option<(SessionKey, Option<Nonce>)>,
}

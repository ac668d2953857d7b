//! The handle that programs hold.

use crate::builder::ClientBuilder;
use crate::command::{Answer, Command, Work};
use crate::error::ClientError;
use crate::follow::Follow;
use outvote_session::{Answered, CommitteeFile, Outcome, Receipt, SessionKey, Ticket};
use outvote_types::{Nonce, Operation, PublicKey, Quorum, ReplicaId, Request, Sequence};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long a single replica's report is waited for.
const REPORT_PATIENCE: Duration = Duration::from_secs(3);
/// How often a starting client looks at its links.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How a submission ended, and the ticket under which to ask again or to get a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Names the request.
    pub ticket: Ticket,
    /// Committed, rejected or pending.
    pub outcome: Outcome,
}

/// A link as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// To which replica.
    pub replica: ReplicaId,
    /// Whether it is up.
    pub up: bool,
    /// Why it was down last.
    pub last_error: Option<String>,
}

/// A submission on its way. Those of one session are executed in the order in which they were started.
#[derive(Debug)]
pub struct Submission(oneshot::Receiver<Result<Finished, ClientError>>);

impl Submission {
    /// Waits for the outcome.
    ///
    /// # Errors
    /// When the request was not taken, or the client was shut down.
    pub async fn finished(self) -> Result<Finished, ClientError> {
        self.0.await.unwrap_or(Err(ClientError::Closed))
    }
}

/// A handle to a connected client: one session, on links that all handles share. Cheap to clone. The links close when the
/// last handle is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    file: Arc<CommitteeFile>,
    commands: mpsc::UnboundedSender<Command>,
    session: Option<PublicKey>,
    quorum: Quorum,
}

impl Client {
    /// Begins to connect to a committee.
    #[must_use]
    pub fn builder(committee: CommitteeFile) -> ClientBuilder {
        ClientBuilder::new(committee)
    }

    pub(crate) const fn new(
        file: Arc<CommitteeFile>,
        commands: mpsc::UnboundedSender<Command>,
        session: Option<PublicKey>,
        quorum: Quorum,
    ) -> Self {
        Self { file, commands, session, quorum }
    }

    pub(crate) async fn wait_until_usable(
        self,
        patience: Duration,
        identity: Option<(SessionKey, Option<Nonce>)>,
    ) -> Result<Self, ClientError> {
        let until = Instant::now() + patience;
        let needed = if identity.is_some() { self.quorum.weak() } else { 1 };
        let mut links = self.links().await?;
        while links.iter().filter(|link| link.up).count() < needed && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            links = self.links().await?;
        }
        let reached = links.iter().filter(|link| link.up).count();
        if reached < needed {
            return Err(too_few(&links, reached, needed));
        }
        if let Some((signer, next)) = identity {
            let opening = self.ask(|answer| Command::Open { signer, next, answer });
            if tokio::time::timeout_at(until.into(), opening).await.is_err() {
                let links = self.links().await?;
                let reached = links.iter().filter(|link| link.up).count();
                let needed = self.quorum.n() - self.quorum.f();
                return Err(if reached < needed {
                    too_few(&links, reached, needed)
                } else {
                    ClientError::NotReady
                });
            }
        }
        Ok(self)
    }

    /// The committee and its addresses.
    #[must_use]
    pub fn committee(&self) -> &CommitteeFile {
        &self.file
    }

    /// This handle's session key, if it has an identity.
    #[must_use]
    pub const fn session(&self) -> Option<PublicKey> {
        self.session
    }

    /// Opens another session on the same links. With `next` it is ready at once; a fresh key stands at 1.
    ///
    /// # Errors
    /// When the client was shut down.
    pub async fn open(&self, signer: SessionKey, next: Option<Nonce>) -> Result<Self, ClientError> {
        let session = Some(signer.public_key());
        self.ask(|answer| Command::Open { signer, next, answer }).await?;
        Ok(Self { session, ..self.clone() })
    }

    /// Opens many sessions at once, all with the same `next`.
    ///
    /// # Errors
    /// When the client was shut down.
    pub async fn open_many(
        &self,
        signers: Vec<SessionKey>,
        next: Option<Nonce>,
    ) -> Result<Vec<Self>, ClientError> {
        let opening: Vec<_> = signers
            .into_iter()
            .map(|signer| {
                let session = Some(signer.public_key());
                (session, self.send(|answer| Command::Open { signer, next, answer }))
            })
            .collect();
        let mut clients = Vec::with_capacity(opening.len());
        for (session, opened) in opening {
            opened.await.unwrap_or(Err(ClientError::Closed))?;
            clients.push(Self { session, ..self.clone() });
        }
        Ok(clients)
    }

    /// Forgets this handle's session. No outcome of its requests in flight is reported any more.
    pub fn close(self) {
        if let Some(session) = self.session {
            // A failure means that the client is shut down already.
            let _ = self.commands.send(Command::Close { session });
        }
    }

    /// Submits one operation and waits for its outcome.
    ///
    /// # Errors
    /// When the request was not taken. Rejected and pending are outcomes, not errors.
    pub async fn submit(&self, operation: Operation) -> Result<Finished, ClientError> {
        self.start(vec![operation]).finished().await
    }

    /// Submits one operation with these bytes and waits for its outcome. See [`Client::submit`].
    ///
    /// # Errors
    /// See [`Client::submit`].
    pub async fn submit_bytes(&self, payload: Vec<u8>) -> Result<Finished, ClientError> {
        let payload = outvote_types::Blob::new(payload).ok_or(outvote_session::SubmitError::TooLarge)?;
        self.submit(Operation { author: None, query: false, payload }).await
    }

    /// Submits each envelope, all of them in flight together, and gives their outcomes in order.
    pub async fn submit_many(&self, envelopes: Vec<Vec<Operation>>) -> Vec<Result<Finished, ClientError>> {
        let started: Vec<Submission> =
            envelopes.into_iter().map(|operations| self.start(operations)).collect();
        let mut finished = Vec::with_capacity(started.len());
        for submission in started {
            finished.push(submission.finished().await);
        }
        finished
    }

    /// Starts a submission without waiting for it.
    #[must_use]
    pub fn start(&self, operations: Vec<Operation>) -> Submission {
        self.begin(Work::Operations(operations))
    }

    /// Starts a submission whose operations depend on the nonce that the envelope gets, as authors' signatures do.
    #[must_use]
    pub fn start_with(&self, make: impl FnOnce(Nonce) -> Vec<Operation> + Send + 'static) -> Submission {
        self.begin(Work::Make(Box::new(make)))
    }

    /// Starts the submission of a request that this session's key signed elsewhere, or in an earlier life of the program.
    #[must_use]
    pub fn start_signed(&self, request: Request) -> Submission {
        self.begin(Work::Signed(Box::new(request)))
    }

    fn begin(&self, work: Work) -> Submission {
        let (answer, finished) = oneshot::channel();
        match self.session {
            // A failed sending drops the answer, which the submission reports as closed.
            Some(session) => drop(self.commands.send(Command::Submit { session, work, answer })),
            None => drop(answer.send(Err(ClientError::NoIdentity))),
        }
        Submission(finished)
    }

    /// Asks again for a request that was pending: same nonce, same bytes, never executed twice.
    ///
    /// # Errors
    /// When nothing is known under the ticket.
    pub async fn ask_again(&self, ticket: Ticket) -> Result<Finished, ClientError> {
        self.ask(|answer| Command::AskAgain { ticket, answer }).await
    }

    /// Asks the application a question. The answer is one that `f + 1` replicas give alike, not older than anything this
    /// client has seen committed; if they do not agree in time, the question is ordered like an operation.
    ///
    /// # Errors
    /// When no such answer came before the deadline.
    pub async fn query(&self, question: Vec<u8>) -> Result<Answered, ClientError> {
        let via = self.session;
        self.ask(|answer| Command::Query { via, question, min_sequence: None, answer }).await
    }

    /// The same with a demand of its own how new the answer must be.
    ///
    /// # Errors
    /// When no such answer came before the deadline.
    pub async fn query_at(&self, question: Vec<u8>, min_sequence: Sequence) -> Result<Answered, ClientError> {
        let (via, min_sequence) = (self.session, Some(min_sequence));
        self.ask(|answer| Command::Query { via, question, min_sequence, answer }).await
    }

    /// The receipt of the `index`-th operation of a request, already verified.
    ///
    /// # Errors
    /// When too few replicas handed out matching parts before the deadline.
    pub async fn receipt(&self, ticket: Ticket, index: u32) -> Result<Receipt, ClientError> {
        self.ask(|answer| Command::Receipt { ticket, index, answer }).await
    }

    /// The receipt of the `position`-th result of a block, already verified.
    ///
    /// # Errors
    /// When too few replicas handed out matching parts before the deadline.
    pub async fn receipt_at(&self, sequence: Sequence, position: u32) -> Result<Receipt, ClientError> {
        self.ask(|answer| Command::ReceiptAt { sequence, position, answer }).await
    }

    /// The committed blocks from this place on (the first of all is 1), and then as they come.
    ///
    /// # Errors
    /// When the client was shut down.
    pub async fn follow(&self, from: Sequence) -> Result<Follow, ClientError> {
        let (sender, blocks) = mpsc::unbounded_channel();
        let id = self.ask(|answer| Command::Follow { from, blocks: sender, answer }).await?;
        Ok(Follow { id, blocks, commands: self.commands.downgrade() })
    }

    /// One replica's own report as JSON: `status` or `evidence`. One replica's word is no proof.
    ///
    /// # Errors
    /// When that replica does not answer.
    pub async fn inspect(&self, replica: ReplicaId, what: &str) -> Result<String, ClientError> {
        let what = what.to_owned();
        self.report(replica, |answer| Command::Inspect { replica, what, answer }).await
    }

    /// Makes a replica of a demo cluster lie, or stop lying with `honest`.
    ///
    /// # Errors
    /// When that replica does not answer, or refuses.
    pub async fn behave(&self, replica: ReplicaId, behaviour: &str) -> Result<(), ClientError> {
        let behaviour = behaviour.to_owned();
        let refusal = self.report(replica, |answer| Command::Behave { replica, behaviour, answer }).await?;
        if refusal.is_empty() { Ok(()) } else { Err(ClientError::Refused { replica, reason: refusal }) }
    }

    /// The state of every link.
    ///
    /// # Errors
    /// When the client was shut down.
    pub async fn links(&self) -> Result<Vec<LinkState>, ClientError> {
        self.ask(|answer| Command::Links { answer }).await
    }

    async fn report(
        &self,
        replica: ReplicaId,
        command: impl FnOnce(Answer<String>) -> Command,
    ) -> Result<String, ClientError> {
        match tokio::time::timeout(REPORT_PATIENCE, self.ask(command)).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Unreachable { replica, details: "no answer within 3 s".into() }),
        }
    }

    fn send<T>(
        &self,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> oneshot::Receiver<Result<T, ClientError>> {
        let (answer, receiver) = oneshot::channel();
        // A failed sending drops the answer, which the receiver sees.
        drop(self.commands.send(command(answer)));
        receiver
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, ClientError> {
        self.send(command).await.unwrap_or(Err(ClientError::Closed))
    }
}

fn too_few(links: &[LinkState], reached: usize, needed: usize) -> ClientError {
    let details: Vec<String> = links
        .iter()
        .filter(|link| !link.up)
        .map(|link| {
            format!("replica {}: {}", link.replica, link.last_error.as_deref().unwrap_or("no answer yet"))
        })
        .collect();
    ClientError::TooFewReachable { reached, needed, details: details.join("; ") }
}

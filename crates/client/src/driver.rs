//! The one task that owns the pool.

use crate::client::{Finished, LinkState};
use crate::command::{Answer, Blocks, Command, Work};
use crate::error::ClientError;
use crate::link::{Frame, LinkEvent};
use outvote_crypto::Verifier;
use outvote_session::{
    Answered, Follower, Outcome, Output, Pool, QueryId, Receipt, ReceiptId, SubmitError, Ticket,
};
use outvote_types::{Committee, Instant, PublicKey, ReplicaId, Sequence};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Submissions of one session that wait for its window at most.
pub(crate) const MAX_WAITING_SUBMISSIONS: usize = 65_536;
/// Commands or events taken at once, so that what belongs together is sent together.
const MAX_TOGETHER: usize = 256;

/// A replica's link.
#[derive(Default)]
pub(crate) struct LinkSlot {
    pub(crate) queue: Option<mpsc::Sender<Frame>>,
    pub(crate) last_error: Option<String>,
}

pub(crate) struct Driver {
    pub(crate) pool: Pool,
    committee: Committee,
    pub(crate) started: tokio::time::Instant,
    pub(crate) links: Vec<LinkSlot>,
    pub(crate) waiting: BTreeMap<PublicKey, VecDeque<(Work, Answer<Finished>)>>,
    pub(crate) opening: BTreeMap<PublicKey, Vec<Answer<()>>>,
    pub(crate) finishing: BTreeMap<Ticket, Vec<Answer<Finished>>>,
    pub(crate) answering: BTreeMap<QueryId, Answer<Answered>>,
    pub(crate) receipts: BTreeMap<ReceiptId, Answer<Receipt>>,
    pub(crate) reports: BTreeMap<u64, (ReplicaId, Answer<String>)>,
    pub(crate) followers: BTreeMap<u64, (Follower, Blocks)>,
    pub(crate) next_id: u64,
}

impl Driver {
    pub(crate) fn new(pool: Pool, committee: Committee) -> Self {
        let links = committee.members.iter().map(|_| LinkSlot::default()).collect();
        Self {
            pool,
            committee,
            started: tokio::time::Instant::now(),
            links,
            waiting: BTreeMap::new(),
            opening: BTreeMap::new(),
            finishing: BTreeMap::new(),
            answering: BTreeMap::new(),
            receipts: BTreeMap::new(),
            reports: BTreeMap::new(),
            followers: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// Runs until the last handle is dropped.
    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut events: mpsc::Receiver<LinkEvent>,
    ) {
        let (mut asked, mut happened) = (Vec::with_capacity(MAX_TOGETHER), Vec::with_capacity(MAX_TOGETHER));
        loop {
            let wake = self.wake_at();
            let sleep = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                count = commands.recv_many(&mut asked, MAX_TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                }
                _ = events.recv_many(&mut happened, MAX_TOGETHER) => {}
                () = sleep => {}
            }
            let now = self.now();
            for command in asked.drain(..) {
                self.on_command(now, command);
            }
            for event in happened.drain(..) {
                self.on_event(now, event);
            }
            self.pool.tick(now);
            for (follower, _) in self.followers.values_mut() {
                follower.tick(now);
            }
            self.carry_out(now);
        }
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn wake_at(&self) -> Option<tokio::time::Instant> {
        let followers = self.followers.values().filter_map(|(follower, _)| follower.wake_at());
        let at = self.pool.wake_at().into_iter().chain(followers).min()?;
        Some(self.started + std::time::Duration::from_micros(at.0))
    }

    fn on_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Open { signer, next, answer } => {
                let session = self.pool.open(now, signer, next);
                if self.pool.next_nonce(&session).is_some() {
                    respond(answer, Ok(()));
                } else {
                    self.opening.entry(session).or_default().push(answer);
                }
            }
            Command::Close { session } => {
                self.pool.close(&session);
                self.waiting.remove(&session);
                self.finishing.retain(|ticket, _| ticket.session != session);
            }
            Command::Submit { session, work, answer } => self.on_submit(now, session, work, answer),
            Command::AskAgain { ticket, answer } => match self.pool.ask_again(now, ticket) {
                Ok(()) => self.finishing.entry(ticket).or_default().push(answer),
                Err(error) => respond(answer, Err(error.into())),
            },
            Command::Query { via, question, min_sequence, answer } => {
                let min_sequence = min_sequence.unwrap_or(self.pool.seen());
                match self.pool.query(now, via, question, min_sequence) {
                    Some(query) => drop(self.answering.insert(query, answer)),
                    None => respond(answer, Err(ClientError::QuestionTooLong)),
                }
            }
            Command::Receipt { ticket, index, answer } => {
                let receipt = self.pool.receipt(now, ticket, index);
                self.receipts.insert(receipt, answer);
            }
            Command::ReceiptAt { sequence, position, answer } => {
                let receipt = self.pool.receipt_at(now, sequence, position);
                self.receipts.insert(receipt, answer);
            }
            Command::Follow { from, blocks, answer } => self.on_follow(now, from, blocks, answer),
            Command::Taken { follow, upto } => {
                if let Some((follower, _)) = self.followers.get_mut(&follow) {
                    follower.taken(upto);
                }
            }
            Command::Unfollow { follow } => drop(self.followers.remove(&follow)),
            Command::Inspect { replica, what, answer } => self.inspect(replica, &what, answer),
            Command::Behave { replica, behaviour, answer } => self.behave(replica, &behaviour, answer),
            Command::Links { answer } => respond(answer, Ok(self.link_states())),
        }
    }

    fn on_submit(&mut self, now: Instant, session: PublicKey, work: Work, answer: Answer<Finished>) {
        let queue = self.waiting.entry(session).or_default();
        if queue.len() >= MAX_WAITING_SUBMISSIONS {
            return respond(answer, Err(ClientError::TooManyWaiting { limit: MAX_WAITING_SUBMISSIONS }));
        }
        queue.push_back((work, answer));
        self.pump(now, session);
    }

    /// Submits what waits for the session's window, in order, as far as there is room.
    pub(crate) fn pump(&mut self, now: Instant, session: PublicKey) {
        loop {
            let has_room = self.pool.has_room(&session);
            let Some(queue) = self.waiting.get_mut(&session) else { return };
            let is_signed = matches!(queue.front(), Some((Work::Signed(_), _)));
            if !has_room && !is_signed && self.pool.next_nonce(&session).is_some() {
                return;
            }
            let Some((work, answer)) = queue.pop_front() else {
                self.waiting.remove(&session);
                return;
            };
            match self.submit(now, session, work) {
                Ok(ticket) => self.finishing.entry(ticket).or_default().push(answer),
                Err(error) => respond(answer, Err(error.into())),
            }
        }
    }

    /// Ends what waits behind a window that requests without an outcome fill: nobody may wait for ever.
    fn refuse_waiting(&mut self, session: &PublicKey) {
        for (_, answer) in self.waiting.remove(session).unwrap_or_default() {
            respond(answer, Err(SubmitError::WindowFull.into()));
        }
    }

    fn submit(&mut self, now: Instant, session: PublicKey, work: Work) -> Result<Ticket, SubmitError> {
        match work {
            Work::Operations(operations) => self.pool.submit(now, &session, operations),
            Work::Make(make) => {
                let nonce = self.pool.next_nonce(&session).ok_or(SubmitError::NotReady)?;
                self.pool.submit(now, &session, make(nonce))
            }
            Work::Signed(request) => self.pool.submit_signed(now, *request),
        }
    }

    fn on_follow(&mut self, now: Instant, from: Sequence, blocks: Blocks, answer: Answer<u64>) {
        // The wire has no names for streams: two on one connection would restart each other.
        if !self.followers.is_empty() {
            return respond(answer, Err(ClientError::AlreadyFollowing));
        }
        let mut follower = match Follower::new(&self.committee, Arc::new(Verifier::default()), from) {
            Ok(follower) => follower,
            Err(error) => return respond(answer, Err(error.into())),
        };
        for (slot, id) in self.links.iter().zip((0..).map(ReplicaId)) {
            if slot.queue.is_some() {
                follower.on_link(now, id, true);
            }
        }
        self.next_id += 1;
        self.followers.insert(self.next_id, (follower, blocks));
        respond(answer, Ok(self.next_id));
    }

    fn link_states(&self) -> Vec<LinkState> {
        self.links
            .iter()
            .zip((0..).map(ReplicaId))
            .map(|(slot, replica)| LinkState {
                replica,
                up: slot.queue.is_some(),
                last_error: slot.last_error.clone(),
            })
            .collect()
    }

    /// Reports what the pool reports.
    pub(crate) fn on_output(&mut self, now: Instant, output: Output) {
        match output {
            // The caller sends these.
            Output::Send { .. } => {}
            Output::Finished { ticket, outcome } => {
                for answer in self.finishing.remove(&ticket).unwrap_or_default() {
                    respond(answer, Ok(Finished { ticket, outcome: outcome.clone() }));
                }
                self.pump(now, ticket.session);
                if outcome == Outcome::Pending && !self.pool.has_room(&ticket.session) {
                    self.refuse_waiting(&ticket.session);
                }
            }
            Output::Ready { session, .. } => {
                for answer in self.opening.remove(&session).unwrap_or_default() {
                    respond(answer, Ok(()));
                }
            }
            Output::Answered { query, answer } => {
                if let Some(waiting) = self.answering.remove(&query) {
                    respond(waiting, answer.ok_or(ClientError::Deadline));
                }
            }
            Output::Receipt { receipt, result } => {
                if let Some(waiting) = self.receipts.remove(&receipt) {
                    respond(waiting, result.map(|receipt| *receipt).ok_or(ClientError::Deadline));
                }
            }
            Output::Distrust { replica, why } => {
                tracing::debug!(replica = replica.0, why, "a replica sent what no honest one sends");
            }
        }
    }
}

/// Answers whoever waits; that nobody waits any more is fine.
pub(crate) fn respond<T>(answer: Answer<T>, result: Result<T, ClientError>) {
    drop(answer.send(result));
}

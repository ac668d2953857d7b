//! A client as shipped: `outvote-session`'s own half of the protocol, with operations to submit and questions to ask.

use crate::client::Accepted;
use outvote_session::tunables::Tunables;
use outvote_session::{
    Answered, Committed, Outcome, Output, QueryId, Rejected, Session, SharedVerify, Ticket,
};
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::{
    Answer, Blob, Committee, Digest, Instant, Nonce, Operation, PublicKey, ReplicaId, Request, ResultKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// One operation in so many is one that the application refuses.
const REFUSED_EVERY: u64 = 9;
/// After so many operations a question is asked.
const QUESTION_EVERY: u64 = 5;

/// What a session wants of its surroundings.
pub enum Wish {
    /// Send this.
    Send(ReplicaId, Box<ToReplica>),
    /// It took an answer for true.
    Accepted(Accepted),
    /// It took a refusal for true: whose request, under which nonce.
    Refused(Nonce, Digest),
    /// It did what no session may do, or says so of a replica.
    Fault(&'static str, String),
    /// It holds this replica for a liar.
    Distrust(ReplicaId, &'static str),
}

/// One session with a list of things to do.
pub struct SessionClient {
    session: Session,
    next: u64,
    total: u64,
    window: usize,
    think_us: u64,
    next_at: u64,
    weak: usize,
    /// Requests without a final outcome: their payloads, and their digests once they were sent.
    open: BTreeMap<Nonce, (Vec<u8>, Option<Digest>)>,
    /// Questions, each with the number of the last operation that its answer must show.
    asked: BTreeMap<QueryId, u64>,
    /// The number of the last operation that was applied for certain.
    written: u64,
    numbers: BTreeMap<Nonce, u64>,
    /// Requests with a final outcome.
    pub done: u64,
    /// Requests that the application refused.
    pub refused: u64,
    /// Questions that were answered.
    pub answered: u64,
    /// How often a deadline passed and the session asked again (R3).
    pub asked_again: u64,
}

impl SessionClient {
    /// A session that wants to submit `total` requests; `None` for a committee of an impossible size.
    #[must_use]
    pub fn new(
        (key, verify): (outvote_session::SessionKey, SharedVerify),
        committee: &Committee,
        seed: u64,
        total: u64,
        window: u64,
        think_us: u64,
    ) -> Option<Self> {
        let tunables = Tunables { seed, ..Tunables::default() };
        // Where it stands is asked, as a session does that cannot know whether its key was used before.
        let session = Session::new(committee, verify, key, None, tunables).ok()?;
        Some(Self {
            session,
            next: 1,
            total,
            window: window as usize,
            think_us,
            next_at: 0,
            weak: committee.quorum().ok()?.weak(),
            open: BTreeMap::new(),
            asked: BTreeMap::new(),
            written: 0,
            numbers: BTreeMap::new(),
            done: 0,
            refused: 0,
            answered: 0,
            asked_again: 0,
        })
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.session.key()
    }

    /// Whether all that it wanted is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.next > self.total && self.open.is_empty() && self.asked.is_empty()
    }

    /// Requests without an outcome.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.open.len()
    }

    /// The names of these.
    pub fn waiting_names(&self) -> impl Iterator<Item = Nonce> + '_ {
        self.open.keys().copied()
    }

    /// Wants so many more requests.
    pub const fn want(&mut self, more: u64) {
        self.total += more;
    }

    /// A link came up or went down.
    pub fn on_link(&mut self, peer: ReplicaId, up: bool) {
        self.session.on_link(peer, up);
    }

    /// A replica's message.
    pub fn on_message(&mut self, now_us: u64, from: ReplicaId, message: ToClient) {
        self.session.on_message(Instant(now_us), from, message);
    }

    /// Does what is due, and says what it wants.
    pub fn act(&mut self, now_us: u64) -> Vec<Wish> {
        self.session.tick(Instant(now_us));
        if self.may_submit() && self.next_at <= now_us {
            self.submit(now_us);
        }
        let mut wishes = Vec::new();
        // What is asked again may have an outcome at once.
        loop {
            let outputs = self.session.drain();
            if outputs.is_empty() {
                return wishes;
            }
            outputs.into_iter().for_each(|output| self.on_output(now_us, output, &mut wishes));
        }
    }

    fn may_submit(&self) -> bool {
        self.next <= self.total && self.open.len() < self.window && self.session.has_room()
    }

    fn submit(&mut self, now_us: u64) {
        let now = Instant(now_us);
        let word = if self.next.is_multiple_of(REFUSED_EVERY) { "no" } else { "operation" };
        let payload = format!("{word} {}", self.next).into_bytes();
        let blob = Blob::new(payload.clone()).unwrap_or_default();
        let operation = Operation { author: None, query: false, payload: blob };
        let Ok(ticket) = self.session.submit(now, vec![operation]) else { return };
        self.open.insert(ticket.nonce, (payload, None));
        self.numbers.insert(ticket.nonce, self.next);
        if self.next.is_multiple_of(QUESTION_EVERY) {
            let question = [&b"author/"[..], &self.key().0].concat();
            let seen = self.session.seen();
            if let Some(query) = self.session.query(now, question, seen) {
                self.asked.insert(query, self.written);
            }
        }
        self.next += 1;
        self.next_at = now_us + self.think_us;
    }

    /// When it wants to act again.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let session = self.session.wake_at().map(|at| at.0);
        [session, self.may_submit().then_some(self.next_at)].into_iter().flatten().min()
    }

    fn on_output(&mut self, now_us: u64, output: Output, wishes: &mut Vec<Wish>) {
        match output {
            Output::Send { to, message } => {
                if let ToReplica::Submit(requests) = &message {
                    requests.iter().for_each(|request| self.note_sent(request));
                }
                wishes.push(Wish::Send(to, Box::new(message)));
            }
            Output::Finished { ticket, outcome } => self.on_outcome(now_us, ticket, outcome, wishes),
            Output::Answered { query, answer } => self.on_answer(query, answer, wishes),
            Output::Distrust { replica, why } => wishes.push(Wish::Distrust(replica, why)),
            Output::Ready { .. } | Output::Receipt { .. } => {}
        }
    }

    fn note_sent(&mut self, request: &Request) {
        if let Some((_, digest)) = self.open.get_mut(&request.body.nonce) {
            *digest = Some(request.digest());
        }
    }

    fn on_outcome(&mut self, now_us: u64, ticket: Ticket, outcome: Outcome, wishes: &mut Vec<Wish>) {
        if outcome == Outcome::Pending {
            // R3: no error, and asking again executes nothing twice.
            self.asked_again += 1;
            if let Err(error) = self.session.ask_again(Instant(now_us), ticket) {
                wishes.push(Wish::Fault("session", format!("nonce {} is forgotten: {error}", ticket.nonce)));
            }
            return;
        }
        let Some((payload, digest)) = self.open.remove(&ticket.nonce) else {
            return wishes.push(Wish::Fault("session", format!("a second outcome for {}", ticket.nonce)));
        };
        self.done += 1;
        let is_refusable = payload.starts_with(b"no");
        match outcome {
            Outcome::Committed(committed) if !is_refusable => self.on_committed(ticket, &committed, wishes),
            Outcome::Rejected(Rejected { code, .. }) if is_refusable && code == "no" => {
                self.refused += 1;
                wishes.push(Wish::Refused(ticket.nonce, digest.unwrap_or_default()));
            }
            other => wishes.push(Wish::Fault("session", format!("nonce {}: {other:?}", ticket.nonce))),
        }
    }

    fn on_committed(&mut self, ticket: Ticket, committed: &Committed, wishes: &mut Vec<Wish>) {
        let number = self.numbers.get(&ticket.nonce).copied().unwrap_or_default();
        self.written = self.written.max(number);
        // R2: f + 1 different replicas, which agree on everything but their own names.
        let words: BTreeSet<_> = committed
            .proof
            .iter()
            .map(|reply| (reply.body.sequence, reply.body.id, reply.body.result_root))
            .collect();
        let signers: BTreeSet<_> = committed.proof.iter().map(|reply| reply.body.replica).collect();
        let (Some(word), true) = (words.first(), words.len() == 1 && signers.len() >= self.weak) else {
            let what = format!("nonce {} rests on {:?}", ticket.nonce, committed.proof);
            return wishes.push(Wish::Fault("session", what));
        };
        wishes.push(Wish::Accepted(Accepted {
            session: ticket.session,
            nonce: ticket.nonce,
            request: committed.request,
            sequence: committed.sequence,
            id: committed.block,
            result_root: word.2,
            kind: ResultKind::Applied,
            answer: committed.answer().map(Answer::digest).unwrap_or_default(),
        }));
    }

    /// R7: the answer shows the session's own operations up to the one that it had seen committed, and none that it never
    /// submitted.
    fn on_answer(&mut self, query: QueryId, answer: Option<Answered>, wishes: &mut Vec<Wish>) {
        let floor = self.asked.remove(&query).unwrap_or_default();
        let Some(answered) = answer else { return };
        self.answered += 1;
        let Answer::Done(bytes) = &answered.answer else {
            return wishes.push(Wish::Fault("read", format!("{:?}", answered.answer)));
        };
        let text = String::from_utf8_lossy(bytes);
        let shown = if text.is_empty() { Some(0) } else { number_in(&text) };
        if shown.is_none_or(|shown| shown < floor || shown >= self.next) {
            let what = format!("{text:?} is read after {floor} was written, of {} submitted", self.next - 1);
            wishes.push(Wish::Fault("read", what));
        }
    }
}

fn number_in(text: &str) -> Option<u64> {
    text.strip_prefix("operation ")?.parse().ok()
}

//! One replica as shipped and the machine that it has to itself.

use super::cores::Cores;
use super::scenario::{Hardware, Scenario};
use super::tally::{Counted, Totals};
use crate::machine::wall_of;
use crate::plan::START_US;
use outvote_crypto::{Check, RequestChecker, Scheme as _};
use outvote_replica::{Action, Config, Event, JobId, Promise, Record, Recovered, Replica, Ticket, Voting};
use outvote_types::{
    Committee, Digest, Header, Instant, Parameters, Rank, ReplicaId, Request, Sequence, View,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a thread beside the replica's own has done.
pub(super) enum Done {
    /// These signatures are to be judged.
    Checks(JobId, Vec<Check>),
    /// A client's request is to be judged, and then goes to the replica.
    Request(Arc<Request>),
    /// The next committed block is executed.
    Block(Executed),
}

/// A committed block as far as execution is concerned.
pub(super) struct Executed {
    sequence: Sequence,
    id: Digest,
    requests: u64,
    bytes: u64,
    is_checkpoint: bool,
}

/// One replica, its processor, its disk and its line to the world.
pub(super) struct Station {
    pub(super) replica: Replica,
    pub(super) scheme: Arc<Counted>,
    pub(super) cores: Cores<Done>,
    inbox: VecDeque<Event>,
    hardware: Hardware,
    /// How many other replicas there are.
    others: u64,
    parameters: Parameters,
    gateway: RequestChecker,
    /// Tickets that wait for the next sync.
    written: Option<Ticket>,
    /// The ticket up to which the sync under way makes everything durable.
    syncing: Option<Ticket>,
    /// When its line is free, nanoseconds.
    line_free_ns: u64,
    blocks: VecDeque<Executed>,
    is_executing: bool,
    bytes_since_checkpoint: u64,
    /// When its timer rings, if it is wound.
    wake_ns: Option<u64>,
}

/// The clock that a replica sees.
const fn instant(now_ns: u64) -> Instant {
    Instant(START_US + now_ns / 1_000)
}

/// What execution answers: it is the same for all, and different for each block.
fn executed(block: &Executed) -> Event {
    let root = |of: &[u8]| Digest::of_parts(&[b"growth", of, &block.id.0]);
    let state_root = block.is_checkpoint.then(|| root(b"state"));
    Event::Executed { sequence: block.sequence, result_root: root(b"results"), state_root }
}

impl Station {
    /// A replica that has never run, and what it says at its start.
    pub(super) fn new(
        scenario: &Scenario,
        committee: &Committee,
        me: ReplicaId,
        scheme: Arc<Counted>,
    ) -> (Self, Vec<Action>) {
        let first = Promise {
            counter: 1,
            epoch: committee.epoch,
            view: View(0),
            lease: Sequence(0),
            high_rank: Rank::default(),
            high_id: committee.genesis_id(),
        };
        let recovered = Recovered {
            records: vec![Record::Promise(first)],
            executed: (Sequence(0), committee.genesis_id()),
            executed_header: None,
            voting: Voting::Allowed,
            first_start: true,
        };
        let config = Config { committee: committee.clone(), me, tunables: scenario.tunables.clone() };
        let now = instant(0);
        let (replica, actions) = Replica::recover(config, recovered, scheme.clone(), now, wall_of(now));
        let station = Self {
            replica,
            cores: Cores::new(scenario.hardware.cores.max(1)),
            inbox: VecDeque::new(),
            hardware: scenario.hardware,
            others: scenario.replicas as u64 - 1,
            parameters: committee.parameters,
            gateway: RequestChecker::new(committee.clone(), scheme.clone()),
            scheme,
            written: None,
            syncing: None,
            line_free_ns: 0,
            blocks: VecDeque::new(),
            is_executing: false,
            bytes_since_checkpoint: 0,
            wake_ns: None,
        };
        (station, actions)
    }

    /// Something for the replica's own thread.
    pub(super) fn tell(&mut self, event: Event) {
        self.inbox.push_back(event);
        self.cores.core_waits = true;
    }

    /// The replica's thread takes what came first: what it wants done, and how long it works for that.
    pub(super) fn step(&mut self, now_ns: u64) -> (Vec<Action>, u64) {
        let Some(event) = self.inbox.pop_front() else { return (Vec::new(), 0) };
        let prices = self.hardware.prices;
        let arrived = match &event {
            Event::Frame { bytes, .. } => prices.frame_ns + prices.hash_ns(bytes.len() as u64),
            _ => 0,
        };
        let before = self.scheme.totals();
        let now = instant(now_ns);
        let actions = self.replica.step(now, wall_of(now), event);
        let asked: u64 = actions.iter().map(|action| self.price_of(action)).sum();
        let Totals { made, of_members, of_clients } = self.scheme.totals() - before;
        let checked = of_members + of_clients;
        let cost = arrived + asked + made * prices.sign_ns + checked * prices.verify_ns;
        self.cores.core_worked(cost);
        self.cores.core_waits = !self.inbox.is_empty();
        (actions, cost)
    }

    /// What the replica's thread itself works for an action.
    fn price_of(&self, action: &Action) -> u64 {
        let prices = &self.hardware.prices;
        match action {
            Action::Send { to, frame, .. } => {
                let copies = match to {
                    outvote_replica::Recipients::Others => self.others,
                    outvote_replica::Recipients::One(_) => 1,
                    outvote_replica::Recipients::Myself => 0,
                };
                copies * prices.frame_ns + prices.hash_ns(frame.len() as u64)
            }
            Action::Execute(block) => prices.block_ns + block.block.header.body.requests() * prices.order_ns,
            _ => 0,
        }
    }

    /// When a frame that goes out now has left; the line takes one after another.
    pub(super) fn send(&mut self, now_ns: u64, bytes: u64) -> u64 {
        self.line_free_ns = self.line_free_ns.max(now_ns) + self.hardware.egress_ns(bytes);
        self.line_free_ns
    }

    /// A client's request arrives; a signature that was found good before costs nothing again.
    pub(super) fn hear(&mut self, request: Arc<Request>, again: bool) {
        let prices = &self.hardware.prices;
        let bytes = request.encoded_bytes() as u64;
        let verify_ns = if again { 0 } else { prices.verify_batch_ns };
        let takes_ns = prices.request_ns + verify_ns + 2 * prices.hash_ns(bytes);
        self.cores.add(takes_ns, Done::Request(request));
    }

    /// Signatures for another thread.
    pub(super) fn check(&mut self, job: JobId, checks: Vec<Check>) {
        let takes_ns = checks.len() as u64 * self.hardware.prices.verify_batch_ns;
        self.cores.add(takes_ns, Done::Checks(job, checks));
    }

    /// Another thread is done.
    pub(super) fn on_done(&mut self, done: Done) {
        match done {
            Done::Checks(job, checks) => {
                let verdicts = self.scheme.verify(&checks);
                self.tell(Event::Checked { job, verdicts });
            }
            Done::Request(request) => {
                let judged = self.gateway.check(vec![(*request).clone()]).pop();
                if let Some(Ok(request)) = judged {
                    self.tell(Event::Request(request));
                }
            }
            Done::Block(block) => {
                self.is_executing = false;
                self.tell(executed(&block));
                self.begin_execution();
            }
        }
    }

    /// A committed block waits for execution.
    pub(super) fn execute(&mut self, id: Digest, header: &Header) {
        let (requests, bytes) = (header.requests(), header.block_bytes());
        self.blocks.push_back(Executed {
            sequence: header.sequence,
            id,
            requests,
            bytes,
            is_checkpoint: false,
        });
        self.begin_execution();
    }

    fn begin_execution(&mut self) {
        if self.is_executing {
            return;
        }
        let Some(mut block) = self.blocks.pop_front() else { return };
        self.is_executing = true;
        // The same count as the executor's: where it is due the answer is a checkpoint's.
        let bytes = self.bytes_since_checkpoint + block.bytes;
        block.is_checkpoint = self.parameters.is_checkpoint(block.sequence, bytes);
        self.bytes_since_checkpoint = if block.is_checkpoint { 0 } else { bytes };
        let prices = &self.hardware.prices;
        self.cores.add(prices.block_ns + block.requests * prices.execute_ns, Done::Block(block));
    }

    /// Records for the log; true if a sync begins with them.
    pub(super) fn write(&mut self, ticket: Ticket) -> bool {
        self.written = Some(ticket);
        self.begin_sync()
    }

    fn begin_sync(&mut self) -> bool {
        if self.syncing.is_some() || self.written.is_none() {
            return false;
        }
        self.syncing = self.written.take();
        true
    }

    /// A sync is done; true if the next begins.
    pub(super) fn on_synced(&mut self) -> bool {
        if let Some(ticket) = self.syncing.take() {
            self.tell(Event::Durable(ticket));
        }
        self.begin_sync()
    }

    /// When the timer must be wound to, if it is not early enough.
    pub(super) fn wind(&mut self, now_ns: u64) -> Option<u64> {
        let Instant(at_us) = self.replica.wake_at()?;
        let at_ns = (at_us.saturating_sub(START_US) * 1_000).max(now_ns + 1);
        if self.wake_ns.is_some_and(|wound| wound <= at_ns) {
            return None;
        }
        self.wake_ns = Some(at_ns);
        Some(at_ns)
    }

    /// The timer rings; one that was wound to an earlier time has taken its place otherwise.
    pub(super) fn on_wake(&mut self, now_ns: u64) {
        if self.wake_ns == Some(now_ns) {
            self.wake_ns = None;
            self.tell(Event::Tick);
        }
    }
}

//! The thread that owns the replica: events in, actions out, no disk and no bulk crypto.

use crate::behaviour::Lies;
use crate::clock::Clock;
use crate::error::NodeError;
use crate::execution_thread::ExecutionJob;
use crate::gateway::GatewayJob;
use crate::inbox::{CoreSender, Inbox, Round};
use crate::log_thread::LogJob;
use crate::shared::Shared;
use crate::workers::Workers;
use outvote_replica::{Action, Event, Replica};
use outvote_replica::{Note, Recipients};
use outvote_transport::{Budget, PeerSender};
use outvote_types::{Instant, ReplicaId};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

/// How often the report is renewed at most, microseconds.
const REPORT_EVERY_US: u64 = 100_000;
/// How long the thread sleeps at most when nothing is due.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// The runtime of the core's thread, which carries the urgent links too: what they read is decided on the same thread, so a
/// vote wakes one thread and not three.
pub(crate) struct CoreRuntime(Option<Runtime>);

impl CoreRuntime {
    pub(crate) fn new() -> Result<Self, NodeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        Ok(Self(Some(runtime.map_err(NodeError::Thread)?)))
    }

    /// Where urgent links are to be served.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Runs the core on this thread until it is told to stop.
    ///
    /// # Errors
    /// When this process may not go on.
    pub(crate) fn run(self, core: CoreThread, inbox: Inbox, first: Vec<Action>) -> Result<(), NodeError> {
        self.0.as_ref().map_or(Ok(()), |runtime| runtime.block_on(core.run(inbox, first)))
    }
}

impl Drop for CoreRuntime {
    /// Ends its links without waiting: it may be dropped where nobody may wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What the core is told.
pub(crate) enum CoreEvent {
    /// Something for the replica.
    Replica(Box<Event>),
    /// Frames of a peer; the budget is given back once they are dealt with.
    Frames { peer: ReplicaId, frames: Vec<Vec<u8>>, budget: Budget },
    /// A link went up or down.
    Link { peer: ReplicaId, up: bool },
    /// Two processes with this member's keys were met.
    Twins(ReplicaId),
    /// This process is the younger one of two with our keys.
    Younger { shown_by: ReplicaId, earlier_us: u64 },
    /// Lie in this way, or stop lying; the sender learns whether that was taken.
    Behave { behaviour: String, refusal: Sender<Result<(), String>> },
    /// The process is about to stop in order; the sender learns once the replica has said what it had to.
    Leave(oneshot::Sender<()>),
    /// End.
    Stop,
}

impl CoreEvent {
    /// Something for the replica.
    pub(crate) fn replica(event: Event) -> Self {
        Self::Replica(Box::new(event))
    }
}

/// Where the replica's actions go.
pub(crate) struct Outlets {
    pub(crate) log: Sender<LogJob>,
    pub(crate) execution: Sender<ExecutionJob>,
    pub(crate) gateway: Sender<GatewayJob>,
    pub(crate) links: PeerSender,
    pub(crate) workers: Workers,
    /// Back to this thread, for workers.
    pub(crate) core: CoreSender,
}

/// The replica and everything that its actions need.
pub(crate) struct CoreThread {
    pub(crate) replica: Replica,
    pub(crate) lies: Lies,
    pub(crate) outlets: Outlets,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    /// Whether the disk hung when it was last looked at.
    pub(crate) is_disk_stuck: bool,
}

impl CoreThread {
    /// Runs until told to stop. The links of this thread read and write between two rounds.
    async fn run(mut self, mut inbox: Inbox, first: Vec<Action>) -> Result<(), NodeError> {
        let now = self.clock.now();
        self.act(now, first);
        let mut reported_at = Instant(0);
        let mut round = Round::default();
        let mut alarm = pin!(tokio::time::sleep(LONGEST_SLEEP));
        loop {
            let due = tokio::time::Instant::now() + self.sleep();
            if due != alarm.deadline() {
                alarm.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                is_told = inbox.fill(&mut round) => if !is_told { return Ok(()) },
                () = alarm.as_mut() => {}
            }
            if !self.round(&mut round)? {
                return Ok(());
            }
            let now = self.clock.now();
            if now.since(reported_at) >= REPORT_EVERY_US {
                reported_at = now;
                self.look_at_disk();
                self.shared.renew(&self.replica, self.lies.name());
            }
            tokio::task::yield_now().await;
        }
    }

    fn sleep(&self) -> Duration {
        let due = [self.replica.wake_at(), self.lies.wake_at()].into_iter().flatten().min();
        due.map_or(LONGEST_SLEEP, |at| self.clock.until(at).min(LONGEST_SLEEP))
    }

    /// Handles what there is; false to stop.
    fn round(&mut self, round: &mut Round) -> Result<bool, NodeError> {
        for event in round.events.drain(..) {
            match event {
                CoreEvent::Replica(event) => self.step(*event),
                CoreEvent::Frames { peer, frames, budget } => {
                    for bytes in frames {
                        self.step(Event::Frame { from: peer, bytes });
                    }
                    drop(budget);
                }
                CoreEvent::Link { peer, up } => {
                    self.shared.set_link(peer, up);
                    self.step(Event::Link { peer, up });
                }
                CoreEvent::Twins(peer) => self.shared.met_twin(peer),
                CoreEvent::Younger { shown_by, earlier_us } => {
                    return Err(NodeError::RunsTwice { shown_by, earlier_s: earlier_us / 1_000_000 });
                }
                CoreEvent::Behave { behaviour, refusal } => {
                    let verdict = self.lies.switch(&behaviour);
                    if verdict.is_ok() {
                        let _ = self.outlets.gateway.send(GatewayJob::Behave(behaviour.clone()));
                        tracing::warn!(behaviour, "this replica was told how to behave");
                        self.shared.renew(&self.replica, self.lies.name());
                    }
                    let _ = refusal.send(verdict);
                }
                CoreEvent::Leave(said) => {
                    self.step(Event::Stopping);
                    // Whoever stops the node waits no longer, if it asks no more.
                    let _ = said.send(());
                }
                CoreEvent::Stop => return Ok(false),
            }
        }
        for request in round.requests.drain(..) {
            self.step(Event::Request(request));
        }
        round.done.clear();
        let now = self.clock.now();
        if self.replica.wake_at().is_some_and(|at| at <= now)
            || self.lies.wake_at().is_some_and(|at| at <= now)
        {
            self.step(Event::Tick);
        }
        Ok(true)
    }

    /// D28: a disk that hangs is said, and a leader hands over.
    fn look_at_disk(&mut self) {
        let stuck = self.shared.disk.stuck();
        if stuck.is_some() == self.is_disk_stuck {
            return;
        }
        self.is_disk_stuck = stuck.is_some();
        match stuck {
            Some((writer, waits)) => tracing::error!(
                file = writer.file(),
                seconds = waits.as_secs(),
                "the disk does not finish a write: until it does, this replica leads nothing, and what must be on the disk first is not said"
            ),
            None => tracing::warn!("the disk has finished what it was at; this replica goes on"),
        }
        self.shared.set_disk_stuck(self.is_disk_stuck);
        self.step(Event::Disk { is_stuck: self.is_disk_stuck });
    }

    fn step(&mut self, event: Event) {
        let now = self.clock.now();
        let actions = match self.lies.hear(now, event) {
            Some(event) => self.replica.step(now, Clock::wall(), event),
            None => Vec::new(),
        };
        self.act(now, actions);
    }

    fn act(&mut self, now: Instant, actions: Vec<Action>) {
        for action in self.lies.distort(now, actions) {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        let out = &self.outlets;
        // A closed channel means that the node is stopping; what it would have carried is then of no use.
        match action {
            Action::Write { ticket, records } => drop(out.log.send(LogJob::Write { ticket, records })),
            Action::Send { to: Recipients::Others, urgent, frame } => {
                out.links.send_to_others(urgent, &frame)
            }
            Action::Send { to: Recipients::One(peer), urgent, frame } => out.links.send(peer, urgent, frame),
            Action::Send { to: Recipients::Myself, .. } => {}
            Action::Verify { job, checks } => {
                let core = out.core.clone();
                let on_verdicts = move |verdicts| {
                    let _ = core.send(CoreEvent::replica(Event::Checked { job, verdicts }));
                };
                out.workers.verify_of_members(checks, Box::new(on_verdicts));
            }
            Action::Execute(block) => drop(out.execution.send(ExecutionJob::Execute(block))),
            Action::Certified(certificate) => drop(out.execution.send(ExecutionJob::Certified(certificate))),
            Action::Reply(reply) => drop(out.gateway.send(GatewayJob::Reply(reply))),
            Action::Serve { to, fetch } => drop(out.execution.send(ExecutionJob::Serve { to, fetch })),
            Action::FetchState { certificate, repair } => {
                drop(out.execution.send(ExecutionJob::FetchState { certificate, repair }))
            }
            Action::StateData { from, data } => {
                drop(out.execution.send(ExecutionJob::StateData { from, data }))
            }
            Action::Stable { certificate, retain_from } => {
                drop(out.execution.send(ExecutionJob::Stable { certificate, retain_from }));
            }
            Action::Refuse { session, nonce, busy } => {
                drop(out.gateway.send(GatewayJob::Refuse { session, nonce, busy }));
            }
            Action::Accuse { evidence, charge } => {
                tracing::warn!(
                    accused = charge.accused.0,
                    rule = charge.rule.in_words(),
                    view = charge.view.0,
                    sequence = charge.sequence.0,
                    "proof of misbehaviour"
                );
                self.shared.accuse(&evidence, &charge);
            }
            Action::Note(note) => self.note(&note),
        }
    }

    fn note(&self, note: &Note) {
        match note {
            Note::Ignored { from, why } => tracing::debug!(from = from.0, why, "message ignored"),
            Note::Suspected { view, reason } => {
                tracing::info!(view = view.0, reason = %reason, "the leader is suspected");
            }
            Note::Entered { view, leader } => {
                tracing::info!(view = view.0, leader = leader.0, "entered a view")
            }
            Note::Opened { view } => tracing::info!(view = view.0, "the view works"),
            Note::VotesAgain { view } => tracing::info!(view = view.0, "votes again"),
            Note::Diverged { sequence } => {
                tracing::error!(
                    sequence = sequence.0,
                    "this replica's state was outvoted: it stops answering and repairs itself"
                );
            }
            Note::Repaired { sequence } => tracing::info!(sequence = sequence.0, "the state is repaired"),
            Note::ProofMissing { rank, id } => {
                let (view, sequence, block) = (rank.view.0, rank.sequence.0, id.to_hex());
                tracing::error!(
                    view,
                    sequence,
                    block,
                    "the log has lost the certificate of this replica's lock; until one of the others sends it, or a higher \
                     one, this replica takes part in no change of leaders"
                );
            }
            Note::BlockMissing { sequence, id } => {
                let block = id.map_or_else(String::new, |id| id.to_hex());
                tracing::warn!(
                    sequence = sequence.0,
                    block,
                    "nobody has sent this block so far, and nothing from there on is executed here before it comes. If that \
                     lasts, start every replica that there is: one that has it sends it"
                );
            }
            Note::Observer { why } => {
                tracing::error!(why, "this replica follows but never votes with this key")
            }
            #[allow(unreachable_patterns, reason = "new notes are for tests and traces")]
            _ => {}
        }
    }
}

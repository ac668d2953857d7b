//! Drives the transfer of a state from peers: what it wants to ask goes to the core, which signs and sends.

use crate::clock::Clock;
use crate::core_thread::CoreEvent;
use crate::error::NodeError;
use crate::inbox::CoreSender;
use outvote_execution::{Executor, Transfer, TransferOutput};
use outvote_replica::Event;
use outvote_types::{CheckpointCertificate, Data, Quorum, ReplicaId};
use std::time::Duration;

/// How a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The state is another one now.
    Installed,
    /// The state is what it was.
    Kept,
}

/// At most one transfer at a time.
pub(crate) struct StateTransfer {
    current: Option<Transfer>,
    quorum: Quorum,
    me: ReplicaId,
    clock: Clock,
}

impl StateTransfer {
    pub(crate) fn new(quorum: Quorum, me: ReplicaId, clock: Clock) -> Self {
        Self { current: None, quorum, me, clock }
    }

    /// How long until the transfer wants to look at the clock.
    pub(crate) fn sleep(&self) -> Option<Duration> {
        self.current.as_ref()?.wake_at().map(|at| self.clock.until(at))
    }

    /// Begins with this checkpoint; a transfer that is under way for another one is abandoned.
    pub(crate) fn start(
        &mut self,
        certificate: CheckpointCertificate,
        repair: bool,
        executor: &mut Executor,
        core: &CoreSender,
    ) -> Result<Option<Ended>, NodeError> {
        tracing::info!(checkpoint = certificate.sequence.0, repair, "fetching the state from peers");
        let mut transfer = Transfer::new(executor, certificate, repair, self.quorum, self.me);
        // The first questions go out at once; only then does it know when it wants to be woken.
        let outputs = transfer.on_tick(self.clock.now());
        self.current = Some(transfer);
        self.perform(outputs, executor, core)
    }

    /// Time passed.
    pub(crate) fn tick(
        &mut self,
        executor: &mut Executor,
        core: &CoreSender,
    ) -> Result<Option<Ended>, NodeError> {
        let now = self.clock.now();
        let Some(transfer) = self.current.as_mut().filter(|t| t.wake_at().is_some_and(|at| at <= now)) else {
            return Ok(None);
        };
        let outputs = transfer.on_tick(now);
        self.perform(outputs, executor, core)
    }

    /// A peer answered.
    pub(crate) fn on_data(
        &mut self,
        from: ReplicaId,
        data: Data,
        executor: &mut Executor,
        core: &CoreSender,
    ) -> Result<Option<Ended>, NodeError> {
        let now = self.clock.now();
        let Some(transfer) = &mut self.current else { return Ok(None) };
        let outputs = transfer.on_data(executor, from, data, now)?;
        self.perform(outputs, executor, core)
    }

    fn perform(
        &mut self,
        outputs: Vec<TransferOutput>,
        executor: &mut Executor,
        core: &CoreSender,
    ) -> Result<Option<Ended>, NodeError> {
        let mut ended = None;
        for output in outputs {
            let event = match output {
                TransferOutput::Fetch { to, fetch } => Event::FetchState { to, fetch },
                TransferOutput::Blame { from, why } => {
                    tracing::warn!(from = from.0, why, "a peer sent a state that the quorum did not sign");
                    continue;
                }
                TransferOutput::Done { certificate, header } => {
                    tracing::info!(checkpoint = certificate.sequence.0, "the state is installed");
                    ended = Some(Ended::Installed);
                    Event::StateInstalled { certificate, header }
                }
                TransferOutput::GivenUp => {
                    // C11
                    let restored = executor.give_up_transfer()?;
                    let executed = executor.executed().0;
                    tracing::info!(executed, restored, "no state is fetched; the own one goes on");
                    ended = Some(Ended::Kept);
                    Event::StateKept { header: executor.executed_header().cloned().map(Box::new) }
                }
            };
            // The core is gone only when the node stops.
            let _ = core.send(CoreEvent::replica(event));
        }
        if ended.is_some() {
            self.current = None;
        }
        Ok(ended)
    }
}

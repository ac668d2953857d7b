//! What the pool's task does with its links.

use crate::command::Answer;
use crate::driver::{Driver, respond};
use crate::error::ClientError;
use crate::link::{Frame, LinkEvent};
use outvote_session::{FollowerOutput, Output};
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::{Blob, Instant, ReplicaId, encode};
use tokio::sync::mpsc;

impl Driver {
    pub(crate) fn on_event(&mut self, now: Instant, event: LinkEvent) {
        match event {
            LinkEvent::Up(replica, queue) => {
                if let Some(slot) = self.links.get_mut(replica.index()) {
                    slot.queue = Some(queue);
                }
                self.on_link(now, replica, true);
            }
            LinkEvent::Down(replica, why) => {
                let was_up = self.links.get_mut(replica.index()).is_some_and(|slot| {
                    slot.last_error = Some(why.clone());
                    slot.queue.take().is_some()
                });
                if was_up {
                    self.on_link(now, replica, false);
                }
                self.fail_reports(replica, &why);
            }
            LinkEvent::Message(replica, message) => self.on_message(now, replica, *message),
        }
    }

    fn on_link(&mut self, now: Instant, replica: ReplicaId, up: bool) {
        self.pool.on_link(replica, up);
        for (follower, _) in self.followers.values_mut() {
            follower.on_link(now, replica, up);
        }
    }

    fn on_message(&mut self, now: Instant, replica: ReplicaId, message: ToClient) {
        match message {
            ToClient::Block { .. } | ToClient::StreamGone { .. } => {
                for (follower, _) in self.followers.values_mut() {
                    follower.on_message(now, replica, message.clone());
                }
            }
            ToClient::Report { id, json } => self.on_report(replica, id, &json),
            ToClient::Behaved { id, refusal } => self.on_report(replica, id, &refusal),
            other => self.pool.on_message(now, replica, other),
        }
    }

    fn on_report(&mut self, replica: ReplicaId, id: u64, text: &[u8]) {
        // Only the replica that was asked may answer.
        if self.reports.get(&id).is_some_and(|(asked, _)| *asked == replica)
            && let Some((_, answer)) = self.reports.remove(&id)
        {
            respond(answer, Ok(String::from_utf8_lossy(text).into_owned()));
        }
    }

    fn fail_reports(&mut self, replica: ReplicaId, details: &str) {
        let lost: Vec<u64> =
            self.reports.iter().filter(|(_, (asked, _))| *asked == replica).map(|(id, _)| *id).collect();
        for id in lost {
            if let Some((_, answer)) = self.reports.remove(&id) {
                respond(answer, Err(ClientError::Unreachable { replica, details: details.into() }));
            }
        }
    }

    pub(crate) fn inspect(&mut self, replica: ReplicaId, what: &str, answer: Answer<String>) {
        let what = Blob::new(what.as_bytes().to_vec());
        self.ask_one(replica, answer, |id| what.map(|what| ToReplica::Inspect { id, what }));
    }

    pub(crate) fn behave(&mut self, replica: ReplicaId, behaviour: &str, answer: Answer<String>) {
        let behaviour = Blob::new(behaviour.as_bytes().to_vec());
        self.ask_one(replica, answer, |id| behaviour.map(|behaviour| ToReplica::Behave { id, behaviour }));
    }

    fn ask_one(
        &mut self,
        replica: ReplicaId,
        answer: Answer<String>,
        message: impl FnOnce(u64) -> Option<ToReplica>,
    ) {
        // Whoever stopped waiting needs no place any more.
        self.reports.retain(|_, (_, waiting)| !waiting.is_closed());
        self.next_id += 1;
        let Some(message) = message(self.next_id) else {
            let reason = "a name of more than 64 bytes".into();
            return respond(answer, Err(ClientError::Refused { replica, reason }));
        };
        let slot = self.links.get(replica.index());
        match slot.and_then(|slot| slot.queue.as_ref()) {
            Some(queue) if queue.try_send(encode(&message).into()).is_ok() => {
                self.reports.insert(self.next_id, (replica, answer));
            }
            _ => {
                let known = slot.and_then(|slot| slot.last_error.clone());
                let details = known.unwrap_or_else(|| "no connection yet".into());
                respond(answer, Err(ClientError::Unreachable { replica, details }));
            }
        }
    }

    /// Carries out all that pool and followers ask for.
    pub(crate) fn carry_out(&mut self, now: Instant) {
        let mut encoder = Encoder::default();
        loop {
            let outputs = self.pool.drain();
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                match output {
                    Output::Send { to, message } => self.send(to, message, &mut encoder),
                    other => self.on_output(now, other),
                }
            }
        }
        let mut ended = Vec::new();
        let mut sends = Vec::new();
        for (id, (follower, blocks)) in &mut self.followers {
            for output in follower.drain() {
                let delivered = match output {
                    FollowerOutput::Send { to, message } => {
                        sends.push((to, message));
                        Ok(())
                    }
                    FollowerOutput::Block(block) => blocks.send(Ok(*block)),
                    FollowerOutput::Gone(oldest) => {
                        ended.push(*id);
                        blocks.send(Err(ClientError::StreamGone { oldest }))
                    }
                    FollowerOutput::Distrust { replica, why } => {
                        tracing::debug!(replica = replica.0, why, "a replica sent what no honest one sends");
                        Ok(())
                    }
                };
                if delivered.is_err() {
                    ended.push(*id);
                }
            }
        }
        for (to, message) in sends {
            self.send(to, message, &mut encoder);
        }
        for id in ended {
            self.followers.remove(&id);
        }
    }

    fn send(&self, to: ReplicaId, message: ToReplica, encoder: &mut Encoder) {
        let Some(queue) = self.links.get(to.index()).and_then(|slot| slot.queue.as_ref()) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = queue.try_send(encoder.frame(message)) {
            // The session sends again by its own clocks.
            tracing::debug!(replica = to.0, "the link's queue is full; a message was dropped");
        }
    }
}

/// Encodes a message that goes to several replicas once.
#[derive(Default)]
struct Encoder(Option<(ToReplica, Frame)>);

impl Encoder {
    fn frame(&mut self, message: ToReplica) -> Frame {
        if let Some((last, frame)) = &self.0
            && *last == message
        {
            return frame.clone();
        }
        let frame: Frame = encode(&message).into();
        self.0 = Some((message, frame.clone()));
        frame
    }
}

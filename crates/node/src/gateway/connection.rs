//! One client's connection: decodes what it says, has its signatures checked, and passes it on.

use super::lookups::{Ask, LookupJob, LookupSender};
use super::outgoing::{Drain, Waiting, queue};
use super::pace::{Earned, Line, Pace, Repeated, Repeats};
use super::receipts::Place;
use super::seen::Seen;
use super::trust::{Judged, Trust};
use super::word::Word;
use super::{ConnectionId, GatewayJob, GatewaySender};
use crate::core_thread::CoreEvent;
use crate::execution_thread::ExecutionJob;
use crate::inbox::CoreSender;
use crate::shared::Shared;
use crate::workers::Workers;
use outvote_crypto::{PendingRequests, RequestChecker};
use outvote_transport::{ClientConnection, FrameReader, FrameWriter};
use outvote_types::{
    Answer, Blob, Digest, Nonce, Outcome, PublicKey, Request, Sequence, ToClient, ToReplica, decode,
};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

/// Bytes of one connection's requests that are being checked or wait for the core at most; beyond it reading pauses.
const UNDIGESTED_BYTES_MAX: usize = 16 << 20;
/// The same for all connections together, which take turns (B3).
const ALL_UNDIGESTED_BYTES_MAX: usize = 64 << 20;
/// Frames written with one call at most.
const FRAMES_PER_WRITE: usize = 256;
/// Questions of one connection that are being answered at most; beyond it reading pauses (B3).
const QUESTIONS_PER_CONNECTION_MAX: usize = 64;
/// Messages of one connection about requests that were executed, whose answers are being looked up, at most; what comes beyond it
/// is not answered, and its client asks again (B3).
const REPEATS_ANSWERED_AT_ONCE: usize = 8;
/// What a question, or a request that may have to be looked up in the archive, costs of a connection's pace: as much as so
/// many signatures (P8).
const LOOKUP_COST: usize = 20;
/// How often a connection that repeats too much is told that there is nothing yet.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// How long a connection that brought a bad signature is not read before it is closed. It keeps its place among the
/// bounded number of connections meanwhile, so a flood of bad signatures is slow; others behind its address are not hurt.
const BAD_SIGNATURE_PAUSE: Duration = Duration::from_secs(2);
/// How long a behaviour's switch may take.
const BEHAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Ingress {
    pub(crate) checker: RequestChecker,
    pub(crate) workers: Workers,
    pub(crate) core: CoreSender,
    pub(crate) gateway: GatewaySender,
    pub(crate) lookups: LookupSender,
    pub(crate) execution: Sender<ExecutionJob>,
    pub(crate) word: Word,
    pub(crate) shared: Arc<Shared>,
    /// Bytes of requests of all connections that may still be taken in.
    pub(crate) room: Arc<Semaphore>,
    /// What was executed before this process started.
    pub(crate) seen: Seen,
    /// Where those wait who repeat much.
    pub(crate) line: Line,
    /// Signatures a second that one connection may have checked (P8).
    pub(crate) signatures_per_second: u32,
}

/// Takes over clients as they connect, as many as the transport lets in. When this ends, so do all connections.
pub(crate) async fn accept(mut clients: mpsc::Receiver<ClientConnection>, ingress: Ingress) {
    let mut next: ConnectionId = 1;
    let mut serving = JoinSet::new();
    while let Some(ClientConnection { reader, writer, .. }) = clients.recv().await {
        serving.spawn(serve(next, reader, writer, ingress.clone()));
        next += 1;
        // Those that ended are forgotten.
        while serving.try_join_next().is_some() {}
    }
}

async fn serve(id: ConnectionId, reader: FrameReader, writer: FrameWriter, ingress: Ingress) {
    let (frames, drain, given_up) = queue();
    // The threads are gone only when the node stops, here and below.
    let _ = ingress.lookups.send(LookupJob::Open { id, frames: frames.twin() });
    let _ = ingress.gateway.send(GatewayJob::Open { id, frames });
    tokio::select! {
        () = read(id, reader, &ingress) => {}
        // The client does not take what is written.
        () = write(id, writer, drain, &ingress.lookups) => {}
        // The gateway gave it up: too much waits for it.
        _ = given_up => {}
    }
    let _ = ingress.gateway.send(GatewayJob::Close(id));
    let _ = ingress.lookups.send(LookupJob::Close(id));
}

async fn write(id: ConnectionId, mut writer: FrameWriter, mut drain: Drain, lookups: &LookupSender) {
    let mut frames: Vec<Waiting> = Vec::with_capacity(FRAMES_PER_WRITE);
    while drain.frames.recv_many(&mut frames, FRAMES_PER_WRITE).await > 0 {
        if writer.send(&frames).await.is_err() {
            return;
        }
        frames.clear();
        if drain.may_resume() {
            let _ = lookups.send(LookupJob::Resume(id));
        }
    }
    writer.close().await;
}

async fn read(id: ConnectionId, mut reader: FrameReader, ingress: &Ingress) {
    let room = Arc::new(Semaphore::new(UNDIGESTED_BYTES_MAX));
    let turns = Arc::new(Semaphore::new(QUESTIONS_PER_CONNECTION_MAX));
    // P9: a client whose own connection brings a bad signature is cut off for a while.
    let fault = Arc::new(Notify::new());
    let trust = Trust::none();
    let mut pace = Pace::new(ingress.signatures_per_second, Instant::now());
    let mut outcomes = Outcomes::of(id, ingress);
    let mut wait = None;
    loop {
        let next = async {
            if let Some(wait) = wait {
                // Nothing is held meanwhile: what comes waits in the client's own connection.
                tokio::time::sleep(wait).await;
            }
            reader.next().await
        };
        let frame = tokio::select! {
            frame = next => frame,
            () = fault.notified() => return tokio::time::sleep(BAD_SIGNATURE_PAUSE).await,
        };
        let Ok(Some(frame)) = frame else { return };
        // B4: bytes that are no message end the connection; nothing else follows from them.
        let Ok(message) = decode::<ToReplica>(&frame) else { return };
        match message {
            ToReplica::Submit(requests) => {
                let Some(held) = take_room(&room, &ingress.room, frame.len()).await else { return };
                // E4, P8: what was executed already is answered, and not checked again.
                let (done, requests): (Vec<Request>, Vec<Request>) = requests
                    .into_inner()
                    .into_iter()
                    .partition(|request| ingress.shared.done.has(&request.digest()));
                let (now, brought) = (Instant::now(), requests.len() + done.len());
                let lookups = requests.iter().filter(|request| !ingress.seen.is_known(&request.body.session));
                let cost = brought + lookups.count() * LOOKUP_COST;
                // P8: sizes, keys and repetitions are looked at here, before any signature.
                let names = names_of(&requests);
                let pending = ingress.checker.prepare(requests);
                let fresh = pending.checks.len();
                let others = brought.saturating_sub(fresh + done.len());
                let repeated = Repeated { executed: done.len(), others };
                let in_line = outcomes.tell(now, names_of(&done), repeated);
                wait = pace.charge(now, cost.max(fresh)).max(in_line);
                if names.is_empty() {
                    continue;
                }
                // P9: a few first, and the rest once those were good.
                let first = trust.judge_first(&pending.checks, &ingress.workers).await;
                let shown = Shown { fault: Arc::clone(&fault), earned: outcomes.repeats.earned().clone() };
                submit(id, names, (pending, first), ingress, (held, &outcomes.turns), shown);
            }
            // What became of a request is asked by the impatient, as often as they like: never waited for, and paced like repeating.
            ToReplica::Ask { session, nonce } => {
                let now = Instant::now();
                let in_line = outcomes.tell(now, vec![(session, nonce)], Repeated { executed: 0, others: 1 });
                wait = pace.charge(now, 1).max(in_line);
            }
            other => {
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
                wait = pace.charge(Instant::now(), LOOKUP_COST);
                dispatch(id, other, turn, ingress);
            }
        }
    }
}

/// Answers of one connection about requests that were executed.
struct Outcomes<'a> {
    id: ConnectionId,
    turns: Arc<Semaphore>,
    repeats: Repeats,
    ingress: &'a Ingress,
    /// When it was last told that it has to wait.
    told_at: Option<Instant>,
}

impl<'a> Outcomes<'a> {
    fn of(id: ConnectionId, ingress: &'a Ingress) -> Self {
        let turns = Arc::new(Semaphore::new(REPEATS_ANSWERED_AT_ONCE));
        Self { id, turns, repeats: Repeats::new(&ingress.line), ingress, told_at: None }
    }

    /// B3: tells what became of these requests, in one of the connection's turns; without one its client asks again. Counts
    /// what it repeated, and says how long to wait before more is read, if at all.
    fn tell(&mut self, now: Instant, names: Vec<(PublicKey, Nonce)>, repeated: Repeated) -> Option<Duration> {
        let wait = self.repeats.charge(now, repeated);
        let answer = if wait.is_some() { self.repeats.answer().map(Some) } else { Some(None) };
        if let Some((turn, answer)) = Arc::clone(&self.turns).try_acquire_owned().ok().zip(answer)
            && !names.is_empty()
        {
            let turn = Box::new((turn, answer));
            // The thread is gone only when the node stops.
            let _ = self.ingress.lookups.send(LookupJob::Outcomes { id: self.id, names, turn });
        }
        // Who has hung up is not noticed by reading, which waits, but by writing.
        let is_told = self.told_at.is_some_and(|at| now.saturating_duration_since(at) < TOLD_EVERY);
        if wait.is_some() && !is_told {
            self.told_at = Some(now);
            let message = Box::new(ToClient::NotYet(self.ingress.shared.hint()));
            let _ = self.ingress.gateway.send(GatewayJob::Send { id: self.id, message });
        }
        wait
    }
}

/// The room that all connections share.
pub(crate) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ALL_UNDIGESTED_BYTES_MAX))
}

type Room = (OwnedSemaphorePermit, OwnedSemaphorePermit);

async fn take_room(own: &Arc<Semaphore>, all: &Arc<Semaphore>, bytes: usize) -> Option<Room> {
    let bytes = u32::try_from(bytes.min(UNDIGESTED_BYTES_MAX)).unwrap_or(u32::MAX);
    let own = Arc::clone(own).acquire_many_owned(bytes).await.ok()?;
    let all = Arc::clone(all).acquire_many_owned(bytes).await.ok()?;
    Some((own, all))
}

fn names_of(requests: &[Request]) -> Vec<(PublicKey, Nonce)> {
    requests.iter().map(|request| (request.body.session, request.body.nonce)).collect()
}

/// What a connection shows of itself by its signatures.
struct Shown {
    /// Bad ones.
    fault: Arc<Notify>,
    /// Good ones.
    earned: Earned,
}

/// The good ones at the front and the places for the rest, or the verdicts up to a bad one.
type First = Result<(usize, Judged), Vec<bool>>;

fn submit(
    id: ConnectionId,
    names: Vec<(PublicKey, Nonce)>,
    (pending, first): (PendingRequests, First),
    ingress: &Ingress,
    (room, turns): (Room, &Arc<Semaphore>),
    Shown { fault, earned }: Shown,
) {
    let (core, gateway) = (ingress.core.clone(), ingress.gateway.clone());
    let lookups = ingress.lookups.clone();
    let (checker, seen, turns) = (ingress.checker.clone(), ingress.seen.clone(), Arc::clone(turns));
    let (pending, known, judged) = match first {
        Ok((good, judged)) => (pending, vec![true; good], Some(judged)),
        Err(mut found) => {
            // P9: its sender is cut off. What was not looked at is neither taken nor called bad.
            fault.notify_one();
            let pending = pending.first(found.len());
            found.truncate(pending.checks.len());
            (pending, found, None)
        }
    };
    let rest = pending.checks[known.len()..].to_vec();
    let on_verdicts = move |found: Vec<bool>| {
        if let Some(judged) = judged.filter(|_| found.iter().all(|verdict| *verdict)) {
            judged.were_good();
        }
        let verdicts = [known, found].concat();
        // Only what was checked: a signature that is known already is repeated, too.
        earned.add(verdicts.iter().filter(|verdict| **verdict).count());
        let mut good = Vec::with_capacity(names.len());
        for (verdict, (session, nonce)) in checker.finish(pending, &verdicts).into_iter().zip(names) {
            match verdict {
                Ok(request) if seen.is_known(&session) => good.push(request),
                Ok(request) => {
                    // B3: looked up and answered in one of the connection's turns; without one its client asks again.
                    let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else { continue };
                    if seen.was_executed(&request) {
                        let (names, turn) = (vec![(session, nonce)], Box::new(turn));
                        let _ = lookups.send(LookupJob::Outcomes { id, names, turn });
                    } else {
                        good.push(request);
                    }
                }
                Err(rejected) => {
                    fault.notify_one();
                    let reason = Blob::new(rejected.why.as_bytes().to_vec()).unwrap_or_default();
                    let message = Box::new(ToClient::Invalid { session, nonce, reason });
                    let _ = gateway.send(GatewayJob::Send { id, message });
                }
            }
        }
        core.submit(good, Box::new(room));
    };
    ingress.workers.verify(rest, Box::new(on_verdicts));
}

fn dispatch(id: ConnectionId, message: ToReplica, turn: OwnedSemaphorePermit, ingress: &Ingress) {
    let ask = match message {
        // Dealt with by whoever reads.
        ToReplica::Submit(_) | ToReplica::Ask { .. } => return,
        ToReplica::Watch(sessions) => {
            let _ = ingress.gateway.send(GatewayJob::Watch { id, sessions: sessions.into_inner(), turn });
            return;
        }
        ToReplica::Receipt { id: query, session, nonce, index } => {
            Ask::Receipt { query, place: Place::Named { session, nonce, index } }
        }
        ToReplica::ReceiptAt { id: query, sequence, position } => {
            Ask::Receipt { query, place: Place::At { sequence, position } }
        }
        ToReplica::Follow { from } => Ask::Follow { from },
        ToReplica::More { upto } => Ask::More { upto },
        ToReplica::Inspect { id: query, what } => Ask::Inspect { query, what: what.into_inner() },
        ToReplica::Session(key) => return session(id, key, turn, ingress),
        ToReplica::Query { id: query, min_sequence, question } => {
            return question_to(id, query, min_sequence, question.into_inner(), turn, ingress);
        }
        ToReplica::Behave { id: query, behaviour } => return switch(id, query, &behaviour, turn, ingress),
    };
    let _ = ingress.lookups.send(LookupJob::Ask { id, ask, turn: Box::new(turn) });
}

fn session(id: ConnectionId, key: PublicKey, turn: OwnedSemaphorePermit, ingress: &Ingress) {
    let gateway = ingress.gateway.clone();
    let standing = Box::new(move |found: Option<(Sequence, outvote_execution::SessionStanding)>| {
        if let Some((sequence, standing)) = found {
            let message = Box::new(ToClient::Session { session: key, next: standing.next, sequence });
            let _ = gateway.send(GatewayJob::Send { id, message });
        }
        drop(turn);
    });
    let _ = ingress.execution.send(ExecutionJob::Session { key, standing });
}

fn question_to(
    id: ConnectionId,
    query: u64,
    min_sequence: Sequence,
    question: Vec<u8>,
    turn: OwnedSemaphorePermit,
    ingress: &Ingress,
) {
    let (gateway, word, replica) = (ingress.gateway.clone(), ingress.word.clone(), ingress.shared.me);
    let digest = Digest::of(&question);
    let answer = Box::new(move |found: Option<(Sequence, Answer)>| {
        let _turn = turn;
        let Some((sequence, answer)) = found else { return };
        // R7: the answer names the sequence at which it was read.
        let outcome = Outcome { question: digest, sequence, answer: answer.digest(), replica };
        let outcome = word.on_question(outcome);
        let message = Box::new(ToClient::Answer { id: query, outcome, answer });
        let _ = gateway.send(GatewayJob::Send { id, message });
    });
    let _ = ingress.execution.send(ExecutionJob::Query { question, min_sequence, answer });
}

/// Tells the core how to behave and waits for its word.
pub(crate) fn behave(core: &CoreSender, behaviour: &str) -> Result<(), String> {
    let (refusal, verdict) = std::sync::mpsc::channel();
    let event = CoreEvent::Behave { behaviour: behaviour.into(), refusal };
    if !core.send(event) {
        return Err("the replica is stopping".into());
    }
    verdict.recv_timeout(BEHAVE_TIMEOUT).unwrap_or_else(|_| Err("the replica does not answer".into()))
}

fn switch(id: ConnectionId, query: u64, behaviour: &Blob<64>, turn: OwnedSemaphorePermit, ingress: &Ingress) {
    let (core, gateway) = (ingress.core.clone(), ingress.gateway.clone());
    let behaviour = String::from_utf8_lossy(behaviour).into_owned();
    tokio::task::spawn_blocking(move || {
        let refusal = behave(&core, &behaviour).err().unwrap_or_default();
        let refusal = Blob::new(refusal.into_bytes()).unwrap_or_default();
        let message = Box::new(ToClient::Behaved { id: query, refusal });
        let _ = gateway.send(GatewayJob::Send { id, message });
        drop(turn);
    });
}

//! One client's connection: decodes what it says, has its signatures checked, and passes it on.

use super::{ConnectionId, Gateway, GatewayJob, GatewaySender, Place};
use crate::core_thread::CoreEvent;
use crate::execution_thread::ExecutionJob;
use crate::shared::Shared;
use crate::workers::Workers;
use outvote_crypto::{RequestChecker, Scheme};
use outvote_replica::Event;
use outvote_transport::{ClientConnection, FrameReader, FrameWriter};
use outvote_types::{
    Answer, Blob, Digest, Nonce, Outcome, PublicKey, Request, Sequence, ToClient, ToReplica, decode,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Frames that wait for a client at most; one that reads slower is disconnected.
const FRAMES_WAITING_MAX: usize = 4096;
/// Requests of one connection whose signatures are being checked at most; beyond it reading pauses.
const UNCHECKED_REQUESTS_MAX: usize = 4096;
/// Frames written with one call at most.
const FRAMES_PER_WRITE: usize = 256;
/// How long a connection that sent bad signatures is refused: it is closed, and its client must connect again.
const BAD_SIGNATURE_PAUSE: Duration = Duration::from_secs(1);
/// How long a behaviour's switch may take.
const BEHAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Ingress {
    pub(crate) checker: RequestChecker,
    pub(crate) workers: Workers,
    pub(crate) core: Sender<CoreEvent>,
    pub(crate) gateway: GatewaySender,
    pub(crate) execution: Sender<ExecutionJob>,
    pub(crate) scheme: Arc<dyn Scheme>,
    pub(crate) shared: Arc<Shared>,
}

/// Takes over clients as they connect.
pub(crate) async fn accept(mut clients: mpsc::Receiver<ClientConnection>, ingress: Ingress) {
    let mut next: ConnectionId = 1;
    while let Some(ClientConnection { reader, writer, .. }) = clients.recv().await {
        tokio::spawn(serve(next, reader, writer, ingress.clone()));
        next += 1;
    }
}

async fn serve(id: ConnectionId, reader: FrameReader, writer: FrameWriter, ingress: Ingress) {
    let (frames, queue) = mpsc::channel(FRAMES_WAITING_MAX);
    let _ = ingress.gateway.send(GatewayJob::Open { id, frames });
    let mut writing = tokio::spawn(write(writer, queue));
    tokio::select! {
        () = read(id, reader, &ingress) => {}
        // The gateway closed the queue, or the client does not read.
        _ = &mut writing => {}
    }
    writing.abort();
    let _ = ingress.gateway.send(GatewayJob::Close(id));
}

async fn write(mut writer: FrameWriter, mut queue: mpsc::Receiver<Arc<[u8]>>) {
    let mut frames = Vec::with_capacity(FRAMES_PER_WRITE);
    while queue.recv_many(&mut frames, FRAMES_PER_WRITE).await > 0 {
        if writer.send(&frames).await.is_err() {
            return;
        }
        frames.clear();
    }
    writer.close().await;
}

async fn read(id: ConnectionId, mut reader: FrameReader, ingress: &Ingress) {
    let room = Arc::new(Semaphore::new(UNCHECKED_REQUESTS_MAX));
    // P9: a client whose own connection brings a bad signature is cut off for a while.
    let faults = Arc::new(AtomicU64::new(0));
    while let Ok(Some(frame)) = reader.next().await {
        // B4: bytes that are no message end the connection; nothing else follows from them.
        let Ok(message) = decode::<ToReplica>(&frame) else { break };
        match message {
            ToReplica::Submit(requests) => submit(id, requests.into_inner(), ingress, &room, &faults).await,
            other => dispatch(id, other, ingress),
        }
        if faults.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(BAD_SIGNATURE_PAUSE).await;
            break;
        }
    }
}

async fn submit(
    id: ConnectionId,
    requests: Vec<Request>,
    ingress: &Ingress,
    room: &Arc<Semaphore>,
    faults: &Arc<AtomicU64>,
) {
    let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
    let Ok(permit) = Arc::clone(room).acquire_many_owned(count).await else { return };
    let names: Vec<(PublicKey, Nonce)> =
        requests.iter().map(|request| (request.body.session, request.body.nonce)).collect();
    // P8: sizes and keys are looked at here, before any signature.
    let pending = ingress.checker.prepare(requests);
    let (core, gateway, faults) = (ingress.core.clone(), ingress.gateway.clone(), Arc::clone(faults));
    ingress.shared.submitted.fetch_add(u64::from(count), Ordering::Relaxed);
    let checks = pending.checks.clone();
    let on_verdicts = move |verdicts: Vec<bool>| {
        for (verdict, (session, nonce)) in pending.finish(&verdicts).into_iter().zip(names) {
            match verdict {
                Ok(request) => drop(core.send(CoreEvent::Replica(Event::Request(request)))),
                Err(rejected) => {
                    faults.fetch_add(1, Ordering::Relaxed);
                    let reason = Blob::new(rejected.why.as_bytes().to_vec()).unwrap_or_default();
                    let message = Box::new(ToClient::Invalid { session, nonce, reason });
                    let _ = gateway.send(GatewayJob::Send { id, message });
                }
            }
        }
        drop(permit);
    };
    ingress.workers.verify(checks, Box::new(on_verdicts));
}

fn dispatch(id: ConnectionId, message: ToReplica, ingress: &Ingress) {
    let job = match message {
        ToReplica::Submit(_) => return,
        ToReplica::Watch(sessions) => GatewayJob::Watch { id, sessions: sessions.into_inner() },
        ToReplica::Ask { session, nonce } => GatewayJob::Ask { id, session, nonce },
        ToReplica::Receipt { id: query, session, nonce, index } => {
            GatewayJob::Receipt { id, query, place: Place::Named { session, nonce, index } }
        }
        ToReplica::ReceiptAt { id: query, sequence, position } => {
            GatewayJob::Receipt { id, query, place: Place::At { sequence, position } }
        }
        ToReplica::Follow { from } => GatewayJob::Follow { id, from },
        ToReplica::More { upto } => GatewayJob::More { id, upto },
        ToReplica::Inspect { id: query, what } => GatewayJob::Inspect { id, query, what: what.into_inner() },
        ToReplica::Session(key) => return session(id, key, ingress),
        ToReplica::Query { id: query, min_sequence, question } => {
            return ask(id, query, min_sequence, question.into_inner(), ingress);
        }
        ToReplica::Behave { id: query, behaviour } => return switch(id, query, &behaviour, ingress),
    };
    // The gateway is gone only when the node stops.
    let _ = ingress.gateway.send(job);
}

fn session(id: ConnectionId, key: PublicKey, ingress: &Ingress) {
    let gateway = ingress.gateway.clone();
    let standing = Box::new(move |found: Option<(Sequence, outvote_execution::SessionStanding)>| {
        if let Some((sequence, standing)) = found {
            let message = Box::new(ToClient::Session { session: key, next: standing.next, sequence });
            let _ = gateway.send(GatewayJob::Send { id, message });
        }
    });
    let _ = ingress.execution.send(ExecutionJob::Session { key, standing });
}

fn ask(id: ConnectionId, query: u64, min_sequence: Sequence, question: Vec<u8>, ingress: &Ingress) {
    let (gateway, scheme, shared) =
        (ingress.gateway.clone(), Arc::clone(&ingress.scheme), Arc::clone(&ingress.shared));
    let digest = Digest::of(&question);
    let answer = Box::new(move |found: Option<(Sequence, Answer)>| {
        let Some((sequence, answer)) = found else { return };
        let outcome = Outcome { question: digest, sequence, answer: answer.digest(), replica: shared.me };
        let outcome = Gateway::sign_outcome(&*scheme, &shared.committee.committee.domain(), outcome);
        let message = Box::new(ToClient::Answer { id: query, outcome, answer });
        let _ = gateway.send(GatewayJob::Send { id, message });
    });
    let _ = ingress.execution.send(ExecutionJob::Query { question, min_sequence, answer });
}

/// Tells the core how to behave and waits for its word.
pub(crate) fn behave(core: &Sender<CoreEvent>, behaviour: &str) -> Result<(), String> {
    let (refusal, verdict) = std::sync::mpsc::channel();
    let event = CoreEvent::Behave { behaviour: behaviour.into(), refusal };
    core.send(event).map_err(|_| "the replica is stopping".to_string())?;
    verdict.recv_timeout(BEHAVE_TIMEOUT).unwrap_or_else(|_| Err("the replica does not answer".into()))
}

fn switch(id: ConnectionId, query: u64, behaviour: &Blob<64>, ingress: &Ingress) {
    let (core, gateway) = (ingress.core.clone(), ingress.gateway.clone());
    let behaviour = String::from_utf8_lossy(behaviour).into_owned();
    tokio::task::spawn_blocking(move || {
        let refusal = behave(&core, &behaviour).err().unwrap_or_default();
        let refusal = Blob::new(refusal.into_bytes()).unwrap_or_default();
        let message = Box::new(ToClient::Behaved { id: query, refusal });
        let _ = gateway.send(GatewayJob::Send { id, message });
    });
}

//! The client against four listeners with real TLS and real keys, whose replicas order what comes and may lie or be dead.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../session/tests/session/support/mod.rs"]
mod support;

use outvote_client::{Client, ClientError, CommitteeFile, Outcome, Tunables};
use outvote_session::MemberEntry;
use outvote_transport::{
    ClientConnection, FrameReader, Limits, LinkEvent, LinkKey, Links, LinksConfig, PeerAddress, bind,
};
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::reply::Outcome as SignedOutcome;
use outvote_types::{
    Blob, Digest, Nonce, PublicKey, ReplicaId, Request, ResultKind, Sequence, decode, encode,
};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Cluster, Executed, answer, key, operation, result};
use tokio::sync::mpsc;

/// Frames that no honest replica sends: nothing, an unknown kind, a lying length, a message with a byte too many.
const NO_MESSAGES: [&[u8]; 4] = [&[], &[99; 40], &[0, 255, 255, 255, 255], &[7, 1, 0, 0, 0, 0, 0, 0, 0, 0]];
static BABBLED: AtomicUsize = AtomicUsize::new(0);

struct Connection {
    replica: u16,
    frames: mpsc::UnboundedSender<Vec<u8>>,
    follows: bool,
}

/// What all replicas agree on; how they agree is other crates' affair.
struct State {
    cluster: Cluster,
    executed: Vec<Executed>,
    connections: Vec<Connection>,
    liar: Option<u16>,
    /// Who says nothing but bytes that are no message.
    babbler: Option<u16>,
}

impl State {
    fn find(&self, session: &PublicKey, nonce: Nonce) -> Option<&Executed> {
        self.executed.iter().find(|block| {
            block
                .requests
                .iter()
                .any(|request| request.body.session == *session && request.body.nonce == nonce)
        })
    }

    /// What a replica says about a block: the truth, or a lie under its own signature.
    fn results(&self, replica: u16, block: &Executed) -> ToClient {
        let mut block = block.clone();
        if self.liar == Some(replica) {
            for result in &mut block.results {
                result.answer = answer("a lie");
                result.leaf.answer = result.answer.digest();
            }
        }
        self.cluster.results(replica, &block)
    }

    fn order(&mut self, request: Request) {
        if self.find(&request.body.session, request.body.nonce).is_some() {
            return;
        }
        let results = request
            .body
            .operations
            .iter()
            .zip(0..)
            .map(|(operation, index)| {
                let text = String::from_utf8_lossy(&operation.payload).to_uppercase();
                result(&request, index, ResultKind::Applied, answer(&text))
            })
            .collect();
        let block = self.cluster.block(&[request], results);
        for connection in &self.connections {
            let _ = connection.frames.send(encode(&self.results(connection.replica, &block)));
            if connection.follows {
                let _ = connection.frames.send(encode(&self.cluster.streamed(connection.replica, &block)));
            }
        }
        self.executed.push(block);
    }

    fn on_message(&mut self, at: usize, message: ToReplica) {
        let replica = self.connections[at].replica;
        let mut replies = Vec::new();
        match message {
            ToReplica::Submit(requests) => {
                requests.into_inner().into_iter().for_each(|request| self.order(request))
            }
            ToReplica::Session(session) => {
                let used = self.executed.iter().flat_map(|block| &block.requests);
                let last = used
                    .filter(|request| request.body.session == session)
                    .map(|request| request.body.nonce)
                    .max();
                let lie = if self.liar == Some(replica) { 1_000 } else { 0 };
                let next = Nonce(last.unwrap_or_default().next().0 + lie);
                replies.push(ToClient::Session { session, next, sequence: Sequence(self.cluster.sequence) });
            }
            ToReplica::Ask { session, nonce } => {
                replies.extend(self.find(&session, nonce).map(|block| self.results(replica, block)));
            }
            ToReplica::Query { id, question, .. } => {
                let text = if self.liar == Some(replica) { "a lie" } else { "the truth" };
                let body = SignedOutcome {
                    question: Digest::of(&question),
                    sequence: Sequence(self.cluster.sequence),
                    answer: answer(text).digest(),
                    replica: ReplicaId(replica),
                };
                let signer = &self.cluster.replicas[usize::from(replica)];
                let outcome = outvote_crypto::sign_body(signer, self.cluster.keyring.replica_domain(), body);
                replies.push(ToClient::Answer { id, outcome, answer: answer(text) });
            }
            ToReplica::Receipt { id, session, nonce, index } => {
                let parts =
                    self.find(&session, nonce).map(|block| self.cluster.parts(replica, &[block], 0, index));
                replies.push(ToClient::Receipt { id, parts: parts.map(Box::new) });
            }
            ToReplica::Follow { from } => {
                self.connections[at].follows = true;
                let from = usize::try_from(from.0 - 1).unwrap().min(self.executed.len());
                replies
                    .extend(self.executed[from..].iter().map(|block| self.cluster.streamed(replica, block)));
            }
            ToReplica::Inspect { id, what } => {
                let json =
                    format!("{{\"replica\":{replica},\"page\":\"{}\"}}", String::from_utf8_lossy(&what));
                replies.push(ToClient::Report { id, json: Blob::new(json.into_bytes()).unwrap() });
            }
            ToReplica::Behave { id, .. } => {
                let refusal = Blob::new(b"this is no demo cluster".to_vec()).unwrap();
                replies.push(ToClient::Behaved { id, refusal });
            }
            _ => {}
        }
        for reply in replies {
            let _ = self.connections[at].frames.send(encode(&reply));
        }
    }
}

async fn read(state: Arc<Mutex<State>>, at: usize, mut reader: FrameReader) {
    while let Ok(Some(frame)) = reader.next().await {
        let message = decode::<ToReplica>(&frame).unwrap();
        state.lock().unwrap().on_message(at, message);
    }
}

fn accept(state: &Arc<Mutex<State>>, replica: u16, connection: ClientConnection) {
    let ClientConnection { reader, mut writer, .. } = connection;
    let (frames, mut queue) = mpsc::unbounded_channel::<Vec<u8>>();
    if state.lock().unwrap().babbler == Some(replica) {
        let turn = BABBLED.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let _ = writer.send(&[NO_MESSAGES[turn % NO_MESSAGES.len()]]).await;
        });
        return;
    }
    let at = {
        let mut state = state.lock().unwrap();
        state.connections.push(Connection { replica, frames, follows: false });
        state.connections.len() - 1
    };
    tokio::spawn(read(state.clone(), at, reader));
    tokio::spawn(async move {
        while let Some(frame) = queue.recv().await {
            if writer.send(&[frame]).await.is_err() {
                return;
            }
        }
    });
}

struct Replicas {
    state: Arc<Mutex<State>>,
    file: CommitteeFile,
    links: Vec<Links>,
}

/// Four replicas of which `dead` do not listen.
fn start(dead: &[u16], liar: Option<u16>) -> Replicas {
    let cluster = Cluster::new(4);
    let listeners: Vec<_> = (0..4).map(|_| bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()).collect();
    let addresses: Vec<String> = listeners.iter().map(|l| l.local_addr().unwrap().to_string()).collect();
    let members = cluster.committee.members.iter().zip(&addresses);
    let members =
        members.map(|(member, address)| MemberEntry { member: *member, address: address.clone() }).collect();
    let file = CommitteeFile::create(members, [7; 32], false, outvote_types::Parameters::default()).unwrap();
    let state = Arc::new(Mutex::new(State {
        cluster,
        executed: Vec::new(),
        connections: Vec::new(),
        liar,
        babbler: None,
    }));
    let mut links = Vec::new();
    for (listener, replica) in listeners.into_iter().zip(0u16..) {
        if dead.contains(&replica) {
            continue;
        }
        let (gateway, mut clients) = mpsc::channel(64);
        // The other members are nowhere: this is about clients.
        let member = |(id, link_key): (u16, PublicKey)| PeerAddress {
            link_key,
            address: if id == replica { addresses[usize::from(id)].clone() } else { "127.0.0.1:1".into() },
        };
        let keys = file.committee.members.iter().map(|member| member.link_key);
        let config = LinksConfig {
            me: ReplicaId(replica),
            cluster: (&file.committee).into(),
            members: (0..).zip(keys).map(member).collect(),
            limits: Limits::default(),
            urgent: None,
        };
        let own = LinkKey::new(key(200 + u8::try_from(replica).unwrap()));
        links.push(Links::start(config, &own, listener, Arc::new(|_: LinkEvent| {}), Some(gateway)).unwrap());
        let state = state.clone();
        tokio::spawn(async move {
            while let Some(connection) = clients.recv().await {
                accept(&state, replica, connection);
            }
        });
    }
    Replicas { state, file, links }
}

async fn connect(replicas: &Replicas, seed: u8) -> Client {
    Client::builder(replicas.file.clone()).identity(Arc::new(key(seed))).connect().await.unwrap()
}

fn answer_of(outcome: &Outcome) -> outvote_types::Answer {
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    committed.answer().unwrap().clone()
}

#[tokio::test]
async fn a_client_commits_with_one_replica_dead_from_the_start() {
    let replicas = start(&[0], None);
    let client = connect(&replicas, 1).await;
    let finished = client.submit(operation("hello")).await.unwrap();
    assert_eq!(answer_of(&finished.outcome), answer("HELLO"));
    assert_eq!(finished.ticket.nonce, Nonce(1));
}

// Faults: R20
#[tokio::test]
async fn a_lying_replica_changes_neither_answers_nor_nonces() {
    let replicas = start(&[], Some(0));
    let first = connect(&replicas, 1).await;
    for text in ["one", "two", "three"] {
        let finished = first.submit(operation(text)).await.unwrap();
        assert_eq!(answer_of(&finished.outcome), answer(&text.to_uppercase()));
    }
    drop(first);
    let again = connect(&replicas, 1).await;
    let finished = again.submit(operation("four")).await.unwrap();
    assert_eq!(finished.ticket.nonce, Nonce(4), "a later life of the same key goes on where it stood");
    let answered = again.query(b"what is true?".to_vec()).await.unwrap();
    assert_eq!(answered.answer, answer("the truth"));
    assert!(answered.sequence >= Sequence(4) && !answered.ordered);
}

// B4
// Faults: M01
#[tokio::test]
async fn a_replica_that_sends_bytes_that_are_no_message_is_named_and_changes_nothing() {
    let replicas = start(&[], None);
    replicas.state.lock().unwrap().babbler = Some(2);
    let client = connect(&replicas, 1).await;
    for text in ["one", "two", "three"] {
        let finished = client.submit(operation(text)).await.unwrap();
        assert_eq!(answer_of(&finished.outcome), answer(&text.to_uppercase()));
    }
    while BABBLED.load(Ordering::SeqCst) < NO_MESSAGES.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let named = loop {
        let link = client.links().await.unwrap().swap_remove(2);
        match link.last_error {
            Some(error) if error.contains("no message") => break error,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert!(named.contains("the replica sent bytes"), "{named}");
    assert_eq!(answer_of(&client.submit(operation("four")).await.unwrap().outcome), answer("FOUR"));
}

#[tokio::test]
async fn more_requests_than_the_window_keep_their_order() {
    let replicas = start(&[], None);
    let client = connect(&replicas, 1).await;
    let envelopes = (0..300).map(|number| vec![operation(&format!("message {number}"))]).collect();
    let finished = client.submit_many(envelopes).await;
    for (number, finished) in finished.into_iter().enumerate() {
        let finished = finished.unwrap();
        assert_eq!(finished.ticket.nonce, Nonce(u64::try_from(number).unwrap() + 1));
        assert_eq!(answer_of(&finished.outcome), answer(&format!("MESSAGE {number}")));
    }
}

#[tokio::test]
async fn many_sessions_share_the_links() {
    let replicas = start(&[], None);
    let client = Client::builder(replicas.file.clone()).connect().await.unwrap();
    assert_eq!(client.submit(operation("x")).await, Err(ClientError::NoIdentity));
    let signers = (1..=100).map(|seed| Arc::new(key(seed)) as outvote_client::SessionKey).collect();
    let sessions = client.open_many(signers, Some(Nonce(1))).await.unwrap();
    let started: Vec<_> = sessions.iter().map(|session| session.start(vec![operation("x")])).collect();
    for submission in started {
        assert_eq!(answer_of(&submission.finished().await.unwrap().outcome), answer("X"));
    }
    assert_eq!(replicas.state.lock().unwrap().connections.len(), 4);
}

#[tokio::test]
async fn operations_may_be_made_for_their_nonce() {
    let replicas = start(&[], None);
    let client = connect(&replicas, 1).await;
    let started: Vec<_> =
        (0..5).map(|_| client.start_with(|nonce| vec![operation(&format!("under nonce {nonce}"))])).collect();
    for (submission, nonce) in started.into_iter().zip(1..) {
        let finished = submission.finished().await.unwrap();
        assert_eq!(answer_of(&finished.outcome), answer(&format!("UNDER NONCE {nonce}")));
    }
}

#[tokio::test]
async fn a_receipt_comes_verified_and_verifies_offline() {
    let replicas = start(&[2], None);
    let client = connect(&replicas, 1).await;
    let finished = client.submit(operation("keep this")).await.unwrap();
    let receipt = client.receipt(finished.ticket, 0).await.unwrap();
    let verdict = receipt.verify(&replicas.file.committee).unwrap();
    assert_eq!((verdict.payload.as_slice(), verdict.answer), (&b"keep this"[..], answer("KEEP THIS")));
}

// Faults: K12
#[tokio::test]
async fn the_stream_has_every_block_once_and_resumes_at_its_cursor() {
    let replicas = start(&[3], None);
    let client = connect(&replicas, 1).await;
    let mut stream = client.follow(Sequence(1)).await.unwrap();
    assert_eq!(client.follow(Sequence(1)).await.err(), Some(ClientError::AlreadyFollowing));
    for number in 1..=100u64 {
        let _ = client.submit(operation("x")).await.unwrap();
        let block = stream.next().await.unwrap().unwrap();
        assert_eq!((block.header.sequence, block.proof.len()), (Sequence(number), 2));
    }
    drop(stream);
    let other = connect(&replicas, 2).await;
    let mut stream = other.follow(Sequence(60)).await.unwrap();
    for number in 60..=100 {
        assert_eq!(stream.next().await.unwrap().unwrap().header.sequence, Sequence(number));
    }
}

#[tokio::test]
async fn one_replica_can_be_asked_for_its_own_report() {
    let replicas = start(&[1], None);
    let client = Client::builder(replicas.file.clone()).connect().await.unwrap();
    while client.links().await.unwrap().iter().filter(|link| link.up).count() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let report = client.inspect(ReplicaId(2), "status").await.unwrap();
    assert_eq!(report, "{\"replica\":2,\"page\":\"status\"}");
    let dead = client.inspect(ReplicaId(1), "status").await;
    assert!(matches!(dead, Err(ClientError::Unreachable { replica: ReplicaId(1), .. })), "{dead:?}");
    let refused = client.behave(ReplicaId(2), "mute").await.unwrap_err();
    assert_eq!(refused.to_string(), "replica 2 refused: this is no demo cluster");
}

#[tokio::test]
async fn too_few_replicas_are_named_with_what_is_wrong() {
    let replicas = start(&[0, 1, 2], None);
    let connecting = Client::builder(replicas.file.clone())
        .identity(Arc::new(key(1)))
        .patience(Duration::from_millis(300))
        .connect();
    let error = connecting.await.unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("only 1 of the 2 replicas"), "{said}");
    assert!(said.contains("replica 0: cannot reach 127.0.0.1:"), "{said}");
}

#[tokio::test]
async fn a_cluster_that_falls_silent_gives_pending_for_all_that_waits() {
    let mut replicas = start(&[], None);
    let client = Client::builder(replicas.file.clone())
        .identity_at(Arc::new(key(1)), Nonce(1))
        .tunables(Tunables { deadline_ms: 2_000, ..Tunables::default() })
        .connect()
        .await
        .unwrap();
    replicas.links.clear();
    {
        let mut state = replicas.state.lock().unwrap();
        state.connections.clear();
    }
    let finished = client.submit_many((0..70).map(|_| vec![operation("x")]).collect()).await;
    let pending =
        finished.iter().filter(|f| matches!(f, Ok(finished) if finished.outcome == Outcome::Pending)).count();
    assert_eq!(pending, 64);
    assert!(finished[64..].iter().all(|finished| matches!(finished, Err(ClientError::Submit(_)))));
}

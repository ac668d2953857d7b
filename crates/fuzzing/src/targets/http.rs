//! The HTTP side: raw bytes of a connection, through the server, the guard, the chat's routes and back.

use crate::samples;
use outvote_chat::Chat;
use outvote_execution::{Executor, ExecutorConfig, MemoryBackend};
use outvote_node::probes::HttpSide;
use outvote_session::CommitteeFile;
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream, ReadBuf};
use tokio::runtime::{Builder, Runtime};

/// Turns without anything new after which the caller hangs up, and then after which the server must be through.
const QUIET_TURNS: usize = 64;
/// Bytes of answers that are looked at; a page's files are longer.
const ANSWER_BYTES: usize = 1 << 20;

struct Harness {
    runtime: Runtime,
    side: HttpSide,
}

fn harness() -> Option<Harness> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let file = CommitteeFile::parse(include_str!("../../../../docs/receipt-example-committee.toml")).ok()?;
    let config = ExecutorConfig::new(&samples::committee());
    let executor = Executor::open(Box::new(MemoryBackend::new()), Box::new(Chat), config).ok()?;
    let side = runtime.block_on(async { HttpSide::new(file, executor, outvote_chat::routes) });
    Some(Harness { runtime, side })
}

thread_local! {
    static HARNESS: Option<Harness> = harness();
}

/// The caller's end.
struct Caller<'a> {
    stream: DuplexStream,
    unsaid: &'a [u8],
    heard: Vec<u8>,
}

impl Caller<'_> {
    /// Says and hears what can be said and heard now; whether it was anything.
    fn turn(&mut self, context: &mut std::task::Context<'_>) -> bool {
        let before = (self.unsaid.len(), self.heard.len());
        if !self.unsaid.is_empty()
            && let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(context, self.unsaid)
        {
            // A server that hung up hears no more.
            self.unsaid = written.map_or(&[], |written| &self.unsaid[written..]);
        }
        let mut room = [0; 4096];
        let mut room = ReadBuf::new(&mut room);
        if let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_read(context, &mut room)
            && self.heard.len() < ANSWER_BYTES
        {
            self.heard.extend_from_slice(room.filled());
        }
        (self.unsaid.len(), self.heard.len()) != before
    }
}

/// What a replica's HTTP side answers to these bytes, if anything.
#[must_use]
pub fn answer(input: &[u8]) -> Vec<u8> {
    HARNESS.with(|harness| harness.as_ref().map(|harness| answers(harness, input)).unwrap_or_default())
}

/// What the server answers to these bytes.
fn answers(harness: &Harness, input: &[u8]) -> Vec<u8> {
    harness.runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let mut caller = Caller { stream: ours, unsaid: input, heard: Vec::new() };
        let mut serving = pin!(harness.side.serve(theirs));
        let (mut quiet, mut has_hung_up, mut is_over) = (0, false, false);
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            is_over = is_over || serving.as_mut().poll(context).is_ready();
            let is_new = caller.turn(context) | harness.side.answer();
            quiet = if is_new { 0 } else { quiet + 1 };
            if is_over && !is_new {
                return Poll::Ready(());
            }
            if quiet > QUIET_TURNS {
                if has_hung_up {
                    // It waits for a clock: a deadline or a sign of life, which other tests look at.
                    return Poll::Ready(());
                }
                let _ = Pin::new(&mut caller.stream).poll_shutdown(context);
                (quiet, has_hung_up) = (0, true);
            }
            Poll::Pending
        })
        .await;
        caller.heard
    })
}

pub(crate) fn run(input: &[u8]) {
    HARNESS.with(|harness| {
        let Some(harness) = harness else { panic!("there is no HTTP side to try") };
        let heard = answers(harness, input);
        if heard.is_empty() {
            return;
        }
        assert!(heard.starts_with(b"HTTP/1."), "an answer is an answer");
        let status = heard.get(9..12).unwrap_or_default();
        assert!(status != b"500", "no bytes of a stranger are our error");
        assert!(status != b"101", "no other protocol is spoken here");
    });
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:4001\r\n\r\n").into_bytes()
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let key = "01".repeat(32);
    let mut seeds: Vec<Vec<u8>> = [
        "/",
        "/livez",
        "/readyz",
        "/status",
        "/metrics",
        "/openapi.json",
        "/api/v1/cluster",
        "/nothing",
        "/api/v1/rooms",
        "/api/v1/rooms/a%2Fb?reader=00",
        "/api/v1/rooms/lobby/messages?before=18446744073709551615&limit=9",
        "/api/v1/rooms/%ff/members",
        "/api/v1/names/ada",
        "/api/v1/receipts?sequence=99999999999999999999&position=-1",
    ]
    .iter()
    .map(|path| get(path))
    .collect();
    seeds.push(get(&format!("/api/v1/identities/{key}")));
    seeds.push(get(&format!("/api/v1/sessions/{key}")));
    seeds.push(get(&format!("/api/v1/rooms?reader={key}")));
    seeds.push(post("/api/v1/submit", "{\"request\":\"00\"}"));
    seeds.push(post("/api/v1/submit", "{\"request\":\"00\",\"request\":\"01\"}"));
    seeds.push(post("/api/v1/traitor", "{\"replica\":99999999999999999999,\"behaviour\":\"mute\"}"));
    seeds.push(
        b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\xfe\xff\xff"
            .to_vec(),
    );
    seeds.push(
        b"POST /api/v1/submit HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\
          Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nfffffffffffffffff\r\n"
            .to_vec(),
    );
    seeds.push(b"OPTIONS * HTTP/1.0\r\nHost: [::1]:80\r\nOrigin: http://[::1]:80\r\n\r\n".to_vec());
    seeds
}

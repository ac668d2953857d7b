//! The HTTP side as a stranger finds it.

use crate::support::{Counter, count_up, own, until};
use outvote::{Cluster, ReplicaId};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FIRST: ReplicaId = ReplicaId(0);

/// Sends a request as it is and reads until the other end closes.
async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // The other end may refuse before it has read all.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn call(address: SocketAddr, line: &str, headers: &str) -> String {
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    raw(address, format!("{line} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").as_bytes()).await
}

/// The status, and the error's code if the body has our shape.
fn verdict(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let code = json["error"]["code"].as_str().unwrap_or_default().to_string();
    if !code.is_empty() {
        let has_all = ["message", "hint"]
            .iter()
            .all(|key| json["error"][key].as_str().is_some_and(|text| !text.is_empty()));
        assert!(has_all, "an error says what and how to fix it: {body}");
    }
    (status, code)
}

async fn refused(address: SocketAddr, line: &str, headers: &str) -> (u16, String) {
    verdict(&call(address, line, headers).await)
}

// Faults: M12, W03, W08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_errors_in_one_shape_and_only_the_committees_pages_are_let_in() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let http = cluster.http(FIRST).unwrap();
    let code = |status: u16, code: &str| (status, code.to_string());
    // DNS rebinding, and pages of others.
    assert_eq!(refused(http, "GET /status", "Host: evil.example\r\n").await, code(403, "host-not-allowed"));
    let foreign = "Origin: http://evil.example\r\n";
    assert_eq!(refused(http, "GET /status", foreign).await, code(403, "origin-not-allowed"));
    assert_eq!(refused(http, "GET /status", "Origin: null\r\n").await, code(403, "origin-not-allowed"));
    let sibling = format!("Origin: http://{}\r\n", cluster.http(ReplicaId(2)).unwrap());
    let answer = call(http, "GET /status", &sibling).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let lower = answer.to_lowercase();
    assert!(lower.contains("access-control-allow-origin: http://127.0.0.1"), "{answer}");
    assert!(lower.contains("content-security-policy: default-src 'none'"), "{answer}");
    // What is not there, and what is asked for in the wrong way.
    assert_eq!(refused(http, "GET /nothing", "").await, code(404, "no-such-route"));
    assert_eq!(refused(http, "DELETE /status", "").await, code(405, "method-not-allowed"));
    assert_eq!(
        refused(http, "POST /nothing", "Content-Length: 99999999\r\n").await,
        code(413, "body-too-large")
    );
    let long = format!("X-Long: {}\r\n", "a".repeat(100_000));
    assert_eq!(refused(http, "GET /status", &long).await.0, 431);
    assert_eq!(verdict(&raw(http, b"GET nonsense\r\n\r\n").await).0, 400);
    assert!(raw(http, b"\x16\x03\x01\x00\xff garbage\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    assert!(call(http, "GET /livez", "").await.contains("alive"));
    cluster.stop().await;
}

// Faults: W08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_not_listed_is_served_under_no_spelling() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let http = cluster.http(FIRST).unwrap();
    let port = http.port();
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#localhost",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "evil.example/127.0.0.1",
        "127.0.0.1 evil.example",
        "localhost.",
        "locaLhost.localdomain",
        "0x7f.1",
        "2130706433",
        "127.1",
        "[::1].evil.example",
        "",
    ] {
        let answer = raw(
            http,
            format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        let status = verdict(&answer).0;
        assert!(status == 403 || status == 400, "{host:?}: {answer}");
        assert!(!answer.contains("replicas"), "{host:?}: {answer}");
    }
    let none = raw(http, b"GET /status HTTP/1.0\r\n\r\n").await;
    assert!(!none.contains("replicas"), "{none}");
    for host in [format!("127.0.0.1:{port}"), "LOCALHOST".into(), format!("[::1]:{port}")] {
        let line = format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert!(raw(http, line.as_bytes()).await.starts_with("HTTP/1.1 200"), "{host}");
    }
    cluster.stop().await;
}

// Faults: M13, X13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_speaks_no_http_but_the_first_and_upgrades_to_nothing() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let http = cluster.http(FIRST).unwrap();
    let preface = raw(http, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await;
    assert!(
        preface.is_empty() || preface.starts_with("HTTP/1.1 400") || preface.starts_with("HTTP/1.1 505"),
        "{preface}"
    );
    for upgrade in ["h2c", "websocket"] {
        let headers = format!(
            "Upgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        let answer = call(http, "GET /status", &headers).await;
        assert!(!answer.starts_with("HTTP/1.1 101"), "{answer}");
    }
    cluster.stop().await;
}

/// A request whose body of so many bytes comes in chunks, none of which says how many there will be; the answer.
async fn chunked(address: SocketAddr, bytes: usize) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.expect("connected").into_split();
    let sending = tokio::spawn(async move {
        let head = "POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        let mut left = bytes;
        let mut is_taken = writer.write_all(head.as_bytes()).await.is_ok();
        while is_taken && left > 0 {
            let chunk = left.min(64 * 1024);
            let text = format!("{chunk:x}\r\n{}\r\n", "a".repeat(chunk));
            // The other end may have answered and closed.
            is_taken = writer.write_all(text.as_bytes()).await.is_ok();
            left -= chunk;
        }
        let _ = writer.write_all(b"0\r\n\r\n").await;
        writer
    });
    let mut answer = Vec::new();
    let _ = reader.read_to_end(&mut answer).await;
    sending.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

// B3: a body that does not say its length has the same bound as one that does.
// Faults: M12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_chunks_has_a_bound_too() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let http = cluster.http(FIRST).unwrap();
    let bound = 2 * outvote_types::limits::MAX_REQUEST_BYTES + 64 * 1024;
    assert_eq!(verdict(&chunked(http, bound).await), (404, "no-such-route".to_string()));
    for bytes in [bound + 1, 4 * bound] {
        assert_eq!(verdict(&chunked(http, bytes).await), (413, "body-too-large".to_string()), "{bytes}");
    }
    assert!(call(http, "GET /livez", "").await.contains("alive"));
    cluster.stop().await;
}

/// Sends a beginning and then a byte every half second until the other end closes; what it said, and after how long.
async fn drip(address: SocketAddr, beginning: &str, drops: &str) -> (String, Duration) {
    let begun = Instant::now();
    let (mut reader, mut writer) = TcpStream::connect(address).await.expect("connected").into_split();
    writer.write_all(beginning.as_bytes()).await.expect("taken");
    let drops = drops.to_owned();
    let dripping = tokio::spawn(async move {
        for drop in drops.bytes() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if writer.write_all(&[drop]).await.is_err() {
                return;
            }
        }
        // It keeps its side open.
        std::future::pending::<()>().await;
    });
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(30), reader.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "it stays open after {beginning:?}");
    dripping.abort();
    (String::from_utf8_lossy(&said).into_owned(), begun.elapsed())
}

// B3: nobody holds a place by saying nothing, or a byte at a time.
// Faults: K10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_slowly_or_nothing_is_closed_within_seconds() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let http = cluster.http(FIRST).unwrap();
    let (slow_head, long) = ("GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", "a".repeat(100));
    let slow_body = "POST /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n";
    let again = "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    let (silent, head, body, kept) = tokio::join!(
        drip(http, "", ""),
        drip(http, slow_head, &long),
        drip(http, slow_body, &long),
        drip(http, again, "")
    );
    let seconds = |from: u64, to: u64| Duration::from_millis(from * 1000 - 200)..Duration::from_secs(to);
    assert!(seconds(5, 9).contains(&silent.1) && silent.0.is_empty(), "{silent:?}");
    assert!(seconds(5, 9).contains(&head.1), "{head:?}");
    assert!(seconds(10, 14).contains(&body.1), "{body:?}");
    assert_eq!(verdict(&body.0), (408, "timeout".to_string()), "{body:?}");
    assert!(
        kept.0.contains("alive") && seconds(5, 9).contains(&kept.1),
        "kept open for a while only: {kept:?}"
    );
    assert!(call(http, "GET /livez", "").await.contains("alive"));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_and_metrics_tell_what_is_the_case() {
    let mut cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    for expected in 1..=3 {
        assert_eq!(count_up(&client).await, expected);
    }
    until("block 3 is executed", || own(&cluster, FIRST).executed >= 3).await;
    let http = cluster.http(FIRST).unwrap();
    assert!(call(http, "GET /readyz", "").await.contains("ready"));
    let metrics = call(http, "GET /metrics", "").await;
    for name in ["view", "committed", "executed", "replicas_reachable 4", "requests_pending", "is_observer 0"]
    {
        assert!(metrics.contains(&format!("\noutvote_{name}")), "{name} is missing in {metrics}");
    }
    let status = call(http, "GET /status", "").await;
    let json: serde_json::Value = serde_json::from_str(status.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (json["n"].as_u64(), json["f"].as_u64(), json["quorum"].as_u64()),
        (Some(4), Some(1), Some(3))
    );
    for id in [2, 3] {
        cluster.stop_replica(ReplicaId(id)).await.expect("stopped");
    }
    until("the links are down", || {
        cluster.report(FIRST).unwrap().replicas.iter().filter(|replica| replica.reachable).count() == 2
    })
    .await;
    let answer = call(http, "GET /readyz", "").await;
    assert_eq!(verdict(&answer), (503, "unavailable".to_string()));
    assert!(answer.contains("2 of 4 replicas are reachable, 3 are needed"), "{answer}");
    assert!(call(http, "GET /livez", "").await.starts_with("HTTP/1.1 200"), "it need not be restarted");
    cluster.stop().await;
}

// All links are up, and yet the cluster does nothing: two of four are more liars than can be outvoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_where_work_waits_and_nothing_commits_is_not_ready() {
    let cluster = Cluster::start(4, Counter::default).await.expect("started");
    let client = cluster.client().await.expect("connected");
    assert_eq!(count_up(&client).await, 1);
    let http = cluster.http(FIRST).unwrap();
    assert!(call(http, "GET /readyz", "").await.contains("ready"));
    for id in [2, 3] {
        cluster.behave(ReplicaId(id), "mute").expect("a demo cluster");
    }
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.submit_bytes(b"up".to_vec()).await });
    until("work waits", || own(&cluster, FIRST).pending > 0).await;
    let begun = Instant::now();
    let answer = loop {
        let answer = call(http, "GET /readyz", "").await;
        if verdict(&answer).0 == 503 {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it looks every few seconds: {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(verdict(&answer), (503, "unavailable".to_string()));
    assert!(answer.contains("work is waiting and nothing commits"), "{answer}");
    assert!(call(http, "GET /livez", "").await.starts_with("HTTP/1.1 200"), "it need not be restarted");
    for id in [2, 3] {
        cluster.behave(ReplicaId(id), "honest").expect("a demo cluster");
    }
    let begun = Instant::now();
    while !call(http, "GET /readyz", "").await.contains("ready\n") {
        assert!(begun.elapsed() < Duration::from_secs(30), "what waited commits, and it is ready again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    waiting.abort();
    cluster.stop().await;
}

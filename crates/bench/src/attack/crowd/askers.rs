//! Floods of HTTP.

use super::links::crowd;
use super::{Ground, pause};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Connections at once.
const ASKERS: usize = 64;
/// What is asked for, in turn; the last wants to become a WebSocket.
const PATHS: [&str; 4] = ["/v1/status", "/metrics", "/not/there", "/v1/stream"];
/// Questions that are sent without waiting for the answers.
const PIPELINED: usize = 16;

fn question(path: &str, host: &str) -> String {
    let upgrade = if path == "/v1/stream" {
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    } else {
        ""
    };
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n")
}

// Faults: X13
pub(super) async fn http_flood(ground: &Arc<Ground>) {
    crowd(ground, ASKERS, |ground, number| async move {
        let Some(address) = ground.pages.get(ground.target(number)).copied() else { return };
        let question = question(PATHS[(number / ground.n().max(1)) % PATHS.len()], &address.to_string());
        let questions = question.repeat(PIPELINED);
        let mut answers = vec![0; 64 * 1024];
        loop {
            if let Some(mut stream) = ground.tcp(number, address).await {
                while stream.write_all(questions.as_bytes()).await.is_ok() {
                    (0..PIPELINED).for_each(|_| ground.sent());
                    // Something came back: ask again before the rest is there.
                    if !stream.read(&mut answers).await.is_ok_and(|count| count > 0) {
                        break;
                    }
                }
                Ground::count(&ground.counts.cut_off);
            }
            pause(5).await;
        }
    })
    .await;
}

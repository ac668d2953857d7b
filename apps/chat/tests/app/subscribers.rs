//! A crowd of pages that listen to one replica and never read.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use crate::cluster::{Cluster, Person};
use outvote_chat::{Access, ChatOperation};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CROWD: usize = 1_000;
/// As the chat's feed says.
const LISTENERS_MAX: usize = 256;
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks for the events, reads whether they are to be had, and nothing after that.
async fn subscribe(page: SocketAddr) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(page).await.unwrap();
    let text = format!("GET /api/v1/events HTTP/1.1\r\nhost: {page}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    (String::from_utf8_lossy(&status[9..]).into_owned(), stream)
}

// Faults: X12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_subscribers_that_never_read_keep_nobody_from_the_chat() {
    let cluster = Cluster::start().await;
    let mut ada = Person::new();
    let register = ChatOperation::Register { name: "ada".into() };
    assert_eq!(ada.does(&cluster, 0, register).await["outcome"], "committed");
    let create = ChatOperation::CreateRoom { room: "lobby".into(), access: Access::Public };
    assert_eq!(ada.does(&cluster, 0, create).await["outcome"], "committed");
    // Half of the places are for those who listen; the rest of the crowd is told so.
    let page = cluster.pages[1];
    let mut listening = Vec::new();
    for number in 0..CROWD {
        let (status, stream) = subscribe(page).await;
        assert_eq!(status, if number < LISTENERS_MAX { "200" } else { "429" }, "subscriber {number}");
        if status == "200" {
            listening.push(stream);
        }
    }
    // Everybody else writes and reads at that same replica as if nobody listened.
    for number in 0..40 {
        let text = format!("{number} {}", "x".repeat(1_000));
        let post = ChatOperation::Post { room: "lobby".into(), text };
        assert_eq!(ada.does(&cluster, 1, post).await["outcome"], "committed");
    }
    assert_eq!(cluster.get(1, "/api/v1/rooms").await.status, 200);
    // Their places are given back when they leave.
    drop(listening);
    let returned = async {
        while subscribe(page).await.0 != "200" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, returned).await.expect("a place is free again");
    cluster.stop().await;
}

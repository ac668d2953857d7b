//! Connections that come and go by the thousand leave nothing behind. Alone in its process: it counts what the process holds.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "transport/common/mod.rs"]
mod common;

use common::*;
use outvote_transport::Limits;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections of the gate's run; the variable asks for more in the night.
const CONNECTIONS: usize = 20_000;
const CONNECTIONS_VARIABLE: &str = "OUTVOTE_STORM_CONNECTIONS";
/// Those that come and go at the same time.
const AT_ONCE: usize = 32;
/// What the allocator may keep of a storm: no leak of a hundred bytes for each of the gate's connections hides in it.
const MEMORY_SPREAD_BYTES: usize = 2 << 20;
const PAGE_BYTES: usize = 4096;

/// What this process holds: open files, tasks, resident bytes.
fn held() -> (usize, usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    (files, tasks, resident * PAGE_BYTES)
}

/// Connects, says something of each kind in turn, and is gone without a word.
async fn come_and_go(address: String, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        // A reset, or the system would run out of ports that wait for stragglers.
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
        let said: &[u8] = match number % 4 {
            0 => b"",
            1 => b"GET / HTTP/1.1\r\n\r\n",
            // The beginning of a record of TLS that never comes to its end.
            2 => &[22, 3, 1, 2, 0, 1],
            _ => &[0; 600],
        };
        let _ = socket.write_all(said).await;
    }
}

async fn storm(address: &str, connections: usize) {
    let mut crowd = JoinSet::new();
    for first in 0..AT_ONCE {
        crowd.spawn(come_and_go(address.to_owned(), (first..connections).step_by(AT_ONCE)));
    }
    while let Some(ended) = crowd.join_next().await {
        ended.unwrap();
    }
}

/// Waits until nothing of a storm is left but memory.
async fn until_calm(files: usize, tasks: usize) {
    let calm = async {
        while held().0 > files || held().1 > tasks {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, calm).await;
    assert!(in_time.is_ok(), "{:?} are held, and there were {files} files and {tasks} tasks", held());
}

// Faults: X19
#[tokio::test]
async fn connections_that_come_and_go_leave_no_file_no_task_and_no_memory() {
    let asked = std::env::var(CONNECTIONS_VARIABLE).ok().map(|text| text.parse::<usize>().unwrap());
    // All of them are looked at; what is turned away at the door costs nothing anyway.
    let open = Limits {
        handshakes_per_second_max: u32::MAX,
        handshakes_max: 4 * AT_ONCE,
        member_handshakes_max: 4 * AT_ONCE,
        ..limits()
    };
    let (listener, address) = loopback();
    let members = vec![(1, address.clone()), (2, "192.0.2.1:1".into())];
    let member = Member::start(config(0, &members, open), &key(1), listener);
    let (files, tasks, _) = held();
    // What the first ones leave in tables and in the allocator stays for all others.
    storm(&address, CONNECTIONS / 4).await;
    until_calm(files, tasks).await;
    let before = held().2;
    storm(&address, asked.unwrap_or(CONNECTIONS)).await;
    until_calm(files, tasks).await;
    let after = held().2;
    assert!(after <= before + MEMORY_SPREAD_BYTES, "{before} bytes before the storm, {after} after it");
    assert!(
        member.sender.refusals().0 > CONNECTIONS as u64,
        "they were heard: {:?}",
        member.sender.refusals()
    );
}

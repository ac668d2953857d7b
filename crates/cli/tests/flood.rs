//! Crowds of connections that say nothing: the replica stays small, and whoever has something to say is heard.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::demo::Demo;
use common::until;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Silent connections to each of a replica's two ports, where the system lets this process have so many.
const CROWD: usize = 2000;
/// So many come at once; the system's queue of a listener holds more.
const STEP: usize = 100;
/// Memory that a crowd of any size may cost a replica, KiB.
const COST_MAX_KIB: u64 = 16 * 1024;
/// Silent connections are closed after so long; the deadlines are 5 s.
const DEADLINE: Duration = Duration::from_secs(10);

/// How many connections this process can hold to each port.
fn crowd() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let files = limit.maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap());
    CROWD.min((files - 100) / 2)
}

fn resident_kib(replica: &Value) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", replica["pid"])).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Connections that say nothing. What is refused at once counts, too.
fn silent(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    while crowd.len() < count {
        crowd.extend((0..STEP.min(count - crowd.len())).map(|_| TcpStream::connect(address).unwrap()));
        // Where the system's queue is full, a connection is there for one end only, and the other cannot close it.
        until("the listener takes what waits", DEADLINE, || (waiting(address) == 0).then_some(()));
    }
    crowd
}

/// Connections that wait to be accepted there, as the system counts them.
fn waiting(address: SocketAddr) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let listener = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let is_at = fields.next().is_some_and(|local| local.ends_with(&format!(":{:04X}", address.port())));
        is_at && fields.nth(1) == Some("0A")
    };
    let line = table.lines().find(listener).unwrap();
    let (_, waiting) = line.split_whitespace().nth(4).unwrap().split_once(':').unwrap();
    usize::from_str_radix(waiting, 16).unwrap()
}

/// Whether the other end has closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

fn livez(address: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.contains("alive"), "{said}");
    begun.elapsed()
}

// Faults: X01
#[test]
fn thousands_of_silent_connections_cost_a_replica_little_and_the_others_nothing() {
    let demo = Demo::start(&[]);
    demo.done(&["chat", "register", "ada"]);
    demo.done(&["chat", "create", "lobby"]);
    let victim = demo.some_leader();
    let links: SocketAddr = victim["address"].as_str().unwrap().parse().unwrap();
    let http: SocketAddr = victim["http"].as_str().unwrap().parse().unwrap();
    livez(http);
    let before = resident_kib(&victim);

    let count = crowd();
    let mut crowd: Vec<TcpStream> =
        [links, http].map(|address| silent(address, count)).into_iter().flatten().collect();
    // A connection's time runs from when it was accepted; where thousands take seconds to open, the last ones' ends later.
    let opened = Instant::now();
    let took = livez(http);
    assert!(took < Duration::from_secs(2), "somebody who speaks is heard at once: {took:?}");
    let sent = Instant::now();
    demo.done(&["chat", "send", "lobby", "hello in the crowd"]);
    let (took, held) =
        (sent.elapsed(), crowd.iter_mut().filter_map(|one| (!is_closed(one)).then_some(())).count());
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(held >= 500, "the crowd was there meanwhile: {held} of {}", crowd.len());
    let cost = resident_kib(&victim).saturating_sub(before);
    assert!(cost <= COST_MAX_KIB, "{cost} KiB for {} connections", crowd.len());

    while opened.elapsed() < DEADLINE && crowd.iter_mut().any(|one| !is_closed(one)) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let left = crowd.iter_mut().filter_map(|one| (!is_closed(one)).then_some(())).count();
    assert_eq!(left, 0, "each is closed by its deadline");
    let after = demo.all_are_there();
    let same = after.iter().find(|one| one["id"] == victim["id"]).unwrap();
    assert_eq!(
        (&same["pid"], &same["view"]),
        (&victim["pid"], &victim["view"]),
        "it lives, and it still leads"
    );
}

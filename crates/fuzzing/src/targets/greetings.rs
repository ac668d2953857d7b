//! The greeting of members inside TLS, read by whoever is dialled, and its answer, read by whoever dials.

use super::{choice, chosen};
use crate::samples;
use outvote_crypto::KeyPair;
use outvote_transport::hello::{Class, answer, greet};
use outvote_transport::instance::{Acquaintance, Instance, Proof};
use outvote_transport::introduction::{Introduction, Standing};
use outvote_transport::{ClusterIdentity, LinkKey};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that has these bytes and then ends, and takes whatever is written.
struct Said<'a> {
    all: &'a [u8],
    bytes: &'a [u8],
    written: Vec<u8>,
}

impl<'a> Said<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, bytes, written: Vec::new() }
    }

    fn bytes_read(&self) -> &[u8] {
        &self.all[..self.all.len() - self.bytes.len()]
    }
}

impl AsyncRead for Said<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.bytes.split_at(self.bytes.len().min(to.remaining()));
        to.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Nothing here waits, so one poll is the whole of it.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a stream that never waits was waited for"),
    }
}

thread_local! {
    static OURS: ClusterIdentity = ClusterIdentity::from(&samples::committee());
}

pub(crate) fn run(input: &[u8]) {
    let Some((choice, bytes)) = choice(input, 5) else { return };
    let mut stream = Said::new(bytes);
    OURS.with(|ours| match choice {
        0 | 1 => {
            let verdict = now(answer(&mut stream, ours, choice == 0));
            assert!(stream.written.len() <= 128, "no greeting is answered with more than it has");
            let is_welcome = matches!(verdict, Ok(Ok(_)));
            assert_eq!(is_welcome, stream.written == [1], "whoever is welcome is told so, and nobody else");
        }
        4 => introduced(&mut stream, ours),
        _ => {
            let class = Class::BOTH[usize::from(choice - 2)];
            let _ = now(greet(&mut stream, class, ours));
        }
    });
}

fn key() -> LinkKey {
    LinkKey::new(KeyPair::from_seed([1; 32]))
}

/// Whatever a member says of our key's processes, we end for a statement under our own key only.
fn introduced(stream: &mut Said<'_>, ours: &ClusterIdentity) {
    let (key, own, peer) = (key(), Instance::new(5, [5; 16]), Mutex::new(Acquaintance::default()));
    let peer_key = LinkKey::new(KeyPair::from_seed([2; 32])).public_key();
    let introduction = Introduction { key: &key, cluster: ours, own, peer_key: &peer_key, peer: &peer };
    if let Ok(Standing::WeAreYounger { elder }) = now(introduction.make(stream)) {
        let told = &stream.bytes_read()[24..];
        let proof = Proof::sign(&key, &ours.cluster, elder, own);
        assert!(told[24..].starts_with(&proof.signature.0), "nobody else can have signed it");
    }
}

/// What the greeting's own author writes.
fn greeting(class: Class) -> Vec<u8> {
    let mut stream = Said::new(&[1]);
    let _ = OURS.with(|ours| now(greet(&mut stream, class, ours)));
    stream.written
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut all = vec![vec![2, 1], vec![2, 2], vec![3, 4], chosen(2, [vec![3], vec![7; 72]].concat())];
    // Another process that is younger, an elder one, and one with a proof.
    let (elder, younger) = ([vec![0; 7], vec![4; 17]].concat(), [vec![0; 7], vec![6; 17]].concat());
    let proof = OURS.with(|ours| {
        Proof::sign(&key(), &ours.cluster, Instance::new(4, [4; 16]), Instance::new(5, [5; 16])).signature.0
    });
    for (other, signature) in [(&younger, [0; 64]), (&elder, [0; 64]), (&elder, [7; 64]), (&elder, proof)] {
        all.push(chosen(4, [&elder[..], other, &signature, &[9; 64]].concat()));
    }
    for class in [Class::Urgent, Class::Bulk, Class::Knock] {
        all.extend([chosen(0, greeting(class)), chosen(1, greeting(class))]);
    }
    all
}

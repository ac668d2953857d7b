//! The greeting of members inside TLS, read by whoever is dialled, and its answer, read by whoever dials.

use super::{choice, chosen};
use crate::samples;
use outvote_transport::ClusterIdentity;
use outvote_transport::hello::{Class, answer, greet};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that has these bytes and then ends, and takes whatever is written.
struct Said<'a> {
    bytes: &'a [u8],
    written: Vec<u8>,
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
    let Some((choice, bytes)) = choice(input, 4) else { return };
    let mut stream = Said { bytes, written: Vec::new() };
    OURS.with(|ours| match choice {
        0 | 1 => {
            let verdict = now(answer(&mut stream, ours, choice == 0));
            assert!(stream.written.len() <= 128, "no greeting is answered with more than it has");
            let is_welcome = matches!(verdict, Ok(Ok(_)));
            assert_eq!(is_welcome, stream.written == [1], "whoever is welcome is told so, and nobody else");
        }
        _ => {
            let class = Class::BOTH[usize::from(choice - 2)];
            let _ = now(greet(&mut stream, class, ours));
        }
    });
}

/// What the greeting's own author writes.
fn greeting(class: Class) -> Vec<u8> {
    let mut stream = Said { bytes: &[1], written: Vec::new() };
    let _ = OURS.with(|ours| now(greet(&mut stream, class, ours)));
    stream.written
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut all = vec![vec![2, 1], vec![2, 2], vec![3, 4], chosen(2, [vec![3], vec![7; 72]].concat())];
    for class in Class::BOTH {
        all.extend([chosen(0, greeting(class)), chosen(1, greeting(class))]);
    }
    all
}

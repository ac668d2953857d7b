//! A follower's stream that pauses for its client's queue, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../node/src/gateway/outgoing.rs"]
#[allow(dead_code, reason = "what the gateway asks besides")]
mod outgoing;

use outgoing::{Drain, Outgoing, STREAM_BYTES_MAX, queue};
use outvote_schedules::{explore, sync};
use shuttle::future;
use sync::Arc;
use sync::atomic::{AtomicUsize, Ordering};
use sync::mpsc::{Receiver, Sender, channel};

/// Blocks that the stream has to send.
const BLOCKS: usize = 3;
/// One of them: two are more than a queue may hold for a stream to go on, and one is enough to keep it waiting.
const BLOCK_BYTES: usize = STREAM_BYTES_MAX / 2 + 1;
/// Frames that the writer takes at once.
const FRAMES_PER_WRITE: usize = 2;

/// As the thread of lookups: sends until it should pause, and goes on when it is told to.
fn stream(frames: &Outgoing, all: &Arc<AtomicUsize>, resumed: &Receiver<()>) {
    let mut left = BLOCKS;
    loop {
        while left > 0 && !frames.should_pause() {
            assert!(frames.push(vec![0; BLOCK_BYTES], all, 1), "this client reads");
            left -= 1;
        }
        if left == 0 {
            return;
        }
        // Whoever waits here while the writer waits for a frame has found a lost wake-up.
        resumed.recv().unwrap();
    }
}

/// As a connection's writer.
async fn write(mut drain: Drain, resume: Sender<()>) -> usize {
    let (mut taken, mut frames) = (0, Vec::with_capacity(FRAMES_PER_WRITE));
    while drain.frames.recv_many(&mut frames, FRAMES_PER_WRITE).await > 0 {
        taken += frames.len();
        frames.clear();
        if drain.may_resume() {
            // The stream may have sent everything by now.
            let _ = resume.send(());
        }
    }
    taken
}

// Faults: P12
#[test]
fn a_stream_that_pauses_goes_on_when_its_queue_is_short_whoever_else_writes() {
    explore(|| {
        let (outgoing, drain, _given_up) = queue();
        let all = Arc::new(AtomicUsize::new(0));
        let (resume, resumed) = channel();
        let writer = future::spawn(write(drain, resume));
        let streaming = {
            let (frames, all) = (outgoing.twin(), Arc::clone(&all));
            sync::thread::spawn(move || stream(&frames, &all, &resumed))
        };
        // As the gateway: results for the same client, which may be long, too.
        for bytes in [BLOCK_BYTES, 1] {
            assert!(outgoing.push(vec![0; bytes], &all, 1));
        }
        drop(outgoing);
        streaming.join().unwrap();
        let taken = future::block_on(writer).unwrap();
        assert_eq!(taken, BLOCKS + 2);
        assert_eq!(all.load(Ordering::SeqCst), 0, "what was written counts no more");
    });
}

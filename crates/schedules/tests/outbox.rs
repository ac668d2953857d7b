//! The queue of frames to a peer, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../transport/src/outbox.rs"]
#[allow(unreachable_pub, reason = "part of the transport's face")]
mod outbox;

use outbox::Outbox;
use outvote_schedules::{explore, sync};
use shuttle::future;
use sync::Arc;
use sync::mpsc::channel;
use sync::tasks::oneshot;

/// Frames of each sender.
const FRAMES: u8 = 3;
const SENDERS: u8 = 2;
/// Bytes of a frame; a batch takes two of them.
const FRAME_BYTES: usize = 100;
const BATCH_BYTES: usize = 2 * FRAME_BYTES;

fn frame(sender: u8, number: u8) -> Arc<[u8]> {
    let mut bytes = vec![0; FRAME_BYTES];
    bytes[..2].copy_from_slice(&[sender, number]);
    bytes.into()
}

fn senders(outbox: &Arc<Outbox>) -> Vec<sync::thread::JoinHandle<()>> {
    let start = |sender| {
        let outbox = Arc::clone(outbox);
        sync::thread::spawn(move || (0..FRAMES).for_each(|number| outbox.push(frame(sender, number))))
    };
    (0..SENDERS).map(start).collect()
}

/// Takes batches until `count` frames are there, in the order in which they came.
async fn take(outbox: &Outbox, count: usize) -> Vec<(u8, u8)> {
    let (mut batch, mut taken) = (Vec::new(), Vec::new());
    while taken.len() < count {
        outbox.take(BATCH_BYTES, &mut batch).await;
        assert!((1..=2).contains(&batch.len()), "a batch is about as long as was asked for");
        taken.extend(batch.iter().map(|frame| (frame[0], frame[1])));
    }
    taken
}

// Faults: P12
#[test]
fn no_frame_is_missed_and_each_sender_s_come_in_their_order() {
    explore(|| {
        let outbox = Arc::new(Outbox::new(1 << 20, 1 << 20));
        let senders = senders(&outbox);
        let taken = future::block_on(take(&outbox, usize::from(SENDERS * FRAMES)));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        for sender in 0..SENDERS {
            let own: Vec<u8> = taken.iter().filter(|frame| frame.0 == sender).map(|frame| frame.1).collect();
            assert_eq!(own, Vec::from_iter(0..FRAMES));
        }
        assert_eq!((outbox.bytes(), outbox.dropped()), (0, 0));
    });
}

// Faults: P12
#[test]
fn a_queue_that_is_too_small_counts_every_frame_that_it_drops() {
    explore(|| {
        let outbox = Arc::new(Outbox::new(400, 200));
        let senders = senders(&outbox);
        let connecting = {
            let outbox = Arc::clone(&outbox);
            sync::thread::spawn(move || [true, false].map(|is_up| outbox.set_connected(is_up)))
        };
        let mut batch = Vec::new();
        // The last frame of all is never dropped, so there is one to be taken.
        future::block_on(outbox.take(BATCH_BYTES, &mut batch));
        let mut taken = batch.len();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        connecting.join().unwrap();
        assert!(outbox.bytes() <= 200, "it is bounded while nobody is there");
        while outbox.bytes() > 0 {
            future::block_on(outbox.take(BATCH_BYTES, &mut batch));
            taken += batch.len();
        }
        assert_eq!(taken + outbox.dropped() as usize, usize::from(SENDERS * FRAMES));
    });
}

/// A newer connection takes over while the older one, whose end was not noticed yet, still waits for frames.
// Faults: P12
#[test]
fn whoever_takes_over_a_queue_is_woken_for_what_the_other_one_left() {
    explore(|| {
        let outbox = Arc::new(Outbox::new(1 << 20, 1 << 20));
        let (replace, replaced) = oneshot::channel::<()>();
        let older = {
            let outbox = Arc::clone(&outbox);
            future::spawn(async move {
                // It takes a frame, or learns before that it was replaced; what it takes then is lost with its connection.
                let mut batch = Vec::new();
                tokio::select! {
                    biased;
                    () = outbox.take(FRAME_BYTES, &mut batch) => batch.len(),
                    _ = replaced => 0,
                }
            })
        };
        let (told, counts) = channel();
        let newer = {
            let outbox = Arc::clone(&outbox);
            future::spawn(async move {
                drop(replace);
                let mut batch = Vec::new();
                loop {
                    outbox.take(FRAME_BYTES, &mut batch).await;
                    told.send(batch.len()).unwrap();
                }
            })
        };
        (0..2).for_each(|number| outbox.push(frame(0, number)));
        let mut left = 2 - future::block_on(older).unwrap();
        while left > 0 {
            // Whoever waits here while the newer one waits for frames has found a lost wake-up.
            left -= counts.recv().unwrap();
        }
        assert_eq!(outbox.bytes(), 0);
        newer.abort();
        assert!(future::block_on(newer).is_err(), "it waits for more");
    });
}

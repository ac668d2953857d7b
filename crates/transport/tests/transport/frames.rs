//! The frame parser, however the stream is cut.

use outvote_transport::TransportError;
use outvote_transport::frame::{FrameBuffer, write_frames};
use outvote_transport::outbox::Outbox;
use std::sync::Arc;

async fn stream_of(frames: &[Vec<u8>]) -> Vec<u8> {
    let (mut bytes, mut scratch) = (Vec::new(), Vec::new());
    write_frames(&mut bytes, frames, &mut scratch).await.unwrap();
    bytes
}

// Faults: N14
#[tokio::test]
async fn frames_survive_every_cut() {
    let frames: Vec<Vec<u8>> =
        [0usize, 1, 3, 4, 5, 200, 70_000, 0, 7].iter().map(|size| vec![3; *size]).collect();
    let bytes = stream_of(&frames).await;
    for step in [1, 2, 3, 5, 64, 4096, 65_536, bytes.len()] {
        let (mut buffer, mut got) = (FrameBuffer::new(100_000), Vec::new());
        for piece in bytes.chunks(step) {
            buffer.extend(piece);
            while let Some(frame) = buffer.next_frame().unwrap() {
                got.push(frame);
            }
        }
        assert_eq!(got, frames, "cut every {step} bytes");
    }
}

// Faults: M02
#[tokio::test]
async fn a_length_above_the_bound_is_refused_before_its_bytes_come() {
    let mut buffer = FrameBuffer::new(1000);
    buffer.extend(&1000u32.to_le_bytes());
    assert!(buffer.next_frame().unwrap().is_none());
    let mut buffer = FrameBuffer::new(1000);
    buffer.extend(&u32::MAX.to_le_bytes());
    let error = buffer.next_frame().unwrap_err();
    assert!(matches!(error, TransportError::FrameTooLong { limit: 1000, .. }));
}

// Faults: M04
#[tokio::test]
async fn a_stream_that_ends_inside_a_frame_is_broken_and_between_frames_is_done() {
    let bytes = stream_of(&[vec![1; 10], vec![2; 10]]).await;
    for (cut, whole) in [(bytes.len(), true), (bytes.len() - 1, false), (14, true), (16, false)] {
        let (mut buffer, mut reader, mut frames) = (FrameBuffer::new(100), &bytes[..cut], Vec::new());
        assert!(buffer.read_frames(&mut reader, &mut frames).await.unwrap());
        assert_eq!(frames.len(), (cut) / 14);
        assert_eq!(buffer.read_frames(&mut reader, &mut frames).await.is_ok_and(|more| !more), whole);
    }
}

// Faults: N09
#[tokio::test]
async fn an_outbox_drops_its_oldest_frames_and_never_outgrows_its_bound() {
    let outbox = Outbox::new(10_000, 1_000);
    outbox.set_connected(true);
    for number in 0..100u8 {
        outbox.push(Arc::from([number; 500]));
        assert!(outbox.bytes() <= 10_000);
    }
    assert!(outbox.dropped() > 80);
    let mut frames = Vec::new();
    outbox.take(1_000, &mut frames).await;
    assert_eq!(frames.len(), 2, "about as much as was asked for");
    outbox.take(1, &mut frames).await;
    assert_eq!(frames.len(), 1, "at least one");
    // While nobody drains it, less is kept: it is stale soon.
    outbox.set_connected(false);
    assert!(outbox.bytes() <= 1_000);
    outbox.take(100_000, &mut frames).await;
    assert_eq!(frames.last().unwrap()[0], 99, "the newest are kept");
    // Empty frames are bounded too.
    for _ in 0..1_000 {
        outbox.push(Arc::from([]));
    }
    assert!(outbox.bytes() <= 1_000);
}

//! The reader of frames: however the stream was cut, the same frames come out of it.

use crate::allocation::bounded;
use outvote_transport::frame::FrameBuffer;

/// Bytes of a frame at most, here.
const FRAME_MAX: usize = 1 << 16;

/// The frames of a stream that comes in pieces of this many bytes, and whether it was broken.
fn frames(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, bool) {
    let mut buffer = FrameBuffer::new(FRAME_MAX);
    let mut found = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        buffer.extend(piece);
        loop {
            match buffer.next_frame() {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
}

pub(crate) fn run(input: &[u8]) {
    let Some((piece, stream)) = input.split_first() else { return };
    // Four empty bytes are an empty frame, which takes a vector's place in the list of frames, and the list grows by doubling.
    let (whole, is_broken) = bounded(stream.len(), 32, 4096, || frames(stream, stream.len()));
    assert_eq!(frames(stream, usize::from(*piece)), (whole.clone(), is_broken), "cut into {piece} bytes");
    let mut again = Vec::new();
    for frame in &whole {
        assert!(frame.len() <= FRAME_MAX);
        again.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        again.extend(frame);
    }
    assert!(stream.starts_with(&again), "frames are what was sent");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        [&[3][..], &[5, 0, 0, 0], b"hello", &[0, 0, 0, 0], &[2, 0, 0, 0], b"hi"].concat(),
        [&[1][..], &[0xff, 0xff, 0xff, 0xff], b"a lie"].concat(),
        [&[200][..], &[0, 0, 1, 0], b"more follows"].concat(),
        [&[7][..], &[1, 0, 1, 0], b"one too many"].concat(),
    ]
}

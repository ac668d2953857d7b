//! One bucket on its way from one peer, checked chunk by chunk.

use crate::backend::Value;
use crate::layout;
use crate::lthash::{LtHash, bucket_of};
use outvote_types::fetch::Pair;
use outvote_types::limits::MAX_KEY_BYTES;
use outvote_types::planted::{self, Bug};
use outvote_types::{Blob, Digest};

/// Bytes of one bucket at most. With 256 buckets of about equal size this allows a state of 16 GiB, and a peer that lies
/// about a bucket's size can make us keep no more than this.
pub const MAX_BUCKET_BYTES: usize = 64 * 1024 * 1024;

/// What a chunk came to.
pub(crate) enum Chunk {
    /// The peer owes more, from just above [`Assembly::after`].
    More,
    /// The bucket is complete and is the certified one.
    Complete,
    /// The peer lies.
    Lie(&'static str),
}

/// A bucket of which a part is here.
pub(crate) struct Assembly {
    pub(crate) bucket: u8,
    pub(crate) pairs: Vec<(Vec<u8>, Value)>,
    pub(crate) bytes: usize,
    pub(crate) sum: LtHash,
}

impl Assembly {
    pub(crate) fn new(bucket: u8) -> Self {
        Self { bucket, pairs: Vec::new(), bytes: 0, sum: LtHash::default() }
    }

    /// The last key received; empty at the start.
    pub(crate) fn after(&self) -> Blob<MAX_KEY_BYTES> {
        let last = self.pairs.last().map(|(key, _)| key.clone());
        // Keys come out of blobs with the same bound.
        last.and_then(Blob::new).unwrap_or_default()
    }

    /// C6: takes the next pairs; every key must be new, in order and of this bucket, and the whole must have the digest.
    pub(crate) fn take(&mut self, pairs: &[Pair], is_last: bool, digest: &Digest) -> Chunk {
        if pairs.is_empty() && !is_last {
            return Chunk::Lie("a chunk without pairs that is not the last");
        }
        for (key, value) in pairs {
            if self.pairs.last().is_some_and(|(last, _)| **last >= **key) {
                return Chunk::Lie("keys out of order");
            }
            if !layout::is_digested(key)
                || (bucket_of(key) != self.bucket && !planted::is_on(Bug::BucketOfOtherIndex))
            {
                return Chunk::Lie("a key of another bucket");
            }
            self.bytes += key.len() + value.len();
            if self.bytes > MAX_BUCKET_BYTES {
                return Chunk::Lie("a bucket without end");
            }
            self.sum.add(key, value);
            self.pairs.push((key.to_vec(), Value::from(&**value)));
        }
        if !is_last {
            return Chunk::More;
        }
        if self.sum.digest() == *digest || planted::is_on(Bug::BucketUnchecked) {
            Chunk::Complete
        } else {
            Chunk::Lie("a bucket with another digest")
        }
    }
}

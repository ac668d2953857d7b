//! What work costs on one core.

/// Nanoseconds of one core for each piece of work that a replica's machine does.
///
/// The defaults are measured on 2 cores of an AMD EPYC without AVX-512, the machine of `docs/performance.md`. The prices of
/// signatures and hashes are the sum of the limit that `outvote bench --clients 1` and `outvote bench --clients 256 --in-flight 4`
/// print; the others are what the processor time by kind of work, which the same runs print, leaves over when signatures are taken
/// off. A frame and a block were told apart by `outvote bench --clients 1` with 4, 16 and 31 replicas. They are fitted to those few
/// runs and to nothing else, so that they give them back proves nothing of other loads or machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// One signature made.
    pub sign_ns: u64,
    /// One signature checked by itself: votes, headers.
    pub verify_ns: u64,
    /// One signature checked among many: clients' requests.
    pub verify_batch_ns: u64,
    /// A thousand bytes hashed.
    pub hash_1000_bytes_ns: u64,
    /// A frame between replicas, at each of its ends: sealed or opened, handed to or taken from the kernel, decoded, judged.
    pub frame_ns: u64,
    /// A request of a client at the replica that it was sent to: its frame, and its part of the answer.
    pub request_ns: u64,
    /// A request on its way through the replica's own thread: pool, batch, encoding.
    pub order_ns: u64,
    /// An operation executed: state digest, database.
    pub execute_ns: u64,
    /// A block whatever is in it, on the replica's own thread, and as much again on those beside it: the log's write, the
    /// database, the hand-overs.
    pub block_ns: u64,
}

impl Prices {
    /// Work that takes no time: what is left is the way of the messages.
    pub const NOTHING: Self = Self {
        sign_ns: 0,
        verify_ns: 0,
        verify_batch_ns: 0,
        hash_1000_bytes_ns: 0,
        frame_ns: 0,
        request_ns: 0,
        order_ns: 0,
        execute_ns: 0,
        block_ns: 0,
    };

    /// Hashing so many bytes.
    #[must_use]
    pub const fn hash_ns(&self, bytes: u64) -> u64 {
        bytes * self.hash_1000_bytes_ns / 1_000
    }
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            sign_ns: 12_000,
            verify_ns: 55_000,
            verify_batch_ns: 20_000,
            hash_1000_bytes_ns: 1_000,
            frame_ns: 15_000,
            request_ns: 8_000,
            order_ns: 12_000,
            execute_ns: 35_000,
            block_ns: 400_000,
        }
    }
}

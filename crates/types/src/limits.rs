//! B1: every bound of the wire format, in one place. A decoder never allocates more than these allow.

/// Members of a committee at most.
pub const MAX_REPLICAS: usize = 128;
/// Bytes of one operation's payload at most (64 KiB and room for an application's own framing).
pub const MAX_OPERATION_BYTES: usize = 68 * 1024;
/// Operations in one envelope (one request) at most.
pub const MAX_OPERATIONS_PER_REQUEST: usize = 1024;
/// Encoded bytes of one request at most.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Requests in one batch at most.
pub const MAX_REQUESTS_PER_BATCH: usize = 4096;
/// Encoded bytes of one batch at most.
pub const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batch references in one header at most.
pub const MAX_BATCHES_PER_HEADER: usize = 8;
/// Bytes of one answer at most.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Bytes of one question at most.
pub const MAX_QUESTION_BYTES: usize = 64 * 1024;
/// Encoded bytes of one message between replicas, or between a client and a replica, at most.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;
/// Blocks in one answer to a range fetch at most (bytes are bounded too).
pub const MAX_BLOCKS_PER_FETCH: usize = 64;
/// Key-value pairs in one chunk of a state transfer at most (bytes are bounded too).
pub const MAX_PAIRS_PER_CHUNK: usize = 65_536;
/// Bytes of one key of the application's state at most.
pub const MAX_KEY_BYTES: usize = 1024;
/// Bytes of one value of the application's state at most.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Buckets of the state digest.
pub const STATE_BUCKETS: usize = 256;
/// How far ahead of the next nonce a request may lie and still be held.
pub const NONCE_WINDOW: u64 = 64;

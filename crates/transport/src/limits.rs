//! Every bound of the transport, with its reason. All can be lowered for tests.

use outvote_types::limits::MAX_MESSAGE_BYTES;
use std::time::Duration;

/// Bytes that anybody may send before being authenticated, TLS handshake included.
pub const MAX_UNAUTHENTICATED_BYTES: usize = 16 * 1024;
/// Small frames are joined into writes of about this size.
pub const WRITE_BATCH_BYTES: usize = 64 * 1024;

/// The transport's bounds.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the TCP connection to the end of the greeting, at most (X01).
    pub handshake_timeout: Duration,
    /// One write of a batch, or one long frame, at most; a peer that reads slower is dropped (N13).
    pub stall_timeout: Duration,
    /// The first pause before dialling again; doubles up to the next.
    pub backoff_min: Duration,
    /// The longest pause before dialling again.
    pub backoff_max: Duration,
    /// Unacknowledged for this long means dead (N11).
    pub user_timeout: Duration,
    /// An urgent frame's bytes at most. Proposals are urgent whatever their size (ADR 0005).
    pub urgent_frame_max: usize,
    /// A bulk or client frame's bytes at most.
    pub bulk_frame_max: usize,
    /// Queued urgent bytes to one peer at most; the oldest frames are dropped above it.
    pub urgent_queue_max: usize,
    /// Queued bulk bytes to one peer at most; the oldest frames are dropped above it.
    pub bulk_queue_max: usize,
    /// Bytes queued on a connection while it is down at most: they are stale soon.
    pub idle_queue_max: usize,
    /// Received bytes of one connection that the consumer has not dropped yet at most; reading pauses above it.
    pub unread_max: usize,
    /// Handshakes of strangers at the same time at most.
    pub handshakes_max: usize,
    /// Handshakes from members' addresses at the same time at most; strangers cannot take these places.
    pub member_handshakes_max: usize,
    /// Handshakes that strangers may start in a second at most: each costs about a third of a millisecond of CPU (X02).
    pub handshakes_per_second_max: u32,
    /// What the system may hold of one client's bytes in each direction, before they are read here and after they were written.
    /// Left to itself it would take megabytes of whoever sends without end, or does not read (K12).
    pub client_socket_bytes: usize,
    /// Client connections at the same time at most.
    pub clients_max: usize,
    /// Client connections from one address at the same time at most.
    pub clients_per_ip_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(15),
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_secs(1),
            user_timeout: Duration::from_secs(3),
            urgent_frame_max: MAX_MESSAGE_BYTES,
            bulk_frame_max: MAX_MESSAGE_BYTES,
            urgent_queue_max: 32 * 1024 * 1024,
            bulk_queue_max: 32 * 1024 * 1024,
            idle_queue_max: 512 * 1024,
            unread_max: 16 * 1024 * 1024,
            handshakes_max: 512,
            member_handshakes_max: 64,
            handshakes_per_second_max: 500,
            client_socket_bytes: 128 * 1024,
            clients_max: 4096,
            clients_per_ip_max: 1024,
        }
    }
}

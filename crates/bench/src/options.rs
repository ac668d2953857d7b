//! What is measured.

use crate::error::BenchError;
use outvote_types::limits::{MAX_OPERATION_BYTES, MAX_OPERATIONS_PER_REQUEST, NONCE_WINDOW};
use std::path::PathBuf;
use std::time::Duration;

/// Client keys at most.
const CLIENTS_MAX: usize = 20_000;
/// Clients that share one set of links.
const CLIENTS_PER_CONNECTION: usize = 128;
/// Sets of links at most, unless told otherwise.
const CONNECTIONS_MAX: usize = 8;
/// The smallest operation of the key-value application that this load makes: its tags, lengths and an eight-byte key.
pub(crate) const PAYLOAD_MIN: usize = 17;

/// Who signs what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// Each operation has a signature of its own.
    Each,
    /// A signature covers an envelope of this many operations.
    Envelope(usize),
}

impl Signatures {
    /// Operations under one signature.
    #[must_use]
    pub const fn operations(self) -> usize {
        match self {
            Self::Each => 1,
            Self::Envelope(operations) => operations,
        }
    }

    /// The word for it in reports.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Envelope(_) => "envelope",
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// Client keys, each with its own session.
    pub clients: usize,
    /// Requests of a client in flight.
    pub in_flight: usize,
    /// Sets of links to the replicas, which the clients share.
    pub connections: usize,
    /// How long is measured.
    pub measured: Duration,
    /// How long the load runs before.
    pub warm_up: Duration,
    /// Requests in a batch at most, if the replicas were configured so; else they decide by the load.
    pub batch_max: Option<usize>,
    /// Who signs what.
    pub signatures: Signatures,
    /// Operations a second for an open loop; closed without.
    pub rate: Option<u64>,
    /// A file whose lines are the operations' contents.
    pub data: Option<PathBuf>,
    /// Whether the processors' work is sampled, to tell its kinds apart.
    pub kinds: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            payload_bytes: 256,
            clients: 64,
            in_flight: 1,
            connections: 1,
            measured: Duration::from_secs(10),
            warm_up: Duration::from_secs(2),
            batch_max: None,
            signatures: Signatures::Each,
            rate: None,
            data: None,
            kinds: false,
        }
    }
}

impl Options {
    /// Sets of links for so many clients, unless told otherwise.
    #[must_use]
    pub fn connections_for(clients: usize) -> usize {
        clients.div_ceil(CLIENTS_PER_CONNECTION).min(CONNECTIONS_MAX)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// Names the option and what it may be.
    pub fn check(&self) -> Result<(), BenchError> {
        let window = usize::try_from(NONCE_WINDOW).unwrap_or(usize::MAX);
        let rules: [(bool, &'static str, String); 6] = [
            (
                (PAYLOAD_MIN..=MAX_OPERATION_BYTES).contains(&self.payload_bytes),
                "--payload",
                format!("between {PAYLOAD_MIN} and {MAX_OPERATION_BYTES} bytes"),
            ),
            ((1..=CLIENTS_MAX).contains(&self.clients), "--clients", format!("between 1 and {CLIENTS_MAX}")),
            (
                (1..=window).contains(&self.in_flight),
                "--in-flight",
                format!("between 1 and {window}, the window of a session"),
            ),
            ((1..=64).contains(&self.connections), "--connections", "between 1 and 64".into()),
            (
                (1..=MAX_OPERATIONS_PER_REQUEST).contains(&self.signatures.operations()),
                "--envelope-ops",
                format!("between 1 and {MAX_OPERATIONS_PER_REQUEST}"),
            ),
            (
                self.rate.is_none_or(|rate| (1..=10_000_000).contains(&rate)),
                "--rate",
                "between 1 and 10000000 operations a second".into(),
            ),
        ];
        for (holds, option, cure) in rules {
            if !holds {
                return Err(BenchError::Option { option, cure });
            }
        }
        if self.measured.is_zero() {
            return Err(BenchError::Option { option: "--seconds", cure: "at least 1".into() });
        }
        Ok(())
    }
}

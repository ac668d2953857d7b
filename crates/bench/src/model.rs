//! What the machine could commit at best: the work that the protocol cannot do without, and nothing else.

use crate::host::HostRates;

/// The shape of the work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Replicas, all on this machine.
    pub n: usize,
    /// Liars outvoted.
    pub f: usize,
    /// Cores that replicas and clients share.
    pub cores: usize,
    /// Bytes of an operation.
    pub payload_bytes: usize,
    /// Operations under one client signature.
    pub operations_per_signature: usize,
    /// Requests in a batch.
    pub batch: usize,
}

/// The result.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Operations a second.
    pub ops_per_s: f64,
    /// The sum in words.
    pub model: String,
}

/// Bytes of a request besides its operations: session key, nonce, signature, lengths.
const REQUEST_OVERHEAD_BYTES: usize = 128;
/// Each byte is hashed for the request's own digest and for the batch's.
const HASHES_PER_BYTE: f64 = 2.0;

impl Work {
    /// The limit at these rates.
    #[must_use]
    pub fn limit(&self, rates: &HostRates) -> Limit {
        let (n, per_signature) = (self.n as f64, self.operations_per_signature as f64);
        let per_batch = per_signature * self.batch as f64;
        let bytes = self.payload_bytes as f64 + REQUEST_OVERHEAD_BYTES as f64 / per_signature;
        let client_s = rates.sign_s / per_signature;
        let requests_s = n * rates.verify_batch_s / per_signature;
        // A block: the leader's header, a PREPARE and a COMMIT of everybody, a REPLY of everybody for the clients.
        let signed_s = (1.0 + 3.0 * n) * rates.sign_s;
        // Everybody checks the header and the others' two votes; a client checks f + 1 replies.
        let checked = (n - 1.0) + n * 2.0 * (n - 1.0) + (self.f + 1) as f64;
        let votes_s = (signed_s + checked * rates.verify_single_s) / per_batch;
        let hash_s = n * bytes * HASHES_PER_BYTE * rates.hash_byte_s;
        let log_s = n * bytes * rates.write_byte_s;
        let total_s = client_s + requests_s + votes_s + hash_s + log_s;
        let us = 1e6;
        let model = format!(
            "{} cores / {:.1} us an operation: client signature {:.1} + {} verifications in batches of {} signers {:.1} + \
             votes of a block of {} requests {:.1} + hashes {:.1} + log bytes {:.1}",
            self.cores,
            total_s * us,
            client_s * us,
            self.n,
            self.batch,
            requests_s * us,
            self.batch,
            votes_s * us,
            hash_s * us,
            log_s * us
        );
        Limit { ops_per_s: self.cores as f64 / total_s, model }
    }
}

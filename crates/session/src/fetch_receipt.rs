//! Gathers the parts of one receipt.

use crate::receipt::Receipt;
use outvote_crypto::{Keyring, Verify};
use outvote_types::client::{ReceiptParts, ToReplica};
use outvote_types::{Instant, ReplicaId};
use std::collections::BTreeMap;

/// A wish for a receipt on its way.
#[derive(Debug)]
pub(crate) struct ReceiptWish {
    /// The question that goes to every replica.
    pub(crate) ask: ToReplica,
    pub(crate) deadline: Instant,
    pub(crate) ask_again_at: Instant,
    parts: BTreeMap<ReplicaId, ReceiptParts>,
}

impl ReceiptWish {
    pub(crate) const fn new(ask: ToReplica, deadline: Instant, ask_again_at: Instant) -> Self {
        Self { ask, deadline, ask_again_at, parts: BTreeMap::new() }
    }

    pub(crate) fn has(&self, from: ReplicaId) -> bool {
        self.parts.contains_key(&from)
    }

    /// Whether the parts are about what was asked; a liar would otherwise hand out a sound receipt for something else.
    fn fits(&self, parts: &ReceiptParts) -> bool {
        match &self.ask {
            ToReplica::Receipt { session, nonce, index, .. } => {
                let leaf = &parts.payload_leaf;
                leaf.session == *session && leaf.nonce == *nonce && leaf.index == *index
            }
            ToReplica::ReceiptAt { sequence, position, .. } => {
                parts.reply.body.sequence == *sequence && parts.result_path.index == *position
            }
            _ => false,
        }
    }

    /// Takes a replica's parts; says whether they are kept.
    pub(crate) fn on_parts(&mut self, from: ReplicaId, parts: ReceiptParts) -> bool {
        let kept = parts.reply.body.replica == from && self.fits(&parts);
        if kept {
            self.parts.insert(from, parts);
        }
        kept
    }

    /// The receipt, once enough parts fit together.
    pub(crate) fn build(&self, keyring: &Keyring, verify: &(dyn Verify + Send + Sync)) -> Option<Receipt> {
        if self.parts.len() < keyring.quorum().weak() {
            return None;
        }
        let parts: Vec<&ReceiptParts> = self.parts.values().collect();
        Receipt::build(keyring, &parts, verify).ok()
    }
}

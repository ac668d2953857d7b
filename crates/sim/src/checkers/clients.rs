//! What clients were promised: only what they signed, once, in their order, and never lost.

use super::Verdict;
use crate::client::Accepted;
use outvote_execution::BlockResult;
use outvote_types::{Digest, Nonce, PublicKey, Request, ResultKind, Sequence};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Clients {
    signed: BTreeSet<Digest>,
    /// Where each nonce was executed: which block, which request, and the place among the block's results.
    applied: BTreeMap<(PublicKey, Nonce), (Sequence, Digest)>,
    last: BTreeMap<PublicKey, Nonce>,
    executed: BTreeSet<Sequence>,
}

impl Clients {
    pub(super) fn applied_count(&self) -> u64 {
        self.applied.len() as u64
    }

    pub(super) fn on_signed(&mut self, request: Digest) {
        self.signed.insert(request);
    }

    pub(super) fn on_ordered(&self, request: &Request) -> Verdict {
        if !self.signed.contains(&request.digest()) {
            return Err((
                "validity",
                format!("nobody signed the request {:?} that is ordered", request.digest()),
            ));
        }
        Ok(())
    }

    pub(super) fn on_executed(&mut self, result: &BlockResult) -> Verdict {
        // All replicas' results of a block are equal (another checker sees to that), so the first ones speak for all.
        if !self.executed.insert(result.sequence) {
            return Ok(());
        }
        for operation in &result.results {
            let key = (operation.session, operation.nonce);
            let is_new = matches!(operation.leaf.kind, ResultKind::Applied | ResultKind::Refused);
            // The requests here have one operation each.
            if !is_new {
                continue;
            }
            if let Some((sequence, request)) = self.applied.get(&key) {
                return Err((
                    "exactly-once",
                    format!("{key:?} at {} and at {sequence} {request:?}", result.sequence),
                ));
            }
            self.applied.insert(key, (result.sequence, operation.leaf.request));
            let last = self.last.entry(operation.session).or_default();
            if operation.nonce != last.next() {
                return Err(("client-order", format!("{:?} after {last}", operation.nonce)));
            }
            *last = operation.nonce;
        }
        Ok(())
    }

    pub(super) fn on_accepted(&self, accepted: &Accepted) -> Verdict {
        let found = self.applied.get(&(accepted.session, accepted.nonce));
        if found != Some(&(accepted.sequence, accepted.request)) {
            return Err((
                "durability",
                format!("nonce {} accepted, but {found:?} was executed", accepted.nonce),
            ));
        }
        Ok(())
    }
}

//! What clients were promised: only what they signed, once, in their order, and never lost.

use super::Verdict;
use crate::client::Accepted;
use outvote_execution::BlockResult;
use outvote_types::{Digest, Nonce, PublicKey, Request, ResultKind, Sequence};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Executed {
    sequence: Sequence,
    request: Digest,
    kind: ResultKind,
    answer: Digest,
}

#[derive(Default)]
pub(super) struct Clients {
    signed: BTreeSet<Digest>,
    /// Where each nonce was executed, which request it was, and what came of it.
    applied: BTreeMap<(PublicKey, Nonce), Executed>,
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
            if let Some(before) = self.applied.get(&key) {
                return Err(("exactly-once", format!("{key:?} at {} and {before:?}", result.sequence)));
            }
            let leaf = &operation.leaf;
            let (sequence, request, kind, answer) = (result.sequence, leaf.request, leaf.kind, leaf.answer);
            self.applied.insert(key, Executed { sequence, request, kind, answer });
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
        let Accepted { nonce, sequence, request, kind, answer, .. } = *accepted;
        if found != Some(&Executed { sequence, request, kind, answer }) {
            return Err(("durability", format!("nonce {nonce} accepted, but {found:?} was executed")));
        }
        Ok(())
    }

    /// R3: what a client takes for refused was executed and refused by the application.
    pub(super) fn on_refused(&self, session: PublicKey, nonce: Nonce, request: Digest) -> Verdict {
        let found = self.applied.get(&(session, nonce));
        if found.is_none_or(|found| found.request != request || found.kind != ResultKind::Refused) {
            return Err((
                "durability",
                format!("nonce {nonce} taken for refused, but {found:?} was executed"),
            ));
        }
        Ok(())
    }
}

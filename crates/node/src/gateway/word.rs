//! What this replica says of a block in its own name.

use crate::archive::ArchivedBlock;
use crate::shared::Shared;
use outvote_crypto::{Scheme, sign_body};
use outvote_types::{Domain, Outcome, Reply, Signed};
use std::sync::Arc;

/// Signs what clients are told.
#[derive(Clone)]
pub(crate) struct Word {
    shared: Arc<Shared>,
    scheme: Arc<dyn Scheme>,
    domain: Domain,
}

impl Word {
    pub(crate) fn new(shared: &Arc<Shared>, scheme: &Arc<dyn Scheme>) -> Self {
        let domain = shared.committee.committee.domain();
        Self { shared: Arc::clone(shared), scheme: Arc::clone(scheme), domain }
    }

    /// Our REPLY for an archived block, signed again: the same bytes as the first time.
    pub(super) fn on_block(&self, block: &ArchivedBlock) -> Signed<Reply> {
        let reply = Reply {
            sequence: block.sequence(),
            id: block.id(),
            result_root: block.result_root,
            replica: self.shared.me,
        };
        sign_body(&*self.scheme, &self.domain, reply)
    }

    /// R7: an answer to a question that was not ordered names the sequence at which it was read.
    pub(crate) fn on_question(&self, outcome: Outcome) -> Signed<Outcome> {
        sign_body(&*self.scheme, &self.domain, outcome)
    }
}

//! Turns drafts into messages: signs the bodies that ring 1 left unsigned.

use outvote_crypto::Scheme;
use outvote_protocol::Draft;
use outvote_types::{
    Batch, BoundedVec, Domain, Header, Message, NewView, Phase, Prepare, Propose, ReplicaId, Signable,
    Signed, ViewChange, Vote,
};
use std::sync::Arc;

/// This replica's key and the domain that it signs in.
pub(crate) struct Signer {
    scheme: Arc<dyn Scheme>,
    domain: Domain,
    me: ReplicaId,
    /// How many signatures were made.
    made: u64,
}

impl Signer {
    pub(crate) const fn new(scheme: Arc<dyn Scheme>, domain: Domain, me: ReplicaId) -> Self {
        Self { scheme, domain, me, made: 0 }
    }

    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    /// Signs one body in this replica's own name.
    pub(crate) fn sign<B: Signable>(&mut self, body: B) -> Signed<B> {
        assert_eq!(body.signer(), self.me, "a replica was about to sign in another's name");
        self.made = self.made.saturating_add(1);
        // M2: what is signed is domain, kind and digest of the canonical body.
        let signature = self.scheme.sign(&self.domain.signing_bytes(body.kind(), &body.digest()));
        Signed::new(body, signature)
    }

    /// The finished message of a draft.
    pub(crate) fn complete(&mut self, draft: Draft) -> Message {
        match draft {
            Draft::Propose { header, batches } => Message::Propose(Box::new(self.propose(*header, batches))),
            // N4: a PREPARE carries the header that its leader signed.
            Draft::Prepare { vote, header } => {
                Message::Prepare(Box::new(Prepare { vote: self.sign(vote), header: *header }))
            }
            Draft::Commit(vote) => Message::Commit(self.sign(vote)),
            Draft::Suspect(suspect) => Message::Suspect(self.sign(suspect)),
            Draft::ViewChange { head, certificate, timeout } => {
                let head = self.sign(head);
                Message::ViewChange(Box::new(ViewChange { head, certificate, timeout: *timeout }))
            }
            Draft::NewView { body, certificate } => {
                Message::NewView(Box::new(NewView { signed: self.sign(body), certificate }))
            }
            Draft::Heartbeat(heartbeat) => Message::Heartbeat(self.sign(heartbeat)),
            Draft::Status(status) => Message::Status(self.sign(status)),
            Draft::Checkpoint(vote) => Message::Checkpoint(self.sign(vote)),
            Draft::Fetch(fetch) => Message::Fetch(self.sign(fetch)),
            Draft::Ready(message) => message,
        }
    }

    /// Header, own PREPARE and the batches inline: three message delays to commit need no separate vote of the leader.
    fn propose(&mut self, header: Header, batches: Vec<Arc<Batch>>) -> Propose {
        let vote = Vote {
            phase: Phase::Prepare,
            view: header.view,
            sequence: header.sequence,
            id: header.id(),
            replica: self.me,
        };
        let batches = BoundedVec::new(batches.into_iter().map(Arc::unwrap_or_clone).collect());
        Propose {
            header: self.sign(header),
            prepare: self.sign(vote),
            // A header names no more batches than fit; where they do not, peers fetch them by digest.
            batches: batches.unwrap_or_default(),
        }
    }
}

//! A committee with everything that its signatures are checked against, computed once.

use crate::scheme::Check;
use outvote_types::{
    Certificate, CheckpointCertificate, Committee, Domain, Epoch, Kind, Quorum, ReplicaId, Request, Signable,
    Signature, Signed, Suspect, TimeoutCertificate,
};

/// A committee, its quorum and its signing domains.
#[derive(Clone, Debug)]
pub struct Keyring {
    committee: Committee,
    quorum: Quorum,
    replicas: Domain,
    clients: Domain,
}

impl Keyring {
    /// Of this committee.
    ///
    /// # Panics
    /// When the committee has a size that [`crate::check_committee`] refuses: whoever loads one calls that first.
    #[must_use]
    pub fn new(committee: Committee) -> Self {
        let Ok(quorum) = committee.quorum() else {
            unreachable!("a committee passes check_committee when it is loaded");
        };
        let replicas = committee.domain();
        let clients = Domain::clients(&committee.cluster_id());
        Self { committee, quorum, replicas, clients }
    }

    /// The committee.
    #[must_use]
    pub const fn committee(&self) -> &Committee {
        &self.committee
    }

    /// Its quorum arithmetic.
    #[must_use]
    pub const fn quorum(&self) -> Quorum {
        self.quorum
    }

    /// Its term.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.committee.epoch
    }

    /// The domain of what replicas sign.
    #[must_use]
    pub const fn replica_domain(&self) -> &Domain {
        &self.replicas
    }

    /// The domain of what clients and authors sign.
    #[must_use]
    pub const fn client_domain(&self) -> &Domain {
        &self.clients
    }

    /// The check of one body's signature against the member that the body names; `None` when that is no member.
    #[must_use]
    pub fn check<B: Signable>(&self, body: &B, signature: &Signature) -> Option<Check> {
        // M4: the signer's index is part of the signed body, and that member's key decides.
        self.check_digest(body.signer(), body.kind(), &body.digest(), signature)
    }

    /// The check of a signed body.
    #[must_use]
    pub fn check_signed<B: Signable>(&self, signed: &Signed<B>) -> Option<Check> {
        self.check(&signed.body, &signed.signature)
    }

    fn check_digest(
        &self,
        signer: ReplicaId,
        kind: Kind,
        digest: &outvote_types::Digest,
        signature: &Signature,
    ) -> Option<Check> {
        let key = self.committee.member(signer)?.consensus_key;
        Some(Check { key, bytes: self.replicas.signing_bytes(kind, digest), signature: *signature })
    }

    /// The checks of a certificate; `None` when it is not well-formed.
    #[must_use]
    pub fn checks_of_certificate(&self, certificate: &Certificate) -> Option<Vec<Check>> {
        // Q4: q different members over bodies that are identical but for the signer.
        let is_sound = certificate.is_well_formed(self.quorum) && certificate.sequence.0 != 0;
        is_sound.then(|| self.checks_of(&certificate.votes, |id| certificate.vote_of(id))).flatten()
    }

    /// The checks of a stable checkpoint; `None` when it is not well-formed.
    #[must_use]
    pub fn checks_of_checkpoint(&self, certificate: &CheckpointCertificate) -> Option<Vec<Check>> {
        let is_sound = certificate.is_well_formed(self.quorum) && certificate.sequence.0 != 0;
        is_sound.then(|| self.checks_of(&certificate.votes, |id| certificate.vote_of(id))).flatten()
    }

    /// The checks of a certificate of suspicion; `None` when it is not well-formed.
    #[must_use]
    pub fn checks_of_timeout(&self, certificate: &TimeoutCertificate) -> Option<Vec<Check>> {
        let suspect = |id| Suspect { view: certificate.view, replica: id };
        let is_sound = certificate.is_well_formed(self.quorum);
        is_sound.then(|| self.checks_of(&certificate.votes, suspect)).flatten()
    }

    /// The check of each vote, over the body that this member must have signed.
    fn checks_of<B: Signable>(
        &self,
        votes: &[(ReplicaId, Signature)],
        body_of: impl Fn(ReplicaId) -> B,
    ) -> Option<Vec<Check>> {
        votes.iter().map(|(id, signature)| self.check(&body_of(*id), signature)).collect()
    }

    /// The checks of a request: the session's signature and every author's.
    #[must_use]
    pub fn checks_of_request(&self, request: &Request) -> Vec<Check> {
        let all = request.signatures(&self.clients);
        all.into_iter().map(|(key, bytes, signature)| Check { key, bytes, signature }).collect()
    }
}

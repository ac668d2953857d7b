//! Who made a fork: judged offline from what honest replicas hold together.
//!
//! One replica alone sees one side of a fork, and the votes on its side contradict nothing. Side by side they do. If two
//! certificates of one slot name different blocks, the signers of both have voted twice. If the blocks were certified in
//! different views, the later view was opened by heads of VIEWCHANGE, and who claims in one of these to hold less than it had
//! sent COMMIT for has forgotten its lock, which no correct replica ever does (D1, D21). Two quorums share `f + 1` members,
//! so a fork leaves as many culprits.
//!
//! This shares no code with ring 1: it reads signed bytes, checks each signature against the committee, and believes nobody.

use outvote_crypto::{Check, Keyring, Scheme};
use outvote_replica::{Justification, Record};
use outvote_types::{
    Certificate, Digest, NewViewBody, Phase, ReplicaId, Sequence, Signature, Signed, View, ViewChangeHead,
    Vote,
};
use std::collections::BTreeMap;

/// What replicas hold that can name a liar.
#[derive(Clone, Debug, Default)]
pub struct Held {
    certificates: Vec<Certificate>,
    openings: Vec<Signed<NewViewBody>>,
}

impl Held {
    /// Adds what is in one replica's log.
    pub fn add(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Certificate(certificate)
                | Record::Justification(Justification::Certificate(certificate)) => {
                    self.certificates.push(certificate.clone());
                }
                Record::Justification(Justification::NewView(new_view)) => {
                    self.certificates.extend(new_view.certificate.clone());
                    self.openings.push(new_view.signed.clone());
                }
                _ => {}
            }
        }
    }
}

/// Two signed things that no correct replica signs both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Two votes of one phase for different blocks in one slot (X1).
    TwoVotes(Box<(Signed<Vote>, Signed<Vote>)>),
    /// Two openings of one view (X1).
    TwoOpenings(Box<(Signed<NewViewBody>, Signed<NewViewBody>)>),
    /// A COMMIT, and a head for a later view that claims a lower lock (D1, D21).
    ForgottenLock(Box<(Signed<Vote>, Signed<ViewChangeHead>)>),
}

/// Compared field by field: the ordering of ranks is part of what is judged.
type Place = (View, Sequence);

struct Audit<'a> {
    keyring: &'a Keyring,
    scheme: &'a dyn Scheme,
    votes: BTreeMap<(ReplicaId, Phase, Place), (Digest, Signature)>,
    /// The highest COMMIT of each member in each view.
    commits: BTreeMap<ReplicaId, BTreeMap<View, Signed<Vote>>>,
    openings: BTreeMap<View, Signed<NewViewBody>>,
    culprits: BTreeMap<ReplicaId, Proof>,
}

/// The members that the held signatures convict, with one proof each. Never a correct one.
#[must_use]
pub fn culprits(keyring: &Keyring, scheme: &dyn Scheme, held: &Held) -> BTreeMap<ReplicaId, Proof> {
    let mut audit = Audit {
        keyring,
        scheme,
        votes: BTreeMap::new(),
        commits: BTreeMap::new(),
        openings: BTreeMap::new(),
        culprits: BTreeMap::new(),
    };
    held.certificates.iter().for_each(|certificate| audit.read_certificate(certificate));
    held.openings.iter().for_each(|opening| audit.read_opening(opening));
    audit.culprits
}

impl Audit<'_> {
    fn is_signed(&self, check: Option<Check>) -> bool {
        check.is_some_and(|check| self.scheme.verify(&[check]) == [true])
    }

    fn read_certificate(&mut self, certificate: &Certificate) {
        for (replica, signature) in certificate.votes.iter() {
            let vote = certificate.vote_of(*replica);
            let place = (vote.view, vote.sequence);
            let key = (*replica, vote.phase, place);
            let known = self.votes.get(&key).copied();
            if known.is_some_and(|(id, _)| id == vote.id) {
                continue;
            }
            if !self.is_signed(self.keyring.check(&vote, signature)) {
                continue;
            }
            let signed = Signed::new(vote, *signature);
            match known {
                Some((id, first)) => {
                    let first = Signed::new(Vote { id, ..vote }, first);
                    self.convict(*replica, Proof::TwoVotes(Box::new((first, signed))));
                }
                None => {
                    self.votes.insert(key, (vote.id, *signature));
                    if vote.phase == Phase::Commit {
                        let of_view = self.commits.entry(*replica).or_default();
                        let highest = of_view.entry(vote.view).or_insert_with(|| signed.clone());
                        if highest.body.sequence < vote.sequence {
                            *highest = signed;
                        }
                    }
                }
            }
        }
    }

    /// All certificates were read before.
    fn read_opening(&mut self, opening: &Signed<NewViewBody>) {
        for head in opening.body.heads.iter() {
            self.read_head(head);
        }
        if !self.is_signed(self.keyring.check_signed(opening)) {
            return;
        }
        match self.openings.get(&opening.body.view) {
            Some(first) if first.body != opening.body && first.body.leader == opening.body.leader => {
                let proof = Proof::TwoOpenings(Box::new((first.clone(), opening.clone())));
                self.convict(opening.body.leader, proof);
            }
            Some(_) => {}
            None => {
                self.openings.insert(opening.body.view, opening.clone());
            }
        }
    }

    fn read_head(&mut self, head: &Signed<ViewChangeHead>) {
        let claimed: Place = (head.body.rank.view, head.body.rank.sequence);
        let below = self.commits.get(&head.body.replica).and_then(|of_view| {
            let (_, commit) = of_view.range(..head.body.view).next_back()?;
            ((commit.body.view, commit.body.sequence) > claimed).then(|| commit.clone())
        });
        if let Some(commit) = below
            && self.is_signed(self.keyring.check_signed(head))
        {
            let proof = Proof::ForgottenLock(Box::new((commit, head.clone())));
            self.convict(head.body.replica, proof);
        }
    }

    fn convict(&mut self, replica: ReplicaId, proof: Proof) {
        self.culprits.entry(replica).or_insert(proof);
    }
}

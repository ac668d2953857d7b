//! Proof of misbehaviour: judged from signed bytes alone, kept once per accused and kind (X rules).

use crate::output::{Output, Recipients};
use crate::record::Record;
use crate::replica::Replica;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use outvote_types::planted::{self, Bug};
use outvote_types::{Evidence, Message, ReplicaId, Rule};

/// Who was convicted of what.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    /// Bounded by members times rules.
    known: BTreeMap<(ReplicaId, Rule), Evidence>,
}

impl Charges {
    pub(crate) fn is_convicted(&self, replica: ReplicaId) -> bool {
        self.known.keys().any(|(accused, _)| *accused == replica)
    }

    pub(crate) fn is_known(&self, accused: ReplicaId, rule: Rule) -> bool {
        self.known.contains_key(&(accused, rule))
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Takes note; false if there is a piece for this already.
    pub(crate) fn learn(&mut self, accused: ReplicaId, rule: Rule, evidence: &Evidence) -> bool {
        let is_new = !self.is_known(accused, rule);
        if is_new {
            self.known.insert((accused, rule), evidence.clone());
        }
        is_new
    }

    /// All of it, to be written again when the log drops its beginning.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.known.values().cloned().map(Record::Evidence).collect()
    }
}

impl Replica {
    pub(crate) fn on_evidence(&mut self, evidence: Evidence) {
        self.convict(evidence);
    }

    /// X2, X3: judged from the signed bytes and the committee alone.
    pub(crate) fn convict(&mut self, evidence: Evidence) {
        let Some(charge) = evidence.charge(self.quorum, self.config.committee.epoch) else { return };
        let me = self.config.me;
        if charge.accused == me && !planted::is_on(Bug::OwnDoubleVoteIgnored) {
            // Two lives of one key: our disk was lost or copied (D17).
            return self.retire("D18 this key signed two things that exclude each other");
        }
        // X4: kept once per accused and kind, and passed on.
        if self.charges.learn(charge.accused, charge.rule, &evidence) {
            if !planted::is_on(Bug::EvidenceNotKept) {
                self.persist(alloc::vec![Record::Evidence(evidence.clone())]);
            }
            self.out.push(Output::Accuse(evidence.clone().into()));
            if !planted::is_on(Bug::EvidenceNotPassedOn) {
                self.send_ready(Recipients::Others, Message::Evidence(evidence.into()));
            }
        }
        if charge.accused == self.leader() {
            // V4: the leader of the current view is a proven liar.
            self.suspect('d');
        }
    }
}

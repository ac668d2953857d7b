//! What the log holds, sorted by kind.

use crate::record::{Justification, Promise, Record};
use crate::reminder::Words;
use crate::word::{self, Word};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use outvote_types::{
    Block, Certificate, CheckpointCertificate, Digest, Evidence, NewView, Phase, Rank, ReplicaId,
    SignedHeader, View,
};

/// The log's records, sorted by kind.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) promise: Option<Promise>,
    /// What let this replica into its views, in the log's order.
    justifications: Vec<Justification>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) certificates: BTreeMap<(Rank, Digest), Certificate>,
    pub(crate) last_commit: Option<Certificate>,
    pub(crate) stable: Option<CheckpointCertificate>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) installed: Option<SignedHeader>,
    /// What certificates and the opening show of the other members (D22).
    pub(crate) words: BTreeMap<ReplicaId, Words>,
    pub(crate) retired: bool,
}

impl Found {
    pub(crate) fn sort(records: Vec<Record>) -> Self {
        let mut found = Self::default();
        for record in records {
            found.hear(&record);
            found.take(record);
        }
        found
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Promise(promise) => {
                if self.promise.is_none_or(|held| held.counter <= promise.counter) {
                    self.promise = Some(promise);
                }
            }
            Record::Justification(justification) => self.justifications.push(justification),
            Record::Block(block) => self.blocks.push(*block),
            Record::Certificate(certificate) => {
                let is_later =
                    self.last_commit.as_ref().is_none_or(|held| held.sequence < certificate.sequence);
                if certificate.phase == Phase::Commit && is_later {
                    self.last_commit = Some(certificate.clone());
                }
                self.certificates.insert((certificate.rank(), certificate.id), certificate);
            }
            Record::Stable(stable) => {
                if self.stable.as_ref().is_none_or(|held| held.sequence < stable.sequence) {
                    self.stable = Some(stable);
                }
            }
            Record::Evidence(evidence) => self.evidence.push(evidence),
            Record::Installed { header, .. } => self.installed = Some(*header),
            Record::Retired => self.retired = true,
        }
    }

    /// D26: what lets into this view, and its opening. What lets into another view says nothing: its own promise may be missing
    /// (V13), or the justification of this one.
    pub(crate) fn take_justification(&mut self, view: View) -> (Option<Justification>, Option<NewView>) {
        let mut of_view = core::mem::take(&mut self.justifications);
        of_view.retain(|justification| justification.view() == view);
        let opening = of_view.iter().rev().find_map(|justification| match justification {
            Justification::NewView(new_view) => Some((**new_view).clone()),
            _ => None,
        });
        (of_view.pop(), opening)
    }

    /// D22: what the log shows outlives the memory of this replica.
    fn hear(&mut self, record: &Record) {
        let words = &mut self.words;
        let see = &mut |word: Word<'_>| words.entry(word.signer()).or_default().hear(&word);
        match record {
            Record::Certificate(certificate)
            | Record::Justification(Justification::Certificate(certificate)) => {
                word::of_certificate(certificate, see);
            }
            Record::Justification(Justification::NewView(new_view)) => word::of_opening(new_view, see),
            _ => {}
        }
    }
}

//! Collects the signatures of a message, leaving out those that are known to be good.

use super::rules;
use crate::cache::{SignatureCache, name};
use crate::keyring::Keyring;
use crate::requests;
use crate::scheme::{Check, Scheme};
use outvote_types::{Batch, Digest, Evidence, Message, Request, Signable, Signed};

/// To which part of a message a check belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Without it there is no message.
    Whole,
    /// One batch of it, or one relayed request, by position.
    Part(usize),
}

/// Why collecting ended early.
pub(super) enum Stop {
    /// Nothing can save the message, and nobody can be blamed for it.
    Because(&'static str),
    /// A body that no rule allows: if its own signature holds, it is evidence.
    Doomed {
        /// Why.
        why: &'static str,
        /// The proof, if the signature holds.
        evidence: Box<Evidence>,
        /// That signature.
        check: Box<Check>,
    },
}

/// What is collected.
pub(super) struct Gather<'a> {
    pub(super) keyring: &'a Keyring,
    pub(super) scheme: &'a dyn Scheme,
    known: &'a SignatureCache,
    pub(super) checks: Vec<Check>,
    /// The name of each check, so that it is not hashed again when the check turns out good.
    pub(super) names: Vec<Digest>,
    pub(super) items: Vec<Item>,
    pub(super) bad: Vec<usize>,
}

impl<'a> Gather<'a> {
    pub(super) const fn new(keyring: &'a Keyring, scheme: &'a dyn Scheme, known: &'a SignatureCache) -> Self {
        Self {
            keyring,
            scheme,
            known,
            checks: Vec::new(),
            names: Vec::new(),
            items: Vec::new(),
            bad: Vec::new(),
        }
    }

    pub(super) fn message(&mut self, message: &Message) -> Result<(), Stop> {
        rules::message(self, message)
    }

    pub(super) fn push(&mut self, check: Check, item: Item) {
        let name = name(&check);
        if !self.known.has_name(&name) {
            self.checks.push(check);
            self.names.push(name);
            self.items.push(item);
        }
    }

    /// A signature of the member that the body names, which the message cannot do without.
    pub(super) fn signed<B: Signable>(&mut self, signed: &Signed<B>) -> Result<(), Stop> {
        let check = self.keyring.check_signed(signed).ok_or(Stop::Because("M4: the signer is no member"))?;
        self.push(check, Item::Whole);
        Ok(())
    }

    /// The signatures of a certificate, which the message cannot do without.
    pub(super) fn whole(&mut self, checks: Option<Vec<Check>>) -> Result<(), Stop> {
        let checks = checks.ok_or(Stop::Because("Q4: no quorum of different members in order"))?;
        checks.into_iter().for_each(|check| self.push(check, Item::Whole));
        Ok(())
    }

    /// The signatures of one request, as part `part` of the message.
    pub(super) fn request(&mut self, part: usize, request: &Request) {
        if requests::fault(self.scheme, request).is_some() {
            self.bad.push(part);
            return;
        }
        for check in self.keyring.checks_of_request(request) {
            self.push(check, Item::Part(part));
        }
    }

    /// The signatures of one batch's requests, as part `part` of the message.
    pub(super) fn batch(&mut self, part: usize, batch: &Batch) {
        if batch.requests.is_empty() {
            self.bad.push(part);
        }
        for request in &batch.requests {
            // One bad request spoils the batch, so nothing more of it needs judging.
            if self.bad.last() == Some(&part) {
                break;
            }
            self.request(part, request);
        }
    }
}

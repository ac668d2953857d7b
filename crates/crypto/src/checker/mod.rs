//! Turns strangers' messages into vouched ones: which signatures each must carry, and what its verdicts mean.
//!
//! Three steps, so that the slow one may run on any thread: [`Checker::prepare`] looks at the structure and lists the
//! signatures that are not known to be good yet, [`Scheme::verify`] judges them, [`Checker::finish`] draws the conclusion.
//! No bytes whatsoever make any of them panic.

mod data;
mod finish;
mod gather;
mod rules;

use crate::cache::SignatureCache;
use crate::keyring::Keyring;
use crate::requests::PendingRequests;
use crate::scheme::{Check, Scheme};
use gather::{Gather, Item};
use outvote_types::evidence::Charge;
use outvote_types::{Committee, Digest, Evidence, Message, Request, Verified};
use std::fmt;
use std::sync::Arc;

/// Why something was not vouched for, and the proof of misbehaviour if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// A rule's number and a few words.
    pub why: &'static str,
    /// The signed body that no rule allows, its own signature checked: worth an EVIDENCE.
    pub evidence: Option<Box<Evidence>>,
}

impl Rejected {
    /// Without proof against anybody.
    #[must_use]
    pub const fn because(why: &'static str) -> Self {
        Self { why, evidence: None }
    }

    /// The proof as a message for everybody, vouched for: its signatures were checked on the way here.
    #[must_use]
    pub fn accusation(self) -> Option<Verified<Message>> {
        self.evidence.map(|evidence| Verified::vouched_for(Message::Evidence(evidence)))
    }
}

/// A message whose structure is sound and whose signatures are still to be judged.
#[derive(Debug)]
pub struct Pending {
    checks: Vec<Check>,
    /// The name of each check, under which it is remembered if it is good.
    names: Vec<Digest>,
    message: Message,
    /// To which part of the message each check belongs.
    items: Vec<Item>,
    /// Parts that are bad by their structure alone.
    bad: Vec<usize>,
    /// Set when the message is to be rejected in any case; if the signature holds, this is the proof against its signer.
    doom: Option<(&'static str, Box<Evidence>)>,
}

impl Pending {
    /// The signatures to be judged, in order. May be empty: all were known.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The message, not vouched for.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The message without its bad parts; `None` when nothing is left of it.
    pub message: Option<Verified<Message>>,
    /// Batches that were taken out, because they hold a request that no rule allows.
    pub invalid_batches: Vec<Digest>,
}

/// Knows the committee and what was found good before.
pub struct Checker {
    keyring: Keyring,
    scheme: Arc<dyn Scheme>,
    known: SignatureCache,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").field("keyring", &self.keyring).finish_non_exhaustive()
    }
}

impl Checker {
    /// For this committee, which has passed [`crate::check_committee`].
    #[must_use]
    pub fn new(committee: Committee, scheme: Arc<dyn Scheme>) -> Self {
        Self { keyring: Keyring::new(committee), scheme, known: SignatureCache::default() }
    }

    /// The committee and its domains.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Checks the structure of a message and lists the signatures that are still to be judged. Judges none itself.
    ///
    /// # Errors
    /// When no signature could save the message.
    pub fn prepare(&self, message: Message) -> Result<Pending, Rejected> {
        let mut gather = Gather::new(&self.keyring, &*self.scheme, &self.known);
        match gather.message(&message) {
            Ok(()) => {
                let Gather { checks, names, items, bad, .. } = gather;
                Ok(Pending { checks, names, message, items, bad, doom: None })
            }
            Err(gather::Stop::Because(why)) => Err(Rejected::because(why)),
            Err(gather::Stop::Doomed { why, evidence, check }) => {
                let mut last = Gather::new(&self.keyring, &*self.scheme, &self.known);
                last.push(*check, Item::Whole);
                let Gather { checks, names, items, .. } = last;
                Ok(Pending { checks, names, message, items, bad: vec![], doom: Some((why, evidence)) })
            }
        }
    }

    /// Draws the conclusion from the verdicts on [`Pending::checks`], and remembers the good signatures.
    ///
    /// A bad request takes its batch out of a proposal or of data, or itself out of a relay; a bad signature elsewhere
    /// rejects the message.
    ///
    /// # Errors
    /// When nothing can be vouched for. [`Rejected::evidence`] holds the proof when the signer itself is at fault.
    ///
    /// # Panics
    /// When there is not one verdict for each check: the caller lost some.
    pub fn finish(&mut self, pending: Pending, verdicts: &[bool]) -> Result<Vouched, Rejected> {
        assert_eq!(verdicts.len(), pending.checks.len(), "one verdict for each check");
        for (name, _) in pending.names.iter().zip(verdicts).filter(|(_, verdict)| **verdict) {
            self.known.insert_name(*name);
        }
        finish::finish(pending, verdicts)
    }

    /// All three steps at once, in place.
    ///
    /// # Errors
    /// Like [`Self::finish`].
    pub fn check(&mut self, message: Message) -> Result<Vouched, Rejected> {
        let pending = self.prepare(message)?;
        let verdicts = self.scheme.verify(&pending.checks);
        self.finish(pending, &verdicts)
    }

    /// What is to be judged in these requests.
    #[must_use]
    pub fn prepare_requests(&self, requests: Vec<Request>) -> PendingRequests {
        PendingRequests::new(&*self.scheme, requests, |request| {
            let mut checks = self.keyring.checks_of_request(request);
            checks.retain(|check| !self.known.has(check));
            checks
        })
    }

    /// One outcome for each request, in order; good signatures are remembered.
    ///
    /// # Panics
    /// When there is not one verdict for each check: the caller lost some.
    pub fn finish_requests(
        &mut self,
        pending: PendingRequests,
        verdicts: &[bool],
    ) -> Vec<Result<Verified<Request>, Rejected>> {
        self.remember_good(&pending.checks, verdicts);
        pending.finish(verdicts)
    }

    /// Judges one request in place.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn check_request(&mut self, request: Request) -> Result<Verified<Request>, Rejected> {
        let pending = self.prepare_requests(vec![request]);
        let verdicts = self.scheme.verify(&pending.checks);
        let mut outcomes = self.finish_requests(pending, &verdicts);
        outcomes.pop().unwrap_or(Err(Rejected::because("no request")))
    }

    /// Remembers the signatures of a request that was vouched for elsewhere, so that the proposal that carries it is not
    /// checked again.
    pub fn remember(&mut self, request: &Verified<Request>) {
        for check in self.keyring.checks_of_request(request) {
            self.known.insert(&check);
        }
    }

    /// Judges evidence in place: the charge if it proves one, `None` if it proves nothing.
    #[must_use]
    pub fn check_evidence(&self, evidence: &Evidence) -> Option<Charge> {
        // X3: a vote repeated, or two votes of different slots, are no charge whoever signed them.
        let charge = evidence.charge(self.keyring.quorum(), self.keyring.epoch())?;
        let mut checks = rules::checks_of_evidence(&self.keyring, evidence)?;
        checks.retain(|check| !self.known.has(check));
        self.scheme.verify(&checks).into_iter().all(|verdict| verdict).then_some(charge)
    }

    /// Vouches for a message of our own that was just signed.
    #[must_use]
    pub fn own(message: Message) -> Verified<Message> {
        Verified::vouched_for(message)
    }

    /// Vouches for a request of our own that was just signed.
    #[must_use]
    pub fn own_request(request: Request) -> Verified<Request> {
        Verified::vouched_for(request)
    }

    fn remember_good(&mut self, checks: &[Check], verdicts: &[bool]) {
        assert_eq!(verdicts.len(), checks.len(), "one verdict for each check");
        for (check, _) in checks.iter().zip(verdicts).filter(|(_, verdict)| **verdict) {
            self.known.insert(check);
        }
    }
}

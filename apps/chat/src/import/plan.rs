//! Many messages of many people, as envelopes of one ordering session.

use super::lines::Message;
use crate::operation::ChatOperation;
use outvote_crypto::{Sign, sign_author};
use outvote_types::limits::{MAX_OPERATIONS_PER_REQUEST, MAX_REQUEST_BYTES};
use outvote_types::{Blob, Domain, Nonce, Operation, PublicKey};
use std::collections::BTreeSet;

/// Bytes of an envelope around its operations, rounded up.
const ENVELOPE_BYTES: usize = 256;
/// Bytes of an operation around its payload: the author's key and signature, lengths and flags, rounded up.
const OPERATION_BYTES: usize = 128;

/// From where a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Which of the files that were planned, from 0.
    pub file: usize,
    /// The line in it, from 1.
    pub line: u64,
}

/// One operation and who is to sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOperation {
    /// The nick whose key signs it.
    pub nick: String,
    /// What it does: [`ChatOperation::Register`] or [`ChatOperation::Post`].
    pub operation: ChatOperation,
    /// The message's place; `None` for a registration.
    pub origin: Option<Origin>,
}

/// Operations that travel under one nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// In the order in which they are executed.
    pub operations: Vec<PlannedOperation>,
}

impl Envelope {
    /// The operations, each signed by its author's own key for this place in this session. Each signature covers session,
    /// nonce and index, so whoever orders them can neither move nor repeat one.
    ///
    /// # Errors
    /// The nick for which `signer` has no key.
    pub fn sign<'k, S: Sign + ?Sized + 'k>(
        &self,
        clients: &Domain,
        session: &PublicKey,
        nonce: Nonce,
        signer: impl Fn(&str) -> Option<&'k S>,
    ) -> Result<Vec<Operation>, String> {
        let operations = self.operations.iter().zip(0u32..).map(|(planned, index)| {
            let key = signer(&planned.nick).ok_or_else(|| planned.nick.clone())?;
            let payload = Blob::new(planned.operation.encode())
                .unwrap_or_else(|| unreachable!("a text of 16 KiB fits an operation of 68 KiB"));
            let mut operation = Operation { author: None, query: false, payload };
            operation.author = Some(sign_author(key, clients, session, nonce, index, &operation).into());
            Ok(operation)
        });
        operations.collect()
    }
}

/// Everything that an import sends, in order: first the registrations of people who have no name yet, then all messages in
/// the order in which they were planned.
#[derive(Clone, Debug)]
pub struct ImportPlan {
    room: String,
    operations_max: usize,
    seen: BTreeSet<String>,
    new_nicks: Vec<String>,
    posts: Vec<PlannedOperation>,
    files: usize,
}

impl ImportPlan {
    /// A plan for one room, with at most `operations_max` operations in an envelope. `registered` are the nicks whose keys
    /// have their name already.
    #[must_use]
    pub fn new(room: &str, operations_max: usize, registered: impl IntoIterator<Item = String>) -> Self {
        Self {
            room: room.into(),
            operations_max: operations_max.clamp(1, MAX_OPERATIONS_PER_REQUEST),
            seen: registered.into_iter().collect(),
            new_nicks: Vec::new(),
            posts: Vec::new(),
            files: 0,
        }
    }

    /// Adds the messages of the next file, in its order.
    pub fn add_file(&mut self, messages: impl IntoIterator<Item = Message>) {
        let file = self.files;
        self.files += 1;
        for Message { nick, text, line } in messages {
            if self.seen.insert(nick.clone()) {
                self.new_nicks.push(nick.clone());
            }
            let operation = ChatOperation::Post { room: self.room.clone(), text };
            self.posts.push(PlannedOperation { nick, operation, origin: Some(Origin { file, line }) });
        }
    }

    /// The nicks that are to be registered, in the order in which they first spoke: each needs a fresh key.
    #[must_use]
    pub fn new_nicks(&self) -> &[String] {
        &self.new_nicks
    }

    /// The messages that are to be posted.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.posts.len()
    }

    /// The envelopes, in the order in which one session must send them. A registration never shares an envelope with a post.
    pub fn envelopes(self) -> impl Iterator<Item = Envelope> {
        let operations_max = self.operations_max;
        let registrations = self.new_nicks.into_iter().map(|nick| {
            let operation = ChatOperation::Register { name: nick.clone() };
            PlannedOperation { nick, operation, origin: None }
        });
        let registrations = Packed { operations: registrations.peekable(), operations_max };
        registrations.chain(Packed { operations: self.posts.into_iter().peekable(), operations_max })
    }
}

/// Fills one envelope after the other.
struct Packed<I: Iterator<Item = PlannedOperation>> {
    operations: std::iter::Peekable<I>,
    operations_max: usize,
}

impl<I: Iterator<Item = PlannedOperation>> Iterator for Packed<I> {
    type Item = Envelope;

    fn next(&mut self) -> Option<Envelope> {
        let mut operations = Vec::new();
        let mut bytes = ENVELOPE_BYTES;
        while operations.len() < self.operations_max {
            let fits = |planned: &PlannedOperation| bytes + cost(planned) <= MAX_REQUEST_BYTES;
            let Some(planned) = self.operations.next_if(fits) else { break };
            bytes += cost(&planned);
            operations.push(planned);
        }
        (!operations.is_empty()).then_some(Envelope { operations })
    }
}

/// Bytes of an operation in its envelope, rounded up.
fn cost(planned: &PlannedOperation) -> usize {
    let text = match &planned.operation {
        ChatOperation::Post { room, text } => room.len() + text.len(),
        _ => planned.nick.len(),
    };
    OPERATION_BYTES + text
}

//! Why a command ended without success: a sentence that says what, where and how to fix it, and the exit code.

use crate::output::note;
use std::fmt::Display;

/// Exit code of wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// Exit code of what the cluster rejected.
const REJECTED: u8 = 3;

/// A command's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Exit code 1: it failed.
    pub(crate) fn failed(message: impl Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// Exit code 2: wrong usage or configuration.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { code: USAGE, message: message.to_string() }
    }

    /// Exit code 3: the cluster said no.
    pub(crate) fn rejected(message: impl Display) -> Self {
        Self { code: REJECTED, message: message.to_string() }
    }

    /// Exit code 4: still pending when the deadline passed.
    pub(crate) fn pending(message: impl Display) -> Self {
        Self { code: 4, message: message.to_string() }
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Whether the cluster said no: asking again would not help.
    pub(crate) fn is_rejection(&self) -> bool {
        self.code == REJECTED
    }

    pub(crate) fn print(&self) {
        // It may repeat what a stranger wrote into a file, or what a replica said.
        note(&format!("outvote: {}", self.message));
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<outvote::NodeError> for Failure {
    fn from(error: outvote::NodeError) -> Self {
        use outvote::NodeError::{
            Committee, Config, Environment, Federated, HomeExists, Key, NoCommittee, NotAMember, NotText,
            Read, Size, TooLong, WrongLinkKey,
        };
        match error {
            Committee { .. }
            | Config { .. }
            | Environment { .. }
            | Federated
            | HomeExists { .. }
            | Key(_)
            | NoCommittee { .. }
            | NotAMember { .. }
            | NotText { .. }
            | Read { .. }
            | Size(_)
            | TooLong { .. }
            | WrongLinkKey { .. } => Self::usage(error),
            other => Self::failed(other),
        }
    }
}

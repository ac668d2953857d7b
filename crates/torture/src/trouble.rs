//! Why a round did not pass.

use outvote_client::ClientError;
use std::io;

/// A round that did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// This host cannot do it.
    #[error("host has no {0}")]
    Skipped(String),
    /// What was expected did not happen, or what must not happen did.
    #[error("{0}")]
    Failed(String),
}

impl Trouble {
    /// Something was not as expected.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("the harness itself failed: {error}"))
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self::Failed(format!("a client failed: {error}"))
    }
}

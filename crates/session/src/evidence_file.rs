//! The file of a proof that a replica lied, as people keep and hand it on.

use outvote_types::{Evidence, decode};
use serde_json::Value;

/// Why a text is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFileError {
    /// JSON of something else.
    #[error("it has no field `proof`")]
    NoProof,
    /// Neither of the two forms.
    #[error("it is neither JSON nor hexadecimal digits")]
    NoDigits,
    /// Hexadecimal digits of something else.
    #[error("its bytes are no evidence")]
    NoEvidence,
}

/// Reads a proof: JSON with the signed bytes in its field `proof`, or these bytes alone, in hexadecimal. Says nothing of whether
/// it proves anything.
///
/// # Errors
/// When it is neither.
pub fn read_evidence(text: &str) -> Result<Evidence, EvidenceFileError> {
    let value = serde_json::from_str::<Value>(text).ok();
    let digits = match &value {
        Some(value) => value.get("proof").and_then(Value::as_str).ok_or(EvidenceFileError::NoProof)?,
        None => text.trim(),
    };
    let bytes = hex::decode(digits).map_err(|_| EvidenceFileError::NoDigits)?;
    decode(&bytes).map_err(|_| EvidenceFileError::NoEvidence)
}

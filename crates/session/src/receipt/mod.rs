//! Receipts: proof to anyone who knows the committee that an operation stands in the agreed order, and what came of it.
//!
//! `docs/receipt.md` specifies the format byte by byte. Nothing in a receipt is decoration: each digest and each signature
//! in it is either hashed or checked, fields that could be derived are left out, and unknown fields are refused.

mod build;
mod format;
mod hex;
mod verify;

pub use format::{
    AnswerPart, BatchPart, BlockProof, HeaderPart, KindPart, OperationPart, Receipt, ResultPart,
    SignaturePart, Step,
};
pub use hex::{Hex, HexBytes};
pub use verify::{ReceiptError, Verdict};

/// The format's name and version, the first field of every receipt.
pub const FORMAT: &str = "outvote-receipt/1";
/// Characters of a receipt's JSON at most: two bytes per hexadecimal digit of the longest answer, and room for the rest.
pub const MAX_RECEIPT_CHARACTERS: usize = 16 * 1024 * 1024;

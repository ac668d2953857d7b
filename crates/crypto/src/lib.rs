//! Keys, signatures and the only production maker of verified messages.
//!
//! Three layers: [`KeyPair`] signs and lives in a key file; [`Scheme`] signs and judges signatures by one rule, ZIP-215,
//! single and batched alike; [`Checker`] knows which signatures a message must carry and turns bytes of strangers into
//! [`Verified`](outvote_types::Verified) values. Rings 1 and 2 see nothing else.

pub mod error;
pub mod key;
pub mod key_file;
pub mod usable;
pub mod verify;

pub mod scheme;

pub mod cache;
pub mod checker;
pub mod keyring;
pub mod proof;
pub mod requests;
pub mod sign;

pub use checker::{Checker, Pending, Rejected, Vouched};
pub use error::{CommitteeError, KeyFileError};
pub use key::KeyPair;
pub use key_file::{KeyFile, KeyRole};
pub use keyring::Keyring;
pub use proof::{check_certificate, check_checkpoint, check_header, check_outcome, check_reply};
pub use requests::{PendingRequests, RequestChecker};
pub use scheme::{Check, Ed25519, Scheme, Sign, Verify};
pub use sign::{sign_author, sign_body, sign_request};
pub use usable::{check_committee, is_usable_key};
pub use verify::Verifier;

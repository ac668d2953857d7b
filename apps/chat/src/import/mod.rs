//! Bringing in what was said elsewhere: lines `[HH:MM] <nick> text`, as IRC logs have them.
//!
//! [`LogLines`] reads a log, [`ImportPlan`] groups its messages into envelopes of one ordering session in which every
//! operation is signed by its author's own key. Where those keys are kept is the caller's business; no key is ever derived
//! from a nick, since whoever knows the nick would know the key.

mod lines;
mod plan;

pub use lines::{ImportError, LogLines, MAX_LINE_BYTES, Message, Why, parse_line};
pub use plan::{Envelope, ImportPlan, Origin, PlannedOperation};

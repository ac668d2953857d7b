//! What goes over the wire and into proofs: encoded, judged, counted.

mod committee;
mod digest;
mod encoding;
mod judgements;
mod messages;
mod quorum;

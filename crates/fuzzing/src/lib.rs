//! Fuzz targets: what every reader of strangers' bytes must keep, whatever the bytes are.
//!
//! A target takes any bytes and panics if something that must hold does not: a decoder accepts one spelling of each value and
//! holds memory in proportion to its input, a server answers, a cluster with a liar in it stays safe. The same targets run under
//! a fuzzer that learns (`cargo xtask fuzz`, which needs a nightly compiler) and as ordinary tests, which replay every input that
//! was ever kept in `fuzz/corpus` and bend each of them a little.
//!
//! Reading order: [`target`], the table; [`canonical`] and [`allocation`], what decoders must keep; [`samples`] and
//! [`client_samples`], what inputs are made from; [`mutation`]; then one file for each target in `targets`.

pub mod allocation;
pub mod canonical;
pub mod client_samples;
pub mod corpus;
pub mod mutation;
pub mod samples;
pub mod target;

mod targets;

pub use target::{ALL, Pace, Target, find, run};
pub use targets::http::answer as http_answer;

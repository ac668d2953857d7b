//! The abstract protocol, searched state by state.
//!
//! What is modelled: the normal case with hash-chained blocks, locks, COMMIT votes, the change of view with its NEWVIEW,
//! fast-forward, and restarts under the vote lease. What is left out: time, data, disks beyond "durable or not".
//! Every message that was ever sent can be received by anybody at any later time, or never. Quorum sizes come from
//! [`outvote_types::Quorum`] and ranks from [`outvote_types::Rank`], the code that replicas run.
//!
//! The adversary is as strong as the rules allow, and stronger where that makes the model smaller:
//!
//! - *every* leader equivocates, in proposals and in NEWVIEWs (agreement must rest on the voters alone);
//! - the `b` Byzantine replicas vote for everything in both rounds, and in a VIEWCHANGE claim any certificate that exists;
//! - a suspicion certificate can be had for any view at any time;
//! - a correct replica's VIEWCHANGE counts from the moment it enters; one repeated later with a higher lock adds no
//!   base that the first one does not already allow, because only the *lowest* head of each replica limits the bases;
//! - restarts are unlimited, and the lease is the tightest possible one: exactly what was prepared.
//!
//! Since leaders have no state here, the correct replicas are interchangeable, and so are two blocks of one view with one
//! parent. States are stored in a canonical form under both symmetries.
//!
//! # Why [`Order::ByView`] loses no fork
//!
//! A step of a replica in view `v` depends on its own earlier steps and on votes and certificates of views up to `v`
//! only, and messages are never unsent. So any run can be reordered into one that takes all steps of view 0, then all
//! of view 1, and so on, with at least the same messages at hand at each step. Four kinds of steps only restrict the
//! adversary and are left out: raising a lock without sending COMMIT (a higher lock allows fewer bases; the liars can
//! claim every certificate anyway), skipping a view or entering it without a VIEWCHANGE (its head is then missing for
//! some base), and a restart of a replica that prepared nothing in its view (it may do less afterwards). What a finished
//! view leaves behind is its certified blocks and the locks; votes that made no certificate can make none any more.
//! [`Order::Free`] leaves nothing out.
//!
//! # What was searched
//!
//! `cargo run --release -p outvote-sim --example model` (n = 4, f = 1, every leader equivocating, restarts and
//! fast-forward on, canonical states, one core):
//!
//! | configuration | states | depth | result |
//! | --- | --- | --- | --- |
//! | by view, 1 view of 3 blocks | 82,030 | 21 | exhausted, no fork |
//! | by view, 2 views of 2 blocks | 325,378 | 28 | exhausted, no fork |
//! | by view, 3 views of 1 block | 23,712 | 25 | exhausted, no fork |
//! | by view, 3 views of 2 blocks | 29,758,455 | 39 | exhausted, no fork (68 s) |
//! | by view, 2 views of 3 blocks | 76,688,490 | 38 | exhausted, no fork (347 s, busy machine) |
//! | free, 1 view of 2 blocks | 12,323 | 15 | exhausted, no fork |
//! | free, 2 views of 1 block | 191,000 | 21 | exhausted, no fork |
//! | free, 2 views of 2 blocks | 90,000,005 | 19 | bound reached, no fork |
//!
//! Each of the nine mutants forks, within 1,915 (commit after PREPAREs) to 2,116,541 states (rank by sequence); two liars
//! among four fork within 161. Seven replicas are walked at random, not searched. The smaller rows and all mutants run in
//! the tests.

mod mutant;
mod rules;
mod search;
mod state;
mod walk;

pub use mutant::Mutant;
pub use search::{Finding, Search, search};
pub use state::{Block, Configuration, Local, Order, Position, State};
pub use walk::{Walks, walk};

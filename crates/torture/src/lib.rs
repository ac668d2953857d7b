//! Tortures clusters of real processes, and checks what their clients saw.
//!
//! Reading order: `history`, `linearizability` and `chat_oracle` are the judges; `record`, `load` and `chat` make histories;
//! `process`, `mesh` and `cluster` run replicas and their links; `host` says what can be done here; `nemeses` are what is
//! done, `stage` what they have in their hands, `round` plays one and `report` tells.

mod trouble;

mod chat_oracle;
mod history;
mod linearizability;

mod chat;
mod load;
mod record;

mod cluster;
mod mesh;
mod process;

mod host;
mod nemeses;
mod stage;

mod report;
mod round;

pub use chat_oracle::{Heard, Posted, Removal, Shown, text_of, wrong_in};
pub use cluster::{Cluster, Plan, Standing};
pub use history::{Back, Call, Entry};
pub use host::{NAMESPACE_VARIABLE, Need, is_apart};
pub use linearizability::{Anomaly, anomalies};
pub use load::{Load, LoadPlan};
pub use mesh::Mesh;
pub use nemeses::all as all_nemeses;
pub use process::{Process, Wrap};
pub use record::{CertifiedRead, Kept, Record, Span};
pub use report::{rows_of, write as write_results};
pub use round::{Outcome, Verdict, play};
pub use stage::{Nemesis, Played, Setting, Stage};
pub use trouble::Trouble;

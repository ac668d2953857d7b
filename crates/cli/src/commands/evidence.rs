//! `outvote evidence`: proofs that a replica lied, for anybody to check.

use crate::commands::status;
use crate::connection::runtime;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place::Place;
use clap::{Args, Subcommand};
use outvote_crypto::{Checker, Ed25519};
use outvote_session::evidence_file::read_evidence;
use outvote_types::Evidence as Proof;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of an evidence file at most: two openings of a view with all their certificates, in hexadecimal, with room.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Proofs of misbehaviour.
#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// Lists the proofs that the replicas hold.
    #[command(after_help = "Example: outvote evidence list")]
    List(List),
    /// Shows one proof, with the signed bytes that make it one. Keep its output: `evidence verify` takes it.
    #[command(after_help = "Example: outvote evidence show 3fa9 --output json > proof.json")]
    Show(Show),
    /// Checks a proof with no network. Exit code 0 if it proves a lie, 1 if not.
    #[command(after_help = "Example: outvote evidence verify proof.json --committee committee.toml")]
    Verify(Verify),
}

/// Lists the proofs.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
}

/// Shows one.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    place: Place,
    /// Its identity, or the beginning of it.
    id: String,
}

/// Checks one.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// What `evidence show --output json` printed, or the bytes in hexadecimal.
    file: PathBuf,
    /// The committee; that of --home unless told otherwise.
    #[arg(long)]
    committee: Option<PathBuf>,
}

impl Evidence {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::List(list) => {
                let evidence = held(&list.place)?;
                output.print(&json!({"evidence": evidence}), |_| match evidence.as_slice() {
                    [] => "no replica was caught lying".into(),
                    found => found.iter().map(in_words).collect::<Vec<_>>().join("\n"),
                })
            }
            Self::Show(show) => show.run(output),
            Self::Verify(verify) => verify.run(output),
        }
    }
}

/// What the replicas that answer hold, one entry for each lie.
fn held(place: &Place) -> Result<Vec<Value>, Failure> {
    let report = runtime()?.block_on(status::gather(place.committee()?))?;
    let is_reached =
        report["replicas"].as_array().into_iter().flatten().any(|replica| replica["reachable"] == true);
    if !is_reached {
        return Err(Failure::failed(
            "no replica can be reached: is the cluster running? `outvote doctor` says more",
        ));
    }
    Ok(report["evidence"].as_array().cloned().unwrap_or_default())
}

fn in_words(evidence: &Value) -> String {
    let text = |field: &str| evidence[field].as_str().unwrap_or_default().to_string();
    let id = text("id");
    format!(
        "{}  replica {}: {} (view {}, slot {})",
        id.get(..16).unwrap_or(&id),
        evidence["accused"],
        text("rule"),
        evidence["view"],
        evidence["sequence"]
    )
}

impl Show {
    fn run(self, output: Output) -> Result<(), Failure> {
        let evidence = held(&self.place)?;
        let wanted = self.id.to_ascii_lowercase();
        let mut found =
            evidence.iter().filter(|entry| entry["id"].as_str().is_some_and(|id| id.starts_with(&wanted)));
        match (found.next(), found.next()) {
            (Some(entry), None) => output.print(entry, |entry| {
                format!("{}\nsigned bytes: {}", in_words(entry), entry["proof"].as_str().unwrap_or_default())
            }),
            (None, _) => Err(Failure::usage(format!(
                "no replica holds a proof whose id begins with `{}`: `outvote evidence list` shows all",
                self.id
            ))),
            (Some(_), Some(_)) => Err(Failure::usage(format!(
                "more than one proof begins with `{}`: give more digits",
                self.id
            ))),
        }
    }
}

impl Verify {
    fn run(self, output: Output) -> Result<(), Failure> {
        let committee = match &self.committee {
            Some(path) => outvote::load_committee(path)?.committee,
            None => self.place.committee()?.committee,
        };
        let proof = self.read()?;
        let scheme =
            Ed25519::generate().map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
        let id = proof.id().to_hex();
        let Some(charge) = Checker::new(committee, Arc::new(scheme)).check_evidence(&proof) else {
            if output == Output::Json {
                output.print(&json!({"valid": false, "id": id}), |_| String::new())?;
            }
            return Err(Failure::failed(format!(
                "{} proves nothing against a member of this committee: the signatures do not hold, or no rule is broken",
                self.file.display()
            )));
        };
        let entry = json!({
            "valid": true, "id": id, "accused": charge.accused.0, "rule": charge.rule.in_words(), "view": charge.view.0,
            "sequence": charge.sequence.0,
        });
        output.print(&entry, |entry| format!("the proof holds: {}", in_words(entry)))
    }

    fn read(&self) -> Result<Proof, Failure> {
        let text = files::read_proof(&self.file, FILE_BYTES_MAX)?;
        let bad = |why: &str| {
            Failure::failed(format!(
                "{} is no proof: {why}; keep what `evidence show --output json` prints",
                self.file.display()
            ))
        };
        read_evidence(&text).map_err(|why| bad(&why.to_string()))
    }
}

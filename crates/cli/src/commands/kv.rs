//! `outvote kv`: the key-value application.

use crate::connection::{connect, refused, runtime, submit};
use crate::failure::Failure;
use crate::identities::Identities;
use crate::output::Output;
use crate::place::Place;
use clap::{Args, Subcommand};
use outvote_kv::{KvAnswer, KvError, KvOperation, KvQuestion};
use outvote_types::Answer;
use serde_json::{Value, json};

/// The name of the key under which this terminal writes.
const WRITER: &str = "kv";

/// The key-value application, on a cluster that was started with `--app kv`.
#[derive(Debug, Subcommand)]
pub(crate) enum Kv {
    /// Stores a value.
    #[command(after_help = "Example: outvote kv put colour green")]
    Put(Put),
    /// Shows a value.
    #[command(after_help = "Example: outvote kv get colour")]
    Get(Get),
    /// Stores a value only if another one is there: compare and set. Exit code 3 if it is not.
    #[command(
        after_help = "Example: outvote kv cas colour --expect green blue\nWithout --expect nothing must be there; without a value the key is removed."
    )]
    Cas(Cas),
}

/// Stores a value.
#[derive(Debug, Args)]
pub(crate) struct Put {
    #[command(flatten)]
    place: Place,
    /// The key.
    key: String,
    /// The value.
    value: String,
}

/// Shows a value.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    place: Place,
    /// The key.
    key: String,
}

/// Compare and set.
#[derive(Debug, Args)]
pub(crate) struct Cas {
    #[command(flatten)]
    place: Place,
    /// The key.
    key: String,
    /// What must be there; without it, nothing.
    #[arg(long)]
    expect: Option<String>,
    /// What shall be there; without it, nothing.
    value: Option<String>,
}

impl Kv {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let runtime = runtime()?;
        match self {
            Self::Put(put) => {
                let operation = KvOperation::Put { key: put.key.into(), value: put.value.into() };
                runtime.block_on(write(&put.place, &operation, output))
            }
            Self::Cas(cas) => {
                let operation = KvOperation::Cas {
                    key: cas.key.into(),
                    expected: cas.expect.map(Into::into),
                    value: cas.value.map(Into::into),
                };
                runtime.block_on(write(&cas.place, &operation, output))
            }
            Self::Get(get) => runtime.block_on(get.run(output)),
        }
    }
}

impl Get {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let client = connect(&self.place, None).await?;
        let answered = client.query(KvQuestion::Get { key: self.key.clone().into() }.encode()).await?;
        let KvAnswer::Value(value) = parse(&answered.answer)? else { return Err(misfit()) };
        let shown = value.as_deref().map(in_json);
        let result = json!({"key": self.key, "value": shown, "sequence": answered.sequence.0});
        match &value {
            // For a script in text mode, no value must not look like an empty one.
            None if output == Output::Text => {
                Err(Failure::failed(format!("there is nothing under `{}`", self.key)))
            }
            _ => output.print(&result, |_| text_of(value.as_deref().unwrap_or_default())),
        }
    }
}

async fn write(place: &Place, operation: &KvOperation, output: Output) -> Result<(), Failure> {
    // Before a key is made: none is left behind where there is no cluster.
    place.committee()?;
    let (writer, _) = Identities::of(place).load_or_create(WRITER)?;
    let client = connect(place, Some(writer.signer())).await?;
    let (_, committed) = submit(&client, operation.encode()).await?;
    let answer = committed.answer().ok_or_else(misfit)?;
    match parse(answer)? {
        KvAnswer::Stored => {
            output.print(&json!({"stored": true, "sequence": committed.sequence.0}), |_| "stored".into())
        }
        KvAnswer::Mismatch { found } => {
            let shown = found.as_deref().map(in_json);
            output
                .print(&json!({"stored": false, "found": shown, "sequence": committed.sequence.0}), |_| {
                    String::new()
                })?;
            let there = found.map_or("nothing".into(), |value| format!("`{}`", text_of(&value)));
            Err(refused("mismatch", &format!("something else is there: {there}")))
        }
        _ => Err(misfit()),
    }
}

fn parse(answer: &Answer) -> Result<KvAnswer, Failure> {
    KvAnswer::parse(answer).map_err(|error| match error {
        // What the chat says to bytes that are none of its own.
        KvError::Refused { code, .. } if code == "bad-operation" => misfit(),
        KvError::Refused { code, message } => refused(&code, &message),
        foreign @ KvError::Foreign(_) => Failure::failed(format!("{foreign}: start a cluster with --app kv")),
    })
}

/// A value as JSON: text if it is text, else an object with its hexadecimal digits.
fn in_json(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => text.into(),
        Err(_) => json!({"hex": hex::encode(value)}),
    }
}

fn text_of(value: &[u8]) -> String {
    outvote_chat::terminal::escape_lines(&String::from_utf8_lossy(value), 0)
}

fn misfit() -> Failure {
    Failure::failed("the cluster does not run the key-value application: start one with --app kv")
}

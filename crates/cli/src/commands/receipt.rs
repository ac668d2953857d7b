//! `outvote receipt`: proofs that something was agreed, checked with no network.

use crate::connection::{connect, runtime};
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place::Place;
use clap::{Args, Subcommand};
use outvote::{Receipt as Proof, ResultKind, Sequence, Verdict, load_committee};
use outvote_chat::terminal::escape_lines;
use outvote_chat::{ChatAnswer, ChatOperation};
use outvote_session::receipt::MAX_RECEIPT_CHARACTERS;
use outvote_types::Answer;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Proofs that something was agreed.
#[derive(Debug, Subcommand)]
pub(crate) enum Receipt {
    /// Checks a receipt with no network. Exit code 0 if it holds, 1 if not.
    Verify(Verify),
    /// Fetches the receipt of anything by its place, which `chat history --output json` shows.
    Get(Get),
}

/// Checks a receipt.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote receipt verify morning.json --committee committee.toml")]
pub(crate) struct Verify {
    /// The receipt.
    file: PathBuf,
    /// The committee that agreed; get this file from somebody you trust.
    #[arg(long)]
    committee: PathBuf,
}

/// Fetches a receipt.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote receipt get 1201 0 -o morning.json")]
pub(crate) struct Get {
    #[command(flatten)]
    place: Place,
    /// The block that executed it.
    sequence: u64,
    /// Its place among that block's results.
    position: u32,
    /// Where to keep the receipt; without it, it is printed.
    #[arg(short = 'o', long)]
    file: Option<PathBuf>,
}

impl Receipt {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(output),
            Self::Get(get) => runtime()?.block_on(get.run(output)),
        }
    }
}

impl Verify {
    fn run(self, output: Output) -> Result<(), Failure> {
        let file = load_committee(&self.committee)?;
        let text = files::read_proof(&self.file, MAX_RECEIPT_CHARACTERS)?;
        let verdict = Proof::from_json(&text).and_then(|receipt| receipt.verify(&file.committee));
        match verdict {
            Ok(verdict) => output.print(&in_json(&verdict), |_| in_words(&verdict)),
            Err(error) => {
                if output == Output::Json {
                    output.print(&json!({"valid": false, "reason": error.to_string()}), |_| String::new())?;
                }
                Err(Failure::failed(format!("{} proves nothing: {error}", self.file.display())))
            }
        }
    }
}

impl Get {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let client = connect(&self.place, None).await?;
        let receipt = client.receipt_at(Sequence(self.sequence), self.position).await?;
        let Some(file) = &self.file else { return crate::output::line(&receipt.to_json()) };
        files::replace(file, receipt.to_json().as_bytes())?;
        output.print(&json!({"file": file}), |_| format!("the receipt is in {}", file.display()))
    }
}

fn in_json(verdict: &Verdict) -> Value {
    let answer = match &verdict.answer {
        Answer::Done(bytes) => json!({"done": hex::encode(&bytes[..])}),
        Answer::Refused { code, message } => json!({"refused": {"code": code, "message": message}}),
    };
    json!({
        "valid": true, "sequence": verdict.sequence.0, "ordered": verdict.ordered.0, "time_us": verdict.time.0,
        "author": verdict.author.to_hex(), "session": verdict.session.to_hex(), "nonce": verdict.nonce.0,
        "index": verdict.index, "query": verdict.query, "payload": hex::encode(&verdict.payload),
        "applied": verdict.kind == ResultKind::Applied, "answer": answer, "message": message_of(verdict),
    })
}

/// The message that a chat's receipt is about, if it is one.
fn message_of(verdict: &Verdict) -> Option<Value> {
    let Ok(ChatOperation::Post { room, text }) = ChatOperation::decode(&verdict.payload) else { return None };
    let index = match ChatAnswer::parse(&verdict.answer) {
        Ok(ChatAnswer::Posted { index, .. }) => Some(index),
        _ => None,
    };
    Some(json!({"room": room, "index": index, "text": text}))
}

fn in_words(verdict: &Verdict) -> String {
    let mut text = format!(
        "the receipt holds: block {} of this committee executed operation {} of request {} of session {}\nauthor {}\n",
        verdict.sequence.0,
        verdict.index,
        verdict.nonce.0,
        verdict.session.to_hex(),
        verdict.author.to_hex()
    );
    match &verdict.answer {
        Answer::Refused { code, message } => text.push_str(&format!("it was refused ({code}): {message}\n")),
        Answer::Done(_) if verdict.kind == ResultKind::Applied => text.push_str("it was applied\n"),
        Answer::Done(_) => text.push_str("it was not applied\n"),
    }
    if let Some(message) = message_of(verdict) {
        let (room, said) =
            (message["room"].as_str().unwrap_or_default(), message["text"].as_str().unwrap_or_default());
        let index = &message["index"];
        text.push_str(&format!("message {index} of {}: {}", escape_lines(room, 0), escape_lines(said, 2)));
    }
    text
}

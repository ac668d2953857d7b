//! `outvote chat send`: one message, with its receipt if wanted.

use super::{Speaker, misfit, parse};
use crate::connection::{connect, submit};
use crate::failure::Failure;
use crate::files;
use crate::identities::Identities;
use crate::output::Output;
use clap::Args;
use outvote_chat::terminal::escape_name;
use outvote_chat::{ChatAnswer, ChatOperation, MAX_TEXT_BYTES};
use std::path::PathBuf;

/// Says something in a room.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat send lobby 'good morning' --receipt morning.json")]
pub(crate) struct Send {
    #[command(flatten)]
    speaker: Speaker,
    /// Where.
    room: String,
    /// What.
    text: String,
    /// Keeps the receipt in this file: a proof for anybody that the message stands where it stands.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

impl Send {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        if self.text.len() > MAX_TEXT_BYTES {
            let bytes = self.text.len();
            return Err(Failure::usage(format!(
                "the text has {bytes} bytes and at most {MAX_TEXT_BYTES} are taken: send it in parts"
            )));
        }
        let identity = Identities::of(&self.speaker.place).load(self.speaker.name.as_deref())?;
        let client = connect(&self.speaker.place, Some(identity.signer())).await?;
        let operation = ChatOperation::Post { room: self.room.clone(), text: self.text.clone() };
        let (ticket, committed) = submit(&client, operation.encode()).await?;
        let answer = parse(committed.answer().ok_or_else(misfit)?)?;
        let ChatAnswer::Posted { index, sequence, .. } = &answer else { return Err(misfit()) };
        let mut words = format!("agreed: message {index} of {} (block {sequence})", escape_name(&self.room));
        if let Some(file) = &self.receipt {
            let receipt = client.receipt(ticket, 0).await.map_err(|error| {
                Failure::failed(format!("the message stands, but its receipt could not be had: {error}"))
            })?;
            files::replace(file, receipt.to_json().as_bytes())?;
            words.push_str(&format!("; the receipt is in {}", file.display()));
        }
        output.print(&answer, |_| words)
    }
}

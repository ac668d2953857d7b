//! `outvote chat`: the group chat from a terminal.

mod feed;
mod history;
mod import;
mod register;
mod rooms;
mod send;
mod tail;
mod tui;

use crate::connection::{connect, refused, runtime, submit};
use crate::failure::Failure;
use crate::identities::Identities;
use crate::output::Output;
use crate::place::Place;
use clap::{Args, Subcommand};
use outvote::{Answered, Client};
use outvote_chat::{ChatAnswer, ChatError, ChatOperation, ChatQuestion};
use outvote_types::{Answer, Sequence};

/// The group chat from a terminal.
#[derive(Debug, Subcommand)]
pub(crate) enum Chat {
    /// Takes a name: makes a key for it here and registers it, for ever.
    Register(register::Register),
    /// Lists the rooms.
    Rooms(rooms::Rooms),
    /// Opens a room.
    Create(rooms::Create),
    /// Enters a public room's list of members.
    Join(rooms::Join),
    /// Leaves a room.
    Leave(rooms::Leave),
    /// Lets somebody into an invite-only room of yours.
    Invite(rooms::Invite),
    /// Puts somebody out of an invite-only room of yours.
    Remove(rooms::Remove),
    /// Says something in a room.
    Send(send::Send),
    /// Shows what was said in a room.
    History(history::History),
    /// Shows what is said in a room as it comes.
    Tail(tail::Tail),
    /// Brings in logs: lines `[HH:MM] <nick> text`, each nick with a key of its own.
    Import(import::Import),
    /// The chat on the whole terminal: rooms, live messages, what became of yours, the replicas.
    Tui(tui::Tui),
}

/// Where the chat is and who talks.
#[derive(Clone, Debug, Args)]
pub(crate) struct Speaker {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Under which of the names registered here; the last registered one unless told otherwise.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
}

impl Chat {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let runtime = runtime()?;
        match self {
            Self::Register(command) => runtime.block_on(command.run(output)),
            Self::Rooms(command) => runtime.block_on(command.run(output)),
            Self::Create(command) => runtime.block_on(command.run(output)),
            Self::Join(command) => runtime.block_on(command.run(output)),
            Self::Leave(command) => runtime.block_on(command.run(output)),
            Self::Invite(command) => runtime.block_on(command.run(output)),
            Self::Remove(command) => runtime.block_on(command.run(output)),
            Self::Send(command) => runtime.block_on(command.run(output)),
            Self::History(command) => runtime.block_on(command.run(output)),
            Self::Tail(command) => runtime.block_on(command.run(output)),
            Self::Import(command) => command.run(output),
            Self::Tui(command) => runtime.block_on(command.run()),
        }
    }
}

/// Does one operation under the speaker's name and gives the answer.
async fn act(speaker: &Speaker, operation: &ChatOperation) -> Result<(ChatAnswer, Sequence), Failure> {
    let identity = Identities::of(&speaker.place).load(speaker.name.as_deref())?;
    let client = connect(&speaker.place, Some(identity.signer())).await?;
    let (_, committed) = submit(&client, operation.encode()).await?;
    let answer = committed.answer().ok_or_else(|| Failure::failed("the cluster gave no answer"))?;
    Ok((parse(answer)?, committed.sequence))
}

/// Asks a question; `f + 1` replicas gave the answer alike.
async fn ask(client: &Client, question: &ChatQuestion) -> Result<(ChatAnswer, Sequence), Failure> {
    let Answered { answer, sequence, .. } = client.query(question.encode()).await?;
    Ok((parse(&answer)?, sequence))
}

fn parse(answer: &Answer) -> Result<ChatAnswer, Failure> {
    ChatAnswer::parse(answer).map_err(|error| match error {
        ChatError::Refused { code, message } => refused(&code, &message),
        foreign @ ChatError::Foreign(_) => Failure::failed(foreign),
    })
}

/// The failure for an answer to another question than the one that was asked.
fn misfit() -> Failure {
    Failure::failed(
        "the cluster answered something else than was asked: does it run a newer chat? Update this program",
    )
}

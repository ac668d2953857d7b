//! `outvote chat history`: what was said in a room.

use super::{Speaker, ask, feed, misfit};
use crate::connection::connect;
use crate::failure::Failure;
use crate::identities::Identities;
use crate::output::Output;
use clap::Args;
use outvote_chat::{ChatAnswer, ChatQuestion};
use outvote_types::Sequence;
use serde_json::json;

/// Shows what was said in a room, oldest first.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat history lobby --limit 20 --output json")]
pub(crate) struct History {
    #[command(flatten)]
    speaker: Speaker,
    /// Which room.
    room: String,
    /// At most so many messages, the latest ones.
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// Only messages of blocks before this one.
    #[arg(long, value_name = "SEQUENCE")]
    before: Option<u64>,
}

impl History {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let me = Identities::of(&self.speaker.place).key_if_any(self.speaker.name.as_deref())?;
        let reader = me.map(|(_, keys)| keys.public_key());
        let client = connect(&self.speaker.place, None).await?;
        let before = match self.before {
            None => None,
            Some(sequence) => {
                let question =
                    ChatQuestion::IndexAt { room: self.room.clone(), sequence: Sequence(sequence) };
                let (ChatAnswer::Head { next_index, .. }, _) = ask(&client, &question).await? else {
                    return Err(misfit());
                };
                Some(next_index)
            }
        };
        let messages = match self.limit {
            0 => Vec::new(),
            limit => feed::latest(&client, &self.room, reader, before, limit).await?.0,
        };
        output.print(&json!({"messages": messages}), |_| {
            messages.iter().map(feed::in_words).collect::<Vec<_>>().join("\n")
        })
    }
}

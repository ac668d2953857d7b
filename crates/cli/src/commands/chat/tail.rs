//! `outvote chat tail`: what is said in a room as it comes.

use super::{Speaker, feed};
use crate::connection::connect;
use crate::failure::Failure;
use crate::identities::Identities;
use crate::output::{self, Output};
use clap::Args;
use outvote_chat::MessageView;
use std::io::ErrorKind;
use std::time::Duration;

/// How often the room is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How long a cluster that does not answer is given before it is asked again.
const AWAY_PAUSE: Duration = Duration::from_secs(1);

/// Shows what is said in a room as it comes, until Ctrl-C; in JSON one object a line.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat tail lobby")]
pub(crate) struct Tail {
    #[command(flatten)]
    speaker: Speaker,
    /// Which room.
    room: String,
    /// So many earlier messages first.
    #[arg(long, default_value_t = 10)]
    limit: u64,
}

impl Tail {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let me = Identities::of(&self.speaker.place).key_if_any(self.speaker.name.as_deref())?;
        let reader = me.map(|(_, keys)| keys.public_key());
        let client = connect(&self.speaker.place, None).await?;
        let (messages, mut next, _) =
            feed::latest(&client, &self.room, reader, None, self.limit.max(1)).await?;
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        for message in &messages[messages.len().saturating_sub(shown)..] {
            if !show(output, message)? {
                return Ok(());
            }
        }
        let mut is_away = false;
        loop {
            let found = tokio::select! {
                found = feed::newer(&client, &self.room, reader, next) => found,
                _ = tokio::signal::ctrl_c() => return Ok(()),
            };
            match found {
                Ok(messages) => {
                    is_away = false;
                    for message in &messages {
                        next = message.index + 1;
                        if !show(output, message)? {
                            return Ok(());
                        }
                    }
                }
                // The room's owner put us out, or the room is none: waiting would not help.
                Err(failure) if failure.is_rejection() => return Err(failure),
                Err(failure) => {
                    if !is_away {
                        output::note(&format!("{failure}; trying again"));
                    }
                    is_away = true;
                }
            }
            let pause = if is_away { AWAY_PAUSE } else { LOOK_EVERY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    }
}

/// Prints a message; says whether anybody still reads.
fn show(output: Output, message: &MessageView) -> Result<bool, Failure> {
    let text = match output {
        Output::Json => serde_json::to_string(message).map_err(Failure::failed)?,
        Output::Text => feed::in_words(message),
    };
    match output::try_line(&text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(error)),
    }
}

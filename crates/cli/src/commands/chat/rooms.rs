//! `outvote chat rooms`, and what opens rooms and says who is in them.

use super::{Speaker, act, ask, misfit};
use crate::connection::connect;
use crate::failure::Failure;
use crate::identities::Identities;
use crate::output::Output;
use clap::Args;
use outvote::Client;
use outvote_chat::terminal::escape_name;
use outvote_chat::{Access, ChatAnswer, ChatOperation, ChatQuestion, MAX_PAGE, RoomView};
use outvote_types::PublicKey;
use serde_json::json;

/// Lists the public rooms, and the invite-only ones you are in.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat rooms")]
pub(crate) struct Rooms {
    #[command(flatten)]
    speaker: Speaker,
}

/// Opens a room.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat create plans --invite-only")]
pub(crate) struct Create {
    #[command(flatten)]
    speaker: Speaker,
    /// Its name.
    room: String,
    /// Only whom you invite may write, and is shown the room. It is no secret: every replica's operator can read it, and so can
    /// anyone who reaches a replica, as a client or at its HTTP port, and names a member's key.
    #[arg(long)]
    invite_only: bool,
}

/// Enters a public room's list of members.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat join lobby")]
pub(crate) struct Join {
    #[command(flatten)]
    speaker: Speaker,
    /// Which room.
    room: String,
}

/// Leaves a room.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat leave lobby")]
pub(crate) struct Leave {
    #[command(flatten)]
    speaker: Speaker,
    /// Which room.
    room: String,
}

/// Lets somebody into an invite-only room of yours.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat invite plans ben")]
pub(crate) struct Invite {
    #[command(flatten)]
    speaker: Speaker,
    /// Which room.
    room: String,
    /// Whom: a registered name, or a public key in hexadecimal.
    #[arg(value_name = "NAME|KEY")]
    member: String,
}

/// Puts somebody out of an invite-only room of yours.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote chat remove plans ben")]
pub(crate) struct Remove {
    #[command(flatten)]
    speaker: Speaker,
    /// Which room.
    room: String,
    /// Whom: a registered name, or a public key in hexadecimal.
    #[arg(value_name = "NAME|KEY")]
    member: String,
}

impl Rooms {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let me = Identities::of(&self.speaker.place).key_if_any(self.speaker.name.as_deref())?;
        let client = connect(&self.speaker.place, None).await?;
        let rooms = all(&client, me.map(|(_, keys)| keys.public_key())).await?;
        output.print(&json!({"rooms": rooms}), |_| in_words(&rooms))
    }
}

/// All rooms that this key may see, by name.
pub(super) async fn all(client: &Client, as_key: Option<PublicKey>) -> Result<Vec<RoomView>, Failure> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let question = ChatQuestion::Rooms { as_key, after, limit: MAX_PAGE };
        let (ChatAnswer::Rooms { rooms, next }, _) = ask(client, &question).await? else {
            return Err(misfit());
        };
        found.extend(rooms);
        if next.is_none() {
            return Ok(found);
        }
        after = next;
    }
}

fn in_words(rooms: &[RoomView]) -> String {
    if rooms.is_empty() {
        return "no rooms yet: `outvote chat create ROOM` opens one".into();
    }
    let lines = rooms.iter().map(|room| {
        let access = if room.access == Access::InviteOnly { "invite-only" } else { "public" };
        let (name, owner) = (escape_name(&room.room), escape_name(&room.owner_name));
        format!("{name}  ({access}, {} messages, {} members, owner {owner})", room.next_index, room.members)
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Create {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let access = if self.invite_only { Access::InviteOnly } else { Access::Public };
        let operation = ChatOperation::CreateRoom { room: self.room.clone(), access };
        let words = format!("the room {} is open", escape_name(&self.room));
        report(&self.speaker, &operation, output, words).await
    }
}

impl Join {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let words = format!("you are in {}", escape_name(&self.room));
        report(&self.speaker, &ChatOperation::Join { room: self.room.clone() }, output, words).await
    }
}

impl Leave {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let words = format!("you left {}", escape_name(&self.room));
        report(&self.speaker, &ChatOperation::Leave { room: self.room.clone() }, output, words).await
    }
}

impl Invite {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let member = key_of(&self.speaker, &self.member).await?;
        let words = format!("{} may enter {}", escape_name(&self.member), escape_name(&self.room));
        report(&self.speaker, &ChatOperation::Invite { room: self.room.clone(), member }, output, words).await
    }
}

impl Remove {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let member = key_of(&self.speaker, &self.member).await?;
        let words = format!("{} is out of {}", escape_name(&self.member), escape_name(&self.room));
        report(&self.speaker, &ChatOperation::Remove { room: self.room.clone(), member }, output, words).await
    }
}

async fn report(
    speaker: &Speaker,
    operation: &ChatOperation,
    output: Output,
    words: String,
) -> Result<(), Failure> {
    let (answer, sequence) = act(speaker, operation).await?;
    let mut result = serde_json::to_value(&answer).map_err(Failure::failed)?;
    if let Some(fields) = result.as_object_mut() {
        fields.insert("sequence".into(), sequence.0.into());
    }
    output.print(&result, |_| words)
}

/// The key that a text means: 64 hexadecimal digits are a key, everything else is a name.
async fn key_of(speaker: &Speaker, text: &str) -> Result<PublicKey, Failure> {
    if let Some(key) = PublicKey::from_hex(text) {
        return Ok(key);
    }
    let client = connect(&speaker.place, None).await?;
    match ask(&client, &ChatQuestion::IdentityByName { name: text.into() }).await? {
        (ChatAnswer::Identity { identity }, _) => Ok(identity.key),
        _ => Err(misfit()),
    }
}

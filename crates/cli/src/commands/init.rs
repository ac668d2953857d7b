//! `outvote init`: one replica's home with fresh keys.

use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place::Place;
use clap::Args;
use outvote::Home;
use outvote_chat::terminal::escape;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::Path;

/// Bytes of a public part at most: two keys and two addresses, with room.
const PART_BYTES_MAX: u64 = 4096;
/// So much of what is no public part is shown.
const SHOWN_CHARACTERS: usize = 80;

/// Makes one replica's home with fresh keys, and prints its public part for `committee create`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote init --home ./ada --address 192.0.2.7:4100 --output json > ada.json"
)]
pub(crate) struct Init {
    #[command(flatten)]
    place: Place,
    /// Where the other members and the clients reach this replica.
    #[arg(long)]
    address: SocketAddr,
    /// Where this replica serves its page.
    #[arg(long, default_value = "127.0.0.1:4000")]
    http: SocketAddr,
}

/// What a member tells the others: nothing in it is secret.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicPart {
    /// The consensus key, hexadecimal.
    pub(crate) consensus_key: String,
    /// The link key, hexadecimal.
    pub(crate) link_key: String,
    /// Where it listens.
    pub(crate) address: String,
    /// Where its page is.
    pub(crate) http: String,
}

impl Init {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let (_, keys) = Home::init(self.place.path(), self.address, self.http)?;
        let public = PublicPart {
            consensus_key: keys.consensus.public_key().to_hex(),
            link_key: keys.link.public_key().to_hex(),
            address: self.address.to_string(),
            http: self.http.to_string(),
        };
        output.print(&public, |public| {
            // The text form is what `committee create` takes too.
            format!("{}@{}@{}@{}", public.consensus_key, public.link_key, public.address, public.http)
        })
    }
}

impl PublicPart {
    /// Reads the one-line form `KEY@KEY@ADDRESS@HTTP`, or a file that holds it or its JSON form.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        let is_file = path.is_file();
        let content = if is_file { files::read(path, PART_BYTES_MAX)? } else { text.to_string() };
        let content = content.trim();
        let bad = |why: &str| {
            // What was given may be anything, and long.
            let given: String = text.chars().take(SHOWN_CHARACTERS).collect();
            let what = if is_file { "holds no public part" } else { "is neither a file nor a public part" };
            Failure::usage(format!(
                "`{}` {what}{why}: give what `outvote init` printed, or a file that holds it",
                escape(&given)
            ))
        };
        if content.starts_with(['{', '[', '"']) {
            return serde_json::from_str(content).map_err(|error| bad(&format!(" ({error})")));
        }
        let parts: Vec<&str> = content.split('@').collect();
        match parts[..] {
            [consensus_key, link_key, address, http] => Ok(Self {
                consensus_key: consensus_key.into(),
                link_key: link_key.into(),
                address: address.into(),
                http: http.into(),
            }),
            _ => Err(bad("")),
        }
    }
}

//! `outvote chat register`: a key of one's own and a name for it.

use super::{ask, parse};
use crate::connection::{connect, submit};
use crate::failure::Failure;
use crate::identities::Identities;
use crate::output::Output;
use crate::place::Place;
use clap::Args;
use outvote_chat::{ChatAnswer, ChatOperation, ChatQuestion};
use serde_json::json;

/// Takes a name: makes a key for it here and registers it, first come, for ever.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: outvote chat register ada\nThe key stays in client/identities/ada.key of the home: whoever has that file is ada."
)]
pub(crate) struct Register {
    #[command(flatten)]
    place: Place,
    /// The name.
    name: String,
}

impl Register {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        // The cluster first: no key is left behind for a place that has none.
        self.place.committee()?;
        let identities = Identities::of(&self.place);
        let (identity, is_new) = identities.load_or_create(&self.name)?;
        let key = identity.keys.public_key();
        let client = connect(&self.place, Some(identity.signer())).await?;
        let earlier = if is_new { None } else { ask(&client, &ChatQuestion::Identity { key }).await.ok() };
        let is_registered = matches!(&earlier, Some((ChatAnswer::Identity { identity: found }, _)) if found.name == self.name);
        if !is_registered {
            let operation = ChatOperation::Register { name: self.name.clone() };
            let registered = submit(&client, operation.encode()).await;
            if let Err(failure) = registered {
                // A key whose name was refused is of no use; one whose fate is open must stay.
                if is_new && failure.is_rejection() {
                    let _ = std::fs::remove_file(identities.path(&self.name));
                }
                return Err(failure);
            }
            let (_, committed) = registered?;
            committed.answer().map(parse).transpose()?;
        }
        identities.set_default(&self.name)?;
        let file = identities.path(&self.name);
        let result = json!({"name": identity.name, "key": key.to_hex(), "file": file});
        output.print(&result, |_| format!("{} is registered; the key is in {}", self.name, file.display()))
    }
}

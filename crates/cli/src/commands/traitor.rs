//! `outvote traitor`: makes a running replica of a demo lie, or stop lying.

use crate::connection::{connect, runtime};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use outvote::{Client, ClientError, ReplicaId};
use outvote_node::Behaviour;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a link may take to come up, and how often it is looked at.
const LINK_GRACE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Makes a running replica lie, or stop lying. Only a cluster whose genesis says demo accepts it.
#[derive(Debug, Args)]
#[command(after_help = "Example: outvote traitor 2 equivocate\n         outvote traitor 2 honest")]
pub(crate) struct Traitor {
    #[command(flatten)]
    place: Place,
    /// Which replica.
    id: u16,
    /// How it behaves from now on.
    #[arg(value_parser = behaviours())]
    behaviour: Behaviour,
}

/// Takes the name of a behaviour, and names them all with what they do. The list is the liars' own.
fn behaviours() -> impl TypedValueParser<Value = Behaviour> {
    let values = Behaviour::ALL.map(|one| PossibleValue::new(one.name()).help(one.in_words()));
    PossibleValuesParser::new(values)
        .try_map(|name| Behaviour::from_name(&name).ok_or("it is none of the behaviours"))
}

impl Traitor {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let file = self.place.committee()?;
        let n = file.committee.members.len();
        if usize::from(self.id) >= n {
            return Err(Failure::usage(format!(
                "there is no replica {}: they are numbered 0 to {}",
                self.id,
                n - 1
            )));
        }
        if !file.committee.demo {
            return Err(Failure::usage(
                "this cluster's genesis does not say demo: its replicas cannot be told to lie",
            ));
        }
        let name = self.behaviour.name();
        runtime()?.block_on(async {
            let client = connect(&self.place, None).await?;
            tell(&client, ReplicaId(self.id), name).await
        })?;
        output.print(&json!({"id": self.id, "behaviour": name}), |_| match self.behaviour {
            Behaviour::Honest => format!("replica {} keeps to the rules again", self.id),
            _ => format!(
                "replica {} lies from now on ({name}): watch `outvote status` and `outvote evidence list`; `outvote traitor {} honest` ends it",
                self.id, self.id
            ),
        })
    }
}

/// Tells a replica how to behave. The link to it may only just be coming up, which gets a moment.
async fn tell(client: &Client, id: ReplicaId, behaviour: &str) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        match client.behave(id, behaviour).await {
            Err(ClientError::Unreachable { .. }) if began.elapsed() < LINK_GRACE => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            done => return Ok(done?),
        }
    }
}

//! How a command talks to the cluster: through the ordinary client, which trusts no single replica.

use crate::failure::Failure;
use crate::place::Place;
use outvote::{Client, ClientError, Committed, Finished, SessionKey};
use outvote_client::{Outcome, Ticket, Tunables};
use tokio::runtime::{Builder, Runtime};

/// A runtime for one command.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(Failure::failed)
}

/// A runtime with a thread for each processor, for commands that drive many clients.
pub(crate) fn wide_runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)
}

/// A client of the place's cluster; with a key, its session is ready.
pub(crate) async fn connect(place: &Place, signer: Option<SessionKey>) -> Result<Client, Failure> {
    let builder = Client::builder(place.committee()?).tunables(tunables()?);
    let builder = match signer {
        Some(signer) => builder.identity(signer),
        None => builder,
    };
    Ok(builder.connect().await?)
}

/// The defaults, with a seed of this process's own, so that clients refused together do not return together.
pub(crate) fn tunables() -> Result<Tunables, Failure> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
    Ok(Tunables { seed: u64::from_le_bytes(seed), ..Tunables::default() })
}

/// Submits one operation. A rejection and a missed deadline are failures with their own exit codes.
pub(crate) async fn submit(client: &Client, payload: Vec<u8>) -> Result<(Ticket, Committed), Failure> {
    let Finished { ticket, outcome } = client.submit_bytes(payload).await?;
    match outcome {
        Outcome::Committed(committed) => Ok((ticket, committed)),
        Outcome::Rejected(rejected) => Err(refused(&rejected.code, &rejected.reason)),
        Outcome::Pending => Err(Failure::pending(
            "still pending: the cluster did not decide before the deadline and may still do so. Look (`outvote chat history`, \
             `outvote status`) before you try again",
        )),
    }
}

/// The words for a refusal that all honest replicas give.
pub(crate) fn refused(code: &str, reason: &str) -> Failure {
    Failure::rejected(format!("rejected ({code}): {reason}"))
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Deadline => Self::pending(error),
            ClientError::Submit(_) | ClientError::QuestionTooLong | ClientError::Committee(_) => {
                Self::usage(error)
            }
            ClientError::Refused { .. } => Self::rejected(error),
            other => Self::failed(other),
        }
    }
}

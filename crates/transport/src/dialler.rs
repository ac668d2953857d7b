//! Dialling again and again: members with a higher index for a link, those with a lower one to say that we are there.

use crate::dial::{Stream, dial, explain};
use crate::error::TransportError;
use crate::hello::{self, Class};
use crate::link;
use crate::links::Shared;
use crate::tls::ClientSide;
use outvote_types::{PublicKey, ReplicaId};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A link that lived this long was a good one: the next pause before dialling starts small again.
const GOOD_LINK: Duration = Duration::from_secs(1);
/// How often is knocked while there is no link.
const KNOCK_EVERY: Duration = Duration::from_secs(1);

/// Keeps one connection to one member, for as long as the links live.
pub(crate) struct Dialler {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: ReplicaId,
    pub(crate) class: Class,
    pub(crate) address: String,
    pub(crate) side: ClientSide,
    pub(crate) ours: PublicKey,
}

impl Dialler {
    pub(crate) async fn run(self) {
        let limits = &self.shared.limits;
        let mut pause = limits.backoff_min;
        loop {
            let dialled = tokio::select! {
                dialled = tokio::time::timeout(limits.handshake_timeout, self.connect()) => dialled,
                () = self.shared.stopped() => return,
            };
            match dialled.unwrap_or_else(|_| Err(self.too_slow())) {
                Ok(stream) => {
                    let since = Instant::now();
                    link::serve(&self.shared, self.peer, self.class, stream).await;
                    if since.elapsed() >= GOOD_LINK {
                        pause = limits.backoff_min;
                    }
                }
                Err(error) => self.shared.failed(self.peer, &error),
            }
            tokio::select! {
                () = tokio::time::sleep(jittered(pause)) => {}
                () = self.shared.knocked(self.peer) => {}
                () = self.shared.stopped() => return,
            }
            // N12: resets in a row are not answered by a storm of our own.
            pause = pause.saturating_mul(2).min(limits.backoff_max);
        }
    }

    async fn connect(&self) -> Result<Stream, TransportError> {
        call(&self.shared, self.peer, self.class, (&self.address, &self.side, self.ours)).await
    }

    fn too_slow(&self) -> TransportError {
        let limit = self.shared.limits.handshake_timeout.as_millis();
        let limit_ms = u64::try_from(limit).unwrap_or(u64::MAX);
        TransportError::Deadline { address: self.address.clone(), limit_ms }
    }
}

/// Says to a member that is to dial us that we are there, for as long as there is no link: then it need not wait before it dials
/// again, and it hears of this process even if it dials another one with our key (D27).
pub(crate) struct Knocker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: ReplicaId,
    pub(crate) address: String,
    pub(crate) side: ClientSide,
    pub(crate) ours: PublicKey,
}

impl Knocker {
    pub(crate) async fn run(self) {
        let limits = &self.shared.limits;
        loop {
            let knock = async {
                if !self.shared.is_up(self.peer) {
                    let other = (&*self.address, &self.side, self.ours);
                    let knocked = call(&self.shared, self.peer, Class::Knock, other);
                    match tokio::time::timeout(limits.handshake_timeout, knocked).await {
                        Ok(Ok(_)) => {}
                        // It is the other one's link to make, and its failures are said there.
                        Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "knocked in vain"),
                        Err(_) => tracing::debug!(peer = %self.peer, "knocked in vain"),
                    }
                }
                tokio::time::sleep(jittered(KNOCK_EVERY)).await;
            };
            tokio::select! {
                () = knock => {}
                () = self.shared.stopped() => return,
            }
        }
    }
}

/// Connects, greets and introduces.
async fn call(
    shared: &Shared,
    peer: ReplicaId,
    class: Class,
    (address, side, ours): (&str, &ClientSide, PublicKey),
) -> Result<Stream, TransportError> {
    let mut stream = dial(address, side, Some(ours), &shared.limits).await?;
    // A refusal of our own key arrives only now: in TLS 1.3 the dialling side finishes first.
    let said = hello::greet(&mut stream, class, &shared.cluster)
        .await
        .map_err(|error| explain(address, side, Some(ours), error))?;
    if let Err(refusal) = said {
        return Err(TransportError::TurnedAway { address: address.into(), why: refusal.in_words() });
    }
    shared.introduce(peer, &mut stream).await?;
    Ok(stream)
}

/// Half to one and a half of the pause, so that members that lost each other together do not dial together.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) % 1024;
    pause.mul_f64(0.5 + random as f64 / 1024.0)
}

//! What goes on behind the screen: looking at the room, the list of rooms and the replicas, and sending.

use super::state::Sending;
use crate::commands::chat::{feed, rooms};
use crate::commands::status;
use crate::failure::Failure;
use outvote::{Client, Outcome};
use outvote_chat::{ChatOperation, MessageView, RoomView};
use outvote_types::PublicKey;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often the room is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How often the replicas and the list of rooms are.
const GATHER_EVERY: Duration = Duration::from_secs(1);
/// Earlier messages of a room that is entered.
const FIRST_PAGE: u64 = 200;

/// News for the screen.
pub(super) enum Update {
    /// The rooms that may be entered.
    Rooms(Vec<RoomView>),
    /// Messages that were not there before, oldest first.
    Messages {
        /// Of which room.
        room: String,
        /// Which.
        messages: Vec<MessageView>,
    },
    /// The cluster, as `outvote status` shows it.
    Status(Value),
    /// An own message stands.
    Agreed {
        /// Which.
        id: u64,
    },
    /// An own message does not stand (yet).
    Fate {
        /// Which.
        id: u64,
        /// What became of it.
        sending: Sending,
    },
    /// Something does not work at the moment.
    Trouble(String),
}

/// Talks to the cluster on tasks of its own.
pub(super) struct Worker {
    client: Client,
    room: watch::Sender<Option<String>>,
    updates: mpsc::Sender<Update>,
}

impl Worker {
    pub(super) fn start(
        client: Client,
        me: PublicKey,
        first: Option<String>,
        updates: mpsc::Sender<Update>,
    ) -> Self {
        let (room, looked_at) = watch::channel(first);
        tokio::spawn(follow(client.clone(), me, looked_at, updates.clone()));
        tokio::spawn(gather(client.clone(), me, updates.clone()));
        Self { client, room, updates }
    }

    /// Follows another room from now on.
    pub(super) fn look(&self, room: String) {
        self.room.send_replace(Some(room));
    }

    /// Sends a message; its fate comes as an update.
    pub(super) fn send(&self, id: u64, room: String, text: String) {
        let (client, updates) = (self.client.clone(), self.updates.clone());
        tokio::spawn(async move {
            let operation = ChatOperation::Post { room, text };
            let mut finished = client.submit_bytes(operation.encode()).await;
            loop {
                let update = match &finished {
                    Ok(done) => match &done.outcome {
                        Outcome::Committed(_) => Update::Agreed { id },
                        Outcome::Rejected(rejected) => {
                            Update::Fate { id, sending: Sending::Rejected(rejected.reason.clone()) }
                        }
                        Outcome::Pending => Update::Fate { id, sending: Sending::Pending },
                    },
                    Err(error) => Update::Fate { id, sending: Sending::Rejected(error.to_string()) },
                };
                let ticket = match &finished {
                    Ok(done) if done.outcome == Outcome::Pending => Some(done.ticket),
                    _ => None,
                };
                if updates.send(update).await.is_err() {
                    return;
                }
                // Asking again under the same ticket never posts twice.
                let Some(ticket) = ticket else { return };
                finished = client.ask_again(ticket).await;
            }
        });
    }
}

async fn follow(
    client: Client,
    me: PublicKey,
    mut looked_at: watch::Receiver<Option<String>>,
    updates: mpsc::Sender<Update>,
) {
    let mut position: Option<(String, u64)> = None;
    loop {
        let room = looked_at.borrow_and_update().clone();
        if let Some(room) = room {
            let next = position.as_ref().filter(|(at, _)| *at == room).map(|(_, next)| *next);
            let update = match look(&client, me, &room, next).await {
                Ok(messages) => {
                    let next = messages.last().map_or(next.unwrap_or(0), |message| message.index + 1);
                    position = Some((room.clone(), next));
                    Update::Messages { room, messages }
                }
                Err(failure) => Update::Trouble(failure.to_string()),
            };
            if updates.send(update).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            changed = looked_at.changed() => if changed.is_err() { return },
        }
    }
}

async fn look(
    client: &Client,
    me: PublicKey,
    room: &str,
    next: Option<u64>,
) -> Result<Vec<MessageView>, Failure> {
    match next {
        Some(next) => feed::newer(client, room, Some(me), next).await,
        None => Ok(feed::latest(client, room, Some(me), None, FIRST_PAGE).await?.0),
    }
}

async fn gather(client: Client, me: PublicKey, updates: mpsc::Sender<Update>) {
    loop {
        let began = Instant::now();
        let status = status::gather_with(&client).await;
        let news = [rooms::all(&client, Some(me)).await.map(Update::Rooms), status.map(Update::Status)];
        for update in news {
            let update = update.unwrap_or_else(|failure| Update::Trouble(failure.to_string()));
            if updates.send(update).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(GATHER_EVERY.saturating_sub(began.elapsed())).await;
    }
}

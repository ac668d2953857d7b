//! `GET /api/v1/events`: server-sent events.

use super::extract::{Asked, optional_key};
use super::feed::{Feed, Listener, News, evidence_json, status_json};
use super::rooms::history;
use crate::question::{ChatQuestion, MAX_PAGE};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use outvote_node::schema::hexadecimal;
use outvote_node::{ApiError, Route};
use outvote_types::PublicKey;
use serde::Deserialize;
use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// A sign of life for proxies and for noticing that the browser is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The query of the events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// Whose invite-only rooms to hear of, too: a claim, as everywhere.
    reader: Option<String>,
}

pub(crate) fn about() -> Route {
    let about =
        "Server-sent events: `message` as in a page of messages, `status` and `evidence` as in /status";
    Route::text(about, "text/event-stream").query(
        "reader",
        "whose invite-only rooms to hear of, too: a key in hexadecimal",
        hexadecimal(),
    )
}

/// The stream: the report and the proofs at once, then everything new.
pub(crate) async fn events(
    State(feed): State<Feed>,
    Asked(query): Asked<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let reader = optional_key(query.reader.as_deref())?;
    let listener = feed.listen().ok_or_else(|| {
        ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "too many pages listen here",
            "listen to another replica",
        )
    })?;
    let report = feed.handle.report();
    let evidence = evidence_json(&report, &mut BTreeSet::new());
    let first = status_json(&report).into_iter().map(|json| event("status", &json));
    let ready = first.chain(evidence.iter().map(|json| event("evidence", json))).collect();
    let state = Listening { feed, listener, reader, ready };
    Ok(Sse::new(stream::unfold(state, Listening::next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn event(name: &str, json: &Arc<str>) -> Event {
    Event::default().event(name).data(json)
}

/// One listener's stream.
struct Listening {
    feed: Feed,
    listener: Listener,
    reader: Option<PublicKey>,
    /// What is to be sent before more is heard.
    ready: VecDeque<Event>,
}

impl Listening {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while self.ready.is_empty() {
            // A listener that fell behind, or a node that stops: the stream ends, and the page comes back and catches up.
            match self.listener.news.recv().await.ok()? {
                News::Message(json) => self.ready.push_back(event("message", &json)),
                News::Status(json) => self.ready.push_back(event("status", &json)),
                News::Evidence(json) => self.ready.push_back(event("evidence", &json)),
                News::Closed { room, first } => self.read(&room, first).await,
            }
        }
        let event = self.ready.pop_front()?;
        Some((Ok(event), self))
    }

    /// The same check as for every other page of history, by the state as it is now.
    async fn read(&mut self, room: &str, first: u64) {
        if self.reader.is_none() {
            return;
        }
        let after = Some(first.wrapping_sub(1));
        let question = ChatQuestion::History {
            room: room.into(),
            before: None,
            after,
            limit: MAX_PAGE,
            reader: self.reader,
        };
        // Whoever may not read it hears nothing of it.
        let Ok((messages, _)) = history(&self.feed.handle, &question).await else { return };
        let events = messages.iter().filter_map(|message| serde_json::to_string(message).ok());
        self.ready.extend(events.map(|json| event("message", &Arc::from(json))));
    }
}

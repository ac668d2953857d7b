//! Rooms, members and messages, as this replica sees them.

use super::error::{ask, unexpected};
use super::extract::{Asked, Segment, key, optional_key};
use crate::answer::{ChatAnswer, MessageView, RoomView};
use crate::question::ChatQuestion;
use axum::Json;
use axum::extract::State;
use outvote_node::schema::{self, count, flag, hexadecimal, maybe, object, one_of, text, whole};
use outvote_node::{ApiError, NodeHandle, Route};
use serde::Deserialize;
use serde_json::{Value, json};

/// What stands for a room in a path.
const ROOM: &str = "the room's name, percent-encoded";
/// Who asks is a claim: nothing is signed, and a replica that lies shows what it likes.
pub(super) const READER: &str =
    "the key of a member, in hexadecimal; an invite-only room is shown to members alone";
const LIMIT: &str = "at most so many; 0 for as many as a page holds";

fn room_schema() -> Value {
    object(&[
        ("room", text()),
        ("access", one_of(&["public", "invite-only"])),
        ("owner", hexadecimal()),
        ("owner_name", text()),
        ("created_us", count()),
        ("next_index", count()),
        ("members", count()),
    ])
}

fn message_schema() -> Value {
    object(&[
        ("index", count()),
        ("sequence", count()),
        ("position", count()),
        ("room", text()),
        ("author", text()),
        ("key", hexadecimal()),
        ("time_us", count()),
        ("text", text()),
        ("edited", flag()),
        ("deleted", flag()),
    ])
}

pub(crate) fn about_list() -> Route {
    let answer = object(&[("rooms", schema::list(room_schema())), ("next", maybe(text()))]);
    Route::new("Public rooms, and the invite-only rooms of as_key, by name", answer)
        .query("as_key", "whose invite-only rooms to show, too: a key in hexadecimal", hexadecimal())
        .query("after", "the `next` of the page before", text())
        .query("limit", LIMIT, count())
}

/// The query of the list of rooms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomsQuery {
    as_key: Option<String>,
    after: Option<String>,
    #[serde(default)]
    limit: u32,
}

/// `GET /api/v1/rooms`
pub(crate) async fn list(
    State(handle): State<NodeHandle>,
    Asked(query): Asked<RoomsQuery>,
) -> Result<Json<Value>, ApiError> {
    let as_key = optional_key(query.as_key.as_deref())?;
    match ask(&handle, &ChatQuestion::Rooms { as_key, after: query.after, limit: query.limit }).await? {
        ChatAnswer::Rooms { rooms, next } => Ok(Json(json!({"rooms": rooms, "next": next}))),
        _ => Err(unexpected()),
    }
}

pub(crate) fn about_one() -> Route {
    Route::new("One room", room_schema()).path("room", ROOM).query(
        "reader",
        "makes no difference",
        hexadecimal(),
    )
}

/// The query of one room. What a room is called, whose it is and how much was said in it is no secret, so the reader makes no
/// difference here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomQuery {
    reader: Option<String>,
}

/// `GET /api/v1/rooms/{room}`
pub(crate) async fn one(
    State(handle): State<NodeHandle>,
    Segment(room): Segment,
    Asked(query): Asked<RoomQuery>,
) -> Result<Json<RoomView>, ApiError> {
    optional_key(query.reader.as_deref())?;
    match ask(&handle, &ChatQuestion::Room { room }).await? {
        ChatAnswer::Room { room } => Ok(Json(room)),
        _ => Err(unexpected()),
    }
}

pub(crate) fn about_members() -> Route {
    let member = object(&[("key", hexadecimal()), ("name", text()), ("since_us", count())]);
    let answer = object(&[("members", schema::list(member)), ("next", maybe(hexadecimal()))]);
    Route::new("Who is in a room", answer)
        .path("room", ROOM)
        .query("reader", READER, hexadecimal())
        .query("after", "the `next` of the page before", hexadecimal())
        .query("limit", LIMIT, count())
}

/// The query of the members of a room.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersQuery {
    reader: Option<String>,
    after: Option<String>,
    #[serde(default)]
    limit: u32,
}

/// `GET /api/v1/rooms/{room}/members`
pub(crate) async fn members(
    State(handle): State<NodeHandle>,
    Segment(room): Segment,
    Asked(query): Asked<MembersQuery>,
) -> Result<Json<Value>, ApiError> {
    let reader = optional_key(query.reader.as_deref())?;
    let after = query.after.as_deref().map(key).transpose()?;
    match ask(&handle, &ChatQuestion::Members { room, reader, after, limit: query.limit }).await? {
        ChatAnswer::Members { members, next } => {
            Ok(Json(json!({"members": members, "next": next.map(|key| key.to_hex())})))
        }
        _ => Err(unexpected()),
    }
}

pub(crate) fn about_messages() -> Route {
    let answer = object(&[("messages", schema::list(message_schema())), ("next", count())]);
    Route::new("A page of messages, oldest first; `next` is the index of the room's next message", answer)
        .path("room", ROOM)
        .query("before", "only messages before this index, the latest ones of them", count())
        .query("after", "only messages after this index, the first ones of them; -1 for the first", whole())
        .query("limit", LIMIT, count())
        .query("reader", READER, hexadecimal())
}

/// The query of a page of messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessagesQuery {
    before: Option<u64>,
    /// -1 stands for the place before the first message.
    after: Option<i64>,
    #[serde(default)]
    limit: u32,
    reader: Option<String>,
}

/// `GET /api/v1/rooms/{room}/messages`
pub(crate) async fn messages(
    State(handle): State<NodeHandle>,
    Segment(room): Segment,
    Asked(query): Asked<MessagesQuery>,
) -> Result<Json<Value>, ApiError> {
    let reader = optional_key(query.reader.as_deref())?;
    let after = query.after.map(|after| u64::try_from(after).unwrap_or(u64::MAX));
    let question = ChatQuestion::History { room, before: query.before, after, limit: query.limit, reader };
    let (messages, next) = history(&handle, &question).await?;
    Ok(Json(json!({"messages": messages, "next": next})))
}

/// The messages of a [`ChatQuestion::History`], and the index that the next one will get.
pub(crate) async fn history(
    handle: &NodeHandle,
    question: &ChatQuestion,
) -> Result<(Vec<MessageView>, u64), ApiError> {
    match ask(handle, question).await? {
        ChatAnswer::History { messages, next_index } => Ok((messages, next_index)),
        _ => Err(unexpected()),
    }
}

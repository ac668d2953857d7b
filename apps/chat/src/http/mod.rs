//! The routes that a replica serves for the chat and its page, and the page itself.
//!
//! The replica is an untrusted gateway here: operations arrive signed, and go to all replicas through the ordinary client;
//! what comes back is a receipt that the page checks itself. What is read from this replica alone (rooms, messages, names) is
//! one replica's word: a page compares it with receipts and with other replicas.

mod error;
mod extract;

mod cluster;
mod people;
mod rooms;

mod gateway;
mod requests;
mod traitor;

mod events;
mod feed;

mod page;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use gateway::Gateway;
use outvote_node::{AppRoutes, NodeHandle};

const DOCUMENTED: [(&str, &str); 13] = [
    ("/api/v1/cluster", "The committee: keys, addresses, signing domains"),
    ("/api/v1/rooms", "Public rooms, and the invite-only rooms of as_key"),
    ("/api/v1/rooms/{room}", "One room"),
    ("/api/v1/rooms/{room}/members", "Who is in a room; reader must be a member of an invite-only one"),
    ("/api/v1/rooms/{room}/messages", "A page of messages; reader must be a member of an invite-only room"),
    ("/api/v1/identities/{key}", "Who has a key"),
    ("/api/v1/names/{name}", "Who has a name"),
    ("/api/v1/sessions/{key}", "Where a session stands at this replica"),
    ("/api/v1/submit", "POST: a signed request; answers with its outcome and receipt"),
    ("/api/v1/receipts", "The receipt of an operation by its place: sequence and position"),
    ("/api/v1/events", "Server-sent events: message, status, evidence"),
    ("/api/v1/traitor", "POST: makes a replica of a demonstration cluster lie, or stop lying"),
    ("/", "The page"),
];

/// The chat's routes for this node; give this to `outvote_node::Node::routes`. Must be called inside a tokio runtime.
#[must_use]
pub fn routes(handle: &NodeHandle) -> AppRoutes {
    let gateway = Gateway::new(handle.committee().clone());
    let feed = feed::Feed::start(handle);
    let asking = Router::new()
        .route("/api/v1/cluster", get(cluster::cluster))
        .route("/api/v1/rooms", get(rooms::list))
        .route("/api/v1/rooms/{room}", get(rooms::one))
        .route("/api/v1/rooms/{room}/members", get(rooms::members))
        .route("/api/v1/rooms/{room}/messages", get(rooms::messages))
        .route("/api/v1/identities/{key}", get(people::identity))
        .route("/api/v1/names/{name}", get(people::by_name))
        .route("/api/v1/sessions/{key}", get(people::session))
        .with_state(handle.clone());
    let acting = Router::new()
        .route("/api/v1/submit", post(requests::submit))
        .route("/api/v1/receipts", get(requests::receipt))
        .route("/api/v1/traitor", post(traitor::traitor))
        .with_state(gateway);
    let router = Router::new()
        .merge(asking)
        .merge(acting)
        .route("/api/v1/events", get(events::events).with_state(feed))
        .fallback(page::page)
        .method_not_allowed_fallback(error::wrong_method)
        // The node bounds bodies, by the size of a request.
        .layer(DefaultBodyLimit::disable());
    AppRoutes { router, documented: DOCUMENTED.to_vec() }
}

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
mod receipts;
mod requests;
mod traitor;

mod events;
mod feed;

mod page;

use axum::extract::DefaultBodyLimit;
use gateway::Gateway;
use outvote_node::{AppRoutes, NodeHandle};

/// The chat's routes for this node; give this to `outvote_node::Node::routes`. Must be called inside a tokio runtime.
#[must_use]
pub fn routes(handle: &NodeHandle) -> AppRoutes {
    let gateway = Gateway::new(handle.committee().clone());
    let feed = feed::Feed::start(handle);
    let asking = AppRoutes::new()
        .get("/api/v1/cluster", cluster::about(), cluster::cluster)
        .get("/api/v1/rooms", rooms::about_list(), rooms::list)
        .get("/api/v1/rooms/{room}", rooms::about_one(), rooms::one)
        .get("/api/v1/rooms/{room}/members", rooms::about_members(), rooms::members)
        .get("/api/v1/rooms/{room}/messages", rooms::about_messages(), rooms::messages)
        .get("/api/v1/identities/{key}", people::about_identity(), people::identity)
        .get("/api/v1/names/{name}", people::about_name(), people::by_name)
        .get("/api/v1/sessions/{key}", people::about_session(), people::session)
        .with_state(handle.clone());
    let acting = AppRoutes::new()
        .post("/api/v1/submit", requests::about_submit(), requests::submit)
        .post("/api/v1/traitor", traitor::about(), traitor::traitor)
        .with_state(gateway.clone());
    let proofs = AppRoutes::new()
        .get("/api/v1/receipts", receipts::about(), receipts::receipt)
        .with_state((gateway, handle.clone()));
    let events = AppRoutes::new().get("/api/v1/events", events::about(), events::events).with_state(feed);
    let page = AppRoutes::new().get("/", page::about(), page::page);
    asking.merge(acting).merge(proofs).merge(events).merge(page).map(|router| {
        router
            // The files that the page is made of.
            .fallback(page::page)
            .method_not_allowed_fallback(error::wrong_method)
            // The node bounds bodies, by the size of a request.
            .layer(DefaultBodyLimit::disable())
    })
}

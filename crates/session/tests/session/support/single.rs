//! One session whose links are up, and what its clock makes of it.

use super::{Cluster, at, key, operation, verify};
use outvote_session::{Outcome, Output, Session, Ticket, Tunables};
use outvote_types::client::ToReplica;
use outvote_types::{Nonce, ReplicaId};
use std::sync::Arc;

pub const CLIENT: u8 = 1;

pub fn session(cluster: &Cluster) -> Session {
    let signer = Arc::new(key(CLIENT));
    let tunables = Tunables { seed: 3, ..Tunables::default() };
    let mut session = Session::new(&cluster.committee, verify(), signer, Some(Nonce(1)), tunables).unwrap();
    for replica in 0..u16::try_from(cluster.replicas.len()).unwrap() {
        session.on_link(ReplicaId(replica), true);
    }
    let _ = session.drain();
    session
}

/// A session with one request in flight, and that request.
pub fn one_in_flight(cluster: &Cluster) -> (Session, Ticket, outvote_types::Request) {
    let mut session = session(cluster);
    let ticket = session.submit(at(0), vec![operation("hello")]).unwrap();
    let request = session
        .drain()
        .iter()
        .find_map(|output| match output {
            Output::Send { message: ToReplica::Submit(requests), .. } => Some(requests[0].clone()),
            _ => None,
        })
        .unwrap();
    (session, ticket, request)
}

pub fn tick_to(session: &mut Session, milliseconds: u64) -> Vec<Output> {
    let mut outputs = Vec::new();
    while let Some(due) = session.wake_at().filter(|due| *due <= at(milliseconds)) {
        session.tick(due);
        outputs.extend(session.drain());
    }
    outputs
}

pub fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
}

/// A session that has had so many outcomes that it may have all of its window under way; its next nonce is [`PROVEN_NEXT`].
pub fn proven_session(cluster: &mut Cluster) -> Session {
    let mut session = session(cluster);
    for nonce in 1..PROVEN_NEXT {
        let _ = session.submit(at(0), vec![operation("x")]).unwrap();
        let request = super::request(cluster, &key(CLIENT), nonce, &["x"]);
        let block = cluster.applied(&[request]);
        (0..2).for_each(|replica| {
            session.on_message(at(0), ReplicaId(replica), cluster.results(replica, &block))
        });
        let _ = session.drain();
    }
    session
}

/// See [`proven_session`].
pub const PROVEN_NEXT: u64 = 57;

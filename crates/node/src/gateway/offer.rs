//! Overload is refused before it costs a signature check (P5, P8).

use super::connection::{Ingress, names_of};
use super::{ConnectionId, GatewayJob, RETRY_AFTER_MS};
use crate::core_thread::CoreEvent;
use outvote_types::{Request, ToClient};
use tokio::sync::oneshot;

/// Those of a connection's requests that the core would take in; the others are refused. Costs nothing while nobody is refused.
pub(super) async fn admitted(id: ConnectionId, requests: Vec<Request>, ingress: &Ingress) -> Vec<Request> {
    if !ingress.shared.is_full() || requests.is_empty() {
        return requests;
    }
    let (admitted, told) = oneshot::channel();
    let _ = ingress.core.send(CoreEvent::Offer { names: names_of(&requests), admitted });
    // The core is gone only when the node stops, and nothing is refused in its name then.
    let Ok(verdicts) = told.await else { return Vec::new() };
    let mut taken = Vec::with_capacity(requests.len());
    for (request, is_admitted) in requests.into_iter().zip(verdicts) {
        if is_admitted {
            taken.push(request);
            continue;
        }
        // To this connection alone: nobody knows whether the request is its session's own.
        let (session, nonce) = (request.body.session, request.body.nonce);
        let message = Box::new(ToClient::Busy { session, nonce, retry_after_ms: RETRY_AFTER_MS });
        let _ = ingress.gateway.send(GatewayJob::Send { id, message });
    }
    taken
}

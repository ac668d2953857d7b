//! Who the replicas are, in what a page needs to check receipts.

use axum::Json;
use axum::extract::State;
use outvote_node::NodeHandle;
use outvote_types::{Digest, Domain, Kind, encode};
use serde_json::{Value, json};

/// `GET /api/v1/cluster`
pub(crate) async fn cluster(State(handle): State<NodeHandle>) -> Json<Value> {
    let file = handle.committee();
    let committee = &file.committee;
    let report = handle.report();
    let members: Vec<Value> = committee
        .members
        .iter()
        .zip(&file.http)
        .zip(0u16..)
        .map(|((member, http), id)| {
            json!({
                "id": id,
                "consensus_key": member.consensus_key.to_hex(),
                "link_key": member.link_key.to_hex(),
                // A member without a page has none to be linked to.
                "http": if http.is_empty() { Value::Null } else { format!("http://{http}").into() },
            })
        })
        .collect();
    Json(json!({
        "cluster": committee.cluster_id().to_hex(),
        "config_digest": committee.config_digest().to_hex(),
        "mode": report.mode,
        "demo": committee.demo,
        "epoch": committee.epoch.0,
        "n": report.n,
        "f": report.f,
        "quorum": report.quorum,
        "client_domain": domain_hex(&Domain::clients(&committee.cluster_id())),
        "replica_domain": domain_hex(&committee.domain()),
        "me": handle.me().0,
        "members": members,
        "committee": hex::encode(encode(committee)),
    }))
}

/// The domain's 32 bytes, which lead everything signed in it.
fn domain_hex(domain: &Domain) -> String {
    hex::encode(&domain.signing_bytes(Kind::Request, &Digest::ZERO)[..32])
}

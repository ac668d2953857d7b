//! Who the replicas are, in what a page needs to check receipts.

use axum::Json;
use axum::extract::State;
use outvote_node::schema::{count, flag, hexadecimal, list, maybe, object, one_of, text};
use outvote_node::{NodeHandle, Route};
use outvote_types::{Digest, Domain, Kind, encode};
use serde_json::{Value, json};

pub(crate) fn about() -> Route {
    let member = object(&[
        ("id", count()),
        ("consensus_key", hexadecimal()),
        ("link_key", hexadecimal()),
        ("http", maybe(text())),
    ]);
    let answer = object(&[
        ("cluster", hexadecimal()),
        ("config_digest", hexadecimal()),
        ("mode", one_of(&["byzantine", "federated"])),
        ("demo", flag()),
        ("epoch", count()),
        ("n", count()),
        ("f", count()),
        ("quorum", count()),
        ("client_domain", hexadecimal()),
        ("replica_domain", hexadecimal()),
        ("me", count()),
        ("members", list(member)),
        ("committee", hexadecimal()),
    ]);
    Route::new("The committee: keys, pages, signing domains, and its canonical bytes", answer)
}

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

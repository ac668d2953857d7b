//! Makes a replica of a demonstration cluster lie, or stop lying.

use super::error::from_client;
use super::extract::Json;
use super::gateway::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use outvote_node::schema::{count, object, text};
use outvote_node::{ApiError, Route};
use outvote_types::ReplicaId;
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest name of a behaviour that is passed on.
const MAX_BEHAVIOUR_BYTES: usize = 64;

/// Who is to do what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    replica: u16,
    behaviour: String,
}

pub(crate) fn about() -> Route {
    let wish = object(&[("replica", count()), ("behaviour", text())]);
    Route::new("Makes a replica of a demonstration cluster lie, or stop lying", wish.clone()).body(wish)
}

/// `POST /api/v1/traitor`
pub(crate) async fn traitor(
    State(gateway): State<Gateway>,
    Json(wish): Json<Wish>,
) -> Result<axum::Json<Value>, ApiError> {
    let committee = &gateway.committee().committee;
    if !committee.demo {
        let hint = "start `outvote demo`, whose genesis allows it";
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "not-a-demo",
            "no replica of this cluster may be told to lie",
            hint,
        ));
    }
    let replica = ReplicaId(wish.replica);
    if committee.member(replica).is_none() {
        let message =
            format!("there is no replica {replica}; the last one is {}", committee.members.len() - 1);
        return Err(ApiError::bad_input(message, "replicas count from 0"));
    }
    if wish.behaviour.len() > MAX_BEHAVIOUR_BYTES {
        return Err(ApiError::bad_input("no behaviour has so long a name", "see `outvote traitor --help`"));
    }
    let client = gateway.client(false).await?;
    client.behave(replica, &wish.behaviour).await.map_err(|error| from_client(&error))?;
    Ok(axum::Json(json!({"replica": wish.replica, "behaviour": wish.behaviour})))
}

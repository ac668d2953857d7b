//! What clients and replicas say to each other.

use super::{choice, chosen};
use crate::canonical::read;
use crate::client_samples;
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::encode;

pub(crate) fn run(input: &[u8]) {
    match choice(input, 2) {
        Some((0, bytes)) => {
            let _ = read::<ToReplica>(bytes);
        }
        Some((_, bytes)) => match read::<ToClient>(bytes) {
            Some(ToClient::Results { reply, results, .. }) => {
                for result in &results {
                    // A claimed place that is not the proven one leads to another root, or to none.
                    let _ = result.path.root_from(result.leaf.digest()) == Some(reply.body.result_root);
                }
            }
            Some(ToClient::Receipt { parts: Some(parts), .. }) => {
                let _ = parts.payload_path.root_from(parts.payload_leaf.digest());
                let _ = parts.result_path.root_from(parts.result_leaf.digest());
            }
            _ => {}
        },
        None => {}
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let to_replica = client_samples::to_replica().into_iter().map(|word| chosen(0, encode(&word)));
    let to_client = client_samples::to_client().into_iter().map(|word| chosen(1, encode(&word)));
    to_replica.chain(to_client).collect()
}

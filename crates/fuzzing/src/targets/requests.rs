//! Requests, batches, headers and blocks.

use super::{choice, chosen};
use crate::canonical::read;
use crate::samples;
use outvote_crypto::RequestChecker;
use outvote_types::{Batch, Block, Domain, Header, PayloadLeaf, Request, encode, merkle};
use std::sync::Arc;

pub(crate) fn run(input: &[u8]) {
    let Some((choice, bytes)) = choice(input, 4) else { return };
    match choice {
        0 => {
            let Some(request) = read::<Request>(bytes) else { return };
            assert_eq!(request.encoded_bytes(), bytes.len(), "a request knows its own length");
            assert_eq!(PayloadLeaf::of_request(&request).count(), request.body.operations.len());
            let _ = request.signatures(&Domain::clients(&samples::committee().cluster_id()));
            let checker = RequestChecker::new(samples::committee(), Arc::new(samples::scheme(0)));
            assert_eq!(checker.check(vec![request]).len(), 1, "one verdict for one request");
        }
        1 => {
            let Some(batch) = read::<Batch>(bytes) else { return };
            assert_eq!(batch.reference().bytes as usize, bytes.len(), "a batch knows its own length");
            let _ = merkle::root(&batch.payload_leaves());
        }
        2 => {
            let Some(header) = read::<Header>(bytes) else { return };
            let (_, _) = (header.block_bytes(), header.requests());
        }
        _ => {
            let Some(block) = read::<Block>(bytes) else { return };
            let exact = block.header.body.block_bytes() == bytes.len() as u64;
            assert!(exact || !block.is_consistent(), "a header tells how long its block is");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        chosen(0, encode(&samples::request(1))),
        chosen(1, encode(&samples::batch())),
        chosen(2, encode(&samples::header().body)),
        chosen(3, encode(&samples::block())),
    ]
}

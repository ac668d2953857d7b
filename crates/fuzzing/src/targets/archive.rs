//! Blocks as the archive keeps them.

use crate::canonical::read;
use crate::samples;
use outvote_node::probes::archived_block;
use outvote_types::{Answer, Block, Digest, Nonce, PublicKey, ResultKind, ResultLeaf, Sequence, encode};

pub(crate) fn run(input: &[u8]) {
    let again = crate::allocation::bounded(input.len(), 16, 96 * 1024, || archived_block(input));
    assert!(again.is_none_or(|again| again == input), "an archived block has one spelling");
    let _ = read::<Block>(input);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let block = samples::block();
    let answer = Answer::done(b"done".to_vec());
    let leaf =
        ResultLeaf { request: Digest([5; 32]), index: 0, kind: ResultKind::Applied, answer: answer.digest() };
    // The fields of an archived result, in its order: session, nonce, author, leaf, answer, place, held payload.
    let result = encode(&(
        PublicKey([1; 32]),
        Nonce(1),
        PublicKey([1; 32]),
        leaf,
        answer,
        Sequence(1),
        Some(b"held".to_vec()),
    ));
    let (id, root) = (block.header.body.id(), Digest([8; 32]));
    let with = |count: u32, results: Vec<u8>| [encode(&(id, &block, root, count)), results].concat();
    vec![with(0, Vec::new()), with(1, result)]
}

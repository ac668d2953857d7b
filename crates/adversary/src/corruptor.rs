//! Answers clients and peers with false data.

use crate::hand::{Hand, read, send};
use crate::liar::Liar;
use outvote_replica::Action;
use outvote_types::client::{Hint, ProvenResult};
use outvote_types::fetch::Snapshot;
use outvote_types::{
    Answer, Batch, Blob, BoundedVec, Data, Digest, Instant, Message, Outcome, Reply, Signed, ToClient,
};

/// The corruptor.
#[derive(Default)]
pub struct Corruptor;

/// A false answer that hangs together: leaf, path and root fit, and the root is signed. Only the others' word contradicts.
fn falsified(hand: &Hand, reply: &Signed<Reply>, mut result: ProvenResult) -> (Signed<Reply>, ProvenResult) {
    result.answer = Answer::done(b"all is well".to_vec());
    result.leaf.answer = result.answer.digest();
    let result_root = result.path.root_from(result.leaf.digest()).unwrap_or_default();
    (hand.sign(Reply { result_root, ..reply.body }), result)
}

fn other_blob<const MAX: usize>(blob: &Blob<MAX>) -> Blob<MAX> {
    let mut bytes = blob.to_vec();
    match bytes.first_mut() {
        Some(byte) => *byte ^= 1,
        None => bytes.push(1),
    }
    Blob::new(bytes).unwrap_or_default()
}

fn other_batch(batch: &Batch) -> Batch {
    Batch { lane_sequence: batch.lane_sequence.wrapping_add(1), ..batch.clone() }
}

fn corrupted(data: Data) -> Data {
    match data {
        Data::Batches(batches) => {
            Data::Batches(BoundedVec::truncated(batches.iter().map(other_batch).collect()))
        }
        Data::Block(mut block) => {
            block.batches = BoundedVec::truncated(block.batches.iter().map(other_batch).collect());
            Data::Block(block)
        }
        Data::Range { blocks, mut certificate } => {
            certificate.id = Digest::of(&certificate.id.0);
            Data::Range { blocks, certificate }
        }
        Data::Manifest(snapshot) => {
            let mut buckets = snapshot.buckets.to_vec();
            if let Some(bucket) = buckets.first_mut() {
                *bucket = Digest::of(&bucket.0);
            }
            Data::Manifest(Box::new(Snapshot { buckets: BoundedVec::truncated(buckets), ..*snapshot }))
        }
        Data::Bucket { checkpoint, bucket, after, pairs, last } => {
            let mut pairs = pairs.to_vec();
            if let Some((_, value)) = pairs.first_mut() {
                *value = other_blob(value);
            }
            Data::Bucket { checkpoint, bucket, after, pairs: BoundedVec::truncated(pairs), last }
        }
        gone @ Data::Gone { .. } => gone,
    }
}

impl Liar for Corruptor {
    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        match &action {
            Action::Reply(reply) => {
                let result_root = Digest::of(&reply.body.result_root.0);
                out.push(Action::Reply(hand.sign(Reply { result_root, ..reply.body })));
            }
            Action::Send { to, frame, .. } => match read(frame) {
                Some(Message::Data(data)) => out.push(send(*to, &Message::Data(corrupted(data)))),
                _ => out.push(action),
            },
            _ => out.push(action),
        }
    }

    fn answer(&mut self, hand: &mut Hand, answer: ToClient) -> Option<ToClient> {
        match &answer {
            ToClient::Results { reply, hint, results } => {
                let Some(first) = results.first() else { return Some(answer) };
                let (reply, result) = falsified(hand, reply, first.clone());
                let hint = Hint { window_ms: u32::MAX, ..*hint };
                Some(ToClient::Results { reply, hint, results: BoundedVec::truncated(vec![result]) })
            }
            ToClient::Answer { id, outcome, .. } => {
                let answer = Answer::done(b"all is well".to_vec());
                let outcome = hand.sign(Outcome { answer: answer.digest(), ..outcome.body });
                Some(ToClient::Answer { id: *id, outcome, answer })
            }
            _ => Some(answer),
        }
    }
}

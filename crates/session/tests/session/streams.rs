//! The stream of committed blocks: without a gap, each once, and none on one replica's word.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use crate::support::{Cluster, Executed, at, key, request, verify};
use outvote_session::{CommittedBlock, Follower, FollowerOutput};
use outvote_types::client::{ToClient, ToReplica};
use outvote_types::{Blob, BoundedVec, ReplicaId, Sequence};

fn chain(cluster: &mut Cluster, count: u64) -> Vec<Executed> {
    (1..=count)
        .map(|nonce| {
            let text = format!("message {nonce}");
            let asked = request(cluster, &key(1), nonce, &[&text, "and more"]);
            if nonce % 3 == 0 { cluster.block(&[], Vec::new()) } else { cluster.applied(&[asked]) }
        })
        .collect()
}

fn follower(cluster: &Cluster, from: u64) -> Follower {
    let mut follower = Follower::new(&cluster.committee, verify(), Sequence(from)).unwrap();
    for replica in 0..4 {
        follower.on_link(at(0), ReplicaId(replica), true);
    }
    follower
}

fn blocks(outputs: Vec<FollowerOutput>) -> Vec<CommittedBlock> {
    outputs
        .into_iter()
        .filter_map(|output| match output {
            FollowerOutput::Block(block) => Some(*block),
            _ => None,
        })
        .collect()
}

fn followed(outputs: &[FollowerOutput]) -> Vec<u16> {
    outputs
        .iter()
        .filter_map(|output| match output {
            FollowerOutput::Send { to, message: ToReplica::Follow { .. } } => Some(to.0),
            _ => None,
        })
        .collect()
}

#[test]
fn blocks_come_in_order_once_two_replicas_show_them_alike() {
    let mut cluster = Cluster::new(4);
    let chain = chain(&mut cluster, 6);
    let mut follower = follower(&cluster, 1);
    assert_eq!(followed(&follower.drain()), [0, 1]);
    for block in &chain {
        follower.on_message(at(1), ReplicaId(0), cluster.streamed(0, block));
    }
    assert!(blocks(follower.drain()).is_empty(), "one replica's word is not enough");
    for block in &chain {
        follower.on_message(at(2), ReplicaId(1), cluster.streamed(1, block));
        follower.on_message(at(2), ReplicaId(1), cluster.streamed(1, block));
    }
    let taken = blocks(follower.drain());
    let sequences: Vec<u64> = taken.iter().map(|block| block.header.sequence.0).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    assert_eq!(taken[0].operations.len(), 2);
    assert_eq!(taken[0].proof.len(), 2);
    assert_eq!(follower.next(), Sequence(7));
}

// Faults: K12
#[test]
fn a_follower_resumes_at_its_cursor() {
    let mut cluster = Cluster::new(4);
    let chain = chain(&mut cluster, 5);
    let mut follower = follower(&cluster, 4);
    assert!(matches!(
        follower.drain()[0],
        FollowerOutput::Send { message: ToReplica::Follow { from: Sequence(4) }, .. }
    ));
    for replica in 0..2 {
        for block in &chain {
            follower.on_message(at(1), ReplicaId(replica), cluster.streamed(replica, block));
        }
    }
    assert_eq!(blocks(follower.drain()).len(), 2, "earlier blocks are passed over");
}

// Faults: R20
#[test]
fn a_changed_payload_is_noticed_and_outvoted() {
    let mut cluster = Cluster::new(4);
    let chain = chain(&mut cluster, 1);
    let mut follower = follower(&cluster, 1);
    let _ = follower.drain();
    let ToClient::Block { header, reply, operations } = cluster.streamed(0, &chain[0]) else { panic!() };
    let mut changed = operations.into_inner();
    changed[0].payload = Blob::new(b"another text".to_vec()).unwrap();
    let operations = BoundedVec::new(changed).unwrap();
    follower.on_message(at(1), ReplicaId(0), ToClient::Block { header, reply, operations });
    follower.on_message(at(1), ReplicaId(1), cluster.streamed(1, &chain[0]));
    assert!(blocks(follower.drain()).is_empty());
    follower.tick(follower.wake_at().unwrap());
    assert_eq!(followed(&follower.drain()), [2, 3, 0, 1, 2, 3], "all are followed while two do not agree");
    for replica in [0, 1, 2] {
        follower.on_message(at(600), ReplicaId(replica), cluster.streamed(replica, &chain[0]));
    }
    let taken = blocks(follower.drain());
    assert_eq!(taken.len(), 1);
    assert_eq!(&taken[0].operations[0].payload[..], b"payload");
}

#[test]
fn a_block_may_come_in_pages() {
    let mut cluster = Cluster::new(4);
    let chain = chain(&mut cluster, 2);
    let mut follower = follower(&cluster, 1);
    let _ = follower.drain();
    for replica in 0..2 {
        for block in &chain {
            let ToClient::Block { header, reply, operations } = cluster.streamed(replica, block) else {
                panic!()
            };
            for operation in operations.into_inner() {
                let operations = BoundedVec::new(vec![operation]).unwrap();
                let page = ToClient::Block { header: header.clone(), reply: reply.clone(), operations };
                follower.on_message(at(1), ReplicaId(replica), page);
            }
        }
    }
    let taken = blocks(follower.drain());
    assert_eq!(taken.iter().map(|block| block.operations.len()).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_lost_link_is_replaced_by_another_replica() {
    let mut cluster = Cluster::new(4);
    let chain = chain(&mut cluster, 2);
    let mut follower = follower(&cluster, 1);
    let _ = follower.drain();
    follower.on_message(at(1), ReplicaId(0), cluster.streamed(0, &chain[0]));
    follower.on_link(at(2), ReplicaId(1), false);
    assert_eq!(followed(&follower.drain()), [2]);
    for block in &chain {
        follower.on_message(at(3), ReplicaId(2), cluster.streamed(2, block));
    }
    follower.on_message(at(3), ReplicaId(0), cluster.streamed(0, &chain[1]));
    assert_eq!(blocks(follower.drain()).len(), 2);
}

#[test]
fn a_stream_is_gone_only_when_two_say_so() {
    let cluster = Cluster::new(4);
    let mut follower = follower(&cluster, 5);
    let _ = follower.drain();
    follower.on_message(at(1), ReplicaId(3), ToClient::StreamGone { oldest: Sequence(4) });
    follower.on_message(at(1), ReplicaId(0), ToClient::StreamGone { oldest: Sequence(1_000_000) });
    let outputs = follower.drain();
    assert_eq!(followed(&outputs), [2, 3], "the others are asked");
    assert!(!outputs.iter().any(|output| matches!(output, FollowerOutput::Gone(_))));
    follower.on_message(at(2), ReplicaId(2), ToClient::StreamGone { oldest: Sequence(100) });
    assert!(follower.drain().contains(&FollowerOutput::Gone(Sequence(100))));
}

#[test]
fn what_is_taken_is_acknowledged_to_those_who_send() {
    let cluster = Cluster::new(4);
    let mut follower = follower(&cluster, 1);
    let _ = follower.drain();
    follower.taken(Sequence(9));
    let more = follower.drain();
    assert_eq!(more.len(), 2);
    assert!(more.iter().all(|output| matches!(
        output,
        FollowerOutput::Send { message: ToReplica::More { upto: Sequence(9) }, .. }
    )));
}

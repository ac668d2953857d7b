//! The first bytes between members: what is not a greeting of this cluster and this version gets no further.

use crate::common::*;
use outvote_transport::hello::{Class, Refusal, answer, greet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

/// Bytes of the parts of a committee as they are told, and of a whole greeting: version, class, cluster, parts.
const PARTS_BYTES: usize = 9 * 8;
const GREETING_BYTES: usize = 34 + PARTS_BYTES;

/// What is made of these bytes, and what is answered; `None` if the rest of a greeting is waited for until they end.
async fn judged(bytes: &[u8]) -> (Option<Result<Class, Refusal>>, Vec<u8>) {
    let (mut near, mut far) = duplex(1024);
    near.write_all(bytes).await.unwrap();
    near.shutdown().await.unwrap();
    let verdict = answer(&mut far, &cluster(), true).await.ok();
    drop(far);
    let mut said = Vec::new();
    near.read_to_end(&mut said).await.unwrap();
    (verdict, said)
}

/// The bytes of a good greeting.
async fn greeting(class: Class) -> Vec<u8> {
    let (mut near, mut far) = duplex(1024);
    let greeting = tokio::spawn(async move {
        // It ends without an answer.
        let _ = greet(&mut near, class, &cluster()).await;
    });
    let mut bytes = vec![0; GREETING_BYTES];
    far.read_exact(&mut bytes).await.unwrap();
    drop(far);
    greeting.await.unwrap();
    bytes
}

// Faults: M04, M11
#[tokio::test]
async fn a_greeting_that_is_cut_off_is_never_answered_and_a_whole_one_is() {
    for class in Class::BOTH {
        let whole = greeting(class).await;
        for length in 0..whole.len() {
            assert_eq!(judged(&whole[..length]).await, (None, Vec::new()), "{length} bytes");
        }
        assert_eq!(judged(&whole).await, (Some(Ok(class)), vec![1]));
    }
}

// Faults: M06, M11, M16
#[tokio::test]
async fn every_changed_byte_of_version_class_and_cluster_is_refused_with_its_reason() {
    let whole = greeting(Class::Urgent).await;
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        let (verdict, said) = judged(&changed).await;
        match at {
            0 | 1 => assert_eq!((verdict, said), (Some(Err(Refusal::OtherVersion)), vec![2])),
            2..34 => {
                assert_eq!(verdict, Some(Err(Refusal::OtherCluster(Vec::new()))));
                assert_eq!((said[0], said.len()), (3, 1 + PARTS_BYTES), "it tells its own parts");
            }
            // The cluster's name decides; what is told besides only explains.
            _ => assert_eq!((verdict, said), (Some(Ok(Class::Urgent)), vec![1])),
        }
    }
}

// Faults: M16
#[tokio::test]
async fn an_older_versions_shorter_greeting_is_answered_at_once() {
    let (mut near, mut far) = duplex(1024);
    // It goes on waiting for its answer, as a greeting of 34 bytes did.
    near.write_all(&[1; 34]).await.unwrap();
    let verdict = tokio::time::timeout(PATIENCE, answer(&mut far, &cluster(), true)).await.unwrap().unwrap();
    assert_eq!(verdict, Err(Refusal::OtherVersion));
    assert_eq!(near.read_u8().await.unwrap(), 2);
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_and_a_pair_has_one_side_that_dials() {
    for bytes in [&[0][..], &[5], &[255], &[3, 0, 0], &[]] {
        let (mut near, mut far) = duplex(1024);
        far.write_all(bytes).await.unwrap();
        far.shutdown().await.unwrap();
        assert!(greet(&mut near, Class::Bulk, &cluster()).await.is_err(), "{bytes:?}");
    }
    let (mut near, mut far) = duplex(1024);
    let (ours, ours_again) = (cluster(), cluster());
    let (said, heard) =
        tokio::join!(answer(&mut far, &ours, false), greet(&mut near, Class::Bulk, &ours_again));
    assert_eq!((said.unwrap(), heard.unwrap()), (Err(Refusal::NotYours), Err(Refusal::NotYours)));
}

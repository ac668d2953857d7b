//! Two processes with one key: noticed by whoever meets both, and the younger one ends (D27). A restart is none of that.

use crate::common::*;
use outvote_crypto::KeyPair;
use outvote_transport::instance::{Acquaintance, Instance, Proof};
use outvote_transport::introduction::{Introduction, Standing};
use outvote_transport::{LinkEvent, LinkKey, TransportError, bind};
use outvote_types::{Digest, ReplicaId, Signature};
use std::sync::{Arc, Mutex};
use tokio::io::duplex;

/// Waits until this process hears that it must end; who said so.
async fn told_to_end(member: &mut Member) -> ReplicaId {
    loop {
        if let LinkEvent::Younger { shown_by, .. } = member.event().await {
            return shown_by;
        }
    }
}

async fn until_twins(member: &mut Member, of: u16) {
    loop {
        match member.event().await {
            LinkEvent::Twins(peer) => return assert_eq!(peer, ReplicaId(of)),
            LinkEvent::Younger { .. } => panic!("it is alone"),
            _ => {}
        }
    }
}

/// The two talk, both ways.
async fn talk(a: &mut Member, b: &mut Member) {
    a.sender.send(ReplicaId(1), true, Arc::from(*b"to b"));
    b.sender.send(ReplicaId(0), false, Arc::from(*b"to a"));
    assert_eq!(b.frames().await.2, [b"to b"]);
    assert_eq!(a.frames().await.2, [b"to a"]);
}

/// Waits until both have the other, and has them talk.
async fn talk_once_up(a: &mut Member, b: &mut Member) {
    while !a.sender.states()[1].up || !b.sender.states()[0].up {
        tokio::task::yield_now().await;
    }
    while a.events.try_recv().is_ok() || b.events.try_recv().is_ok() {}
    talk(a, b).await;
}

// Faults: O02
#[tokio::test]
async fn a_copy_of_the_member_that_dials_is_told_to_end_and_the_original_keeps_its_links() {
    let (mut a, mut b, members) = pair(limits()).await;
    let (listener, _) = loopback();
    let mut copy = Member::start(config(0, &members, limits()), &key(1), listener);
    assert_eq!(told_to_end(&mut copy).await, ReplicaId(1));
    until_twins(&mut b, 0).await;
    // It goes on calling, since here nobody ends it: to the original that is nothing any more.
    talk_once_up(&mut a, &mut b).await;
}

// Faults: O02
#[tokio::test]
async fn a_copy_of_a_member_that_nobody_dials_knocks_and_is_told_to_end() {
    let (mut a, mut b, members) = pair(limits()).await;
    // At an address of its own, which nobody knows.
    let (listener, _) = loopback();
    let mut copy = Member::start(config(1, &members, limits()), &key(2), listener);
    assert_eq!(told_to_end(&mut copy).await, ReplicaId(0));
    until_twins(&mut a, 1).await;
    drop(copy);
    talk_once_up(&mut a, &mut b).await;
}

// Faults: O02
#[tokio::test]
async fn a_process_that_is_started_again_while_a_copy_lives_is_the_younger_one() {
    let (mut a, b, members) = pair(limits()).await;
    drop(b);
    a.until_down(1).await;
    let at_home = || async {
        loop {
            match bind(members[1].1.parse().unwrap()) {
                Ok(listener) => break listener,
                // The old listener's task may still be ending.
                Err(TransportError::PortInUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    // The copy has taken the address, and the original comes back at another one.
    let mut copy = Member::start(config(1, &members, limits()), &key(2), at_home().await);
    copy.until_up(0).await;
    let mut original = Member::start(config(1, &members, limits()), &key(2), loopback().0);
    assert_eq!(told_to_end(&mut original).await, ReplicaId(0));
    until_twins(&mut a, 1).await;
}

#[tokio::test]
async fn restarts_are_no_twins() {
    let (mut a, mut b, members) = pair(limits()).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        drop(b);
        let listener = loop {
            match bind(members[1].1.parse().unwrap()) {
                Ok(listener) => break listener,
                Err(TransportError::PortInUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        b = Member::start(config(1, &members, limits()), &key(2), listener);
        b.until_up(0).await;
        while let Ok(event) = a.events.try_recv() {
            seen.push(event);
        }
    }
    let at_b = std::iter::from_fn(|| b.events.try_recv().ok());
    let is_twin = |event: &LinkEvent| matches!(event, LinkEvent::Twins(_) | LinkEvent::Younger { .. });
    assert!(!seen.iter().any(is_twin) && !at_b.collect::<Vec<_>>().iter().any(is_twin));
}

fn instance(started_us: u64) -> Instance {
    Instance::new(started_us, [u8::try_from(started_us).unwrap(); 16])
}

/// One end, which is member 1 or 2 by its key, and what it knows of the other one's processes.
struct End {
    key: LinkKey,
    own: Instance,
    other: Mutex<Acquaintance>,
}

impl End {
    fn new(seed: u8, started_us: u64) -> Self {
        let key = LinkKey::new(KeyPair::from_seed([seed; 32]));
        Self { key, own: instance(started_us), other: Mutex::default() }
    }

    /// Both introduce themselves.
    async fn meets(&self, other: &Self) -> (Standing, Standing) {
        let (mut near, mut far) = duplex(1024);
        let cluster = cluster();
        let (key, other_key) = (self.key.public_key(), other.key.public_key());
        let one = Introduction {
            key: &self.key,
            cluster: &cluster,
            own: self.own,
            peer_key: &other_key,
            peer: &self.other,
        };
        let two = Introduction {
            key: &other.key,
            cluster: &cluster,
            own: other.own,
            peer_key: &key,
            peer: &other.other,
        };
        let (one, two) = tokio::join!(one.make(&mut near), two.make(&mut far));
        (one.unwrap(), two.unwrap())
    }
}

const FINE: Standing = Standing::Fine { is_new: true, has_proven: false, younger_met: None };

// Faults: O02
#[tokio::test]
async fn the_elder_proves_that_it_lives_and_the_younger_one_is_shown_it() {
    let (peer, elder, younger) = (End::new(1, 1), End::new(2, 10), End::new(2, 20));
    assert_eq!(peer.meets(&elder).await, (FINE, FINE));
    // Who comes later may have taken the place of one that has ended.
    assert_eq!(peer.meets(&younger).await, (FINE, FINE));
    let younger_met = Some(instance(20));
    let (at_peer, at_elder) = peer.meets(&elder).await;
    assert_eq!(at_peer, Standing::Fine { is_new: true, has_proven: true, younger_met: None });
    assert_eq!(at_elder, Standing::Fine { is_new: false, has_proven: false, younger_met });
    for _ in 0..2 {
        let elder = instance(10);
        let told = (Standing::PeerIsYounger { elder }, Standing::WeAreYounger { elder });
        assert_eq!(peer.meets(&younger).await, told);
    }
    // One that is started after both have ended is neither.
    let (at_peer, _) = peer.meets(&End::new(2, 30)).await;
    assert_eq!(at_peer, FINE);
}

#[tokio::test]
async fn a_clock_that_was_set_back_before_a_restart_makes_no_twin() {
    let (peer, before, after) = (End::new(1, 1), End::new(2, 20), End::new(2, 10));
    assert_eq!(peer.meets(&before).await, (FINE, FINE));
    // It takes itself for the elder of the two, and says that it lives; the one that has ended is never shown that.
    let (_, at_after) = peer.meets(&after).await;
    assert!(matches!(at_after, Standing::Fine { younger_met: Some(_), .. }));
    for _ in 0..3 {
        assert!(matches!(peer.meets(&after).await, (Standing::Fine { .. }, Standing::Fine { .. })));
    }
}

// Faults: O02
#[tokio::test]
async fn nobody_but_the_holder_of_the_key_can_make_a_process_end() {
    let (elder, younger, cluster) = (instance(10), instance(20), cluster().cluster);
    let (own, liar) = (End::new(2, 20).key, End::new(1, 1).key);
    let proof = Proof::sign(&own, &cluster, elder, younger);
    assert!(proof.holds(&own.public_key(), &cluster));
    assert!(!Proof::sign(&liar, &cluster, elder, younger).holds(&own.public_key(), &cluster), "another key");
    assert!(!proof.holds(&own.public_key(), &Digest([1; 32])), "another cluster");
    assert!(!Proof { younger: instance(21), ..proof }.holds(&own.public_key(), &cluster), "another process");
    assert!(!Proof::sign(&own, &cluster, younger, elder).holds(&own.public_key(), &cluster), "not the elder");
    // A member that shows anything else than that is not believed, and nothing comes of it.
    let (peer, victim) = (End::new(1, 1), End::new(2, 20));
    let made_up = Proof { elder, younger, signature: Signature([7; 64]) };
    peer.other.lock().unwrap().keep(made_up);
    let (mut near, mut far) = duplex(1024);
    let (peer_key, own_key) = (peer.key.public_key(), victim.key.public_key());
    let cluster = crate::common::cluster();
    let lie = Introduction {
        key: &peer.key,
        cluster: &cluster,
        own: peer.own,
        peer_key: &own_key,
        peer: &peer.other,
    };
    let hears = Introduction {
        key: &victim.key,
        cluster: &cluster,
        own: victim.own,
        peer_key: &peer_key,
        peer: &victim.other,
    };
    let told = async {
        let told = lie.make(&mut near).await;
        drop(near);
        told
    };
    let (_, heard) = tokio::join!(told, hears.make(&mut far));
    // The liar hangs up where the other one goes on.
    assert!(heard.is_err(), "{heard:?}");
}

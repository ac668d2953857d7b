//! Clients' places at the listener, under every order of turns that is drawn (row P12).

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../transport/src/admission.rs"]
#[allow(dead_code, reason = "handshakes are counted with the clock, one semaphore each")]
mod admission;
#[path = "../../transport/src/limits.rs"]
#[allow(dead_code, unreachable_pub, reason = "every bound of the transport, part of its face")]
mod limits;

/// In the place of the links.
mod links {
    /// Where a member listens.
    pub(crate) struct PeerAddress {
        pub(crate) address: String,
    }
}

use admission::Admission;
use limits::Limits;
use outvote_schedules::{explore, sync};
use std::net::{IpAddr, Ipv4Addr};
use sync::Arc;
use sync::atomic::{AtomicUsize, Ordering};

/// Places of one address.
const PER_IP: usize = 1;

fn from(host: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, host).into()
}

// Faults: P12
#[test]
fn places_are_never_more_than_there_are_and_all_come_back() {
    explore(|| {
        let limits = Limits { clients_max: 2, clients_per_ip_max: PER_IP, ..Limits::default() };
        let admission = Arc::new(Admission::new(&limits));
        let taken = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));
        let clients = [0, 0, 1].map(|host: u8| {
            let (admission, taken) = (Arc::clone(&admission), Arc::clone(&taken[usize::from(host)]));
            sync::thread::spawn(move || {
                for _ in 0..2 {
                    let Some(place) = admission.client(from(host)) else { continue };
                    assert!(taken.fetch_add(1, Ordering::SeqCst) < PER_IP, "an address has so many places");
                    taken.fetch_sub(1, Ordering::SeqCst);
                    drop(place);
                }
            })
        });
        clients.into_iter().for_each(|client| client.join().unwrap());
        let places = [0, 1].map(|host| admission.client(from(host)));
        assert!(places.iter().all(Option::is_some), "all places came back");
        assert!(admission.client(from(2)).is_none(), "and no more");
    });
}

//! The request pool keeps the same facts in a dozen tables. A list that keeps each of them once, and works out the rest anew
//! each time, says after every operation what all of them must hold.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

extern crate alloc;

mod list;

// No part of the crate's face, and they know nothing of the rest of it.
#[path = "../../src/limits.rs"]
#[allow(dead_code, reason = "the pool has a few of them")]
mod limits;
#[path = "../../src/pool.rs"]
#[allow(dead_code, reason = "the pool's callers are not here")]
mod pool;

/// Where the pool writes its sizes: as the crate's own, and nothing of other tables.
mod sizes {
    #[derive(Debug, Default)]
    pub(crate) struct Sizes {
        pub(crate) own_requests: usize,
        pub(crate) own_request_bytes: usize,
        pub(crate) own_requests_of_one: usize,
        pub(crate) relayed_of_one: usize,
        pub(crate) watched: usize,
        pub(crate) sessions_remembered: usize,
    }
}

use limits::WATCHED_MAX;
use list::List;
use outvote_types::{
    Blob, BoundedVec, Instant, Nonce, Operation, PublicKey, ReplicaId, Request, RequestBody, Signature,
};
use pool::{Name, Pool, Source};
use sizes::Sizes;
use std::collections::BTreeMap;

/// Operations of the gate's run; the variable asks for more in the night.
const OPERATIONS: u64 = 100_000;
const OPERATIONS_VARIABLE: &str = "OUTVOTE_POOL_OPERATIONS";
/// Each is a life of a pool of its own, with other habits.
const SEEDS: u64 = 8;
const SESSIONS: u64 = 7;
/// Places and bytes for own clients' requests: few, so that they run out.
const REQUESTS_MAX: usize = 160;
const BYTES_MAX: usize = 24_000;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A pool and the list beside it, and what both were told.
struct Pair {
    pool: Pool,
    list: List,
    dice: Dice,
    now: u64,
    /// Nonces near which each session works; they rise.
    nonces: BTreeMap<PublicKey, u64>,
    /// What a peer's relays may hold, what a session may have: how often each answer was seen.
    seen: BTreeMap<String, u64>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self {
            pool: Pool::default(),
            list: List::default(),
            dice: Dice(seed),
            now: 1,
            nonces: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    fn session(&mut self) -> PublicKey {
        // One of them is as busy as all others together.
        let number = self.dice.below(2 * SESSIONS).min(SESSIONS);
        PublicKey([u8::try_from(number).unwrap() + 1; 32])
    }

    /// A name near those that wait, were ordered, or come next.
    fn name(&mut self) -> Name {
        let session = self.session();
        let near = *self.nonces.entry(session).or_insert(1);
        (session, Nonce(near + self.dice.below(90)))
    }

    fn request(&mut self) -> Request {
        let (session, nonce) = self.name();
        // Now and then another content under a nonce that is known already.
        let variant = u8::from(self.dice.below(20) == 0);
        let payload = vec![variant; usize::try_from(self.dice.below(4) * 100).unwrap()];
        let operation = Operation { author: None, query: false, payload: Blob::new(payload).unwrap() };
        let operations = BoundedVec::truncated(vec![operation]);
        Request { body: RequestBody { session, nonce, operations }.into(), signature: Signature::default() }
    }

    fn count(&mut self, what: impl std::fmt::Debug) {
        *self.seen.entry(format!("{what:?}")).or_default() += 1;
    }

    /// As for a request of an own client: room is made first (P4).
    fn offer_own(&mut self) {
        let request = self.request();
        let bytes = request.encoded_bytes();
        let session = request.body.session;
        let has_room = self.list.has_room(bytes, REQUESTS_MAX, BYTES_MAX);
        assert_eq!(self.pool.has_room(bytes, REQUESTS_MAX, BYTES_MAX), has_room, "room");
        if !has_room {
            let given = self.pool.give_way(&session).map(|given| (given.body.session, given.body.nonce));
            assert_eq!(given, self.list.give_way(&session), "who gives way");
            self.count(("gives way", given.is_some()));
            if given.is_none() || !self.pool.has_room(bytes, REQUESTS_MAX, BYTES_MAX) {
                return;
            }
        }
        self.offer(request, Source::Own);
    }

    fn offer(&mut self, request: Request, source: Source) {
        let expected = self.list.offer(&request, source, Instant(self.now));
        let admission = self.pool.offer(request, source, Instant(self.now));
        assert_eq!(admission, expected, "admission from {source:?}");
        self.count((source, admission));
    }

    fn take(&mut self) {
        let count_max = usize::try_from(self.dice.below(12)).unwrap();
        let bytes_max = usize::try_from(self.dice.below(3_000)).unwrap();
        let taken = self.pool.take(count_max, bytes_max);
        let names: Vec<Name> = taken.iter().map(|taken| (taken.body.session, taken.body.nonce)).collect();
        assert_eq!(names, self.list.take(count_max, bytes_max), "what a batch takes");
        self.count(("taken", !names.is_empty()));
    }

    /// A block commits, of which we may have known all or nothing.
    fn commit(&mut self) {
        for _ in 0..self.dice.below(8) {
            let known = self.list.any_taken(self.dice.below(64));
            let (name, digest) = known.filter(|_| self.dice.below(8) > 0).unwrap_or_else(|| {
                let request = self.request();
                ((request.body.session, request.body.nonce), request.digest())
            });
            self.pool.commit(&name, digest);
            self.list.commit(&name, digest);
            let next = self.nonces.entry(name.0).or_insert(1);
            *next = (*next).max(name.1.0.saturating_sub(40));
        }
    }

    fn step(&mut self) {
        self.now += self.dice.below(3);
        match self.dice.below(100) {
            0..35 => self.offer_own(),
            35..65 => {
                let peer = ReplicaId(u16::try_from(self.dice.below(3)).unwrap());
                let request = self.request();
                self.offer(request, Source::Peer(peer));
            }
            65..68 => {
                let request = self.request();
                self.offer(request, Source::Returned);
            }
            68..80 => self.take(),
            80..85 => {
                let name = self.name();
                self.pool.mark_taken(&name, Instant(self.now));
                self.list.mark_taken(&name);
            }
            85..96 => self.commit(),
            96..99 => {
                let name = self.name();
                let removed = self.pool.remove(&name).is_some();
                assert_eq!(removed, self.list.remove(&name), "removed");
            }
            _ => {
                let keeps_relays = self.dice.below(2) == 0;
                self.pool.release_all(Instant(self.now), keeps_relays);
                self.list.release_all(keeps_relays);
            }
        }
    }

    /// All that the pool shows is what the list says.
    fn compare(&mut self) {
        self.pool.assert_invariants();
        let mut sizes = Sizes::default();
        self.pool.measure(&mut sizes);
        assert_eq!(self.pool.len(), self.list.len(), "requests that wait");
        assert_eq!(self.pool.untaken(), self.list.untaken(), "free ones");
        assert_eq!(self.pool.untaken_bytes(), self.list.untaken_bytes(), "their bytes");
        assert_eq!(self.pool.oldest_untaken(), self.list.oldest_untaken(), "the oldest of them");
        assert_eq!((sizes.own_requests, sizes.own_request_bytes), self.list.own(), "own clients' requests");
        assert_eq!(sizes.own_requests_of_one, self.list.own_of_one(), "the most of one session");
        assert_eq!(sizes.relayed_of_one, self.list.relayed_of_one(), "the most places of one peer");
        assert_eq!(
            sizes.sessions_remembered,
            self.list.sessions_remembered(),
            "sessions with ordered nonces"
        );
        assert!(sizes.watched <= WATCHED_MAX, "B1: what is watched has a bound");
        let name = self.name();
        assert_eq!(self.pool.since(&name), self.list.since(&name), "since when it waits");
        assert_eq!(self.pool.is_nonce_ordered(&name), self.list.is_nonce_ordered(&name), "ordered nonces");
        let relayable = self.list.relayable(&name);
        assert_eq!(self.pool.relayable(&name).is_some(), relayable, "what may be relayed");
    }

    /// P2: whatever may be relayed is watched. Looked at less often, since it means counting.
    fn compare_watched(&self) {
        let watched: std::collections::BTreeSet<Name> =
            self.pool.lowest.iter().map(|(_, key, nonce)| (*key, *nonce)).collect();
        assert!(self.list.lowest_free().all(|name| watched.contains(&name)), "a request that nobody watches");
    }
}

/// P3, P4, P6, P7, B1
// Faults: X18
#[test]
fn the_tables_of_the_pool_agree_after_every_operation() {
    let asked = std::env::var(OPERATIONS_VARIABLE).ok().map(|text| text.parse::<u64>().unwrap());
    let operations = asked.unwrap_or(OPERATIONS) / SEEDS;
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut pair = Pair::new(seed);
        for operation in 0..operations {
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                pair.step();
                pair.compare();
                if operation % 997 == 0 {
                    pair.compare_watched();
                }
            }));
            assert!(played.is_ok(), "seed {seed}, operation {operation}: the tables disagree; see above");
        }
        for (what, count) in pair.seen {
            *seen.entry(what).or_default() += count;
        }
    }
    // It went where the rules are: full places of peers and sessions, known requests, and clients that give way.
    for what in [
        "(Own, Added)",
        "(Own, Known)",
        "(Own, Full)",
        "(Peer(ReplicaId(0)), Full)",
        "(Returned, Added)",
        "(\"gives way\", true)",
        "(\"gives way\", false)",
        "(\"taken\", true)",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count > 10), "{what} was hardly seen: {seen:?}");
    }
}

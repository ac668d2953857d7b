//! Pools, fairness, overload, relays.
#![allow(clippy::unwrap_used)]

use crate::cluster::{Cluster, first_of, request, request_of};
use outvote_protocol::{Output, Tunables};
use outvote_types::{Message, PublicKey};

fn refusals(cluster: &Cluster, i: usize) -> Vec<(u8, u64, bool)> {
    let others = cluster.nodes[i].others.iter();
    let refusals = others.filter_map(|output| match output {
        Output::Refuse { session, nonce, busy } => Some((session.0[0], nonce.0, *busy)),
        _ => None,
    });
    refusals.collect()
}

// P4, P5: a full pool gives way fairly: the client with the most waiting loses its newest.
#[test]
fn a_full_pool_gives_way_fairly() {
    let mut cluster = Cluster::with(4, 1024, Tunables { pool_requests_max: 10, ..Tunables::default() });
    cluster.start_all();
    cluster.run_ms(10);
    // Followers keep their clients' requests until they are committed; nothing leaves this one.
    cluster.loses = Box::new(|_, _, _| true);
    for nonce in 1..=12 {
        cluster.request(1, request(1, nonce, b"greedy"));
    }
    assert_eq!(refusals(&cluster, 1), vec![(1, 11, true), (1, 12, true)]);
    cluster.request(1, request(2, 1, b"modest"));
    assert_eq!(refusals(&cluster, 1).last(), Some(&(1, 10, true)));
    assert_eq!(cluster.replica(1).status().pending, 10);
}

// P5: what waits is bounded by what was executed lately, so that a full pool is less than a window of work.
// Faults: X08
#[test]
fn no_more_waits_than_is_ordered_in_half_a_window() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10);
    // 8 requests a millisecond for a second: 2,000 of them in half a window.
    let mut sent = 0;
    for _ in 0..1_000 {
        for _ in 0..8 {
            cluster.request(0, first_of(sent));
            sent += 1;
        }
        cluster.run_ms(1);
    }
    assert_eq!(refusals(&cluster, 0), Vec::new(), "what is ordered at once is never too much");
    cluster.loses = Box::new(|_, _, _| true);
    for _ in 0..8_000 {
        cluster.request(0, first_of(sent));
        cluster.request(1, first_of(sent));
        sent += 1;
    }
    // The leader has proposed some more; a follower proposes nothing.
    let pending = cluster.replica(1).status().pending;
    assert!((1_700..2_300).contains(&pending), "{pending} wait");
    assert_eq!(refusals(&cluster, 1).len() + pending, 8_000);
    // Where little was ordered, little may wait.
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10);
    cluster.loses = Box::new(|_, _, _| true);
    for number in 0..3_000 {
        cluster.request(1, first_of(number));
    }
    assert_eq!(cluster.replica(1).status().pending, 1_024);
}

// N2: slots are not filled with more than a window's work, or the leader would be suspected for what it leaves waiting (V3).
// Faults: X08
#[test]
fn batches_grow_only_while_commits_are_quick() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10);
    let mut sent = 0u64;
    let mut crowd = |cluster: &mut Cluster, count: u64| {
        for _ in 0..count {
            cluster.request(0, first_of(sent));
            sent += 1;
        }
    };
    let largest = |cluster: &Cluster, since: usize| {
        let blocks = cluster.nodes[2].commits.iter().skip(since);
        blocks.map(|block| block.block.header.body.requests()).max().unwrap_or(0)
    };
    for _ in 0..40 {
        crowd(&mut cluster, 900);
        cluster.run_ms(20);
    }
    assert!(largest(&cluster, 0) >= 800, "quick commits let batches grow: {}", largest(&cluster, 0));
    // Disks of which each write takes 300 ms.
    cluster.nodes.iter_mut().for_each(|node| node.holds_disk = true);
    let slow_round = |cluster: &mut Cluster| {
        cluster.run_ms(300);
        (0..4).for_each(|i| cluster.sync(i));
    };
    for _ in 0..20 {
        crowd(&mut cluster, 900);
        slow_round(&mut cluster);
    }
    let since = cluster.nodes[2].commits.len();
    for _ in 0..10 {
        crowd(&mut cluster, 900);
        slow_round(&mut cluster);
    }
    assert!(cluster.nodes[2].commits.len() > since + 5, "it goes on");
    assert!(largest(&cluster, since) <= 100, "slow commits make batches small: {}", largest(&cluster, since));
}

// P6: in order per client, in turn across clients.
#[test]
fn batches_take_clients_in_turn() {
    let mut cluster =
        Cluster::with(4, 1024, Tunables { in_flight_max: 1, batch_count_max: 6, ..Tunables::default() });
    cluster.start_all();
    cluster.run_ms(10);
    cluster.request(0, request(9, 1, b"keeps the pipeline busy"));
    for nonce in 1..=6 {
        cluster.request(0, request(1, nonce, b"x"));
    }
    cluster.request(0, request(3, 2, b"x"));
    cluster.request(0, request(3, 1, b"x"));
    cluster.request(0, request(2, 1, b"x"));
    cluster.run_ms(50);
    assert_eq!(cluster.ordered(2)[1..7], [(1, 1), (2, 1), (3, 1), (1, 2), (3, 2), (1, 3)]);
    assert_eq!(cluster.ordered(2).len(), 10);
}

// P1, P3: a request that only a follower knows reaches the leader.
// Faults: N07
#[test]
fn a_follower_relays_to_the_leader() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10);
    cluster.request(2, request(9, 1, b"x"));
    cluster.run_ms(900);
    assert_eq!(cluster.ordered(2), vec![(9, 1)]);
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
}

// V2, P2: a leader that proposes others' requests and not this one is deposed, and the request is ordered.
// Faults: L05
#[test]
fn a_censor_is_deposed() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10);
    // The leader never hears of client 66.
    cluster.loses = Box::new(|_, to, message| {
        to == 0
            && matches!(message, Message::Relay(requests) if requests.iter().any(|r| r.body.session.0[0] == 66))
    });
    for i in 1..4 {
        cluster.request(i, request(66, 1, b"censored"));
    }
    for nonce in 1..=40 {
        cluster.request(0, request(9, nonce, b"x"));
        cluster.run_ms(50);
    }
    assert!(cluster.view(1) >= 1);
    assert!(cluster.all_suspicions().contains(&'b'));
    for i in 0..4 {
        assert!(cluster.ordered(i).contains(&(66, 1)), "replica {i}");
    }
}

// P3, P5, P11, V2: far more than the leader can order, at the leader and through relays: nobody is deposed.
// Faults: K07, X08
#[test]
fn overload_deposes_nobody() {
    let tunables = Tunables {
        pool_requests_max: 500,
        batch_count_max: 3,
        batch_growth: 1,
        in_flight_max: 1,
        ..Tunables::default()
    };
    let mut cluster = Cluster::with(4, 1024, tunables);
    cluster.start_all();
    cluster.run_ms(10);
    let mut nonces = std::collections::BTreeMap::<(usize, u16), u64>::new();
    for round in 0..1_500u64 {
        for i in 0..4usize {
            for client in 0..6u16 {
                let client = u16::try_from(round % 40).unwrap() * 6 + client;
                let nonce = nonces.entry((i, client)).or_default();
                *nonce += 1;
                let mut key = [0; 32];
                key[0] = i as u8 + 1;
                key[1..3].copy_from_slice(&client.to_le_bytes());
                cluster.request(i, request_of(PublicKey(key), *nonce, b"x"));
            }
        }
        cluster.run_us(2_000);
    }
    assert_eq!(cluster.all_suspicions(), Vec::<char>::new());
    assert_eq!(cluster.view(1), 0);
    assert!(!refusals(&cluster, 0).is_empty(), "it was overload");
    let ordered = cluster.ordered(1);
    for i in 1..=4u8 {
        assert!(ordered.iter().any(|(first, _)| *first == i), "replica {}'s clients are served", i - 1);
    }
}

// P10, V5: a leader that holds relayed work back for 100 ms each time is deposed by the performance rule.
// Faults: L04
#[test]
fn a_leader_slower_than_its_peers_is_deposed() {
    let mut cluster = Cluster::with(4, 1024, Tunables { linger_us: 1_000, ..Tunables::default() });
    cluster.start_all();
    cluster.run_ms(1_100);
    let mut waiting: u32 = 0;
    // The leader takes note of relays only now and then: each batch is 100 ms late.
    cluster.loses = Box::new(move |_, to, message| {
        if to == 0 && matches!(message, Message::Relay(_)) {
            waiting += 1;
            return !waiting.is_multiple_of(5);
        }
        false
    });
    let mut nonce = 0;
    while cluster.now < 6_000_000 && cluster.view(1) == 0 {
        nonce += 1;
        for i in 0..4 {
            cluster.request(i, request(10 + i as u8, nonce, b"x"));
        }
        cluster.run_ms(20);
    }
    assert!(cluster.all_suspicions().contains(&'e'), "{:?}", cluster.all_suspicions());
    assert!(cluster.view(1) >= 1);
}

// P10: a leader that is punctual by the count of its rounds, and whose late ones take most of the time. Of each replica it hears
// one request in four only when that is relayed again, half a window later and more, and the others at once.
// Faults: L16
#[test]
fn a_leader_whose_few_late_rounds_take_most_of_the_time_is_deposed() {
    let mut cluster = Cluster::with(4, 1024, Tunables { linger_us: 1_000, ..Tunables::default() });
    cluster.start_all();
    let mut relayed = std::collections::BTreeSet::new();
    cluster.loses = Box::new(move |from, to, message| match message {
        Message::Relay(requests) if to == 0 => {
            let mut late = requests.iter().map(|request| request.body.nonce.0).filter(|nonce| nonce % 4 == 0);
            late.any(|nonce| relayed.insert((from, nonce)))
        }
        _ => false,
    });
    let mut nonce = 0;
    while cluster.now < 12_000_000 && cluster.view(1) == 0 {
        nonce += 1;
        (1..4).for_each(|i| cluster.request(i, request(10 + i as u8, nonce, b"x")));
        while cluster.ordered(1).len() < 3 * nonce as usize && cluster.view(1) == 0 {
            cluster.run_ms(2);
        }
    }
    assert!(cluster.all_suspicions().contains(&'e'), "{:?}", cluster.all_suspicions());
    assert!(cluster.view(1) >= 1);
}

/// A cluster with a leader that hears late of some requests, and at once of the others.
struct Late {
    cluster: Cluster,
    is_deaf: std::rc::Rc<std::cell::Cell<bool>>,
    nonce: u64,
}

impl Late {
    fn begin(is_lost: fn(usize, usize, &Message) -> bool) -> Self {
        let mut cluster = Cluster::with(4, 1024, Tunables { linger_us: 1_000, ..Tunables::default() });
        cluster.start_all();
        let is_deaf = std::rc::Rc::new(std::cell::Cell::new(false));
        let deaf = std::rc::Rc::clone(&is_deaf);
        cluster.loses = Box::new(move |from, to, message| match message {
            Message::Relay(_) => to == 0 && deaf.get(),
            _ => is_lost(from, to, message),
        });
        Self { cluster, is_deaf, nonce: 0 }
    }

    fn is_suspected(&self) -> bool {
        !self.cluster.suspicions(3).is_empty()
    }

    /// Each of the others has a request, of which the leader hears after so long.
    fn round(&mut self, deaf_ms: u64) {
        self.nonce += 1;
        self.is_deaf.set(deaf_ms > 0);
        (1..4).for_each(|i| self.cluster.request(i, request(10 + i as u8, self.nonce, b"x")));
        self.cluster.run_ms(deaf_ms);
        if self.is_deaf.replace(false) {
            (1..4).for_each(|i| self.cluster.request(0, request(10 + i, self.nonce, b"x")));
        }
        while self.cluster.ordered(3).len() < 3 * self.nonce as usize && !self.is_suspected() {
            self.cluster.run_ms(2);
        }
    }

    /// Late by 420 ms, once or twice a second in turn.
    fn run(mut self) -> Cluster {
        for second in 1..10_u64 {
            (0..1 + second % 2).for_each(|_| self.round(420));
            while self.cluster.now < second * 1_000_000 && !self.is_suspected() {
                self.round(0);
                self.cluster.run_ms(10);
            }
        }
        self.cluster
    }
}

// P10: what counts is the time of two seconds together, so a leader that takes turns at being late gains nothing.
// Faults: L16
#[test]
fn a_leader_that_takes_turns_at_being_late_is_deposed() {
    assert_eq!(Late::begin(|_, _, _| false).run().suspicions(3), vec!['e']);
}

// P11: a replica that never votes in time, since the leader keeps its proposals from it, measures nobody. It joins those who do.
// Faults: L16
#[test]
fn whoever_gets_no_proposals_from_a_late_leader_joins_those_who_suspect_it() {
    let mut late =
        Late::begin(|from, to, message| (from, to) == (0, 3) && matches!(message, Message::Propose(_)));
    while late.cluster.now < 8_000_000 && late.cluster.view(3) == 0 {
        late.round(150);
    }
    assert_eq!((1..4).map(|i| late.cluster.suspicions(i)).collect::<Vec<_>>(), vec![vec!['e']; 3]);
    assert_eq!(late.cluster.view(3), 1);
}

// N17, E4: what was ordered is not proposed again.
// Faults: K04
#[test]
fn an_ordered_request_is_not_proposed_again() {
    let mut cluster = Cluster::started(4);
    for _ in 0..3 {
        for i in 0..4 {
            cluster.request(i, request(9, 1, b"x"));
        }
        cluster.run_ms(50);
    }
    assert_eq!(cluster.ordered(0), vec![(9, 1)]);
    // Another content under the same nonce is ordered, so that its client learns that the nonce was used.
    cluster.request(0, request(9, 1, b"another"));
    cluster.run_ms(50);
    assert_eq!(cluster.ordered(0), vec![(9, 1), (9, 1)]);
}

// P7: what a dropped block held is ordered in the next view.
#[test]
fn requests_of_a_dropped_block_are_ordered_in_the_next_view() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(20);
    cluster.loses = Box::new(|_, _, message| matches!(message, Message::Prepare(_) | Message::Commit(_)));
    cluster.request(0, request(9, 1, b"x"));
    cluster.run_ms(10);
    cluster.kill(0);
    cluster.loses = Box::new(|_, _, _| false);
    cluster.run_ms(400);
    for i in 1..4 {
        assert_eq!(cluster.ordered(i), vec![(9, 1)], "replica {i}");
    }
}

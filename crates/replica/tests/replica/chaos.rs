//! Random cuts, power losses, slow disks and lost frames, then peace: nothing forks, nothing leaves too early, nothing that
//! was committed is lost, and the cluster works again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use crate::jar::{Cluster, Delays, Dice, Family};
use outvote_types::Request;

const SECOND_US: u64 = 1_000_000;

struct Storm {
    cluster: Cluster,
    dice: Dice,
    next_nonce: Vec<u64>,
    asked: Vec<Request>,
}

impl Storm {
    fn new(n: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let disk_us = [50, 500, 5_000, 40_000][dice.roll(4)];
        let job_us = [0, 300, 20_000][dice.roll(3)];
        let cluster = Cluster::new(Family::with_interval(n, 16), Delays { disk_us, job_us });
        Self { cluster, dice, next_nonce: vec![1; 5], asked: Vec::new() }
    }

    fn ask(&mut self) {
        let client = self.dice.roll(self.next_nonce.len());
        let nonce = self.next_nonce[client];
        self.next_nonce[client] += 1;
        let request = self.cluster.family.request(client, nonce, format!("{client}/{nonce}").as_bytes());
        let everybody: Vec<_> = (0..self.cluster.jars.len()).collect();
        self.cluster.submit(&everybody, &request);
        self.asked.push(request);
    }

    /// One misfortune or one recovery.
    fn trouble(&mut self) {
        let n = self.cluster.jars.len();
        let victim = self.dice.roll(n);
        match self.dice.roll(6) {
            0 if self.cluster.cut.is_empty() => self.cluster.isolate(victim),
            1 => self.cluster.heal(),
            2 if self.cluster.jars[victim].running => self.cluster.crash(victim),
            3 => {
                if let Some(index) = (0..n).find(|index| !self.cluster.jars[*index].running) {
                    self.cluster.restart(index);
                }
            }
            4 => self.cluster.lose_one_in = [0, 5, 20][self.dice.roll(3)],
            _ => {
                let other = self.dice.roll(n);
                if other != victim {
                    self.cluster.cut.push((victim, other));
                }
            }
        }
    }

    fn rage(&mut self, rounds: usize) {
        for _ in 0..rounds {
            if self.dice.roll(3) == 0 {
                self.trouble();
            }
            self.ask();
            let pause_us = u64::try_from(self.dice.roll(120_000)).unwrap();
            self.cluster.run_for(pause_us);
            self.cluster.assert_safe();
        }
    }

    fn calm(&mut self) {
        self.cluster.lose_one_in = 0;
        self.cluster.heal();
        for index in 0..self.cluster.jars.len() {
            if !self.cluster.jars[index].running {
                self.cluster.restart(index);
            }
        }
    }

    /// Clients ask again until everything is executed everywhere, at most `duration_us`.
    fn settles(&mut self, duration_us: u64) -> bool {
        let end = self.cluster.now_us + duration_us;
        while self.cluster.now_us < end {
            let asked = &self.asked;
            let cluster = &self.cluster;
            let done =
                |index: usize| asked.iter().all(|request| cluster.jars[index].archive.has_executed(request));
            if (0..cluster.jars.len()).all(done) {
                return true;
            }
            let again: Vec<_> = asked
                .iter()
                .filter(|r| !self.cluster.jars.iter().all(|jar| jar.archive.has_executed(r)))
                .cloned()
                .collect();
            let everybody: Vec<_> = (0..self.cluster.jars.len()).collect();
            for request in again {
                self.cluster.submit(&everybody, &request);
            }
            self.cluster.run_for(SECOND_US);
            self.cluster.assert_safe();
        }
        false
    }
}

fn weather(n: usize, seed: u64, rounds: usize) {
    let mut storm = Storm::new(n, seed);
    storm.rage(rounds);
    let before: Vec<usize> = storm.cluster.jars.iter().map(|jar| jar.archive.requests().len()).collect();
    storm.calm();
    let settled = storm.settles(60 * SECOND_US);
    let statuses: Vec<_> = (0..n).map(|index| storm.cluster.status(index)).collect();
    assert!(settled, "seed {seed}: the cluster of {n} does not come back: {statuses:#?}");
    let after: Vec<usize> = storm.cluster.jars.iter().map(|jar| jar.archive.requests().len()).collect();
    assert!(before.iter().zip(&after).all(|(before, after)| before <= after));
    assert!(
        storm.cluster.jars.iter().all(|jar| jar.accused.is_empty()),
        "seed {seed}: somebody honest was accused: {:?}",
        storm.cluster.jars.iter().flat_map(|jar| &jar.accused).collect::<Vec<_>>()
    );
    assert!(statuses.iter().all(|status| !status.observer), "seed {seed}: somebody honest lost its vote");
}

// Faults: N01, N04, P01, S05
#[test]
fn four_replicas_outlive_any_weather() {
    for seed in 1..=seeds(12) {
        weather(4, seed, 40);
    }
}

// Faults: N01, N04, P01, S05
#[test]
fn seven_replicas_outlive_any_weather() {
    for seed in 1..=seeds(3) {
        weather(7, seed, 30);
    }
}

#[test]
fn a_view_that_begins_k_slots_above_the_committed_block_goes_on() {
    // N1, N7: once nobody had room for the block that would have committed the others.
    weather(4, 29, 40);
}

#[test]
fn a_late_certificate_of_an_old_view_holds_no_request_back() {
    // P7: once the requests of a block beside the base were taken for ordered, and waited for ever.
    weather(7, 37, 30);
}

/// How many seeds; `OUTVOTE_SEEDS` multiplies them for a longer run.
fn seeds(base: u64) -> u64 {
    let factor = std::env::var("OUTVOTE_SEEDS").ok().and_then(|text| text.parse().ok());
    base * factor.unwrap_or(1u64)
}

//! Breadth-first search over canonical states.

use super::state::{Block, Configuration, State};
use std::time::{Duration, Instant};

/// How far to search.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// What is searched.
    pub configuration: Configuration,
    /// States at most (16 bytes each, with room to grow three times that).
    pub states_max: usize,
    /// Wall time at most.
    pub time_max: Duration,
}

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// Canonical states seen.
    pub states: usize,
    /// Steps from the start at most.
    pub depth: usize,
    /// Whether every reachable state was seen.
    pub exhausted: bool,
    /// The first state with two committed blocks that are not on one chain, and these blocks.
    pub fork: Option<(State, Block, Block)>,
    /// How long it took.
    pub wall: Duration,
}

/// Searches until everything is seen, a fork is found, or a bound is reached. Only for up to three correct replicas.
#[must_use]
pub fn search(search: &Search) -> Finding {
    let configuration = &search.configuration;
    assert!(configuration.correct() <= 3 && configuration.views <= 3, "the packed form has room for no more");
    let started = Instant::now();
    let mut seen = Seen::new();
    let mut frontier = vec![State::START.canonical(configuration)];
    seen.insert(frontier[0]);
    let mut finding = Finding { states: 1, depth: 0, exhausted: false, fork: None, wall: Duration::ZERO };
    let mut next = Vec::new();
    'levels: while !frontier.is_empty() {
        for bits in frontier.drain(..) {
            let state = State::unpack(bits, configuration.correct());
            if let Some((a, b)) = state.fork(configuration) {
                finding.fork = Some((state, a, b));
                break 'levels;
            }
            state.successors(configuration, |successor| {
                let bits = successor.canonical(configuration);
                if seen.insert(bits) {
                    next.push(bits);
                }
            });
            if seen.len() > search.states_max || started.elapsed() > search.time_max {
                break 'levels;
            }
        }
        std::mem::swap(&mut frontier, &mut next);
        finding.depth += usize::from(!frontier.is_empty());
        finding.exhausted = frontier.is_empty();
    }
    finding.states = seen.len();
    finding.wall = started.elapsed();
    finding
}

/// An open-addressing set of packed states; a packed state is never zero because absent parents are not.
struct Seen {
    slots: Vec<u128>,
    count: usize,
}

impl Seen {
    fn new() -> Self {
        Self { slots: vec![0; 1 << 16], count: 0 }
    }

    const fn len(&self) -> usize {
        self.count
    }

    fn insert(&mut self, bits: u128) -> bool {
        if self.count * 4 > self.slots.len() * 3 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![0; old.len() * 2];
            for bits in old.into_iter().filter(|bits| *bits != 0) {
                let place = self.place(bits);
                self.slots[place] = bits;
            }
        }
        let place = self.place(bits);
        if self.slots[place] == bits {
            return false;
        }
        self.slots[place] = bits;
        self.count += 1;
        true
    }

    fn place(&self, bits: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mixed = (bits as u64 ^ (bits >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 32 ^ (bits >> 59) as u64).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mut place = (mixed >> 20) as usize & mask;
        while self.slots[place] != 0 && self.slots[place] != bits {
            place = (place + 1) & mask;
        }
        place
    }
}

//! Is there one order, true to real time, in which a single store would have given these answers?
//!
//! The search of Wing and Gong with Lowe's memory of configurations, each key for itself: a store is linearizable exactly
//! if each of its keys is (P-compositionality). An operation of unknown outcome may take its place at any time after it was
//! asked, or never.

use crate::history::{Back, Call, Entry};
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Steps of the search of one key at most. A search that is not done by then decides nothing, and that is no pass.
const STEPS_MAX: u64 = 20_000_000;

/// Why a history is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// No order explains this key's answers.
    NotLinearizable {
        /// Which key.
        key: u64,
        /// What happened to it around the first answer that no order explains.
        around: Vec<Entry>,
    },
    /// The search was given up.
    Undecided {
        /// Which key.
        key: u64,
        /// Its operations.
        operations: usize,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLinearizable { key, around } => {
                write!(f, "no order explains key {key}:")?;
                around.iter().try_for_each(|entry| write!(f, "\n    {entry}"))
            }
            Self::Undecided { key, operations } => {
                write!(f, "the search for an order of the {operations} operations of key {key} was given up")
            }
        }
    }
}

/// Every key whose answers no order explains.
#[must_use]
pub fn anomalies(history: &[Entry]) -> Vec<Anomaly> {
    let mut keys: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    for entry in history {
        // What a read of unknown outcome would have said binds nobody.
        if !(entry.call == Call::Get && entry.returned.is_none()) {
            keys.entry(entry.key).or_default().push(*entry);
        }
    }
    keys.into_iter().filter_map(|(key, entries)| Search::new(key, entries).run().err()).collect()
}

/// What the call does to this state, if it answers that.
fn step(state: Option<u64>, call: Call, back: Option<Back>) -> Option<Option<u64>> {
    let (after, answer) = match call {
        Call::Put(value) => (Some(value), Back::Stored),
        Call::Cas { expected, value } if state == expected => (value, Back::Stored),
        Call::Cas { .. } => (state, Back::Mismatch(state)),
        Call::Delete => (None, Back::Deleted(state.is_some())),
        Call::Get => (state, Back::Value(state)),
    };
    back.is_none_or(|back| back == answer).then_some(after)
}

/// A call or a return in the list of what is not in the order yet.
#[derive(Clone, Copy)]
struct Node {
    operation: usize,
    /// The node of the return, for a call whose return is known.
    returns: Option<usize>,
    is_call: bool,
    before: usize,
    after: usize,
}

/// Stands before the first and behind the last node.
const EDGE: usize = 0;

struct Search {
    key: u64,
    entries: Vec<Entry>,
    nodes: Vec<Node>,
    /// Which operations have their place, a bit each.
    placed: Vec<u64>,
    /// Operations of known outcome without a place.
    open: usize,
    seen: HashSet<(Vec<u64>, Option<u64>)>,
}

impl Search {
    fn new(key: u64, entries: Vec<Entry>) -> Self {
        // At the same instant calls come first: what may have overlapped is taken as overlapping.
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (operation, entry) in entries.iter().enumerate() {
            events.push((entry.invoked, false, operation));
            events.extend(entry.returned.map(|(at, _)| (at, true, operation)));
        }
        events.sort_unstable();
        let edge = Node { operation: 0, returns: None, is_call: false, before: EDGE, after: EDGE };
        let mut nodes = vec![edge];
        let mut calls = vec![0; entries.len()];
        for (_, is_return, operation) in events {
            let own = nodes.len();
            if is_return {
                let call: &mut Node = &mut nodes[calls[operation]];
                call.returns = Some(own);
            } else {
                calls[operation] = own;
            }
            let before = own - 1;
            nodes.push(Node { operation, returns: None, is_call: !is_return, before, after: EDGE });
            nodes[before].after = own;
        }
        let last = nodes.len() - 1;
        nodes[EDGE].before = last;
        let open = entries.iter().filter(|entry| entry.returned.is_some()).count();
        let placed = vec![0; entries.len().div_ceil(64)];
        Self { key, entries, nodes, placed, open, seen: HashSet::new() }
    }

    fn run(mut self) -> Result<(), Anomaly> {
        let mut stack: Vec<(usize, Option<u64>)> = Vec::new();
        let (mut state, mut at) = (None, self.nodes[EDGE].after);
        let (mut deepest, mut stuck_at) = (0, EDGE);
        for _ in 0..STEPS_MAX {
            // What is left may have happened later or never.
            if self.open == 0 {
                return Ok(());
            }
            let node = self.nodes[at];
            if at != EDGE && node.is_call {
                match self.placing(node.operation, state) {
                    Some(after) => {
                        stack.push((at, state));
                        self.place(at);
                        state = after;
                        at = self.nodes[EDGE].after;
                    }
                    None => at = node.after,
                }
                continue;
            }
            // Something returned that has no place yet: one before it was placed wrongly.
            if stack.len() >= deepest {
                (deepest, stuck_at) = (stack.len(), at);
            }
            let Some((call, earlier)) = stack.pop() else { return Err(self.not_linearizable(stuck_at)) };
            self.take_back(call);
            state = earlier;
            at = self.nodes[call].after;
        }
        Err(Anomaly::Undecided { key: self.key, operations: self.entries.len() })
    }

    /// The state with this operation next, if its answer allows that and this was not tried before.
    fn placing(&mut self, operation: usize, state: Option<u64>) -> Option<Option<u64>> {
        let entry = &self.entries[operation];
        let after = step(state, entry.call, entry.returned.map(|(_, back)| back))?;
        if entry.returned.is_none() && after == state {
            return None;
        }
        let mut placed = self.placed.clone();
        placed[operation / 64] |= 1 << (operation % 64);
        self.seen.insert((placed, after)).then_some(after)
    }

    fn place(&mut self, call: usize) {
        let Node { operation, returns, .. } = self.nodes[call];
        self.placed[operation / 64] |= 1 << (operation % 64);
        self.unlink(call);
        if let Some(returns) = returns {
            self.unlink(returns);
            self.open -= 1;
        }
    }

    fn take_back(&mut self, call: usize) {
        let Node { operation, returns, .. } = self.nodes[call];
        if let Some(returns) = returns {
            self.link(returns);
            self.open += 1;
        }
        self.link(call);
        self.placed[operation / 64] &= !(1 << (operation % 64));
    }

    fn unlink(&mut self, node: usize) {
        let Node { before, after, .. } = self.nodes[node];
        self.nodes[before].after = after;
        self.nodes[after].before = before;
    }

    /// Puts it back where it was; what was taken out last must come back first.
    fn link(&mut self, node: usize) {
        let Node { before, after, .. } = self.nodes[node];
        self.nodes[before].after = node;
        self.nodes[after].before = node;
    }

    /// What overlaps with the operation at which the search got stuck, and the last ones before.
    fn not_linearizable(&self, stuck_at: usize) -> Anomaly {
        const SHOWN: usize = 24;
        let culprit = self.entries[self.nodes[stuck_at].operation];
        let (from, to) = (culprit.invoked, culprit.returned.map_or(u64::MAX, |(at, _)| at));
        let mut around = self.entries.clone();
        around.sort_by_key(|entry| entry.invoked);
        let overlaps = |entry: &Entry| entry.invoked <= to && entry.returned.is_none_or(|(at, _)| at >= from);
        let first = around.iter().position(overlaps).unwrap_or(0).saturating_sub(SHOWN / 3);
        around.retain(|entry| entry.invoked <= to);
        around.drain(..first.min(around.len()));
        around.truncate(SHOWN);
        Anomaly::NotLinearizable { key: self.key, around }
    }
}

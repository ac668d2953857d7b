//! Random walks, for committees that are too large to search.

use super::state::{Block, Configuration, State};
use crate::random::Random;

/// What the walks found.
#[derive(Clone, Copy, Debug)]
pub struct Walks {
    /// Steps taken in all.
    pub steps: u64,
    /// Walks in which some block was committed.
    pub committed: u64,
    /// The first fork.
    pub fork: Option<(State, Block, Block)>,
}

/// Takes `walks` random walks of `steps` steps each from the start; the same seed walks the same way.
#[must_use]
pub fn walk(configuration: &Configuration, seed: u64, walks: u64, steps: u64) -> Walks {
    let mut random = Random::new(seed);
    let mut result = Walks { steps: 0, committed: 0, fork: None };
    let mut choices = Vec::new();
    for _ in 0..walks {
        let mut state = State::START;
        for _ in 0..steps {
            choices.clear();
            state.successors(configuration, |next| {
                if next != state {
                    choices.push(next);
                }
            });
            if choices.is_empty() {
                break;
            }
            state = choices[random.below(choices.len() as u64) as usize];
            result.steps += 1;
            if let Some((a, b)) = state.fork(configuration) {
                result.fork = Some((state, a, b));
                return result;
            }
        }
        let last = configuration.slots() as u8;
        let committed =
            (1..=last).any(|block| state.exists(block) && state.is_committed(configuration, block));
        result.committed += u64::from(committed);
    }
    result
}

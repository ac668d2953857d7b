//! Which scenarios are the same but for names, and one of each.
//!
//! A scenario is a word: one letter a round, a letter being a leader, a division of the seats, and whether COMMITs get lost. Two
//! words are the same when a renaming of the identities (twins among twins, others among others) together with a swap of
//! the two instances of some twins turns one into the other; sets have no names at all. Of each class the first word in
//! alphabetical order is played. A word is that first one exactly when each of its letters is the first among
//! those into which the renamings that leave the letters before it alone can turn it, so the words can be counted, and the one
//! with a given number found, without listing them.

use super::scenario::{Lead, Round, Scenario, Split};
use outvote_types::ReplicaId;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be listed completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alphabet {
    /// Identities.
    pub replicas: usize,
    /// How many of them have a twin: those with the lowest names.
    pub twins: usize,
    /// Sets of a division at most.
    pub sets_max: u8,
    /// Whether each division is also played with its COMMITs lost, where there can be any.
    pub losses: bool,
}

/// A letter: leader, division, whether COMMITs get lost.
type Letter = (u8, Split, bool);

/// All classes of words over an alphabet.
pub struct Orbits {
    alphabet: Alphabet,
    letters: Vec<Letter>,
    /// For each renaming, what becomes of each letter. The first renaming changes nothing.
    renamings: Vec<Vec<u32>>,
    /// How many first words of a length begin after letters that these renamings leave alone.
    counts: BTreeMap<(Vec<u16>, u32), u64>,
}

/// The same division with its sets numbered in the order in which they appear.
pub(crate) fn canonical(split: &[u8]) -> Split {
    let mut names: Vec<u8> = Vec::new();
    let number = |set: &u8| {
        let place = names.iter().position(|name| name == set).unwrap_or(names.len());
        if place == names.len() {
            names.push(*set);
        }
        place as u8
    };
    split.iter().map(number).collect()
}

/// All divisions of so many seats into at most so many sets.
#[must_use]
pub fn divisions(seats: usize, sets_max: u8) -> Vec<Split> {
    let mut all = vec![Split::new()];
    for _ in 0..seats {
        let longer = |split: Split| {
            let fresh = split.iter().max().map_or(0, |highest| highest + 1);
            (0..=fresh.min(sets_max.saturating_sub(1))).map(move |set| [&split[..], &[set]].concat())
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    all
}

/// All orders of the numbers from `low` up to `high`, that not included.
fn orders(low: usize, high: usize) -> Vec<Vec<usize>> {
    (low..high).fold(vec![Vec::new()], |all, number| {
        let insert = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| [&order[..place], &[number], &order[place..]].concat())
        };
        all.into_iter().flat_map(insert).collect()
    })
}

/// Each renaming as where each seat goes; the first leaves all in place.
fn renamings(alphabet: Alphabet) -> Vec<Vec<usize>> {
    let Alphabet { replicas, twins, .. } = alphabet;
    let mut found = Vec::new();
    for of_twins in orders(0, twins) {
        for of_others in orders(twins, replicas) {
            for swaps in 0..1usize << twins {
                let names: Vec<usize> = of_twins.iter().chain(&of_others).copied().collect();
                let seconds = of_twins.iter().map(|name| name + replicas);
                let mut seats: Vec<usize> = names.iter().copied().chain(seconds).collect();
                for twin in (0..twins).filter(|twin| swaps >> twin & 1 == 1) {
                    seats.swap(twin, replicas + twin);
                }
                found.push(seats);
            }
        }
    }
    found.sort_unstable();
    found
}

/// Whether some set of the leader holds a quorum of identities, without which there are no COMMITs to lose.
fn may_decide(leader: u8, split: &[u8], replicas: usize) -> bool {
    let identities = |set: u8| {
        // Seats above the identities are the second instances of those with the lowest names.
        let seats = split.iter().enumerate().filter(|(_, other)| **other == set);
        seats.map(|(seat, _)| seat % replicas).collect::<BTreeSet<usize>>()
    };
    let sets: BTreeSet<u8> = split.iter().copied().collect();
    let quorum = (2 * replicas).div_ceil(3);
    sets.into_iter().map(identities).any(|set| set.len() >= quorum && set.contains(&usize::from(leader)))
}

fn renamed(letter: &Letter, seats: &[usize], replicas: usize) -> Letter {
    let (leader, split, lost) = letter;
    let mut moved = split.clone();
    split.iter().zip(seats).for_each(|(set, seat)| moved[*seat] = *set);
    ((seats[usize::from(*leader)] % replicas) as u8, canonical(&moved), *lost)
}

impl Orbits {
    /// Prepares the classes of an alphabet.
    #[must_use]
    pub fn new(alphabet: Alphabet) -> Self {
        let Alphabet { replicas, twins, sets_max, losses } = alphabet;
        let divisions = divisions(replicas + twins, sets_max);
        let mut letters: Vec<Letter> = Vec::new();
        for leader in 0..replicas as u8 {
            for split in &divisions {
                letters.push((leader, split.clone(), false));
                if losses && may_decide(leader, split, replicas) {
                    letters.push((leader, split.clone(), true));
                }
            }
        }
        letters.sort_unstable();
        let place = |letter: Letter| letters.binary_search(&letter).unwrap_or_default() as u32;
        let table = |seats: &Vec<usize>| {
            letters.iter().map(|letter| place(renamed(letter, seats, replicas))).collect()
        };
        let renamings = renamings(alphabet).iter().map(table).collect();
        Self { alphabet, letters, renamings, counts: BTreeMap::new() }
    }

    /// Letters.
    #[must_use]
    pub const fn letters(&self) -> usize {
        self.letters.len()
    }

    /// Words of this length before any reduction.
    #[must_use]
    pub fn words(&self, rounds: u32) -> u64 {
        (self.letters.len() as u64).saturating_pow(rounds)
    }

    /// All renamings.
    fn all(&self) -> Vec<u16> {
        (0..self.renamings.len() as u16).collect()
    }

    fn apply(&self, renaming: u16, letter: u32) -> u32 {
        self.renamings[usize::from(renaming)][letter as usize]
    }

    /// Whether no renaming of these turns the letter into an earlier one.
    fn is_first(&self, free: &[u16], letter: u32) -> bool {
        free.iter().all(|renaming| self.apply(*renaming, letter) >= letter)
    }

    /// The renamings of these that leave the letter alone.
    fn fixing(&self, free: &[u16], letter: u32) -> Vec<u16> {
        free.iter().copied().filter(|renaming| self.apply(*renaming, letter) == letter).collect()
    }

    fn count_after(&mut self, free: &[u16], rounds: u32) -> u64 {
        if rounds == 0 {
            return 1;
        }
        let key = (free.to_vec(), rounds);
        if let Some(known) = self.counts.get(&key) {
            return *known;
        }
        let mut sum = 0u64;
        for letter in 0..self.letters.len() as u32 {
            if self.is_first(free, letter) {
                let rest = self.fixing(free, letter);
                sum = sum.saturating_add(self.count_after(&rest, rounds - 1));
            }
        }
        self.counts.insert(key, sum);
        sum
    }

    /// How many classes there are of this length.
    #[must_use]
    pub fn count(&mut self, rounds: u32) -> u64 {
        let all = self.all();
        self.count_after(&all, rounds)
    }

    /// The first word of the class with this number; call [`count`](Self::count) for the length before.
    ///
    /// `None` beyond the last.
    #[must_use]
    pub fn word(&self, rounds: u32, number: u64) -> Option<Vec<u32>> {
        let (mut free, mut rest, mut word) = (self.all(), number, Vec::new());
        for left in (0..rounds).rev() {
            let next = (0..self.letters.len() as u32)
                .filter(|letter| self.is_first(&free, *letter))
                .find_map(|letter| {
                    let fixing = self.fixing(&free, letter);
                    let count = if left == 0 { 1 } else { *self.counts.get(&(fixing.clone(), left))? };
                    if rest < count {
                        return Some((letter, fixing));
                    }
                    rest -= count;
                    None
                });
            let (letter, fixing) = next?;
            word.push(letter);
            free = fixing;
        }
        Some(word)
    }

    /// The first word of the class of any word, and how many words are in it.
    #[must_use]
    pub fn class_of(&self, word: &[u32]) -> (Vec<u32>, usize) {
        let images = self.all().into_iter();
        let images = images.map(|renaming| word.iter().map(|letter| self.apply(renaming, *letter)).collect());
        let images: BTreeSet<Vec<u32>> = images.collect();
        let count = images.len();
        (images.into_iter().next().unwrap_or_default(), count)
    }

    /// What a word means, in names under which identity 0 leads the first round: view 0 is open from the start, so
    /// that every scenario begins in it.
    #[must_use]
    pub fn scenario(&self, word: &[u32]) -> Scenario {
        let Alphabet { replicas, twins, .. } = self.alphabet;
        let letters: Vec<&Letter> =
            word.iter().filter_map(|place| self.letters.get(*place as usize)).collect();
        let first = letters.first().map_or(0, |(leader, ..)| usize::from(*leader));
        let name = |identity: usize| match identity {
            0 => first,
            same if same == first => 0,
            other => other,
        };
        let mut named: Vec<usize> = (0..twins).map(name).collect();
        named.sort_unstable();
        let round = |(leader, split, lost): &&Letter| {
            let leader = ReplicaId(name(usize::from(*leader)) as u16);
            // The split by the new names: seat by seat, whoever sits there now.
            let firsts = (0..replicas).map(|identity| split[name(identity)]);
            let seconds = named.iter().map(|twin| split[replicas + name(*twin)]);
            let split = canonical(&firsts.chain(seconds).collect::<Split>());
            Round { lead: Lead::By(leader), no_commits: *lost, ..Round::new(leader, split) }
        };
        let rounds = letters.iter().map(round).collect();
        let twins = named.iter().map(|twin| ReplicaId(*twin as u16)).collect();
        Scenario { replicas, twins, rounds, order: None, fenced: false }
    }
}

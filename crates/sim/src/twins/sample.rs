//! Scenarios drawn by a seed: longer, wider and less regular than any complete list.

use super::orbits::canonical;
use super::scenario::{Lead, Round, Scenario, Split};
use crate::random::Random;
use outvote_types::ReplicaId;

/// Rounds of a drawn scenario at most.
const ROUNDS_MAX: u64 = 12;

/// Parts of a million: how often a thing happens.
const OFTEN: u64 = 500_000;
const SOMETIMES: u64 = 200_000;
const SELDOM: u64 = 60_000;

/// The scenario of a seed; without `replicas` the seed chooses between 4 and 7.
#[must_use]
pub fn sample(seed: u64, replicas: Option<usize>, rounds: Option<u32>) -> Scenario {
    let mut random = Random::new(seed ^ 0x7477_696e_735f_7365);
    let replicas = replicas.unwrap_or(if random.chance(600_000) { 4 } else { 7 });
    let count = 1 + random.below((replicas as u64 - 1) / 3);
    let mut twins: Vec<ReplicaId> = Vec::new();
    while (twins.len() as u64) < count {
        let twin = ReplicaId(random.below(replicas as u64) as u16);
        if !twins.contains(&twin) {
            twins.push(twin);
        }
    }
    twins.sort_unstable();
    let seats = replicas + twins.len();
    let length = rounds.map_or_else(|| random.between(2, ROUNDS_MAX), u64::from);
    // The swarm: each seed knows only some of what can go wrong.
    let mood = Mood { kinds: random.number(), sets: random.between(2, 3) };
    let mut rounds: Vec<Round> = Vec::new();
    for place in 0..length {
        let fresh = round(&mut random, &mood, seats, &twins, replicas, place);
        let again = rounds.last().filter(|_| fresh.lead == Lead::Stays && random.chance(OFTEN)).cloned();
        // A view that goes on often does so as before: so chains grow that few know of.
        rounds.push(again.map_or(fresh, |before| Round { lead: Lead::Stays, ..before }));
    }
    let order = random.chance(OFTEN).then(|| random.below(1 << 32));
    let fenced = random.chance(SELDOM);
    Scenario { replicas, twins, rounds, order, fenced }
}

struct Mood {
    kinds: u64,
    sets: u64,
}

impl Mood {
    fn knows(&self, random: &mut Random, kind: u32, chance: u64) -> bool {
        self.kinds >> kind & 1 == 1 && random.chance(chance)
    }
}

fn round(
    random: &mut Random,
    mood: &Mood,
    seats: usize,
    twins: &[ReplicaId],
    replicas: usize,
    place: u64,
) -> Round {
    // Twins lead more often than their share: they are what can lie.
    let leader = if random.chance(OFTEN) {
        *random.pick(twins)
    } else {
        ReplicaId(random.below(replicas as u64) as u16)
    };
    // One set is often large enough to decide.
    let large = 500_000 + random.below(400_000);
    let sets: Split =
        (0..seats).map(|_| if random.chance(large) { 0 } else { random.below(mood.sets) as u8 }).collect();
    let mut round = Round::new(leader, canonical(&sets));
    if place > 0 && mood.knows(random, 0, SOMETIMES) {
        round.lead = Lead::Stays;
    }
    round.no_commits = mood.knows(random, 1, OFTEN);
    if mood.knows(random, 2, SOMETIMES) {
        // Few hear the votes: often one alone, so that one alone has a certificate.
        let one = 1u32 << random.below(seats as u64);
        let more = if random.chance(OFTEN) { random.below(1 << seats) as u32 } else { 0 };
        round.prepares_to = Some(one | more);
    }
    while round.deaf.len() < 6 && mood.knows(random, 3, OFTEN) {
        let (from, to) = (random.below(seats as u64) as u8, random.below(seats as u64) as u8);
        if from != to {
            round.deaf.push((from, to));
        }
    }
    if place > 0 && mood.knows(random, 4, SOMETIMES) {
        round.lagging = random.below(1 << seats) as u32;
    }
    round
}

//! One game with mutators, as a seed says.

use crate::arena::{Arena, Ending, Kinds, Kit, failure_of};
use crate::network::Kind;
use crate::random::Random;
use outvote_adversary::mutator::{Habits, Mutator, Scope, Tally};
use outvote_adversary::{Adversary, Behaviour};
use outvote_types::{ReplicaId, View};
use std::collections::BTreeSet;

/// Clients, each with one request; the last one waits until everything is mended.
const CLIENTS: u64 = 48;
/// Blocks between two checkpoints: few, so that short games have some.
const CHECKPOINT_INTERVAL: u64 = 4;
/// Where somebody is left far behind there are none: a stable checkpoint would take the place of the blocks.
const LONG_INTERVAL: u64 = 1_024;
/// Requests, each in a block of its own, that an exile misses.
const EXILE_REQUESTS: u64 = 12;
/// After the last round everything must be done within this time.
const PATIENCE_US: u64 = 120_000_000;
/// Kinds that a round may lose altogether.
const LOSABLE: [Kind; 5] = [Kind::Commit, Kind::Prepare, Kind::NewView, Kind::Propose, Kind::Certificate];

/// What a seed says of its game.
#[derive(Clone, Debug)]
pub struct Game {
    /// The seed.
    pub seed: u64,
    /// Replicas.
    pub replicas: usize,
    /// Who changes what it says.
    pub liars: BTreeSet<ReplicaId>,
    /// How.
    pub habits: Habits,
    rounds: u64,
    /// Who hears nothing for a long time, and is far behind then.
    exile: Option<usize>,
    /// What can go wrong in this game, as bits.
    kinds: u64,
}

impl Game {
    /// The game of a seed; without `replicas` the seed chooses between 4 and 7.
    #[must_use]
    pub fn of(seed: u64, replicas: Option<usize>) -> Self {
        let mut random = Random::new(seed ^ 0x6d75_7461_7469_6f6e);
        let replicas = replicas.unwrap_or(if random.chance(600_000) { 4 } else { 7 });
        let count = 1 + random.below((replicas as u64 - 1) / 3);
        let mut liars = BTreeSet::new();
        while (liars.len() as u64) < count {
            liars.insert(ReplicaId(random.below(replicas as u64) as u16));
        }
        let scope = if random.chance(600_000) { Scope::Small } else { Scope::Any };
        let habits =
            Habits { scope, percent: *random.pick(&[3, 10, 30, 60]), to_some: random.chance(500_000) };
        let (rounds, kinds) = (random.between(2, 8), random.number());
        let exile = random.chance(300_000).then(|| random.below(replicas as u64) as usize);
        Self { seed, replicas, liars, habits, rounds, exile, kinds }
    }

    /// Whether blocks are few between two checkpoints.
    #[must_use]
    pub const fn has_checkpoints(&self) -> bool {
        self.exile.is_none()
    }

    /// The one command that plays it again.
    #[must_use]
    pub fn command(&self) -> String {
        format!("outvote mutate --seed {} --replicas {}", self.seed, self.replicas)
    }

    fn knows(&self, random: &mut Random, kind: u32, chance: u64) -> bool {
        self.kinds >> kind & 1 == 1 && random.chance(chance)
    }
}

/// What came of a game.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How it ended.
    pub end: Ending,
    /// Blocks committed.
    pub blocks: u64,
}

/// Keys and requests for games of this size, with checkpoints or without.
///
/// # Errors
/// With what is wrong with the size, in words.
pub fn kit(replicas: usize, has_checkpoints: bool) -> Result<Kit, String> {
    let interval = if has_checkpoints { CHECKPOINT_INTERVAL } else { LONG_INTERVAL };
    Kit::new(replicas, CLIENTS as usize, 1, interval)
}

/// Plays a game; what the liars change is added to the tally.
#[must_use]
pub fn play(kit: &Kit, game: &Game, tally: &Tally, keep_text: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let failure = failure_of(|| {
        let mut arena = arena(kit, game, tally);
        if keep_text {
            arena.text = Some(String::new());
        }
        let mut stage = Stage { arena, game, view: View(0), asked: 0 };
        let mut random = Random::new(game.seed ^ 0x726f_756e_6473);
        if random.chance(500_000) {
            stage.arena.shuffle(random.number());
        }
        if let Some(exile) = game.exile {
            stage.banish(exile);
        }
        // What an exile has missed is gone, or it would not be behind for long.
        stage.arena.keep_late();
        for _ in 0..game.rounds {
            stage.round(&mut random);
        }
        stage.end(&mut verdict);
    });
    if failure.is_some() {
        verdict.end.failure = failure;
    }
    verdict
}

fn arena<'k>(kit: &'k Kit, game: &Game, tally: &Tally) -> Arena<'k> {
    let mut arena = Arena::new(kit, &[], false, &game.liars);
    for seat in arena.seats.iter_mut().filter(|seat| seat.lies) {
        let seed = game.seed ^ u64::from(seat.id.0) << 48;
        let scheme = kit.scheme(seat.id);
        let adversary = Adversary::new(Behaviour::Honest, scheme, &kit.committee, seat.id, seed);
        seat.adversary = adversary.ok().map(|mut adversary| {
            adversary.lie(Box::new(Mutator::new(game.habits, tally.clone())));
            adversary
        });
    }
    arena
}

struct Stage<'k> {
    arena: Arena<'k>,
    game: &'k Game,
    view: View,
    /// Clients whose request is known to somebody.
    asked: u64,
}

impl Stage<'_> {
    /// The others go on without this one, further than single blocks are asked for.
    fn banish(&mut self, exile: usize) {
        let split: Vec<u8> = (0..self.arena.seats.len()).map(|seat| u8::from(seat == exile)).collect();
        self.arena.divide(&split);
        self.arena.start();
        for _ in 0..EXILE_REQUESTS {
            for seat in (0..split.len()).filter(|seat| *seat != exile) {
                self.arena.ask(seat, self.asked as usize, 0);
            }
            self.asked += 1;
            self.arena.settle();
        }
        self.arena.judge();
    }

    fn round(&mut self, random: &mut Random) {
        if !self.arena.checkers.found().is_empty() {
            return;
        }
        self.divide(random);
        self.arena.start();
        if self.game.knows(random, 5, 200_000) {
            self.arena.deliver_late();
        }
        if self.game.knows(random, 6, 300_000) {
            self.arena.connect();
        }
        let moves = random.chance(500_000);
        let requests = random.between(1, 4);
        for _ in 0..requests {
            self.ask(random);
            self.arena.settle();
        }
        if moves {
            self.enter(random);
            self.arena.settle();
        }
        if self.game.knows(random, 7, 500_000) {
            let us = *random.pick(&[20_000, 300_000, 1_200_000]);
            self.arena.run_until(us, |_| false);
        }
        self.arena.judge();
        self.arena.now_us += 500;
    }

    fn divide(&mut self, random: &mut Random) {
        let seats = self.arena.seats.len();
        let is_whole = !self.game.knows(random, 0, 600_000);
        let split: Vec<u8> = (0..seats).map(|_| u8::from(!is_whole && random.chance(250_000))).collect();
        self.arena.divide(&split);
        while self.game.knows(random, 1, 400_000) {
            self.arena.deafen(random.below(seats as u64) as usize, random.below(seats as u64) as usize);
        }
        let lost = if self.game.knows(random, 2, 300_000) {
            Kinds::of(&[*random.pick(&LOSABLE)])
        } else {
            Kinds::default()
        };
        let scarce = self.game.knows(random, 3, 300_000).then(|| {
            let kind = *random.pick(&LOSABLE);
            (Kinds::of(&[kind]), random.below(1 << seats) as u32)
        });
        self.arena.lose(lost, scarce);
    }

    /// A new client's request becomes known to one replica or to several.
    fn ask(&mut self, random: &mut Random) {
        if self.asked + 1 >= CLIENTS {
            return;
        }
        let ears = random.number() | 1 << random.below(self.arena.seats.len() as u64);
        for seat in (0..self.arena.seats.len()).filter(|seat| ears >> seat & 1 == 1) {
            self.arena.ask(seat, self.asked as usize, 0);
        }
        self.asked += 1;
    }

    /// The view is given up, for the next one of a liar or of anybody.
    fn enter(&mut self, random: &mut Random) {
        let quorum = self.arena.kit.quorum;
        let top = self.view.max(self.arena.top_view());
        let liars: Vec<ReplicaId> = self.game.liars.iter().copied().collect();
        let leader = if random.chance(400_000) {
            *random.pick(&liars)
        } else {
            ReplicaId(random.below(quorum.n() as u64) as u16)
        };
        let next = (top.0 + 1..).map(View).find(|view| quorum.leader(*view) == leader);
        self.view = next.unwrap_or(top);
        let all_hear = !self.game.knows(random, 4, 300_000);
        let ears = if all_hear { u32::MAX } else { random.number() as u32 };
        self.arena.enter(self.view, ears);
    }

    fn end(mut self, verdict: &mut Verdict) {
        self.arena.say("MENDED");
        let mended_us = self.arena.now_us;
        let stalled = self.arena.is_sound() && !self.recovers();
        verdict.blocks = self.arena.height().0;
        verdict.end = self.arena.ending(mended_us, stalled);
    }

    fn recovers(&mut self) -> bool {
        let height = self.arena.height();
        self.arena.mend();
        self.arena.deliver_late();
        self.arena.connect();
        // R4: clients without an answer ask everybody in the end; and one more has something new.
        for seat in 0..self.arena.seats.len() {
            for client in (0..self.asked).chain([CLIENTS - 1]) {
                self.arena.ask(seat, client as usize, 0);
            }
        }
        self.arena.run_until(PATIENCE_US, |arena| arena.is_done(height));
        self.arena.judge();
        self.arena.is_sound() && self.arena.is_done(height)
    }
}

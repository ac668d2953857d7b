//! Plays one scenario.

use super::scenario::{Lead, Round, Scenario};
use crate::arena::{Arena, Ending, Kinds, Kit, failure_of};
use crate::network::Kind;
use crate::random::Random;
use outvote_types::{ReplicaId, View};
use std::collections::BTreeSet;

/// Rounds of a scenario at most.
pub const ROUNDS_MAX: usize = 64;
/// After the last round everything must be done within this time.
const PATIENCE_US: u64 = 60_000_000;
/// In this time a leader proposes what it has, also on top of slots in flight.
const LINGER_US: u64 = 40_000;
/// How long the first sight of each other takes after a round at least.
const PAUSE_US: u64 = 1_000;

/// What came of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How it ended.
    pub end: Ending,
    /// Blocks that some correct replica committed before everything was mended.
    pub committed: u64,
    /// Views after view 0 that were entered before everything was mended.
    pub views: u64,
}

/// Keys and requests for scenarios of this size.
///
/// # Errors
/// With what is wrong with the size, in words.
pub fn kit(replicas: usize, seats: usize) -> Result<Kit, String> {
    Kit::new(replicas, seats + 1, ROUNDS_MAX as u64 + 1, 1_024)
}

/// Plays a scenario: the rounds, then everything is mended and work must be done.
#[must_use]
pub fn play(kit: &Kit, scenario: &Scenario, keep_text: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let failure = failure_of(|| {
        let mut game = Game::new(kit, scenario, keep_text);
        game.play();
        game.end(&mut verdict);
    });
    if failure.is_some() {
        verdict.end.failure = failure;
    }
    verdict
}

struct Game<'k> {
    arena: Arena<'k>,
    scenario: &'k Scenario,
    view: View,
    /// Requests that each seat was asked for.
    asked: Vec<u64>,
    order: Option<Random>,
}

impl<'k> Game<'k> {
    fn new(kit: &'k Kit, scenario: &'k Scenario, keep_text: bool) -> Self {
        let mut arena = Arena::new(kit, &scenario.twins, scenario.fenced, &BTreeSet::new());
        if keep_text {
            arena.text = Some(String::new());
        }
        let mut order = scenario.order.map(Random::new);
        if let Some(order) = &mut order {
            arena.shuffle(order.number());
            arena.keep_late();
        }
        let asked = vec![0; scenario.seats()];
        Self { arena, scenario, view: View(0), asked, order }
    }

    fn play(&mut self) {
        for (place, round) in self.scenario.rounds.iter().take(ROUNDS_MAX).enumerate() {
            self.round(place, round);
            if !self.arena.checkers.found().is_empty() {
                return;
            }
        }
    }

    /// The view in which a round is played: the next one of its leader. Views in between are passed over, as when a quorum gives up
    /// each of them with everything else lost.
    fn next_view(&self, place: usize, lead: Lead) -> View {
        let Lead::By(leader) = lead else { return self.view };
        let first = if place == 0 { 0 } else { self.view.0 + 1 };
        let quorum = self.arena.kit.quorum;
        (first..).map(View).find(|view| quorum.leader(*view) == leader).unwrap_or(self.view)
    }

    fn round(&mut self, place: usize, round: &Round) {
        let arena = &mut self.arena;
        arena.say(&format!("ROUND {round}"));
        arena.divide(&round.split);
        for (from, to) in &round.deaf {
            arena.deafen(usize::from(*from), usize::from(*to));
        }
        // Views end when the scenario says so, and only then.
        let views = Kinds::of(&[Kind::Suspect, Kind::Timeout]);
        let commits = if round.no_commits { Kinds::of(&[Kind::Commit]) } else { Kinds::default() };
        let scarce = round.prepares_to.map(|ears| (Kinds::of(&[Kind::Prepare]), ears));
        arena.lose(views.and(commits), scarce);
        if self.order.as_mut().is_some_and(|order| order.chance(300_000)) {
            arena.deliver_late();
        }
        self.arena.start();
        let view = self.next_view(place, round.lead);
        let leader = self.arena.kit.quorum.leader(view);
        self.ask_leaders(leader);
        if view > self.view {
            let everybody = u32::MAX;
            self.arena.enter(view, everybody & !round.lagging);
        }
        self.view = view;
        self.arena.settle();
        if round.lead == Lead::Stays {
            // N2: with slots in flight a batch lingers, and so needs time.
            self.arena.run_until(LINGER_US, |_| false);
        }
        self.arena.judge();
        self.arena.now_us += PAUSE_US;
    }

    /// Each instance of the leader gets work of its own, so that two of them propose two different blocks.
    fn ask_leaders(&mut self, leader: ReplicaId) {
        for seat in 0..self.arena.seats.len() {
            if self.arena.seats[seat].id == leader {
                self.arena.ask(seat, seat, self.asked[seat]);
                self.asked[seat] += 1;
            }
        }
    }

    fn end(mut self, verdict: &mut Verdict) {
        verdict.committed = self.arena.height().0;
        verdict.views = self.view.0;
        self.arena.say("MENDED");
        let mended_us = self.arena.now_us;
        let stalled = self.arena.is_sound() && !self.recovers();
        verdict.end = self.arena.ending(mended_us, stalled);
    }

    /// Both instances go on: together they are one liar, which is not too many.
    fn recovers(&mut self) -> bool {
        let arena = &mut self.arena;
        let height = arena.height();
        arena.mend();
        if self.scenario.order.is_some() {
            arena.deliver_late();
        }
        arena.connect();
        // R4: clients without an answer ask everybody in the end; and one more has something new.
        let client = arena.seats.len();
        for seat in 0..arena.seats.len() {
            for (asker, count) in self.asked.iter().enumerate() {
                (0..*count).for_each(|place| arena.ask(seat, asker, place));
            }
            arena.ask(seat, client, 0);
        }
        arena.run_until(PATIENCE_US, |arena| arena.is_done(height));
        arena.judge();
        arena.is_done(height)
    }
}

//! Twins on the whole world, with disks, execution, clients and delays: few scenarios, each as close to a real cluster as
//! the simulator comes.
//!
//! The scenarios are not random: all ways to divide the replicas and the second
//! instance into sets, round after round, for each identity that may have a twin. What differs only in which of the two
//! instances is called the second is played once.

use crate::machine::wall_of;
use crate::plan::Plan;
use crate::world::World;
use outvote_adversary::{Behaviour, Hand, Liar};
use outvote_crypto::Scheme;
use outvote_replica::{Action, Config, Event, Recipients, Recovered, Replica, Voting};
use outvote_types::{Committee, Instant, ReplicaId, Sequence};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How long a round lasts: long enough for a view to end and the next one to begin.
const ROUND_US: u64 = 1_200_000;
/// After the last round everything must be done within this time.
const PATIENCE_US: u64 = 60_000_000;
/// Requests in each round.
const REQUESTS_PER_ROUND: u64 = 3;

/// Which set each replica is in, by index; the last place is that of the second instance.
pub type Split = Vec<u8>;

/// Who has a twin, and how the world is divided, round after round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Replicas.
    pub replicas: usize,
    /// The identity with two instances.
    pub twin: ReplicaId,
    /// One split each.
    pub rounds: Vec<Split>,
}

/// All ways to divide the replicas and the second instance of `twin` into at most so many sets; of two that only swap the
/// instances, one.
#[must_use]
pub fn splits(replicas: usize, twin: ReplicaId, sets_max: u8) -> Vec<Split> {
    let mut all = vec![Split::new()];
    for _ in 0..=replicas {
        let longer = |split: Split| {
            let fresh = split.iter().max().map_or(0, |highest| highest + 1);
            (0..=fresh.min(sets_max - 1)).map(move |set| [&split[..], &[set]].concat())
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    let found: BTreeSet<Split> = all
        .into_iter()
        .map(|split| {
            let mut swapped = split.clone();
            swapped.swap(twin.index(), replicas);
            let swapped = canonical(&swapped);
            split.min(swapped)
        })
        .collect();
    found.into_iter().collect()
}

/// The same division with its sets numbered in the order in which they appear.
fn canonical(split: &[u8]) -> Split {
    let mut names = Vec::new();
    split
        .iter()
        .map(|set| {
            let place = names.iter().position(|name| name == set).unwrap_or(names.len());
            if place == names.len() {
                names.push(*set);
            }
            place as u8
        })
        .collect()
}

/// All scenarios of so many rounds.
#[must_use]
pub fn scenarios(replicas: usize, rounds: u32, sets_max: u8) -> Vec<Scenario> {
    let of = |twin: ReplicaId| {
        let splits = splits(replicas, twin, sets_max);
        let count = (splits.len() as u64).pow(rounds);
        (0..count).map(move |number| {
            let mut rest = number;
            let rounds = (0..rounds).map(|_| {
                let split = splits[(rest % splits.len() as u64) as usize].clone();
                rest /= splits.len() as u64;
                split
            });
            Scenario { replicas, twin, rounds: rounds.collect() }
        })
    };
    (0..replicas as u16).flat_map(|twin| of(ReplicaId(twin))).collect()
}

/// Plays a scenario, mends everything, and says what went wrong: a broken rule, or work that was not done in time.
///
/// # Errors
/// With what went wrong, in words.
pub fn play(scenario: &Scenario) -> Result<(), String> {
    let mut plan = Plan::quiet(1, scenario.replicas);
    plan.liars = vec![(scenario.twin, Behaviour::Honest)];
    let mut world = World::new(plan);
    let client = world.add_client(0);
    let ears = Arc::new(Ears::default());
    let second = Second::new(&world, scenario.twin, Arc::clone(&ears)).ok_or("no second instance")?;
    world.machines[scenario.twin.index()].adversary.lie(Box::new(second));
    for split in &scenario.rounds {
        divide(&mut world, scenario.twin, split, &ears);
        world.clients[client].want(REQUESTS_PER_ROUND);
        world.wake(client);
        world.run_for(ROUND_US);
    }
    // Both instances go on: together they are one liar, which is not too many.
    world.links.mend();
    ears.set(u64::MAX, u64::MAX);
    let is_over = |world: &World| !world.checkers.found().is_empty() || world.all_is_done();
    let done = world.run_until(PATIENCE_US, is_over);
    let height = world.checkers.height();
    let same = world.run_until(PATIENCE_US, |world| {
        world.correct().all(|index| world.status(index).is_some_and(|status| status.executed.0 >= height))
    });
    match world.checkers.found().first() {
        Some(violation) => Err(format!("{scenario:?}: {violation:?}")),
        None if !done || !same => Err(format!("{scenario:?}: a stall")),
        None => Ok(()),
    }
}

fn divide(world: &mut World, twin: ReplicaId, split: &[u8], ears: &Ears) {
    world.links.mend();
    let honest: Vec<ReplicaId> = world.quorum.members().filter(|id| *id != twin).collect();
    for a in &honest {
        for b in honest.iter().filter(|b| split[a.index()] != split[b.index()]) {
            world.links.cut(*a, *b);
        }
    }
    let with = |set: u8| {
        honest.iter().filter(|id| split[id.index()] == set).fold(0u64, |mask, id| mask | 1 << id.index())
    };
    ears.set(with(split[twin.index()]), with(split[world.plan.replicas]));
}

/// Whom each instance hears and is heard by, as bits.
#[derive(Default)]
struct Ears {
    first: AtomicU64,
    second: AtomicU64,
}

impl Ears {
    fn set(&self, first: u64, second: u64) {
        self.first.store(first, Ordering::Relaxed);
        self.second.store(second, Ordering::Relaxed);
    }
}

fn has(ears: &AtomicU64, peer: ReplicaId) -> bool {
    ears.load(Ordering::Relaxed) >> peer.index() & 1 == 1
}

/// The second instance, and what divides the world between it and the first.
struct Second {
    replica: Replica,
    scheme: Arc<dyn Scheme>,
    ears: Arc<Ears>,
}

impl Second {
    /// An instance that begins as the first one did.
    fn new(world: &World, twin: ReplicaId, ears: Arc<Ears>) -> Option<Self> {
        let machine = &world.machines[twin.index()];
        let committee: Committee = world.committee.clone();
        let recovered = Recovered {
            records: crate::disk::Disk::first(&committee).records(),
            executed: (Sequence(0), committee.genesis_id()),
            executed_header: None,
            voting: Voting::Allowed,
            first_start: true,
        };
        committee.member(twin)?;
        let config = Config { committee, me: twin, tunables: world.plan.tunables.clone() };
        let scheme = Arc::clone(&machine.scheme);
        let now = Instant(world.now_us);
        // Nothing leaves before the first round: the first instance has said the same.
        let (replica, _) = Replica::recover(config, recovered, Arc::clone(&scheme), now, wall_of(now));
        Some(Self { replica, scheme, ears })
    }

    /// Gives an event to the second instance, and keeps what it says for the next moment at which something may leave.
    fn step(&mut self, hand: &mut Hand, now: Instant, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let actions = self.replica.step(now, wall_of(now), event);
            for action in actions {
                match action {
                    // A disk without delay: it is not what is tried here.
                    Action::Write { ticket, .. } => events.push_back(Event::Durable(ticket)),
                    Action::Verify { job, checks } => {
                        events.push_back(Event::Checked { job, verdicts: self.scheme.verify(&checks) });
                    }
                    Action::Send { to, urgent, frame } => {
                        for peer in hand.others() {
                            let is_meant = matches!(to, Recipients::Others) || to == Recipients::One(peer);
                            if is_meant && has(&self.ears.second, peer) {
                                let to = Recipients::One(peer);
                                let action = Action::Send { to, urgent, frame: Arc::clone(&frame) };
                                // Beyond what a hand can keep, messages are lost.
                                hand.keep(now, action, &mut Vec::new());
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn tick(&mut self, hand: &mut Hand, now: Instant) {
        if self.replica.wake_at().is_some_and(|at| at <= now) {
            self.step(hand, now, Event::Tick);
        }
    }
}

impl Liar for Second {
    fn hear(&mut self, hand: &mut Hand, now: Instant, event: Event) -> Option<Event> {
        self.tick(hand, now);
        match &event {
            Event::Frame { from, .. } => {
                if has(&self.ears.second, *from) {
                    self.step(hand, now, event.clone());
                }
                has(&self.ears.first, *from).then_some(event)
            }
            Event::Request(_) | Event::Link { .. } => {
                self.step(hand, now, event.clone());
                Some(event)
            }
            _ => Some(event),
        }
    }

    fn act(&mut self, hand: &mut Hand, _: Instant, action: Action, out: &mut Vec<Action>) {
        let Action::Send { to, urgent, frame } = &action else { return out.push(action) };
        for peer in hand.others() {
            let is_meant = matches!(to, Recipients::Others) || *to == Recipients::One(peer);
            if is_meant && has(&self.ears.first, peer) {
                let (to, frame) = (Recipients::One(peer), Arc::clone(frame));
                out.push(Action::Send { to, urgent: *urgent, frame });
            }
        }
    }
}

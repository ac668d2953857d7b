//! The arena: rings 1 and 2 as shipped, played in rounds, fast enough for millions of short games.
//!
//! There are no sockets, no executor and no random delays here: a message that may pass arrives at once, a write is durable
//! at once, and time moves only when the game says so. What is judged is the same as in the [`crate::World`], by the same
//! [`Checkers`].

mod carry;
mod ending;
mod kit;
mod seat;

pub use ending::Ending;
pub(crate) use ending::failure_of;
pub use kit::Kit;
pub use seat::Seat;

use crate::checkers::Checkers;
use crate::machine::wall_of;
use crate::network::Kind;
use crate::plan::START_US;
use crate::random::Random;
use outvote_replica::{Action, Event, Voting};
use outvote_types::{Digest, Instant, Message, ReplicaId, Sequence, View, decode};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a message takes.
const HOP_US: u64 = 5;
/// Frames that may follow from one cause before it is called a storm, times the number of seats squared.
const STORM_FRAMES: u64 = 400;

/// A frame on its way from seat to seat.
struct Flight {
    from: usize,
    to: usize,
    frame: Arc<[u8]>,
}

/// Kinds of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// Exactly these.
    #[must_use]
    pub fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u32))
    }

    /// Whether this frame's is among them.
    #[must_use]
    pub fn has(self, frame: &[u8]) -> bool {
        frame.first().is_some_and(|tag| *tag < 32 && self.0 >> tag & 1 == 1)
    }

    /// Those of either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One game under way.
pub struct Arena<'k> {
    /// Keys and requests.
    pub kit: &'k Kit,
    /// The instances: one for each identity in order, then the second ones of those that have twins.
    pub seats: Vec<Seat>,
    /// The judges.
    pub checkers: Checkers,
    /// The time.
    pub now_us: u64,
    /// Frames delivered.
    pub frames: u64,
    /// Accusations by correct replicas.
    pub accusations: u64,
    /// What happened, in words, if wanted.
    pub text: Option<String>,
    /// Who is heard by whom, one bit for each seat.
    reach: Vec<u32>,
    /// Kinds that nobody hears.
    lost: Kinds,
    /// Kinds that only some seats hear.
    scarce: Option<(Kinds, u32)>,
    flights: VecDeque<Flight>,
    /// What each seat wants to do first, once it is known who hears whom: the leader of view 0 proposes at once.
    starting: Vec<Vec<Action>>,
    /// Where messages overtake each other, if they do.
    order: Option<Random>,
    /// Lost messages that may come late, if any may.
    late: Option<Vec<Flight>>,
}

impl<'k> Arena<'k> {
    /// A game with a second instance of each of `twins`; fenced ones stop when they notice each other, as an operator's
    /// mistake would, others do not, as liars would.
    #[must_use]
    pub fn new(kit: &'k Kit, twins: &[ReplicaId], fenced: bool, liars: &BTreeSet<ReplicaId>) -> Self {
        let liars: BTreeSet<ReplicaId> = liars.iter().chain(twins).copied().collect();
        let genesis = kit.committee.genesis_id();
        let checkers = Checkers::new(kit.quorum.n(), genesis, liars.clone(), &kit.tunables);
        let mut arena = Self {
            kit,
            seats: Vec::new(),
            checkers,
            now_us: START_US,
            frames: 0,
            accusations: 0,
            text: None,
            reach: Vec::new(),
            lost: Kinds::default(),
            scarce: None,
            flights: VecDeque::new(),
            starting: Vec::new(),
            order: None,
            late: None,
        };
        for id in kit.quorum.members().chain(twins.iter().copied()) {
            let shares = twins.contains(&id) && !fenced;
            let voting = if shares { Voting::Twin } else { Voting::Allowed };
            // No two start at the same time, so the first blocks of two instances of a leader differ.
            arena.now_us += 1;
            let (mut seat, actions) = Seat::new(kit, id, voting, Instant(arena.now_us));
            seat.lies = liars.contains(&id);
            arena.seats.push(seat);
            arena.starting.push(actions);
        }
        arena.reach = vec![0; arena.seats.len()];
        arena
    }

    /// Lets messages overtake each other as this seed says.
    pub fn shuffle(&mut self, seed: u64) {
        self.order = Some(Random::new(seed));
    }

    /// Keeps lost messages, so that they can come late.
    pub fn keep_late(&mut self) {
        self.late = Some(Vec::new());
    }

    /// Divides the seats: each hears only those of its own set. What is still under way is lost.
    pub fn divide(&mut self, split: &[u8]) {
        self.flights.clear();
        self.reach = split
            .iter()
            .map(|set| split.iter().enumerate().filter(move |(_, other)| *other == set))
            .map(|same| same.fold(0, |bits, (seat, _)| bits | 1 << seat))
            .collect();
    }

    /// Lets all seats do what they want first. Before the first division nobody is heard.
    pub fn start(&mut self) {
        for (seat, actions) in std::mem::take(&mut self.starting).into_iter().enumerate() {
            self.carry_out_all(seat, actions);
        }
    }

    /// From here on one seat does not hear another.
    pub fn deafen(&mut self, from: usize, to: usize) {
        if let Some(reach) = self.reach.get_mut(from) {
            *reach &= !(1 << to);
        }
    }

    /// Everybody hears everybody.
    pub fn mend(&mut self) {
        self.reach = vec![u32::MAX; self.seats.len()];
        self.lost = Kinds::default();
        self.scarce = None;
    }

    /// From now on nobody hears messages of these kinds, and only the seats of `ears` those of the scarce kinds.
    pub const fn lose(&mut self, lost: Kinds, scarce: Option<(Kinds, u32)>) {
        self.lost = lost;
        self.scarce = scarce;
    }

    /// All links come up, as after a partition.
    pub fn connect(&mut self) {
        for seat in 0..self.seats.len() {
            for peer in self.kit.quorum.members() {
                if peer != self.seats[seat].id {
                    self.feed(seat, Event::Link { peer, up: true });
                }
            }
        }
    }

    /// A client's request reaches a seat.
    pub fn ask(&mut self, seat: usize, client: usize, place: u64) {
        let Some((request, _)) = self.kit.request(client, place) else { return };
        self.checkers.on_signed(request);
        let request = request.clone();
        self.feed(seat, Event::Request(request));
    }

    /// A quorum has given up the view before this one, and these seats hear of it.
    pub fn enter(&mut self, view: View, ears: u32) {
        let Some(before) = view.0.checked_sub(1) else { return };
        let frame = self.kit.timeout(View(before));
        for seat in (0..self.seats.len()).filter(|seat| ears >> seat & 1 == 1) {
            // Whoever passes it on first; what it says does not depend on that.
            let from = ReplicaId(u16::from(self.seats[seat].id.0 == 0));
            self.feed(seat, Event::Frame { from, bytes: frame.to_vec() });
        }
    }

    fn may_pass(&self, from: usize, to: usize, frame: &[u8]) -> bool {
        self.reach[from] >> to & 1 == 1
            && !self.lost.has(frame)
            && self.scarce.is_none_or(|(kinds, ears)| !kinds.has(frame) || ears >> to & 1 == 1)
    }

    /// Delivers what is under way, and what follows from it, until nothing is.
    pub fn settle(&mut self) {
        let most = STORM_FRAMES * (self.seats.len() * self.seats.len()) as u64;
        let mut delivered = 0;
        while let Some(flight) = self.next_flight() {
            self.deliver(&flight);
            delivered += 1;
            if delivered > most {
                self.checkers.report("message-budget", format!("{delivered} frames, and no end"));
                return self.flights.clear();
            }
        }
    }

    fn next_flight(&mut self) -> Option<Flight> {
        let count = self.flights.len() as u64;
        let place = self.order.as_mut().map_or(0, |order| order.below(count) as usize);
        self.flights.swap_remove_front(place)
    }

    fn deliver(&mut self, flight: &Flight) {
        self.now_us += HOP_US;
        self.checkers.at(self.now_us);
        self.frames += 1;
        let from = self.seats[flight.from].id;
        if let Some(text) = &mut self.text {
            use std::fmt::Write;
            let message = decode::<Message>(&flight.frame);
            let what = message.map_or_else(|_| String::from("junk"), |message| crate::words::of(&message));
            let _ = writeln!(text, "{} seat {} -> seat {}: {what}", self.now_us, flight.from, flight.to);
        }
        self.feed(flight.to, Event::Frame { from, bytes: flight.frame.to_vec() });
    }

    /// What was lost comes after all, in the order in which it was sent.
    pub fn deliver_late(&mut self) {
        if let Some(late) = &mut self.late {
            self.flights.extend(std::mem::take(late));
        }
    }

    /// Lets clocks run until it is so, for so long at most; says whether it came to be.
    pub fn run_until(&mut self, us: u64, is_so: impl Fn(&Self) -> bool) -> bool {
        let end = self.now_us + us;
        loop {
            self.settle();
            if is_so(self) || !self.checkers.found().is_empty() {
                return true;
            }
            let due: Vec<Option<u64>> = self.seats.iter().map(|seat| seat.wake_at().map(|at| at.0)).collect();
            let Some(next) = due.iter().flatten().min().map(|at| (*at).max(self.now_us + 1)) else {
                return false;
            };
            if next > end {
                return false;
            }
            self.now_us = next;
            self.checkers.at(next);
            for (seat, _) in due.iter().enumerate().filter(|(_, at)| at.is_some_and(|at| at <= next)) {
                self.feed(seat, Event::Tick);
            }
        }
    }

    /// The seats of those that do not lie.
    pub fn correct(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| !seat.lies)
    }

    /// Judges where everybody stands.
    pub fn judge(&mut self) {
        for seat in &self.seats {
            self.checkers.on_step(seat.id, &seat.replica.status(), &seat.replica.sizes());
            seat.replica.assert_invariants();
        }
    }

    /// The highest committed block of anybody correct.
    #[must_use]
    pub fn height(&self) -> Sequence {
        self.correct().map(|seat| seat.replica.status().committed).max().unwrap_or_default()
    }

    /// The highest view that any seat is in.
    #[must_use]
    pub fn top_view(&self) -> View {
        self.seats.iter().map(|seat| seat.replica.status().view).max().unwrap_or_default()
    }

    /// Gives an event to a seat, and carries out what it asks for.
    pub fn feed(&mut self, seat: usize, event: Event) {
        let now = Instant(self.now_us);
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Seat { adversary, replica, .. } = &mut self.seats[seat];
            let heard = match adversary {
                Some(adversary) => adversary.hear(now, event),
                None => Some(event),
            };
            let actions = heard.map(|event| replica.step(now, wall_of(now), event)).unwrap_or_default();
            let actions = match adversary {
                Some(adversary) => adversary.act(now, actions),
                None => actions,
            };
            for action in actions {
                self.carry_out(seat, action, &mut events);
            }
        }
    }

    fn carry_out_all(&mut self, seat: usize, actions: Vec<Action>) {
        let mut events = VecDeque::new();
        let now = Instant(self.now_us);
        let actions = match &mut self.seats[seat].adversary {
            Some(adversary) => adversary.act(now, actions),
            None => actions,
        };
        for action in actions {
            self.carry_out(seat, action, &mut events);
        }
        while let Some(event) = events.pop_front() {
            self.feed(seat, event);
        }
    }

    /// A digest over what the correct replicas agreed on and where they stand; equal for equal games.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        let words = self.seats.iter().map(|seat| {
            let peers: Vec<_> = seat.replica.peer_statuses().collect();
            format!("{:?}{peers:?}", seat.replica.status())
        });
        let text: Vec<String> = words.chain([format!("{}", self.frames)]).collect();
        Digest::of(text.join(";").as_bytes())
    }
}

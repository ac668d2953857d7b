//! The world: one queue of things that will happen, one clock, one thread, one seed.

use crate::agenda::{Agenda, Happening, Local};
use crate::checkers::Checkers;
use crate::client::Client;
use crate::coverage::Coverage;
use crate::keys;
use crate::machine::Machine;
use crate::network::{Kind, Links, Rule, Verdict};
use crate::plan::{Plan, START_US, Trap, lie};
use crate::random::Random;
use crate::session_client::SessionClient;
use crate::trace::Trace;
use outvote_execution::HashMemo;
use outvote_replica::{Event, Status};
use outvote_types::{BoundedVec, Committee, Epoch, Member, Mode, Nonce, PublicKey, Quorum, ReplicaId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A whole cluster, its clients and its misfortunes.
pub struct World {
    /// What the seed says.
    pub plan: Plan,
    /// The committee.
    pub committee: Committee,
    /// Its arithmetic.
    pub quorum: Quorum,
    /// The time.
    pub now_us: u64,
    /// The replicas.
    pub machines: Vec<Machine>,
    /// The clients.
    pub clients: Vec<Client>,
    /// Clients as shipped.
    pub sessions: Vec<SessionClient>,
    /// The links.
    pub links: Links,
    /// The judges.
    pub checkers: Checkers,
    /// What happened.
    pub trace: Trace,
    /// How often each kind of fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// Frames that wait for a rule to be lifted.
    pub(crate) held: Vec<(ReplicaId, ReplicaId, Arc<[u8]>)>,
    /// What replicas wanted people to know.
    pub notes: Vec<(u64, ReplicaId, outvote_replica::Note)>,
    /// Who accused whom, of what.
    pub accused: Vec<(ReplicaId, ReplicaId, outvote_types::Rule)>,
    /// How often each replica called itself busy.
    pub busy: BTreeMap<ReplicaId, u64>,
    /// Frames sent.
    pub frames: u64,
    /// What met what.
    pub coverage: Coverage,
    /// Steps at which whoever takes them dies.
    pub(crate) traps: Vec<Trap>,
    pub(crate) random: Random,
    agenda: Agenda,
    client_wakes: Vec<Option<u64>>,
    pub(crate) session_wakes: Vec<Option<u64>>,
}

impl World {
    /// A cluster as the plan wants it, started.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let (committee, quorum) = committee_of(&plan);
        let liars = plan.liars.iter().map(|(liar, _)| *liar).collect();
        let memo = HashMemo::shared();
        let machines: Vec<Machine> =
            quorum.members().filter_map(|id| Machine::new(&plan, &committee, id, &memo)).collect();
        assert_eq!(machines.len(), plan.replicas, "each replica has a machine");
        let mut world = Self {
            checkers: Checkers::new(plan.replicas, committee.genesis_id(), liars, &plan.tunables),
            links: Links::new(plan.network, plan.zones.clone(), plan.clog_max),
            random: Random::new(plan.seed),
            now_us: START_US,
            machines,
            clients: Vec::new(),
            sessions: Vec::new(),
            trace: Trace::default(),
            faults: BTreeMap::new(),
            held: Vec::new(),
            notes: Vec::new(),
            accused: Vec::new(),
            busy: BTreeMap::new(),
            frames: 0,
            coverage: Coverage::default(),
            traps: Vec::new(),
            agenda: Agenda::default(),
            client_wakes: Vec::new(),
            session_wakes: Vec::new(),
            committee,
            quorum,
            plan,
        };
        for _ in 0..world.plan.clients {
            let requests = world.plan.requests_per_client;
            world.add_client(requests);
        }
        for _ in 0..world.plan.sessions {
            let added = world.add_session(world.plan.requests_per_client);
            assert!(added.is_some(), "each session has a pool");
        }
        for (at, fault) in world.plan.faults.clone() {
            world.schedule(at, Happening::Fault(Box::new(fault)));
        }
        // Whoever lies from the start is a fault like one that begins later; nothing of it is in the trace.
        for (_, behaviour) in &world.plan.liars {
            *world.faults.entry(lie(*behaviour)).or_default() += 1;
            world.coverage.begin(lie(*behaviour));
        }
        world.coverage.mood(&world.plan.network);
        let lasting = [
            ("zones", !world.plan.zones.is_empty()),
            ("timers_drift", !world.plan.timer_rates.is_empty()),
            ("scattered_writes", world.plan.scattered_writes),
            ("gives_up_blocks", world.plan.gives_up_blocks),
            ("real_signatures", world.plan.real_signatures),
        ];
        for (word, _) in lasting.into_iter().filter(|(_, is_on)| *is_on) {
            world.coverage.begin(word);
            *world.faults.entry(word).or_default() += 1;
        }
        for id in quorum.members() {
            world.start(id);
        }
        world.connect_all();
        world
    }

    /// Adds a client that wants to submit so many requests.
    pub fn add_client(&mut self, requests: u64) -> usize {
        let actor = 1_000 + self.clients.len() as u64;
        let scheme = keys::scheme(self.plan.seed, actor, self.plan.real_signatures);
        let (window, think_us) = (self.plan.window, self.plan.think_us);
        let client = Client::new(scheme, &self.committee, self.quorum, requests, window, think_us);
        self.clients.push(client);
        self.client_wakes.push(None);
        let index = self.clients.len() - 1;
        let spread = self.random.below(think_us + 1);
        self.schedule(self.now_us + spread, Happening::ClientWake { client: index });
        index
    }

    pub(crate) fn schedule(&mut self, at_us: u64, happening: Happening) {
        self.agenda.add(at_us.max(self.now_us), happening);
    }

    pub(crate) fn schedule_local(&mut self, at: ReplicaId, after_us: u64, what: Local) {
        let incarnation = self.machines[at.index()].incarnation;
        self.schedule(self.now_us + after_us, Happening::Local { at, incarnation, what });
    }

    /// Takes the next step; false if nothing will ever happen again.
    pub fn step(&mut self) -> bool {
        let Some((at_us, happening)) = self.agenda.pop() else { return false };
        self.now_us = at_us;
        self.checkers.at(at_us);
        let Some(happening) = self.put_off(happening) else { return true };
        match happening {
            Happening::Frame { from, to, frame } => {
                self.note(from, to, &frame);
                let machine = &self.machines[to.index()];
                if let (Some(kind), true) = (Kind::of(&frame), machine.replica.is_some()) {
                    self.coverage.on_frame(self.now_us, kind, machine.state);
                }
                let event = Event::Frame { from, bytes: frame.to_vec() };
                self.feed(to, event);
                self.judge_reminder(from, to, &frame);
            }
            Happening::Local { at, incarnation, what } => {
                if self.machines[at.index()].incarnation == incarnation {
                    self.local(at, what);
                }
            }
            Happening::Submit { to, request } => {
                if !self.links.without_clients.contains(&to) {
                    self.on_submit(to, *request);
                }
            }
            Happening::Answer { client, answer } => {
                let (reply, results) = &*answer;
                for accepted in self.clients[client].weigh(reply, results) {
                    self.checkers.on_accepted(&accepted);
                }
                self.wake_client(client);
            }
            Happening::ClientWake { client } => {
                self.client_wakes[client] = None;
                self.on_client(client);
            }
            Happening::Asked { to, .. } if self.links.without_clients.contains(&to) => {}
            Happening::Asked { client, to, message } => self.on_asked(client, to, *message),
            Happening::Told { from, .. } if self.links.without_clients.contains(&from) => {}
            Happening::Told { client, from, message } => {
                self.sessions[client].on_message(at_us, from, *message);
                self.on_session(client);
            }
            Happening::SessionWake { client } => self.on_session_wake(client),
            Happening::SessionLink { client, peer, up } => self.on_session_link(client, peer, up),
            Happening::Fault(fault) => self.strike(&fault),
        }
        true
    }

    fn note(&mut self, from: ReplicaId, to: ReplicaId, frame: &[u8]) {
        // The hash does not depend on whether text is kept.
        self.trace.note(self.now_us, &from, to.0, "", frame);
        if self.trace.is_text() {
            let message = outvote_types::decode::<outvote_types::Message>(frame);
            let what = message.map_or_else(|_| String::from("junk"), |message| crate::words::of(&message));
            self.trace.note_text(self.now_us, &from, to.0, &what);
        }
    }

    /// Faults that have not struck yet never will.
    pub(crate) fn drop_faults(&mut self) {
        self.agenda.retain(|happening| !matches!(happening, Happening::Fault(_)));
    }

    fn local(&mut self, at: ReplicaId, what: Local) {
        match what {
            Local::Flushed => self.on_flushed(at),
            Local::Event(event) => self.feed(at, *event),
            Local::Execute => self.on_execute(at),
            Local::Serve { to, fetch } => {
                if let Some(data) = self.machines[at.index()].serve(&fetch) {
                    self.feed(at, Event::Served { to, data });
                }
            }
            Local::StateData { from, data } => self.on_state_data(at, from, *data),
            Local::Wake => self.on_wake(at),
        }
    }

    /// Lets the client's timer ring when it wants to.
    pub(crate) fn wake_client(&mut self, client: usize) {
        let Some(at_us) = self.clients[client].wake_at() else { return };
        let at_us = at_us.max(self.now_us);
        if self.client_wakes[client].is_none_or(|scheduled| at_us < scheduled) {
            self.client_wakes[client] = Some(at_us);
            self.schedule(at_us, Happening::ClientWake { client });
        }
    }

    /// Lets a client look at what it wants now.
    pub fn wake(&mut self, client: usize) {
        self.wake_client(client);
    }

    /// Runs for so long.
    pub fn run_for(&mut self, us: u64) {
        let end = self.now_us + us;
        while self.agenda.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now_us = end;
    }

    /// Runs until it is so, or for so long at most; says whether it came to be.
    pub fn run_until(&mut self, us: u64, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now_us + us;
        let mut looked = 0;
        while !is_so(self) {
            let Some(at) = self.agenda.next_at() else { return false };
            if at > end {
                self.now_us = end;
                return is_so(self);
            }
            self.step();
            // Looking costs more than stepping.
            looked += 1;
            while looked % 16 != 0 && self.agenda.next_at().is_some_and(|at| at <= end) {
                self.step();
                looked += 1;
            }
        }
        true
    }

    /// A running replica's status.
    #[must_use]
    pub fn status(&self, index: usize) -> Option<Status> {
        self.machines[index].replica.as_ref().map(outvote_replica::Replica::status)
    }

    /// Adds a rule for messages.
    pub fn rule(&mut self, from: Option<usize>, to: Option<usize>, kind: Option<Kind>, verdict: Verdict) {
        let name = |index: usize| ReplicaId(index as u16);
        self.links.rules.push(Rule { from: from.map(name), to: to.map(name), kind, verdict });
    }

    /// Lifts all rules; what was held is delivered.
    pub fn lift_rules(&mut self) {
        self.links.rules.clear();
        for (from, to, frame) in std::mem::take(&mut self.held) {
            self.schedule(self.now_us + 100, Happening::Frame { from, to, frame });
        }
    }

    /// Whether all clients have what they wanted.
    #[must_use]
    pub fn all_is_done(&self) -> bool {
        self.clients.iter().all(Client::is_done) && self.sessions.iter().all(SessionClient::is_done)
    }

    /// Requests without an outcome.
    #[must_use]
    pub fn requests_waiting(&self) -> usize {
        let of_sessions: usize = self.sessions.iter().map(SessionClient::waiting).sum();
        self.clients.iter().map(Client::waiting).sum::<usize>() + of_sessions
    }

    /// Requests that wait although all correct replicas have executed them, since too few of these still hold the block: others
    /// have installed a later state. They stay pending, as R3 says; no replica could do more for them.
    #[must_use]
    pub fn untold_outcomes(&self) -> usize {
        let of_clients =
            self.clients.iter().flat_map(|client| client.waiting_names().map(|nonce| (client.key(), nonce)));
        let of_sessions = self
            .sessions
            .iter()
            .flat_map(|session| session.waiting_names().map(|nonce| (session.key(), nonce)));
        of_clients.chain(of_sessions).filter(|(key, nonce)| self.is_untold(key, *nonce)).count()
    }

    fn is_untold(&self, key: &PublicKey, nonce: Nonce) -> bool {
        let machines = || self.correct().map(|index| &self.machines[index]);
        let tell = machines().filter(|machine| machine.can_tell(key, nonce)).count();
        tell < self.quorum.weak()
            && machines().all(|machine| {
                machine.has_executed(key, nonce)
                    && (machine.can_tell(key, nonce) || machine.has_skipped(key, nonce))
            })
    }

    /// The replicas that do not lie.
    pub fn correct(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.machines.len()).filter(|index| !self.plan.lies(ReplicaId(*index as u16)))
    }
}

pub(crate) fn committee_of(plan: &Plan) -> (Committee, Quorum) {
    let member = |index: u64| {
        let consensus_key = keys::scheme(plan.seed, index, plan.real_signatures).public_key();
        let link_key = keys::scheme(plan.seed, index + 500, plan.real_signatures).public_key();
        Member { consensus_key, link_key }
    };
    let mut genesis_salt = [0; 32];
    genesis_salt[..8].copy_from_slice(&plan.seed.to_le_bytes());
    let committee = Committee {
        genesis_salt,
        epoch: Epoch(0),
        mode: Mode::Byzantine,
        demo: false,
        parameters: plan.parameters,
        members: BoundedVec::truncated((0..plan.replicas as u64).map(member).collect()),
    };
    let Ok(quorum) = committee.quorum() else { unreachable!("plans are made for four replicas or more") };
    (committee, quorum)
}

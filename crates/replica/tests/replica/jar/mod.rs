//! A cluster of whole replicas in one test: real Ed25519 keys, a network with a fixed latency, disks that may be slow, a
//! tiny executor and archive. Time is virtual and everything is deterministic.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this module")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod archive;
mod gated;

pub use archive::Archive;
pub use gated::Gated;

use outvote_crypto::{Check, Ed25519, KeyPair, RequestChecker, Scheme, sign_request};
use outvote_protocol::{Config, Justification, Promise, Record, Recovered, Status, Ticket, Tunables, Voting};
use outvote_replica::{Action, Event, JobId, Note, Recipients, Replica};
use outvote_types::{
    Blob, BoundedVec, Committee, Digest, Domain, Evidence, Instant, Member, Message, Mode, Nonce, Operation,
    Parameters, Rank, ReplicaId, Reply, Request, RequestBody, Sequence, Signed, Verified, View, WallTime,
    decode,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// When the test begins, on everybody's wall clock.
pub const WALL_AT_START_US: u64 = 1_800_000_000_000_000;
/// One way between two replicas.
pub const LATENCY_US: u64 = 200;
/// One execution of a block.
pub const EXECUTION_US: u64 = 50;

/// The keys and the committee of a test cluster.
#[derive(Clone)]
pub struct Family {
    pub committee: Committee,
    pub schemes: Vec<Arc<Ed25519>>,
}

fn keys(index: usize, role: u8) -> KeyPair {
    let mut seed = [role; 32];
    seed[0] = u8::try_from(index).unwrap();
    KeyPair::from_seed(seed)
}

impl Family {
    pub fn of(n: usize) -> Self {
        Self::with_interval(n, 64)
    }

    pub fn with_interval(n: usize, checkpoint_interval: u64) -> Self {
        let members = (0..n)
            .map(|index| Member {
                consensus_key: keys(index, 1).public_key(),
                link_key: keys(index, 2).public_key(),
            })
            .collect();
        let committee = Committee {
            genesis_salt: [7; 32],
            epoch: outvote_types::Epoch(0),
            mode: Mode::Byzantine,
            demo: true,
            parameters: Parameters { checkpoint_interval, ..Parameters::default() },
            members: BoundedVec::new(members).unwrap(),
        };
        let schemes = (0..n).map(|index| Arc::new(Ed25519::new(keys(index, 1)))).collect();
        Self { committee, schemes }
    }

    pub fn domain(&self) -> Domain {
        self.committee.domain()
    }

    pub fn clients(&self) -> Domain {
        Domain::clients(&self.committee.cluster_id())
    }

    pub fn config(&self, me: usize) -> Config {
        let tunables = Tunables { lease_slots: 16, ..Tunables::default() };
        Config { committee: self.committee.clone(), me: replica_id(me), tunables }
    }

    pub fn scheme(&self, index: usize) -> Arc<dyn Scheme> {
        Arc::clone(&self.schemes[index]) as Arc<dyn Scheme>
    }

    /// What `init` leaves on a disk.
    pub fn first_records(&self) -> Vec<Record> {
        vec![
            Record::Justification(Justification::Genesis),
            Record::Promise(Promise {
                counter: 1,
                epoch: self.committee.epoch,
                view: View(0),
                lease: Sequence(0),
                high_rank: Rank::default(),
                high_id: self.committee.genesis_id(),
            }),
        ]
    }

    /// Signs a body as member `index`; a test may lie in anybody's name.
    pub fn sign<B: outvote_types::Signable>(&self, index: usize, body: B) -> Signed<B> {
        outvote_crypto::sign_body(&*self.schemes[index], &self.domain(), body)
    }

    /// A client's request with one operation.
    pub fn request(&self, client: usize, nonce: u64, payload: &[u8]) -> Request {
        let operation =
            Operation { author: None, query: false, payload: Blob::new(payload.to_vec()).unwrap() };
        let key = keys(client, 3);
        let body = RequestBody {
            session: key.public_key(),
            nonce: Nonce(nonce),
            operations: BoundedVec::new(vec![operation]).unwrap(),
        };
        sign_request(&key, &self.clients(), body)
    }

    pub fn verified(&self, request: Request) -> Verified<Request> {
        let checker = RequestChecker::new(self.committee.clone(), self.scheme(0));
        checker.check(vec![request]).pop().unwrap().unwrap()
    }
}

pub fn replica_id(index: usize) -> ReplicaId {
    ReplicaId(u16::try_from(index).unwrap())
}

/// A cheap generator of test choices.
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }
}

/// How long things take beside the network.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    pub disk_us: u64,
    pub job_us: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { disk_us: 100, job_us: 100 }
    }
}

/// One replica, its disk and everything that it ever did.
pub struct Jar {
    pub replica: Replica,
    /// What is durable, in order.
    pub disk: Vec<Record>,
    writes: BTreeMap<Ticket, Vec<Record>>,
    pub archive: Archive,
    pub sent: Vec<(Recipients, Message)>,
    pub replies: Vec<Signed<Reply>>,
    pub accused: Vec<Evidence>,
    pub notes: Vec<Note>,
    pub refused: Vec<Nonce>,
    /// Sends that the log table forbade at their moment.
    pub gated: Gated,
    /// Up to when the replica was told that time passes.
    ticked: Option<Instant>,
    pub running: bool,
}

/// `n` jars and what lies between them.
pub struct Cluster {
    pub family: Family,
    pub jars: Vec<Jar>,
    pub delays: Delays,
    pub now_us: u64,
    /// Frames between these two are lost, both ways.
    pub cut: Vec<(usize, usize)>,
    /// One frame in so many is lost; 0 for none.
    pub lose_one_in: usize,
    dice: Dice,
    agenda: BTreeMap<(u64, u64), (usize, Event)>,
    next: u64,
}

impl Cluster {
    pub fn of(n: usize) -> Self {
        Self::new(Family::of(n), Delays::default())
    }

    pub fn new(family: Family, delays: Delays) -> Self {
        let mut cluster = Self {
            jars: Vec::new(),
            delays,
            now_us: 1_000_000,
            cut: Vec::new(),
            lose_one_in: 0,
            dice: Dice::new(99),
            agenda: BTreeMap::new(),
            next: 0,
            family,
        };
        let mut started = Vec::new();
        for index in 0..cluster.family.schemes.len() {
            let records = cluster.family.first_records();
            let (mut replica, actions) =
                start(&cluster.family, index, records.clone(), &Archive::default(), true, cluster.now_us);
            replica.set_tracing(true);
            cluster.jars.push(Jar {
                replica,
                gated: Gated::new(&cluster.family, index, &records),
                disk: records,
                writes: BTreeMap::new(),
                archive: Archive::default(),
                sent: Vec::new(),
                replies: Vec::new(),
                accused: Vec::new(),
                notes: Vec::new(),
                refused: Vec::new(),
                ticked: None,
                running: true,
            });
            started.push(actions);
        }
        for (index, actions) in started.into_iter().enumerate() {
            cluster.carry_out(index, actions);
        }
        for index in 0..cluster.jars.len() {
            for peer in 0..cluster.jars.len() {
                if peer != index {
                    cluster.at(LATENCY_US, index, Event::Link { peer: replica_id(peer), up: true });
                }
            }
        }
        cluster
    }

    /// Puts an event on the agenda.
    pub fn at(&mut self, delay_us: u64, index: usize, event: Event) {
        self.agenda.insert((self.now_us + delay_us, self.next), (index, event));
        self.next += 1;
    }

    /// Gives a request to these replicas, as their clients would.
    pub fn submit(&mut self, to: &[usize], request: &Request) {
        for index in to {
            let event = Event::Request(self.family.verified(request.clone()));
            self.at(0, *index, event);
        }
    }

    /// Lets `duration_us` pass.
    pub fn run_for(&mut self, duration_us: u64) {
        let end = self.now_us + duration_us;
        self.run_while(end, |_| true);
        self.now_us = end;
    }

    /// Lets time pass until `is_done`, at most `duration_us`; whether it came about.
    pub fn run_until(&mut self, duration_us: u64, mut is_done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now_us + duration_us;
        self.run_while(end, |cluster| !is_done(cluster));
        is_done(self)
    }

    fn run_while(&mut self, end: u64, mut goes_on: impl FnMut(&Self) -> bool) {
        while goes_on(self) {
            let due = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let alarm = (0..self.jars.len()).filter_map(|index| Some((self.alarm(index)?, index))).min();
            let tick_first = match (due, alarm) {
                (None, None) => return,
                (Some(due), Some((at, _))) => at < due,
                (due, _) => due.is_none(),
            };
            if tick_first {
                let Some((at, index)) = alarm.filter(|(at, _)| *at <= end) else { return };
                self.now_us = self.now_us.max(at);
                self.jars[index].ticked = Some(Instant(self.now_us));
                self.step(index, Event::Tick);
            } else {
                let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= end) else {
                    return;
                };
                let ((at, _), (index, event)) = entry.remove_entry();
                self.now_us = self.now_us.max(at);
                self.step(index, event);
            }
        }
    }

    /// When a running replica wants a tick that it has not had yet. One that asks for the same instant again and again
    /// gets it a microsecond later, so that a bug shows as slowness and not as an endless loop.
    fn alarm(&self, index: usize) -> Option<u64> {
        let jar = &self.jars[index];
        let wanted = jar.replica.wake_at().filter(|_| jar.running)?;
        let after = jar.ticked.map_or(0, |ticked| ticked.0 + 1);
        Some(wanted.0.max(after))
    }

    /// One event at one replica, now.
    pub fn step(&mut self, index: usize, event: Event) {
        let jar = &mut self.jars[index];
        if !jar.running {
            return;
        }
        if let Event::Durable(ticket) = &event {
            let records: Vec<_> =
                jar.writes.range(..=*ticket).flat_map(|(_, records)| records.clone()).collect();
            jar.writes.retain(|waiting, _| waiting > ticket);
            jar.gated.durable(&records);
            jar.disk.extend(records);
        }
        let wall = WallTime(WALL_AT_START_US + self.now_us);
        let actions = jar.replica.step(Instant(self.now_us), wall, event);
        jar.replica.assert_invariants();
        self.carry_out(index, actions);
    }

    fn carry_out(&mut self, index: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Write { ticket, records } => {
                    self.jars[index].writes.insert(ticket, records);
                    self.at(self.delays.disk_us, index, Event::Durable(ticket));
                }
                Action::Send { to, frame, .. } => self.send(index, to, &frame),
                Action::Verify { job, checks } => self.verify(index, job, &checks),
                Action::Execute(block) => {
                    let interval = self.family.committee.parameters.checkpoint_interval;
                    let executed = self.jars[index].archive.execute(block, interval);
                    self.at(EXECUTION_US, index, executed);
                }
                Action::Certified(certificate) => self.jars[index].archive.certify(certificate),
                Action::Reply(reply) => self.jars[index].replies.push(reply),
                Action::Serve { to, fetch } => {
                    let data = self.jars[index].archive.serve(&fetch);
                    self.at(EXECUTION_US, index, Event::Served { to, data });
                }
                Action::FetchState { .. } | Action::StateData { .. } | Action::Stable { .. } => {}
                Action::Refuse { nonce, .. } => self.jars[index].refused.push(nonce),
                Action::Accuse { evidence, .. } => self.jars[index].accused.push(*evidence),
                Action::Note(note) => self.jars[index].notes.push(note),
            }
        }
    }

    fn verify(&mut self, index: usize, job: JobId, checks: &[Check]) {
        let verdicts = self.family.schemes[index].verify(checks);
        self.at(self.delays.job_us, index, Event::Checked { job, verdicts });
    }

    fn send(&mut self, from: usize, to: Recipients, frame: &[u8]) {
        let message: Message = decode(frame).unwrap();
        self.jars[from].gated.sent(&message);
        self.jars[from].sent.push((to, message));
        for peer in 0..self.jars.len() {
            let addressed = match to {
                Recipients::Others => peer != from,
                Recipients::One(one) => replica_id(peer) == one,
                Recipients::Myself => unreachable!("the jar never asks to send to itself"),
            };
            let is_cut = self.cut.iter().any(|(a, b)| (*a, *b) == (from, peer) || (*b, *a) == (from, peer));
            let is_lost = self.lose_one_in > 0 && self.dice.roll(self.lose_one_in) == 0;
            if addressed && !is_cut && !is_lost {
                let event = Event::Frame { from: replica_id(from), bytes: frame.to_vec() };
                self.at(LATENCY_US, peer, event);
            }
        }
    }

    /// Cuts one replica off from all others, and says so on both ends.
    pub fn isolate(&mut self, index: usize) {
        for peer in (0..self.jars.len()).filter(|peer| *peer != index) {
            self.cut.push((index, peer));
            self.at(0, index, Event::Link { peer: replica_id(peer), up: false });
            self.at(0, peer, Event::Link { peer: replica_id(index), up: false });
        }
    }

    /// Heals all cuts.
    pub fn heal(&mut self) {
        for (a, b) in std::mem::take(&mut self.cut) {
            self.at(0, a, Event::Link { peer: replica_id(b), up: true });
            self.at(0, b, Event::Link { peer: replica_id(a), up: true });
        }
    }

    /// Power off: what is not durable is gone.
    pub fn crash(&mut self, index: usize) {
        self.jars[index].running = false;
        self.jars[index].writes.clear();
        self.agenda.retain(|_, (at, _)| *at != index);
    }

    /// Power on, from the disk.
    pub fn restart(&mut self, index: usize) {
        let jar = &mut self.jars[index];
        let (replica, actions) =
            start(&self.family, index, jar.disk.clone(), &jar.archive, false, self.now_us);
        jar.replica = replica;
        jar.gated.archived(jar.archive.headers());
        jar.replica.set_tracing(true);
        jar.running = true;
        jar.ticked = None;
        self.carry_out(index, actions);
        for peer in (0..self.jars.len()).filter(|peer| *peer != index) {
            self.at(0, index, Event::Link { peer: replica_id(peer), up: true });
            self.at(0, peer, Event::Link { peer: replica_id(index), up: true });
        }
    }

    pub fn status(&self, index: usize) -> Status {
        self.jars[index].replica.status()
    }

    /// Asserts that no two replicas executed different blocks at one place, and that nothing left before it was durable.
    pub fn assert_safe(&self) {
        let mut chain: BTreeMap<Sequence, Digest> = BTreeMap::new();
        for (index, jar) in self.jars.iter().enumerate() {
            for (sequence, id) in jar.archive.chain() {
                let agreed = *chain.entry(sequence).or_insert(id);
                assert_eq!(agreed, id, "replica {index} executed another block at {sequence}");
            }
            assert_eq!(
                jar.gated.violations,
                Vec::<String>::new(),
                "replica {index} sent what the disk forbade"
            );
        }
    }
}

fn start(
    family: &Family,
    index: usize,
    records: Vec<Record>,
    archive: &Archive,
    first_start: bool,
    now_us: u64,
) -> (Replica, Vec<Action>) {
    let (executed, executed_header) = archive.head(family.committee.genesis_id());
    let recovered = Recovered { records, executed, executed_header, voting: Voting::Allowed, first_start };
    let wall = WallTime(WALL_AT_START_US + now_us);
    Replica::recover(family.config(index), recovered, family.scheme(index), Instant(now_us), wall)
}

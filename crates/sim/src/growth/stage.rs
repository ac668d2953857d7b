//! Lets a scenario happen: one clock, one queue of what will happen, in order.

use super::cores::{Job, Turn};
use super::crowd::{Crowd, Sent};
use super::figures::Figures;
use super::scenario::Scenario;
use super::station::{Done, Station};
use super::tally::{Counted, Moment, Tally, Totals};
use crate::keys::TagScheme;
use crate::plan::Plan;
use crate::world::committee_of;
use outvote_replica::{Action, CommittedBlock, Event, Note, Recipients};
use outvote_types::{
    Data, Message, Nonce, PublicKey, Quorum, QuorumError, ReplicaId, Request, Sequence, decode,
};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

/// After how long a client asks again when its leader is busy, nanoseconds: what a busy replica says.
const RETRY_NS: u64 = 50_000_000;

/// Something that will happen.
enum Happening {
    /// A frame arrives.
    Frame { from: ReplicaId, to: ReplicaId, frame: Arc<[u8]> },
    /// A replica's own thread is done with a step; this is what it wanted.
    Stepped { at: ReplicaId, actions: Vec<Action> },
    /// Another thread of its machine is done, or has had its share.
    Sliced { at: ReplicaId, then: Result<Done, Job<Done>> },
    /// The disk is done.
    Synced { at: ReplicaId },
    /// A timer rings.
    Wake { at: ReplicaId },
    /// A client's request arrives, perhaps not for the first time.
    Submit { to: ReplicaId, request: Arc<Request>, again: bool },
    /// A client begins to ask.
    Begin { client: usize },
    /// A client asks again for what its leader was too busy for.
    Again { client: usize, nonce: Nonce },
    /// A replica's answers to a block arrive at all clients of a region.
    Answers { sequence: Sequence, region: usize },
}

/// An entry of the queue: what was entered first happens first at equal times.
struct Entry((u64, u64), Happening);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// The whole of it.
struct Stage<'a> {
    scenario: &'a Scenario,
    quorum: Quorum,
    stations: Vec<Station>,
    crowd: Crowd,
    tally: Tally,
    now_ns: u64,
    queue: BinaryHeap<Reverse<Entry>>,
    entered: u64,
    /// Blocks that the leader has committed.
    last: Sequence,
}

/// Runs a scenario to its end.
///
/// # Errors
/// When a committee cannot have so many replicas.
pub fn run(scenario: &Scenario) -> Result<Figures, QuorumError> {
    let quorum = Quorum::byzantine(scenario.replicas)?;
    let mut stage = Stage::new(scenario, quorum);
    let warm = stage.run_until(scenario.warm_up_blocks, scenario.warm_up_ms);
    let whole = stage.run_until(warm.1.0 + scenario.measured_blocks, 0);
    let views = stage.stations.iter().map(|station| station.replica.status().view_changes).max();
    Ok(Figures::new(scenario, quorum, &stage.tally, [warm, whole], views.unwrap_or_default()))
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario, quorum: Quorum) -> Self {
        let mut plan = Plan::quiet(0, scenario.replicas);
        plan.parameters = outvote_types::Parameters::default();
        let (committee, _) = committee_of(&plan);
        let members: BTreeSet<_> = committee.members.iter().map(|member| member.consensus_key).collect();
        let members = Arc::new(members);
        let mut stage = Self {
            crowd: Crowd::new(scenario, &committee, quorum),
            scenario,
            quorum,
            stations: Vec::with_capacity(scenario.replicas),
            tally: Tally::default(),
            now_ns: 0,
            queue: BinaryHeap::new(),
            entered: 0,
            last: Sequence(0),
        };
        let mut first_words = Vec::new();
        for id in quorum.members() {
            let scheme = Counted::new(TagScheme::new(plan.seed, u64::from(id.0)), Arc::clone(&members));
            let (station, actions) = Station::new(scenario, &committee, id, Arc::new(scheme));
            stage.stations.push(station);
            first_words.push((id, actions));
        }
        for (id, actions) in first_words {
            stage.carry_out(id, actions);
            for peer in quorum.members().filter(|peer| *peer != id) {
                stage.stations[id.index()].tell(Event::Link { peer, up: true });
            }
            stage.turn(id);
        }
        let ramp_ns = scenario.ramp_ms * 1_000_000;
        for client in 0..scenario.clients {
            let begins_ns = ramp_ns * client as u64 / scenario.clients as u64;
            stage.schedule(begins_ns, Happening::Begin { client });
        }
        stage
    }

    fn schedule(&mut self, at_ns: u64, happening: Happening) {
        self.entered += 1;
        self.queue.push(Reverse(Entry((at_ns, self.entered), happening)));
    }

    /// Until the first replica has committed so many blocks, and so much time has passed.
    fn run_until(&mut self, blocks: u64, ms: u64) -> (Moment, Sequence) {
        let (least_ns, limit_ns) = (ms * 1_000_000, self.scenario.limit_ms * 1_000_000);
        while (self.last.0 < blocks || self.now_ns < least_ns) && self.now_ns < limit_ns {
            let Some(Reverse(Entry((at_ns, _), happening))) = self.queue.pop() else { break };
            self.now_ns = at_ns;
            self.happen(happening);
        }
        (self.moment(), self.last)
    }

    fn moment(&self) -> Moment {
        let add = |sum: Totals, station: &Station| {
            let own = station.scheme.totals();
            Totals {
                made: sum.made + own.made,
                of_members: sum.of_members + own.of_members,
                of_clients: sum.of_clients + own.of_clients,
            }
        };
        let leader = &self.stations[0].cores;
        Moment {
            now_ns: self.now_ns,
            signatures: self.stations.iter().fold(Totals::default(), add),
            frames: self.tally.frames.clone(),
            worked_ns: self.stations.iter().map(|station| station.cores.worked_ns).sum(),
            leader_ns: (leader.worked_ns, leader.core_ns),
            answered: self.crowd.answered,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Frame { from, to, frame } => {
                self.stations[to.index()].tell(Event::Frame { from, bytes: frame.to_vec() });
                self.turn(to);
            }
            Happening::Stepped { at, actions } => {
                self.stations[at.index()].cores.end_core();
                self.carry_out(at, actions);
                self.turn(at);
            }
            Happening::Sliced { at, then } => {
                let station = &mut self.stations[at.index()];
                station.cores.end_slice();
                match then {
                    Ok(done) => station.on_done(done),
                    Err(job) => station.cores.put_back(job),
                }
                self.turn(at);
            }
            Happening::Synced { at } => {
                if self.stations[at.index()].on_synced() {
                    self.begin_sync(at);
                }
                self.turn(at);
            }
            Happening::Wake { at } => {
                self.stations[at.index()].on_wake(self.now_ns);
                self.turn(at);
            }
            Happening::Submit { to, request, again } => {
                self.stations[to.index()].hear(request, again);
                self.turn(to);
            }
            Happening::Begin { client } => (0..self.scenario.in_flight).for_each(|_| self.ask(client)),
            Happening::Again { client, nonce } => {
                if let Some(sent) = self.crowd.ask_again(client, nonce) {
                    self.submit(client, &sent, true);
                }
            }
            Happening::Answers { sequence, region } => {
                let distance = self.scenario.distance;
                let done = self.crowd.on_answers(sequence, |client| distance.region(client) == region);
                for (client, since_ns) in done {
                    self.tally.answers.push((self.now_ns, self.now_ns - since_ns));
                    self.ask(client);
                }
            }
        }
    }

    /// Gives free cores of this machine to who waits for them.
    fn turn(&mut self, at: ReplicaId) {
        while let Some(turn) = self.stations[at.index()].cores.next() {
            match turn {
                Turn::Core => {
                    let (actions, cost) = self.stations[at.index()].step(self.now_ns);
                    self.schedule(self.now_ns + cost, Happening::Stepped { at, actions });
                }
                Turn::Slice { takes_ns, then } => {
                    self.schedule(self.now_ns + takes_ns, Happening::Sliced { at, then });
                }
            }
        }
    }

    fn begin_sync(&mut self, at: ReplicaId) {
        let takes_ns = self.scenario.hardware.sync_us * 1_000;
        self.schedule(self.now_ns + takes_ns, Happening::Synced { at });
    }

    /// A client asks.
    fn ask(&mut self, client: usize) {
        let leader = self.stations[0].replica.status().leader;
        let sent = self.crowd.ask(client, leader, self.now_ns);
        self.submit(client, &sent, false);
    }

    fn submit(&mut self, client: usize, (request, targets): &Sent, again: bool) {
        let distance = self.scenario.distance;
        for to in targets.iter().copied() {
            let way = distance.one_way_ns(distance.region(client), distance.region(to.index()));
            self.schedule(self.now_ns + way, Happening::Submit { to, request: Arc::clone(request), again });
        }
    }

    fn carry_out(&mut self, at: ReplicaId, actions: Vec<Action>) {
        for action in actions {
            self.carry_out_one(at, action);
        }
        if let Some(at_ns) = self.stations[at.index()].wind(self.now_ns) {
            self.schedule(at_ns, Happening::Wake { at });
        }
    }

    fn carry_out_one(&mut self, at: ReplicaId, action: Action) {
        match action {
            Action::Send { to, frame, .. } => self.send(at, to, &frame),
            Action::Write { ticket, .. } => {
                if self.stations[at.index()].write(ticket) {
                    self.begin_sync(at);
                }
            }
            Action::Verify { job, checks } => self.stations[at.index()].check(job, checks),
            Action::Execute(block) => self.on_commit(at, &block),
            Action::Reply(reply) => {
                let distance = self.scenario.distance;
                for region in 0..distance.regions() {
                    let way = distance.one_way_ns(distance.region(at.index()), region);
                    let sequence = reply.body.sequence;
                    self.schedule(self.now_ns + way, Happening::Answers { sequence, region });
                }
            }
            Action::Refuse { session, nonce, .. } => self.on_refused(at, &session, nonce),
            // Nobody lacks a block for long here, so nobody keeps one for others; the count shows if that is wrong.
            Action::Serve { to, .. } => {
                self.tally.questions += 1;
                let data = Data::Gone { oldest: self.last };
                self.stations[at.index()].tell(Event::Served { to, data });
            }
            Action::Note(Note::Suspected { reason, .. }) => {
                *self.tally.suspicions.entry(reason).or_default() += 1;
            }
            Action::Certified(_)
            | Action::FetchState { .. }
            | Action::StateData { .. }
            | Action::Stable { .. }
            | Action::Accuse { .. }
            | Action::Note(_) => {}
        }
    }

    /// R4: a client asks again a little later; the leader's word decides when.
    fn on_refused(&mut self, at: ReplicaId, session: &PublicKey, nonce: Nonce) {
        let is_leader = self.stations[at.index()].replica.status().leader == at;
        let Some(client) = self.crowd.client(session).filter(|_| is_leader) else { return };
        self.tally.refused += 1;
        let distance = self.scenario.distance;
        let way = distance.one_way_ns(distance.region(at.index()), distance.region(client));
        self.schedule(self.now_ns + way + RETRY_NS, Happening::Again { client, nonce });
    }

    fn on_commit(&mut self, at: ReplicaId, block: &CommittedBlock) {
        let header = &block.block.header.body;
        self.tally.committed(header.sequence, header.requests(), self.now_ns);
        self.crowd.on_block(header.sequence, &block.block.batches);
        if at.index() == 0 {
            self.last = self.last.max(header.sequence);
        }
        self.stations[at.index()].execute(block.id, header);
    }

    fn send(&mut self, from: ReplicaId, to: Recipients, frame: &Arc<[u8]>) {
        if frame.first() == Some(&(crate::network::Kind::Propose as u8))
            && let Ok(Message::Propose(propose)) = decode::<Message>(frame)
        {
            self.tally.proposed(propose.header.body.sequence, self.now_ns);
        }
        let peers: Vec<ReplicaId> = match to {
            Recipients::Myself => Vec::new(),
            Recipients::One(peer) => vec![peer],
            Recipients::Others => self.quorum.members().filter(|peer| *peer != from).collect(),
        };
        let distance = self.scenario.distance;
        for to in peers {
            self.tally.sent(frame);
            let left_ns = self.stations[from.index()].send(self.now_ns, frame.len() as u64);
            let way = distance.one_way_ns(distance.region(from.index()), distance.region(to.index()));
            self.schedule(left_ns + way, Happening::Frame { from, to, frame: Arc::clone(frame) });
        }
    }
}

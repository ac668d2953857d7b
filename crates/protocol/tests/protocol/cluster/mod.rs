//! A tiny cluster of ring 1 alone: messages take a fixed time, disks are instant unless they are held, signatures are
//! blank, and the executor answers with a digest. Everything happens in one order, so every run is the same.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use outvote_crypto::Checker;
use outvote_protocol::{
    CommittedBlock, Config, Draft, Input, Note, Output, Promise, Recipients, Record, Recovered, Replica,
    Ticket, Tunables, Voting,
};
use outvote_types::{
    Batch, Blob, BoundedVec, Committee, Data, Digest, Epoch, Evidence, Fetch, Header, Instant, Member,
    Message, Mode, NewView, Nonce, Operation, Parameters, Phase, Prepare, Propose, PublicKey, ReplicaId,
    Request, RequestBody, Sequence, Signature, Signed, SignedHeader, View, ViewChange, Vote, WallTime,
    merkle,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How long a message travels, microseconds.
pub const HOP_US: u64 = 200;
/// Where the wall clocks start.
pub const EPOCH_US: u64 = 1_700_000_000_000_000;

pub fn committee(n: u8, checkpoint_interval: u64) -> Committee {
    let members =
        (0..n).map(|i| Member { consensus_key: PublicKey([i + 1; 32]), link_key: PublicKey([i + 101; 32]) });
    Committee {
        genesis_salt: [7; 32],
        epoch: Epoch(0),
        mode: Mode::Byzantine,
        demo: false,
        parameters: Parameters { checkpoint_interval, ..Parameters::default() },
        members: BoundedVec::truncated(members.collect()),
    }
}

/// The promises on a disk, the latest first.
pub fn promises(disk: &[Record]) -> impl Iterator<Item = Promise> {
    disk.iter().rev().filter_map(|record| match record {
        Record::Promise(promise) => Some(*promise),
        _ => None,
    })
}

pub fn signed<B>(body: B) -> Signed<B> {
    Signed::new(body, Signature::default())
}

pub fn request(client: u8, nonce: u64, payload: &[u8]) -> Request {
    request_of(PublicKey([client; 32]), nonce, payload)
}

pub fn request_of(session: PublicKey, nonce: u64, payload: &[u8]) -> Request {
    let operation = Operation { author: None, query: false, payload: Blob::new(payload.to_vec()).unwrap() };
    Request {
        body: RequestBody {
            session,
            nonce: Nonce(nonce),
            operations: BoundedVec::truncated(vec![operation]),
        }
        .into(),
        signature: Signature::default(),
    }
}

/// The first request of the session with this number, of more sessions than a byte can name.
pub fn first_of(number: u64) -> Request {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    request_of(PublicKey(key), 1, b"x")
}

/// A header with batches that hold these requests.
pub fn block(
    leader: u16,
    view: u64,
    sequence: u64,
    parent: Digest,
    time: u64,
    requests: &[Request],
) -> (SignedHeader, Vec<Batch>) {
    let batches: Vec<Batch> = if requests.is_empty() {
        Vec::new()
    } else {
        vec![Batch {
            author: ReplicaId(leader),
            lane_sequence: sequence,
            requests: BoundedVec::truncated(requests.to_vec()),
        }]
    };
    let leaves: Vec<Digest> = batches.iter().flat_map(Batch::payload_leaves).collect();
    let header = Header {
        epoch: Epoch(0),
        view: View(view),
        sequence: Sequence(sequence),
        parent,
        time: WallTime(time),
        leader: ReplicaId(leader),
        batches: BoundedVec::truncated(batches.iter().map(Batch::reference).collect()),
        payload_root: merkle::root(&leaves),
        new_view_digest: None,
        control: None,
    };
    (signed(header), batches)
}

pub fn vote(phase: Phase, header: &Header, replica: u16) -> Signed<Vote> {
    signed(Vote {
        phase,
        view: header.view,
        sequence: header.sequence,
        id: header.id(),
        replica: ReplicaId(replica),
    })
}

pub fn propose(header: &SignedHeader, batches: &[Batch]) -> Message {
    Message::Propose(Box::new(Propose {
        header: header.clone(),
        prepare: vote(Phase::Prepare, &header.body, header.body.leader.0),
        batches: BoundedVec::truncated(batches.to_vec()),
    }))
}

pub fn prepare(header: &SignedHeader, replica: u16) -> Message {
    Message::Prepare(Box::new(Prepare {
        vote: vote(Phase::Prepare, &header.body, replica),
        header: header.clone(),
    }))
}

/// Says whether a message from one to another is lost.
pub type Loss = Box<dyn FnMut(usize, usize, &Message) -> bool>;

/// One replica and everything around it.
pub struct Node {
    pub replica: Option<Replica>,
    /// What is durable.
    pub disk: Vec<Record>,
    /// What was handed over and is not durable yet.
    pub unsynced: VecDeque<(Ticket, Vec<Record>)>,
    pub holds_disk: bool,
    durable: Ticket,
    gated: Vec<(Ticket, Recipients, Draft)>,
    pub executed: (Sequence, Digest),
    pub executed_header: Option<SignedHeader>,
    /// Bytes of the executed blocks since the last checkpoint.
    bytes: u64,
    pub commits: Vec<Arc<CommittedBlock>>,
    pub archive: BTreeMap<Sequence, Arc<CommittedBlock>>,
    pub notes: Vec<Note>,
    pub others: Vec<Output>,
    /// Everything that it signed or passed on, in order.
    pub sent: Vec<Message>,
    /// Whether the executor answers.
    pub executes: bool,
    /// What its executor claims instead of the honest state root.
    pub lies_about_state: bool,
    /// Added to the wall clock, microseconds.
    pub clock_offset: i64,
}

pub struct Cluster {
    pub committee: Committee,
    pub tunables: Tunables,
    pub nodes: Vec<Node>,
    pub now: u64,
    queue: BTreeMap<(u64, u64), (usize, usize, Message)>,
    counter: u64,
    /// Says whether a message is lost: from, to, what.
    pub loses: Loss,
}

impl Cluster {
    pub fn new(n: u8) -> Self {
        Self::with(n, 1024, Tunables::default())
    }

    pub fn with(n: u8, checkpoint_interval: u64, tunables: Tunables) -> Self {
        let committee = committee(n, checkpoint_interval);
        let genesis = committee.genesis_id();
        let nodes = (0..n).map(|_| Node {
            replica: None,
            disk: Vec::new(),
            unsynced: VecDeque::new(),
            holds_disk: false,
            durable: Ticket(0),
            gated: Vec::new(),
            executed: (Sequence(0), genesis),
            executed_header: None,
            bytes: 0,
            commits: Vec::new(),
            archive: BTreeMap::new(),
            notes: Vec::new(),
            others: Vec::new(),
            sent: Vec::new(),
            executes: true,
            lies_about_state: false,
            clock_offset: 0,
        });
        Self {
            committee,
            tunables,
            nodes: nodes.collect(),
            now: 0,
            queue: BTreeMap::new(),
            counter: 0,
            loses: Box::new(|_, _, _| false),
        }
    }

    /// Before the start: what the members agree on.
    pub fn agree(&mut self, parameters: Parameters) {
        self.committee.parameters = parameters;
        let genesis = self.committee.genesis_id();
        self.nodes.iter_mut().for_each(|node| node.executed.1 = genesis);
    }

    /// Starts all replicas for the first time.
    pub fn started(n: u8) -> Self {
        let mut cluster = Self::new(n);
        cluster.start_all();
        cluster
    }

    pub fn start_all(&mut self) {
        for i in 0..self.nodes.len() {
            self.start(i, true);
        }
        self.connect();
    }

    pub fn connect(&mut self) {
        for i in 0..self.nodes.len() {
            for peer in 0..self.nodes.len() {
                if i != peer && self.nodes[i].replica.is_some() && self.nodes[peer].replica.is_some() {
                    self.link(i, peer, true);
                }
            }
        }
    }

    pub fn link(&mut self, at: usize, peer: usize, up: bool) {
        self.input(at, Input::Link { peer: ReplicaId(peer as u16), up });
    }

    pub fn start(&mut self, i: usize, first_start: bool) {
        self.start_as(i, first_start, Voting::Allowed);
    }

    pub fn start_as(&mut self, i: usize, first_start: bool, voting: Voting) {
        let config = Config {
            committee: self.committee.clone(),
            me: ReplicaId(i as u16),
            tunables: self.tunables.clone(),
        };
        let node = &mut self.nodes[i];
        let recovered = Recovered {
            records: node.disk.clone(),
            executed: node.executed,
            executed_header: node.executed_header.clone(),
            voting,
            first_start,
        };
        node.durable = Ticket(0);
        let wall = WallTime(EPOCH_US + self.now);
        let (replica, outputs) = Replica::recover(config, recovered, Instant(self.now), wall);
        node.replica = Some(replica);
        self.act(i, outputs);
    }

    /// Power loss: what is not durable is gone.
    pub fn kill(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        node.replica = None;
        node.unsynced.clear();
        node.gated.clear();
        self.queue.retain(|_, (_, to, _)| *to != i);
        for peer in 0..self.nodes.len() {
            if peer != i && self.nodes[peer].replica.is_some() {
                self.link(peer, i, false);
            }
        }
    }

    /// Starts it again from its disk.
    pub fn restart(&mut self, i: usize) {
        self.start(i, false);
        for peer in 0..self.nodes.len() {
            if peer != i && self.nodes[peer].replica.is_some() {
                self.link(peer, i, true);
                self.link(i, peer, true);
            }
        }
    }

    pub fn replica(&self, i: usize) -> &Replica {
        self.nodes[i].replica.as_ref().unwrap()
    }

    pub fn input(&mut self, i: usize, input: Input) {
        let mut inbox = VecDeque::from([input]);
        while let Some(input) = inbox.pop_front() {
            let wall = (EPOCH_US + self.now).saturating_add_signed(self.nodes[i].clock_offset);
            let now = Instant(self.now);
            let Some(replica) = self.nodes[i].replica.as_mut() else { return };
            let outputs = replica.step(now, WallTime(wall), input);
            self.act_into(i, outputs, &mut inbox);
        }
    }

    fn act(&mut self, i: usize, outputs: Vec<Output>) {
        let mut inbox = VecDeque::new();
        self.act_into(i, outputs, &mut inbox);
        for input in inbox {
            self.input(i, input);
        }
    }

    fn act_into(&mut self, i: usize, outputs: Vec<Output>, inbox: &mut VecDeque<Input>) {
        for output in outputs {
            match output {
                Output::Persist { records, ticket } => {
                    self.nodes[i].unsynced.push_back((ticket, records));
                    if !self.nodes[i].holds_disk {
                        self.sync_into(i, inbox);
                    }
                }
                Output::Send { to, draft, after } => {
                    if after.is_some_and(|after| after > self.nodes[i].durable) {
                        self.nodes[i].gated.push((after.unwrap(), to, draft));
                    } else {
                        self.sign_and_send(i, to, draft, inbox);
                    }
                }
                Output::Commit(block) => self.commit(i, block, inbox),
                Output::Note(note) => self.nodes[i].notes.push(note),
                Output::Serve { to, fetch } => self.serve(i, to, &fetch),
                other => self.nodes[i].others.push(other),
            }
        }
    }

    fn commit(&mut self, i: usize, block: Arc<CommittedBlock>, inbox: &mut VecDeque<Input>) {
        let parameters = self.committee.parameters;
        let node = &mut self.nodes[i];
        let header = block.block.header.clone();
        let sequence = header.body.sequence;
        node.archive.insert(sequence, Arc::clone(&block));
        node.commits.push(Arc::clone(&block));
        if node.executes {
            node.executed = (sequence, block.id);
            node.bytes += header.body.block_bytes();
            node.executed_header = Some(header);
            let is_checkpoint = parameters.is_checkpoint(sequence, node.bytes);
            if is_checkpoint {
                node.bytes = 0;
            }
            let mut root = Digest::of_parts(&[b"state", &sequence.0.to_le_bytes()]);
            if node.lies_about_state {
                root = Digest::of(b"another state");
            }
            inbox.push_back(Input::Executed {
                sequence,
                result_root: Digest::of_parts(&[b"results", &block.id.0]),
                state_root: is_checkpoint.then_some(root),
            });
        }
    }

    fn serve(&mut self, i: usize, to: ReplicaId, fetch: &Fetch) {
        let archive = &self.nodes[i].archive;
        let data = match fetch {
            Fetch::Range { first, last, .. } => {
                let blocks: Vec<_> =
                    archive.range(*first..=*last).map(|(_, block)| Arc::clone(block)).take(64).collect();
                let end = blocks.iter().rposition(|block| block.certificate.is_some());
                end.map(|end| Data::Range {
                    blocks: BoundedVec::truncated(
                        blocks[..=end].iter().map(|block| block.block.clone()).collect(),
                    ),
                    certificate: blocks[end].certificate.clone().unwrap(),
                })
            }
            Fetch::Block { id, .. } => archive
                .values()
                .find(|block| block.id == *id)
                .map(|block| Data::Block(Box::new(block.block.clone()))),
            _ => None,
        };
        let oldest = archive.keys().next().copied().unwrap_or_default();
        let data = data.unwrap_or(Data::Gone { oldest });
        self.post(i, to.index(), Message::Data(data));
    }

    /// The disk catches up.
    pub fn sync(&mut self, i: usize) {
        let mut inbox = VecDeque::new();
        self.sync_into(i, &mut inbox);
        for input in inbox {
            self.input(i, input);
        }
    }

    fn sync_into(&mut self, i: usize, inbox: &mut VecDeque<Input>) {
        let node = &mut self.nodes[i];
        while let Some((ticket, records)) = node.unsynced.pop_front() {
            node.disk.extend(records);
            node.durable = ticket;
            inbox.push_back(Input::Durable(ticket));
        }
        let durable = node.durable;
        let (free, held): (Vec<_>, Vec<_>) =
            node.gated.drain(..).partition(|(after, _, _)| *after <= durable);
        node.gated = held;
        for (_, to, draft) in free {
            self.sign_and_send(i, to, draft, inbox);
        }
    }

    fn sign_and_send(&mut self, i: usize, to: Recipients, draft: Draft, inbox: &mut VecDeque<Input>) {
        let (message, is_ours) = sign(draft);
        self.nodes[i].sent.push(message.clone());
        if is_ours {
            inbox.push_back(Input::Message {
                from: ReplicaId(i as u16),
                message: Checker::own(message.clone()),
            });
        }
        match to {
            Recipients::Others => {
                for peer in (0..self.nodes.len()).filter(|peer| *peer != i) {
                    self.post(i, peer, message.clone());
                }
            }
            Recipients::One(peer) => self.post(i, peer.index(), message),
            Recipients::Myself => {}
        }
    }

    pub fn post(&mut self, from: usize, to: usize, message: Message) {
        if (self.loses)(from, to, &message) {
            return;
        }
        self.counter += 1;
        self.queue.insert((self.now + HOP_US, self.counter), (from, to, message));
    }

    /// Hands a message over at once, as if it came on this link.
    pub fn give(&mut self, from: usize, to: usize, message: Message) {
        self.input(to, Input::Message { from: ReplicaId(from as u16), message: Checker::own(message) });
    }

    pub fn request(&mut self, at: usize, request: Request) {
        self.input(at, Input::Request(Checker::own_request(request)));
    }

    /// Lets time pass.
    pub fn run_us(&mut self, us: u64) {
        let end = self.now + us;
        loop {
            let message = self.queue.keys().next().map(|(at, _)| *at);
            let wakes = self.nodes.iter().filter_map(|node| node.replica.as_ref()?.wake_at());
            let wake = wakes.map(|at| at.0).min();
            let Some(next) = message.into_iter().chain(wake).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (from, to, message) = entry.remove();
                if self.nodes[to].replica.is_some() {
                    self.give(from, to, message);
                }
            }
            for i in 0..self.nodes.len() {
                let due = self.nodes[i].replica.as_ref().and_then(Replica::wake_at);
                if due.is_some_and(|due| due.0 <= self.now) {
                    self.input(i, Input::Tick);
                }
            }
        }
        self.now = end;
    }

    pub fn run_ms(&mut self, ms: u64) {
        self.run_us(ms * 1000);
        self.assert_one_chain();
    }

    /// No two replicas committed different blocks in one place.
    pub fn assert_one_chain(&self) {
        let mut chain: BTreeMap<Sequence, Digest> = BTreeMap::new();
        for block in self.nodes.iter().flat_map(|node| &node.commits) {
            let sequence = block.block.header.body.sequence;
            assert_eq!(*chain.entry(sequence).or_insert(block.id), block.id, "a fork at {sequence}");
        }
    }

    pub fn committed(&self, i: usize) -> u64 {
        self.replica(i).status().committed.0
    }

    pub fn view(&self, i: usize) -> u64 {
        self.replica(i).status().view.0
    }

    /// The committed requests' nonces of a replica, in order, with their session's first byte.
    pub fn ordered(&self, i: usize) -> Vec<(u8, u64)> {
        let blocks = self.nodes[i].commits.iter();
        let requests = blocks.flat_map(|b| b.block.batches.iter().flat_map(|batch| batch.requests.iter()));
        requests.map(|request| (request.body.session.0[0], request.body.nonce.0)).collect()
    }

    pub fn suspicions(&self, i: usize) -> Vec<char> {
        let notes = self.nodes[i].notes.iter();
        notes
            .filter_map(|note| if let Note::Suspected { reason, .. } = note { Some(*reason) } else { None })
            .collect()
    }

    pub fn all_suspicions(&self) -> Vec<char> {
        (0..self.nodes.len()).flat_map(|i| self.suspicions(i)).collect()
    }

    pub fn accusations(&self, i: usize) -> Vec<Evidence> {
        let others = self.nodes[i].others.iter();
        others.filter_map(|o| if let Output::Accuse(e) = o { Some((**e).clone()) } else { None }).collect()
    }

    /// The PREPAREs that a replica signed, as (view, sequence, id).
    pub fn prepares(&self, i: usize) -> Vec<(u64, u64, Digest)> {
        let me = ReplicaId(i as u16);
        let votes = self.nodes[i].sent.iter().filter_map(|message| match message {
            Message::Propose(propose) => Some(propose.prepare.body),
            Message::Prepare(prepare) => Some(prepare.vote.body),
            _ => None,
        });
        votes.filter(|v| v.replica == me).map(|v| (v.view.0, v.sequence.0, v.id)).collect()
    }
}

fn sign(draft: Draft) -> (Message, bool) {
    let message = match draft {
        Draft::Propose { header, batches } => {
            let header = signed(*header);
            let batches: Vec<Batch> = batches.iter().map(|batch| (**batch).clone()).collect();
            propose(&header, &batches)
        }
        Draft::Prepare { vote, header } => {
            Message::Prepare(Box::new(Prepare { vote: signed(vote), header: *header }))
        }
        Draft::Commit(vote) => Message::Commit(signed(vote)),
        Draft::Suspect(suspect) => Message::Suspect(signed(suspect)),
        Draft::ViewChange { head, certificate, timeout } => {
            Message::ViewChange(Box::new(ViewChange { head: signed(head), certificate, timeout: *timeout }))
        }
        Draft::NewView { body, certificate } => {
            Message::NewView(Box::new(NewView { signed: signed(body), certificate }))
        }
        Draft::Heartbeat(heartbeat) => Message::Heartbeat(signed(heartbeat)),
        Draft::Status(status) => Message::Status(signed(status)),
        Draft::Checkpoint(vote) => Message::Checkpoint(signed(vote)),
        Draft::Fetch(fetch) => Message::Fetch(signed(fetch)),
        Draft::Ready(message) => return (message, false),
    };
    (message, true)
}

//! The fields of every message, by name, for reading and for changing.

use outvote_types::limits::{MAX_BATCHES_PER_HEADER, MAX_BLOCKS_PER_FETCH, MAX_REPLICAS};
use outvote_types::{
    Batch, Block, BoundedVec, Certificate, CheckpointCertificate, Data, Digest, Evidence, Fetch, Header,
    Message, Phase, ReplicaId, Request, Signature, Signed, SignedHeader, TimeoutCertificate, ViewChangeHead,
    Vote,
};

/// A place in a message.
pub(super) enum Slot<'a> {
    Number(&'a mut u64),
    Epoch(&'a mut u64),
    Digest(&'a mut Digest),
    Mark(&'a mut Option<Digest>),
    Member(&'a mut ReplicaId),
    Phase(&'a mut Phase),
    Flag(&'a mut bool),
    Votes(&'a mut BoundedVec<(ReplicaId, Signature), MAX_REPLICAS>),
    Seals(&'a mut BoundedVec<(ReplicaId, Signature), MAX_REPLICAS>),
    Proof(&'a mut Option<Certificate>),
    Heads(&'a mut BoundedVec<Signed<ViewChangeHead>, MAX_REPLICAS>),
    Echo(&'a mut SignedHeader),
    Batches(&'a mut BoundedVec<Batch, MAX_BATCHES_PER_HEADER>),
    Digests(&'a mut BoundedVec<Digest, MAX_BATCHES_PER_HEADER>),
    Blocks(&'a mut BoundedVec<Block, MAX_BLOCKS_PER_FETCH>),
    Requests(&'a mut BoundedVec<Request, 64>),
    OldVote(&'a mut Option<Signed<Vote>>),
    OldHead(&'a mut Option<Signed<ViewChangeHead>>),
    Evidence(&'a mut Evidence),
}

/// What kind of value a place holds; it decides what can be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A view, a sequence, a time.
    Number,
    /// An epoch: there is only the lowest, so none before it.
    Epoch,
    /// The identity of a block, a root.
    Digest,
    /// A digest that honest messages leave out.
    Mark,
    /// Who speaks.
    Member,
    /// PREPARE or COMMIT.
    Phase,
    /// Yes or no.
    Flag,
    /// The signatures of a certificate.
    Votes,
    /// The signatures of a certificate in an answer. Answers with one are few, so there is seldom an older one.
    Seals,
    /// Blocks in such an answer.
    Blocks,
    /// A certificate attached to something.
    Proof,
    /// The heads of an opening.
    Heads,
    /// A header that somebody else signed.
    Echo,
    /// A list of data: batches, digests.
    List,
    /// Requests that clients signed.
    Requests,
    /// A signed word of the receiver.
    Word,
    /// Proof of misbehaviour.
    Evidence,
}

/// Takes one place of a message.
pub(super) type Visit<'v> = &'v mut dyn FnMut(&'static str, Slot<'_>);

/// Shows all places of a message.
pub(super) fn visit(message: &mut Message, to: Visit<'_>) {
    match message {
        Message::Propose(m) => {
            header(&mut m.header.body, to);
            own_vote(&mut m.prepare.body, to);
            to("batches", Slot::Batches(&mut m.batches));
        }
        Message::Prepare(m) => {
            own_vote(&mut m.vote.body, to);
            to("echo", Slot::Echo(&mut m.header));
        }
        Message::Commit(m) => own_vote(&mut m.body, to),
        Message::Certificate(m) => certificate(m, to),
        Message::Suspect(m) => {
            to("view", Slot::Number(&mut m.body.view.0));
            to("replica", Slot::Member(&mut m.body.replica));
        }
        Message::Timeout(m) => timeout(m, to),
        Message::ViewChange(m) => {
            let head = &mut m.head.body;
            to("head.view", Slot::Number(&mut head.view.0));
            to("head.rank.view", Slot::Number(&mut head.rank.view.0));
            to("head.rank.sequence", Slot::Number(&mut head.rank.sequence.0));
            to("head.id", Slot::Digest(&mut head.id));
            to("head.replica", Slot::Member(&mut head.replica));
            to("certificate", Slot::Proof(&mut m.certificate));
            timeout(&mut m.timeout, to);
        }
        Message::NewView(m) => {
            let body = &mut m.signed.body;
            to("view", Slot::Number(&mut body.view.0));
            to("leader", Slot::Member(&mut body.leader));
            to("heads", Slot::Heads(&mut body.heads));
            to("certificate", Slot::Proof(&mut m.certificate));
        }
        Message::Heartbeat(m) => {
            to("view", Slot::Number(&mut m.body.view.0));
            to("proposed", Slot::Number(&mut m.body.proposed.0));
            to("committed", Slot::Number(&mut m.body.committed.0));
            to("replica", Slot::Member(&mut m.body.replica));
        }
        Message::Status(m) => {
            let body = &mut m.body;
            to("view", Slot::Number(&mut body.view.0));
            to("rank.view", Slot::Number(&mut body.rank.view.0));
            to("rank.sequence", Slot::Number(&mut body.rank.sequence.0));
            to("committed", Slot::Number(&mut body.committed.0));
            to("stable", Slot::Number(&mut body.stable.0));
            to("sitting_out", Slot::Flag(&mut body.sitting_out));
            to("replica", Slot::Member(&mut body.replica));
        }
        Message::Checkpoint(m) => {
            to("sequence", Slot::Number(&mut m.body.sequence.0));
            to("id", Slot::Digest(&mut m.body.id));
            to("state_root", Slot::Digest(&mut m.body.state_root));
            to("replica", Slot::Member(&mut m.body.replica));
        }
        Message::Stable(m) => stable(m, to),
        Message::Evidence(m) => to("evidence", Slot::Evidence(m)),
        Message::Relay(m) => to("requests", Slot::Requests(m)),
        Message::Fetch(m) => fetch(&mut m.body, to),
        Message::Data(m) => data(m, to),
        Message::Reminder(m) => {
            to("prepare", Slot::OldVote(&mut m.prepare));
            to("commit", Slot::OldVote(&mut m.commit));
            to("head", Slot::OldHead(&mut m.head));
        }
    }
}

fn header(body: &mut Header, to: Visit<'_>) {
    to("header.epoch", Slot::Epoch(&mut body.epoch.0));
    to("header.view", Slot::Number(&mut body.view.0));
    to("header.sequence", Slot::Number(&mut body.sequence.0));
    to("header.parent", Slot::Digest(&mut body.parent));
    to("header.time", Slot::Number(&mut body.time.0));
    to("header.leader", Slot::Member(&mut body.leader));
    to("header.payload_root", Slot::Digest(&mut body.payload_root));
    to("header.new_view_digest", Slot::Mark(&mut body.new_view_digest));
}

fn own_vote(vote: &mut Vote, to: Visit<'_>) {
    to("vote.phase", Slot::Phase(&mut vote.phase));
    to("vote.view", Slot::Number(&mut vote.view.0));
    to("vote.sequence", Slot::Number(&mut vote.sequence.0));
    to("vote.id", Slot::Digest(&mut vote.id));
    to("vote.replica", Slot::Member(&mut vote.replica));
}

fn certificate(body: &mut Certificate, to: Visit<'_>) {
    to("phase", Slot::Phase(&mut body.phase));
    to("view", Slot::Number(&mut body.view.0));
    to("sequence", Slot::Number(&mut body.sequence.0));
    to("id", Slot::Digest(&mut body.id));
    to("votes", Slot::Votes(&mut body.votes));
}

fn timeout(body: &mut TimeoutCertificate, to: Visit<'_>) {
    to("timeout.view", Slot::Number(&mut body.view.0));
    to("timeout.votes", Slot::Votes(&mut body.votes));
}

fn stable(body: &mut CheckpointCertificate, to: Visit<'_>) {
    to("sequence", Slot::Number(&mut body.sequence.0));
    to("id", Slot::Digest(&mut body.id));
    to("state_root", Slot::Digest(&mut body.state_root));
    to("votes", Slot::Votes(&mut body.votes));
}

fn fetch(body: &mut Fetch, to: Visit<'_>) {
    match body {
        Fetch::Batches { digests, replica } => {
            to("batches.digests", Slot::Digests(digests));
            to("replica", Slot::Member(replica));
        }
        Fetch::Block { id, replica } => {
            to("block.id", Slot::Digest(id));
            to("replica", Slot::Member(replica));
        }
        Fetch::Range { first, last, replica } => {
            to("range.first", Slot::Number(&mut first.0));
            to("range.last", Slot::Number(&mut last.0));
            to("replica", Slot::Member(replica));
        }
        Fetch::Manifest { replica } | Fetch::Bucket { replica, .. } => to("replica", Slot::Member(replica)),
    }
}

fn data(body: &mut Data, to: Visit<'_>) {
    match body {
        Data::Batches(batches) => to("batches", Slot::Batches(batches)),
        Data::Block(block) => {
            to("block.header", Slot::Echo(&mut block.header));
            to("block.batches", Slot::Batches(&mut block.batches));
        }
        Data::Range { blocks, certificate } => {
            to("range.blocks", Slot::Blocks(blocks));
            to("range.votes", Slot::Seals(&mut certificate.votes));
        }
        // Only archives that drop blocks, and state transfers, say these.
        Data::Gone { .. } | Data::Manifest(_) | Data::Bucket { .. } => {}
    }
}

//! Every field of every message type that small clusters send, so that one which is never changed is noticed.

use super::deeds::Deed;
use super::fields::Kind::{
    self, Blocks, Digest, Echo, Epoch, Evidence, Flag, Heads, List, Mark, Member, Number, Phase, Proof,
    Requests, Seals, Votes, Word,
};
use outvote_replica::MessageType as Type;

/// Message type, field, and what kind of value it holds.
type Row = (Type, &'static str, Kind);

const VOTE: [(&str, Kind); 5] = [
    ("vote.phase", Phase),
    ("vote.view", Number),
    ("vote.sequence", Number),
    ("vote.id", Digest),
    ("vote.replica", Member),
];

const ROWS: &[Row] = &[
    (Type::Propose, "header.epoch", Epoch),
    (Type::Propose, "header.view", Number),
    (Type::Propose, "header.sequence", Number),
    (Type::Propose, "header.parent", Digest),
    (Type::Propose, "header.time", Number),
    (Type::Propose, "header.leader", Member),
    (Type::Propose, "header.payload_root", Digest),
    (Type::Propose, "header.new_view_digest", Mark),
    (Type::Propose, "batches", List),
    (Type::Prepare, "echo", Echo),
    (Type::Certificate, "phase", Phase),
    (Type::Certificate, "view", Number),
    (Type::Certificate, "sequence", Number),
    (Type::Certificate, "id", Digest),
    (Type::Certificate, "votes", Votes),
    (Type::Suspect, "view", Number),
    (Type::Suspect, "replica", Member),
    (Type::Timeout, "timeout.view", Number),
    (Type::Timeout, "timeout.votes", Votes),
    (Type::ViewChange, "head.view", Number),
    (Type::ViewChange, "head.rank.view", Number),
    (Type::ViewChange, "head.rank.sequence", Number),
    (Type::ViewChange, "head.id", Digest),
    (Type::ViewChange, "head.replica", Member),
    (Type::ViewChange, "certificate", Proof),
    (Type::ViewChange, "timeout.view", Number),
    (Type::ViewChange, "timeout.votes", Votes),
    (Type::NewView, "view", Number),
    (Type::NewView, "leader", Member),
    (Type::NewView, "heads", Heads),
    (Type::NewView, "certificate", Proof),
    (Type::Heartbeat, "view", Number),
    (Type::Heartbeat, "proposed", Number),
    (Type::Heartbeat, "committed", Number),
    (Type::Heartbeat, "replica", Member),
    (Type::Status, "view", Number),
    (Type::Status, "rank.view", Number),
    (Type::Status, "rank.sequence", Number),
    (Type::Status, "committed", Number),
    (Type::Status, "stable", Number),
    (Type::Status, "sitting_out", Flag),
    (Type::Status, "replica", Member),
    (Type::Checkpoint, "sequence", Number),
    (Type::Checkpoint, "id", Digest),
    (Type::Checkpoint, "state_root", Digest),
    (Type::Checkpoint, "replica", Member),
    (Type::Stable, "sequence", Number),
    (Type::Stable, "id", Digest),
    (Type::Stable, "state_root", Digest),
    (Type::Stable, "votes", Votes),
    (Type::Evidence, "evidence", Evidence),
    (Type::Relay, "requests", Requests),
    (Type::Fetch, "batches.digests", List),
    (Type::Fetch, "block.id", Digest),
    (Type::Fetch, "range.first", Number),
    (Type::Fetch, "range.last", Number),
    (Type::Fetch, "replica", Member),
    (Type::Data, "batches", List),
    (Type::Data, "block.header", Echo),
    (Type::Data, "block.batches", List),
    (Type::Data, "range.blocks", Blocks),
    (Type::Data, "range.votes", Seals),
    (Type::Reminder, "prepare", Word),
    (Type::Reminder, "commit", Word),
    (Type::Reminder, "head", Word),
];

/// All types of messages.
const TYPES: [Type; 17] = [
    Type::Propose,
    Type::Prepare,
    Type::Commit,
    Type::Certificate,
    Type::Suspect,
    Type::Timeout,
    Type::ViewChange,
    Type::NewView,
    Type::Heartbeat,
    Type::Status,
    Type::Checkpoint,
    Type::Stable,
    Type::Evidence,
    Type::Relay,
    Type::Fetch,
    Type::Data,
    Type::Reminder,
];

/// One mutation: type, field (empty for the whole message), deed.
pub type Mutation = (Type, &'static str, Deed);

/// All mutations that there are.
#[must_use]
pub fn all_mutations() -> Vec<Mutation> {
    let voters = [Type::Propose, Type::Prepare, Type::Commit];
    let votes = voters.into_iter().flat_map(|kind| VOTE.map(|(field, value)| (kind, field, value)));
    let fields = ROWS.iter().copied().chain(votes);
    let fields =
        fields.flat_map(|(kind, field, value)| value.deeds().iter().map(move |deed| (kind, field, *deed)));
    let wholes = TYPES.into_iter().flat_map(|kind| [(kind, "", Deed::Unsaid), (kind, "", Deed::Replayed)]);
    let mut all: Vec<Mutation> = fields.chain(wholes).collect();
    all.sort_unstable();
    all
}

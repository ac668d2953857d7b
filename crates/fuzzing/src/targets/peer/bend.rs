//! Changes one field of a message, or a part for one that was heard.

use super::script::Script;
use crate::samples::few;
use outvote_types::fetch::{Data, Fetch};
use outvote_types::{
    BoundedVec, Certificate, Digest, Header, Message, ReplicaId, Signature, TimeoutCertificate,
    ViewChangeHead, Vote,
};

/// Digests that others have named.
fn known(heard: &[Message]) -> Vec<Digest> {
    let of = |message: &Message| match message {
        Message::Propose(propose) => Some(propose.header.body.id()),
        Message::Prepare(prepare) => Some(prepare.vote.body.id),
        Message::Commit(vote) => Some(vote.body.id),
        Message::Certificate(certificate) => Some(certificate.id),
        Message::Checkpoint(vote) => Some(vote.body.state_root),
        _ => None,
    };
    heard.iter().filter_map(of).collect()
}

fn digest(digest: &mut Digest, script: &mut Script, heard: &[Message]) {
    let known = known(heard);
    *digest = match script.next() % 4 {
        0 => Digest::ZERO,
        1 => Digest::of(&digest.0),
        _ => known.get(script.below(known.len())).copied().unwrap_or(Digest::ZERO),
    };
}

/// Fewer items, one twice, another order.
fn list<T: Clone, const MAX: usize>(items: &mut BoundedVec<T, MAX>, script: &mut Script) {
    let mut all = items.to_vec();
    let at = script.below(all.len());
    match script.next() % 4 {
        0 => all.truncate(at),
        1 => all.reverse(),
        2 if !all.is_empty() => drop(all.remove(at)),
        _ if !all.is_empty() => all.insert(at, all[at].clone()),
        _ => {}
    }
    *items = few(all);
}

fn signers<const MAX: usize>(votes: &mut BoundedVec<(ReplicaId, Signature), MAX>, script: &mut Script) {
    if script.next().is_multiple_of(2) {
        return list(votes, script);
    }
    let mut all = votes.to_vec();
    let at = script.below(all.len());
    if let Some((id, _)) = all.get_mut(at) {
        script.small(&mut id.0);
    }
    *votes = few(all);
}

fn vote(vote: &mut Vote, script: &mut Script, heard: &[Message]) {
    match script.next() % 5 {
        0 => script.number(&mut vote.view.0),
        1 => script.number(&mut vote.sequence.0),
        2 | 3 => digest(&mut vote.id, script, heard),
        _ => script.small(&mut vote.replica.0),
    }
}

fn header(header: &mut Header, script: &mut Script, heard: &[Message]) {
    match script.next() % 11 {
        0 => script.number(&mut header.epoch.0),
        1 => script.number(&mut header.view.0),
        2 => script.number(&mut header.sequence.0),
        3 => digest(&mut header.parent, script, heard),
        4 => script.number(&mut header.time.0),
        5 => script.small(&mut header.leader.0),
        6 => list(&mut header.batches, script),
        7 => digest(&mut header.payload_root, script, heard),
        8 => header.new_view_digest = header.new_view_digest.xor(Some(Digest::ZERO)),
        9 => header.control = Some(crate::samples::blob(b"control")),
        _ => {
            let mut batches = header.batches.to_vec();
            if let Some(batch) = batches.first_mut() {
                batch.count = batch.count.wrapping_add(u32::from(script.next()));
                batch.bytes = batch.bytes.wrapping_sub(u32::from(script.next()));
            }
            header.batches = few(batches);
        }
    }
}

fn certificate(certificate: &mut Certificate, script: &mut Script, heard: &[Message]) {
    match script.next() % 5 {
        0 => script.number(&mut certificate.view.0),
        1 => script.number(&mut certificate.sequence.0),
        2 => digest(&mut certificate.id, script, heard),
        _ => signers(&mut certificate.votes, script),
    }
}

fn timeout(timeout: &mut TimeoutCertificate, script: &mut Script) {
    match script.next() % 2 {
        0 => script.number(&mut timeout.view.0),
        _ => signers(&mut timeout.votes, script),
    }
}

fn head(head: &mut ViewChangeHead, script: &mut Script, heard: &[Message]) {
    match script.next() % 5 {
        0 => script.number(&mut head.view.0),
        1 => script.number(&mut head.rank.view.0),
        2 => script.number(&mut head.rank.sequence.0),
        3 => digest(&mut head.id, script, heard),
        _ => script.small(&mut head.replica.0),
    }
}

fn option_of(slot: &mut Option<Certificate>, script: &mut Script, heard: &[Message]) {
    match slot {
        Some(found) if !script.next().is_multiple_of(3) => certificate(found, script, heard),
        slot => {
            let other = heard.iter().rev().find_map(|message| match message {
                Message::Certificate(certificate) => Some(certificate.clone()),
                _ => None,
            });
            *slot = if script.next().is_multiple_of(2) { None } else { other };
        }
    }
}

fn question(fetch: &mut Fetch, script: &mut Script, heard: &[Message]) {
    match fetch {
        Fetch::Batches { digests, replica } => match script.next() % 2 {
            0 => list(digests, script),
            _ => script.small(&mut replica.0),
        },
        Fetch::Block { id, .. } => digest(id, script, heard),
        Fetch::Range { first, last, .. } => {
            script.number(&mut first.0);
            script.number(&mut last.0);
        }
        Fetch::Manifest { replica } => script.small(&mut replica.0),
        Fetch::Bucket { checkpoint, bucket, .. } => {
            script.number(&mut checkpoint.0);
            script.small(bucket);
        }
    }
}

fn answer(data: &mut Data, script: &mut Script, heard: &[Message]) {
    match data {
        Data::Batches(batches) => list(batches, script),
        Data::Block(block) => match script.next() % 2 {
            0 => header(&mut block.header.body, script, heard),
            _ => list(&mut block.batches, script),
        },
        Data::Range { blocks, certificate: last } => match script.next() % 2 {
            0 => list(blocks, script),
            _ => certificate(last, script, heard),
        },
        Data::Manifest(snapshot) => match script.next() % 3 {
            0 => list(&mut snapshot.buckets, script),
            1 => script.number(&mut snapshot.certificate.sequence.0),
            _ => digest(&mut snapshot.certificate.state_root, script, heard),
        },
        Data::Bucket { checkpoint, bucket, pairs, last, .. } => match script.next() % 4 {
            0 => script.number(&mut checkpoint.0),
            1 => script.small(bucket),
            2 => list(pairs, script),
            _ => *last = !*last,
        },
        Data::Gone { oldest } => script.number(&mut oldest.0),
    }
}

/// Changes one field.
pub(super) fn bend(message: &mut Message, script: &mut Script, heard: &[Message]) {
    match message {
        Message::Propose(propose) => match script.next() % 4 {
            0 => vote(&mut propose.prepare.body, script, heard),
            1 => list(&mut propose.batches, script),
            _ => {
                // A leader that lies consistently votes for what it proposes.
                header(&mut propose.header.body, script, heard);
                let (rank, id) = (propose.header.body.rank(), propose.header.body.id());
                let vote = &mut propose.prepare.body;
                (vote.view, vote.sequence, vote.id) = (rank.view, rank.sequence, id);
            }
        },
        Message::Prepare(prepare) => match script.next() % 2 {
            0 => vote(&mut prepare.vote.body, script, heard),
            _ => header(&mut prepare.header.body, script, heard),
        },
        Message::Commit(commit) => vote(&mut commit.body, script, heard),
        Message::Certificate(found) => certificate(found, script, heard),
        Message::Suspect(suspect) => script.number(&mut suspect.body.view.0),
        Message::Timeout(found) => timeout(found, script),
        Message::ViewChange(change) => match script.next() % 3 {
            0 => head(&mut change.head.body, script, heard),
            1 => option_of(&mut change.certificate, script, heard),
            _ => timeout(&mut change.timeout, script),
        },
        Message::NewView(opening) => match script.next() % 3 {
            0 => script.number(&mut opening.signed.body.view.0),
            1 => list(&mut opening.signed.body.heads, script),
            _ => option_of(&mut opening.certificate, script, heard),
        },
        Message::Heartbeat(heartbeat) => match script.next() % 3 {
            0 => script.number(&mut heartbeat.body.view.0),
            1 => script.number(&mut heartbeat.body.proposed.0),
            _ => script.number(&mut heartbeat.body.committed.0),
        },
        Message::Status(status) => match script.next() % 5 {
            0 => script.number(&mut status.body.view.0),
            1 => script.number(&mut status.body.rank.view.0),
            2 => script.number(&mut status.body.committed.0),
            3 => script.number(&mut status.body.stable.0),
            _ => status.body.sitting_out = !status.body.sitting_out,
        },
        Message::Checkpoint(found) => match script.next() % 3 {
            0 => script.number(&mut found.body.sequence.0),
            1 => digest(&mut found.body.id, script, heard),
            _ => digest(&mut found.body.state_root, script, heard),
        },
        Message::Stable(found) => match script.next() % 3 {
            0 => script.number(&mut found.sequence.0),
            1 => digest(&mut found.state_root, script, heard),
            _ => signers(&mut found.votes, script),
        },
        Message::Evidence(_) => {}
        Message::Relay(requests) => list(requests, script),
        Message::Fetch(fetch) => question(&mut fetch.body, script, heard),
        Message::Data(data) => answer(data, script, heard),
        Message::Reminder(reminder) => match script.next() % 4 {
            0 => reminder.prepare = None,
            1 => reminder.commit = reminder.prepare.clone(),
            2 => reminder.head = None,
            _ => {
                if let Some(found) = &mut reminder.commit {
                    vote(&mut found.body, script, heard);
                }
            }
        },
    }
}

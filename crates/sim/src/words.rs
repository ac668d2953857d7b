//! Messages in words, for traces.

use outvote_types::{Data, Message, Phase, Signable};

/// One line about a message.
#[must_use]
pub(crate) fn of(message: &Message) -> String {
    match message {
        Message::Propose(m) => {
            let h = &m.header.body;
            format!(
                "PROPOSE v{} s{} {:?} batches {}/{}",
                h.view,
                h.sequence,
                h.digest(),
                m.batches.len(),
                h.batches.len()
            )
        }
        Message::Prepare(m) => vote(&m.vote.body),
        Message::Commit(m) => vote(&m.body),
        Message::Certificate(c) => {
            format!("CERTIFICATE {:?} v{} s{} {:?}", c.phase, c.view, c.sequence, c.id)
        }
        Message::Suspect(m) => format!("SUSPECT v{} by {}", m.body.view, m.body.replica),
        Message::Timeout(t) => format!("TC v{}", t.view),
        Message::ViewChange(m) => {
            let h = &m.head.body;
            format!(
                "VIEWCHANGE v{} rank v{} s{} {:?} by {}",
                h.view, h.rank.view, h.rank.sequence, h.id, h.replica
            )
        }
        Message::NewView(m) => format!("NEWVIEW v{} base {:?}", m.signed.body.view, m.signed.body.base()),
        Message::Heartbeat(m) => {
            format!("HEARTBEAT v{} proposed {} committed {}", m.body.view, m.body.proposed, m.body.committed)
        }
        Message::Status(m) => {
            let s = &m.body;
            format!(
                "STATUS v{} rank v{} s{} committed {} stable {} sitting_out {}",
                s.view, s.rank.view, s.rank.sequence, s.committed, s.stable, s.sitting_out
            )
        }
        Message::Checkpoint(m) => format!("CHECKPOINT s{}", m.body.sequence),
        Message::Stable(c) => format!("STABLE s{}", c.sequence),
        Message::Evidence(e) => format!("EVIDENCE {:?}", e.id()),
        Message::Relay(r) => format!("RELAY {}", r.len()),
        Message::Fetch(m) => format!("FETCH {:?}", m.body),
        Message::Data(d) => data(d),
        Message::Reminder(r) => reminder(r),
    }
}

fn reminder(reminder: &outvote_types::Reminder) -> String {
    let votes = [&reminder.prepare, &reminder.commit].into_iter().flatten();
    let mut words: Vec<String> = votes.map(|signed| vote(&signed.body)).collect();
    words.extend(reminder.head.as_ref().map(|head| format!("VIEWCHANGE v{}", head.body.view)));
    format!("REMINDER {}", words.join(", "))
}

fn vote(vote: &outvote_types::Vote) -> String {
    let word = if vote.phase == Phase::Prepare { "PREPARE" } else { "COMMIT" };
    format!("{word} v{} s{} {:?} by {}", vote.view, vote.sequence, vote.id, vote.replica)
}

fn data(data: &Data) -> String {
    match data {
        Data::Batches(b) => format!("DATA batches {}", b.len()),
        Data::Block(b) => format!("DATA block s{}", b.header.body.sequence),
        Data::Range { blocks, certificate } => {
            format!("DATA range {} certificate s{}", blocks.len(), certificate.sequence)
        }
        Data::Manifest(m) => format!("DATA manifest s{}", m.certificate.sequence),
        Data::Bucket { bucket, pairs, .. } => format!("DATA bucket {bucket} pairs {}", pairs.len()),
        Data::Gone { oldest } => format!("DATA gone, oldest s{oldest}"),
    }
}

//! What a replica in a jar counts, for metrics and tests. Nothing is ever decided from a count.

use outvote_types::Message;
use std::collections::BTreeMap;

/// The type of a message between replicas, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the message of the same name")]
pub enum MessageType {
    Propose,
    Prepare,
    Commit,
    Certificate,
    Suspect,
    Timeout,
    ViewChange,
    NewView,
    Heartbeat,
    Status,
    Checkpoint,
    Stable,
    Evidence,
    Relay,
    Fetch,
    Data,
    Reminder,
}

impl MessageType {
    /// The type of `message`.
    #[must_use]
    pub const fn of(message: &Message) -> Self {
        match message {
            Message::Propose(_) => Self::Propose,
            Message::Prepare(_) => Self::Prepare,
            Message::Commit(_) => Self::Commit,
            Message::Certificate(_) => Self::Certificate,
            Message::Suspect(_) => Self::Suspect,
            Message::Timeout(_) => Self::Timeout,
            Message::ViewChange(_) => Self::ViewChange,
            Message::NewView(_) => Self::NewView,
            Message::Heartbeat(_) => Self::Heartbeat,
            Message::Status(_) => Self::Status,
            Message::Checkpoint(_) => Self::Checkpoint,
            Message::Stable(_) => Self::Stable,
            Message::Evidence(_) => Self::Evidence,
            Message::Relay(_) => Self::Relay,
            Message::Fetch(_) => Self::Fetch,
            Message::Data(_) => Self::Data,
            Message::Reminder(_) => Self::Reminder,
        }
    }

    /// The type's name in metrics: lower case, words joined by underscores.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Certificate => "certificate",
            Self::Suspect => "suspect",
            Self::Timeout => "timeout",
            Self::ViewChange => "view_change",
            Self::NewView => "new_view",
            Self::Heartbeat => "heartbeat",
            Self::Status => "status",
            Self::Checkpoint => "checkpoint",
            Self::Stable => "stable",
            Self::Evidence => "evidence",
            Self::Relay => "relay",
            Self::Fetch => "fetch",
            Self::Data => "data",
            Self::Reminder => "reminder",
        }
    }
}

/// Counts since the start. They only rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that peers sent, readable or not.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages from peers that reached the rules, by type.
    pub messages_in: BTreeMap<MessageType, u64>,
    /// Frames made, each counted once however many peers get it, by type.
    pub messages_out: BTreeMap<MessageType, u64>,
    /// Their bytes, each frame counted once.
    pub bytes_out: u64,
    /// Messages from peers that never reached the rules, by reason. The reasons are words of this program, so their
    /// number is bounded.
    pub ignored: BTreeMap<&'static str, u64>,
    /// Signatures checked in place, on the core's own thread.
    pub signatures_in_place: u64,
    /// Signatures handed out in jobs.
    pub signatures_in_jobs: u64,
    /// Jobs handed out.
    pub jobs: u64,
    /// Signatures that did not hold.
    pub signatures_bad: u64,
    /// Signatures made with this replica's key.
    pub signatures_made: u64,
    /// Messages that had to wait for the disk before they were signed and sent.
    pub withheld: u64,
}

impl Counters {
    pub(crate) fn ignore(&mut self, why: &'static str) {
        add(self.ignored.entry(why).or_default());
    }

    pub(crate) fn message_in(&mut self, message: &Message) {
        add(self.messages_in.entry(MessageType::of(message)).or_default());
    }

    pub(crate) fn message_out(&mut self, message_type: MessageType, bytes: usize) {
        add(self.messages_out.entry(message_type).or_default());
        self.bytes_out = self.bytes_out.saturating_add(bytes as u64);
    }
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

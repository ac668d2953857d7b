//! What can go wrong, and right again.

use crate::network::Kind;
use crate::plan::{Network, STUCK_US};
use outvote_adversary::Behaviour;
use outvote_types::ReplicaId;

/// One thing that goes wrong, or right again.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Power loss.
    Crash(ReplicaId),
    /// Power returns.
    Restart(ReplicaId),
    /// Those in the set and those outside hear nothing of each other.
    Partition(Vec<ReplicaId>),
    /// The first hears nothing of the second any more.
    OneWay(ReplicaId, ReplicaId),
    /// A link is reported down, or up again.
    Link(ReplicaId, ReplicaId, bool),
    /// Everybody hears its two neighbours alone, in the order of the members.
    Ring,
    /// Two halves hear nothing of each other; this one hears both and is heard by both.
    Bridge(ReplicaId),
    /// All cuts are mended.
    Mend,
    /// Messages on a link wait, few of them, the oldest are dropped.
    Clog(ReplicaId, ReplicaId),
    /// They arrive.
    Unclog(ReplicaId, ReplicaId),
    /// Nobody hears anybody.
    Blip,
    /// That is over.
    BlipOver,
    /// No client reaches the leader of the highest view, or is reached by it.
    ClientsLoseLeader,
    /// Clients reach everybody again.
    ClientsBack,
    /// The process is stopped as by SIGSTOP: it does nothing, and what reaches it waits.
    Pause(ReplicaId),
    /// The process goes on.
    Resume(ReplicaId),
    /// The next replica that takes this step dies at it.
    Trap(Trap),
    /// A wall clock jumps.
    Clock(ReplicaId, i64),
    /// A disk becomes slow or fast; from [`STUCK_US`] on, a flush never returns.
    Disk(ReplicaId, u64),
    /// The next flush fails, which stops the process for so many microseconds.
    FlushFails(ReplicaId, u64),
    /// Nothing can be written, which stops the process at the first try.
    DiskFull(ReplicaId),
    /// There is space again, and the process is started if it does not run.
    DiskSpace(ReplicaId),
    /// Nothing that peers ask for can be read.
    Unreadable(ReplicaId),
    /// It can be read again.
    Readable(ReplicaId),
    /// Power loss, and one record in the log has rotted; the number says which, as far as the atlas allows it.
    Rot(ReplicaId, u64),
    /// Power loss, and the state database is gone.
    LoseState(ReplicaId),
    /// The next write is reported as done and lands nowhere, or over an older record.
    LoseWrite(ReplicaId, Option<u64>),
    /// Power loss, and the last records of the log are gone although they were flushed.
    LoseSuffix(ReplicaId, u64),
    /// A replica of the liars changes its behaviour.
    Behave(ReplicaId, Behaviour),
    /// The network's mood changes.
    Mood(Network),
    /// A disk is copied.
    CopyDisk(ReplicaId),
    /// The copy is put in its place.
    OldCopy(ReplicaId),
}

/// Kills whoever takes a step of the protocol, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Whether only the leader of its own view steps into it.
    pub leader_only: bool,
    /// The step.
    pub step: Step,
    /// Whether the step is done, or dies with the process.
    pub is_done: bool,
    /// How long the process is down, microseconds.
    pub down_us: u64,
}

/// A step of the protocol, as the world sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message of this kind is sent.
    Sends(Kind),
    /// Records are handed to the disk.
    Writes,
    /// A committed block is handed to execution.
    Executes,
    /// A state is asked for.
    FetchesState,
    /// A peer is served from archive or state.
    Serves,
    /// A checkpoint became stable, and the log drops its beginning.
    Truncates,
}

impl Step {
    /// All steps at which a process may die.
    pub const ALL: [Self; 20] = [
        Self::Sends(Kind::Propose),
        Self::Sends(Kind::Prepare),
        Self::Sends(Kind::Commit),
        Self::Sends(Kind::Certificate),
        Self::Sends(Kind::Suspect),
        Self::Sends(Kind::Timeout),
        Self::Sends(Kind::ViewChange),
        Self::Sends(Kind::NewView),
        Self::Sends(Kind::Heartbeat),
        Self::Sends(Kind::Status),
        Self::Sends(Kind::Checkpoint),
        Self::Sends(Kind::Relay),
        Self::Sends(Kind::Fetch),
        Self::Sends(Kind::Data),
        Self::Sends(Kind::Reminder),
        Self::Writes,
        Self::Executes,
        Self::FetchesState,
        Self::Serves,
        Self::Truncates,
    ];
}

impl Fault {
    /// A word for counting.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Restart(_) => "restart",
            Self::Partition(_) => "partition",
            Self::OneWay(..) => "one_way",
            Self::Link(..) => "link_flap",
            Self::Ring => "ring",
            Self::Bridge(_) => "bridge",
            Self::Mend => "mend",
            Self::Clog(..) => "clog",
            Self::Unclog(..) => "unclog",
            Self::Blip => "blip",
            Self::BlipOver => "blip_over",
            Self::ClientsLoseLeader => "clients_lose_leader",
            Self::ClientsBack => "clients_back",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Trap(_) => "trap",
            Self::Clock(..) => "clock_step",
            Self::Disk(_, us) if *us >= STUCK_US => "stuck_disk",
            Self::Disk(..) => "slow_disk",
            Self::FlushFails(..) => "flush_fails",
            Self::DiskFull(_) => "disk_full",
            Self::DiskSpace(_) => "disk_space",
            Self::Unreadable(_) => "unreadable",
            Self::Readable(_) => "readable",
            Self::Rot(..) => "rot",
            Self::LoseState(_) => "state_lost",
            Self::LoseWrite(_, None) => "lost_write",
            Self::LoseWrite(_, Some(_)) => "misdirected_write",
            Self::LoseSuffix(..) => "lost_suffix",
            Self::Behave(_, behaviour) => lie(*behaviour),
            Self::Mood(_) => "network",
            Self::CopyDisk(_) => "disk_copy",
            Self::OldCopy(_) => "old_copy",
        }
    }

    /// Whose disk this takes promises from: that replica counts among the faulty, although it means well.
    #[must_use]
    pub const fn victim(&self) -> Option<ReplicaId> {
        match self {
            Self::OldCopy(id) | Self::LoseWrite(id, _) | Self::LoseSuffix(id, _) => Some(*id),
            _ => None,
        }
    }
}

/// The word for counting a behaviour. What interfaces promise by name is the deed; all others go by their own names.
#[must_use]
pub const fn lie(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Equivocate => "equivocation",
        other => other.name(),
    }
}

//! What one peer was asked for, and how it behaves.

use super::bucket::Assembly;
use outvote_types::limits::MAX_KEY_BYTES;
use outvote_types::planted::{self, Bug};
use outvote_types::{Blob, Instant, ReplicaId};

/// How long a peer may take for one chunk, microseconds.
pub const CHUNK_TIMEOUT_US: u64 = 2_000_000;
/// How long a peer that could not help is left alone, microseconds.
pub const REST_US: u64 = 1_000_000;
/// How long a bucket may take besides what its bytes are given, microseconds.
const BUCKET_GRACE_US: u64 = 30_000_000;
/// Bytes that a peer must deliver per second after the grace, so that none can hold a bucket up with tiny chunks.
const BYTES_PER_SECOND_MIN: u64 = 65_536;

/// So many times in a row late, and a peer counts as having nothing.
const MISSES_MAX: u32 = 3;

/// The one thing that a peer is asked for at a time.
pub(crate) enum Task {
    Manifest { deadline: Instant },
    Bucket { assembly: Assembly, since: Instant, deadline: Instant },
}

impl Task {
    pub(crate) fn manifest(now: Instant) -> Self {
        Self::Manifest { deadline: now.plus(CHUNK_TIMEOUT_US) }
    }

    pub(crate) fn bucket(bucket: u8, now: Instant) -> Self {
        Self::Bucket { assembly: Assembly::new(bucket), since: now, deadline: now.plus(CHUNK_TIMEOUT_US) }
    }

    fn deadline(&self) -> Instant {
        match self {
            Self::Manifest { deadline } => *deadline,
            Self::Bucket { assembly, since, deadline } => {
                let paid_us = assembly.bytes as u64 * 1_000_000 / BYTES_PER_SECOND_MIN;
                since.plus(BUCKET_GRACE_US + paid_us).min(*deadline)
            }
        }
    }
}

/// One peer.
pub(crate) struct Peer {
    pub(crate) id: ReplicaId,
    pub(crate) task: Option<Task>,
    /// It sent something wrong and is not asked again.
    pub(crate) is_liar: bool,
    /// It does not have the checkpoint that is being fetched.
    pub(crate) is_gone: bool,
    /// It said that it has no checkpoint which would do.
    has_none: bool,
    /// How often it was late.
    pub(crate) strikes: u32,
    /// How often it was late since it last delivered a whole bucket.
    pub(crate) misses: u32,
    rest_until: Option<Instant>,
}

impl Peer {
    pub(crate) fn new(id: ReplicaId) -> Self {
        Self {
            id,
            task: None,
            is_liar: false,
            is_gone: false,
            has_none: false,
            strikes: 0,
            misses: 0,
            rest_until: None,
        }
    }

    pub(crate) fn bucket(&self) -> Option<u8> {
        match &self.task {
            Some(Task::Bucket { assembly, .. }) => Some(assembly.bucket),
            Some(Task::Manifest { .. }) | None => None,
        }
    }

    /// Whether this is the chunk that it was asked for.
    pub(crate) fn expects(&self, bucket: u16, after: &Blob<MAX_KEY_BYTES>) -> bool {
        match &self.task {
            Some(Task::Bucket { assembly, .. }) => {
                u16::from(assembly.bucket) == bucket && assembly.after() == *after
            }
            Some(Task::Manifest { .. }) | None => false,
        }
    }

    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.task.is_none() && !self.is_liar && self.rest_until.is_none_or(|until| until <= now)
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        if self.is_liar { None } else { self.task.as_ref().map(Task::deadline).or(self.rest_until) }
    }

    pub(crate) fn rest(&mut self, now: Instant) {
        self.task = None;
        self.rest_until = Some(now.plus(REST_US));
    }

    pub(crate) fn give_up_if_late(&mut self, now: Instant) {
        let is_late = self.task.as_ref().is_some_and(|task| task.deadline() <= now);
        if is_late && !planted::is_on(Bug::SlowPeerKept) {
            self.strikes = self.strikes.saturating_add(1);
            self.misses = self.misses.saturating_add(1);
            self.rest(now);
        }
        if self.rest_until.is_some_and(|until| until <= now) {
            self.rest_until = None;
        }
    }

    pub(crate) fn on_progress(&mut self, now: Instant) {
        if let Some(Task::Bucket { deadline, .. }) = &mut self.task {
            *deadline = now.plus(CHUNK_TIMEOUT_US);
        }
    }

    pub(crate) fn on_gone(&mut self, now: Instant) {
        // Only an answer to something: an unasked GONE is no news.
        if self.task.is_some() {
            self.is_gone = self.bucket().is_some();
            self.has_none = !self.is_gone;
            self.rest(now);
        }
    }

    /// Its manifest is of a checkpoint that will not do.
    pub(crate) fn has_too_little(&mut self, now: Instant) {
        self.has_none = true;
        self.rest(now);
    }

    /// Whether it cannot be expected to help with any checkpoint.
    pub(crate) fn is_no_help(&self) -> bool {
        self.has_none || self.is_liar || self.misses >= MISSES_MAX
    }

    /// Whether it cannot be expected to help with this checkpoint: silence must not keep us waiting for ever.
    pub(crate) fn is_useless(&self) -> bool {
        self.is_gone || self.is_liar || self.misses >= MISSES_MAX
    }

    pub(crate) fn start_over(&mut self) {
        self.is_gone = false;
        self.has_none = false;
        self.misses = 0;
        self.task = None;
    }

    pub(crate) fn forgive(&mut self, now: Instant) {
        self.is_liar = false;
        self.rest(now);
    }
}

//! The view timeout and the clocks that run beside it (T rules).

use crate::limits::{STATUS_INTERVAL_US, STEADY_US};
use crate::output::{Draft, Note, Recipients};
use crate::replica::Replica;
use crate::term::Mode;
use outvote_types::planted::{self, Bug};
use outvote_types::{Heartbeat, Instant, View};

/// Steps of the window's growth that still matter: 1.5^40 is far above any ceiling.
const STEPS_MAX: u32 = 40;

/// How soon a clock is looked at again that has run out and cannot act yet, microseconds.
const IDLE_US: u64 = 10_000;

/// Clocks that outlive a view.
#[derive(Debug)]
pub(crate) struct Timers {
    /// How often the window has grown by half (k).
    pub(crate) steps: u32,
    /// Views that failed since the last commit; widens the tolerance of time (W4).
    pub(crate) failed_views: u32,
    /// Since when commits have been coming without a pause.
    steady_since: Option<Instant>,
    /// When something was last committed.
    pub(crate) committed_at: Instant,
    /// The smoothed time from PREPARE to commit, microseconds.
    pub(crate) commit_time_us: u64,
    pub(crate) heartbeat_at: Instant,
    pub(crate) status_at: Instant,
    pub(crate) resend_at: Instant,
    pub(crate) proposed_at: Instant,
}

impl Timers {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            steps: 0,
            failed_views: 0,
            steady_since: None,
            committed_at: now,
            commit_time_us: 0,
            heartbeat_at: now,
            status_at: now,
            resend_at: now,
            proposed_at: now,
        }
    }
}

impl Replica {
    /// T1: the window T.
    pub(crate) fn window_us(&self) -> u64 {
        let tunables = &self.config.tunables;
        let grow = |us: u64, _| us.saturating_add(us / 2).min(tunables.timeout_max_us);
        (0..self.timers.steps.min(STEPS_MAX))
            .fold(tunables.timeout_base_us.min(tunables.timeout_max_us), grow)
    }

    /// T2: the window for the first sign of life in a view.
    pub(crate) fn first_window_us(&self) -> u64 {
        self.term.first_window_us.map_or_else(|| self.window_us(), |us| us.min(self.window_us()))
    }

    pub(crate) const fn heartbeat_interval_us(&self) -> u64 {
        self.config.tunables.timeout_base_us / 5
    }

    /// The current view is over.
    pub(crate) fn on_view_ended(&mut self) {
        // T1: k rises with each view that ended without a commit. W4: and so does the tolerance of time.
        if !self.term.has_committed {
            self.timers.steps = self
                .timers
                .steps
                .saturating_add(u32::from(!planted::is_on(Bug::WindowNeverGrows)))
                .min(STEPS_MAX);
            self.timers.failed_views = self.timers.failed_views.saturating_add(1);
        }
        self.timers.steady_since = None;
    }

    /// Something of this view was committed.
    pub(crate) fn on_progress(&mut self, view: View) {
        let gap = self.now.since(self.timers.committed_at);
        self.timers.committed_at = self.now;
        // W4: the tolerance resets at a commit.
        self.timers.failed_views = 0;
        self.mutiny.on_commit(self.now);
        if view != self.term.view {
            return;
        }
        self.term.first_window_us = None;
        if !core::mem::replace(&mut self.term.has_committed, true) {
            // T1: one step down with the first commit of a view.
            self.timers.steps =
                self.timers.steps.saturating_sub(u32::from(!planted::is_on(Bug::WindowNeverShrinks)));
        }
        let since = match self.timers.steady_since {
            Some(since) if gap <= self.config.tunables.timeout_max_us.min(STEADY_US) => since,
            _ => self.now,
        };
        self.timers.steady_since = Some(since);
        if self.now.since(since) >= STEADY_US && !planted::is_on(Bug::WindowNeverShrinks) {
            // T1: two seconds of steady commits bring the base window back.
            self.timers.steps = 0;
        }
    }

    /// Looks at every clock.
    pub(crate) fn on_time(&mut self) {
        self.heartbeat_on_time();
        self.status_on_time();
        self.resend_on_time();
        self.fetch_on_time();
        self.relay_on_time();
        self.performance_on_time();
        self.suspect_on_time();
    }

    fn heartbeat_on_time(&mut self) {
        if !self.is_proposer() || self.timers.heartbeat_at > self.now {
            return;
        }
        // T3: also when idle.
        self.timers.heartbeat_at = self.now.plus(self.heartbeat_interval_us());
        let proposed = self.term.voted.map_or(self.chain.committed, |tip| tip.sequence);
        let heartbeat = Heartbeat {
            view: self.term.view,
            proposed,
            committed: self.chain.committed,
            replica: self.config.me,
        };
        let gate = self.view_gate();
        self.send(Recipients::Others, Draft::Heartbeat(heartbeat), gate);
    }

    fn status_on_time(&mut self) {
        if self.timers.status_at > self.now {
            return;
        }
        self.timers.status_at = self.now.plus(STATUS_INTERVAL_US);
        self.send_status(Recipients::Others);
    }

    /// When the next clock runs out.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let mut due = self.timers.status_at.min(self.resend_due());
        let mut add = |at: Option<Instant>| due = at.map_or(due, |at| due.min(at));
        if self.is_proposer() {
            add(Some(self.timers.heartbeat_at));
            let has_room = self
                .term
                .voted
                .is_some_and(|tip| tip.sequence < self.slots_end() && !self.is_turn_over(tip.sequence));
            add(self.batch_deadline().filter(|_| has_room && !self.is_execution_behind()));
        }
        add(self.catch_up.next_due());
        add(self.batches_due());
        add(self.relay_due());
        add(self.performance_due());
        add(self.suspicion_due());
        // Everything that was due has been looked at; what still is due waits for something else, so no caller may spin.
        Some(if due > self.now { due } else { self.now.plus(IDLE_US) })
    }

    /// Whether the view is open.
    pub(crate) fn is_open(&self) -> bool {
        self.term.mode == Mode::Normal
    }

    pub(crate) fn note_suspected(&mut self, reason: char) {
        let view = self.term.view;
        self.note(Note::Suspected { view, reason });
    }
}

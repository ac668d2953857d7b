//! Carries out what seats ask for, at once.

use super::{Arena, Flight, Seat};
use crate::machine::wall_of;
use outvote_replica::{Action, CommittedBlock, Event, Note, Recipients};
use outvote_types::{Digest, Fetch, Instant, Message, Sequence, decode};
use std::collections::VecDeque;
use std::sync::Arc;

impl Arena<'_> {
    pub(super) fn carry_out(&mut self, seat: usize, action: Action, events: &mut VecDeque<Event>) {
        match action {
            Action::Write { ticket, records } => {
                let disk = &mut self.seats[seat].disk;
                disk.append(ticket, records);
                if let Some(ticket) = disk.end_flush() {
                    events.push_back(Event::Durable(ticket));
                }
            }
            Action::Send { to, frame, .. } => self.send(seat, to, &frame),
            Action::Verify { job, checks } => {
                let verdicts = self.kit.scheme(self.seats[seat].id).verify(&checks);
                events.push_back(Event::Checked { job, verdicts });
            }
            Action::Execute(block) => events.push_back(self.execute(seat, block)),
            Action::Certified(certificate) => self.seats[seat].archive.certify(certificate),
            Action::Serve { to, fetch } => {
                if !matches!(fetch, Fetch::Manifest { .. } | Fetch::Bucket { .. }) {
                    let data = self.seats[seat].archive.serve(&fetch);
                    events.push_back(Event::Served { to, data });
                }
            }
            // Every archive here keeps all blocks, so nobody needs a state; whoever asks goes on by blocks.
            Action::FetchState { .. } => {
                let header =
                    self.seats[seat].archive.last().map(|block| Box::new(block.block.header.clone()));
                events.push_back(Event::StateKept { header });
            }
            Action::Accuse { charge, .. } => {
                let Seat { id, lies, .. } = self.seats[seat];
                self.accusations += u64::from(!lies);
                self.checkers.on_accused(id, charge.accused, charge.rule.in_words());
            }
            Action::Note(note) => self.on_note(seat, &note),
            Action::Reply(_) | Action::StateData { .. } | Action::Stable { .. } | Action::Refuse { .. } => {}
        }
    }

    fn on_note(&mut self, seat: usize, note: &Note) {
        if let Note::Observer { why } = note {
            self.checkers.on_observer(self.seats[seat].id, why);
        }
        if let Some(text) = &mut self.text {
            use std::fmt::Write;
            let _ = writeln!(text, "{} seat {seat}: {note:?}", self.now_us);
        }
    }

    fn execute(&mut self, at: usize, block: Arc<CommittedBlock>) -> Event {
        // All clocks here are right.
        let who = self.seats.iter().find(|seat| !seat.lies).map_or(self.seats[at].id, |seat| seat.id);
        self.checkers.on_clock(who, wall_of(Instant(self.now_us)));
        let seats = &self.seats;
        let holders = |id: &Digest| seats.iter().filter(|seat| !seat.lies && seat.holds(id)).count();
        self.checkers.on_commit(seats[at].id, &block, holders);
        let header = &block.block.header.body;
        let sequence: Sequence = header.sequence;
        let seat = &mut self.seats[at];
        seat.bytes_since = seat.bytes_since.saturating_add(header.block_bytes());
        seat.state = Digest::of_parts(&[&seat.state.0, &block.id.0]);
        let is_checkpoint = self.kit.committee.parameters.is_checkpoint(sequence, seat.bytes_since);
        if is_checkpoint {
            seat.bytes_since = 0;
        }
        let (result_root, state_root) = (block.id, is_checkpoint.then_some(seat.state));
        seat.archive.keep(block);
        Event::Executed { sequence, result_root, state_root }
    }

    fn send(&mut self, from: usize, to: Recipients, frame: &Arc<[u8]>) {
        let Seat { id, lies, .. } = self.seats[from];
        // What a correct replica says is judged before it can be lost; certificates and what is not signed bind nobody.
        if !lies && frame.first().is_some_and(|tag| *tag <= 8 && *tag != 3 && *tag != 5) {
            match decode::<Message>(frame) {
                Ok(message) => {
                    let seat = &self.seats[from];
                    self.checkers.on_message(id, &message, &seat.disk, |id| seat.holds(id));
                }
                Err(_) => self.checkers.report("bounds", format!("{id} sends what cannot be read")),
            }
        }
        for peer in 0..self.seats.len() {
            let whom = self.seats[peer].id;
            let is_meant = match to {
                Recipients::Myself => false,
                Recipients::One(one) => one == whom,
                Recipients::Others => true,
            };
            // Instances of one identity have no link to each other: both take what is sent to it.
            if !is_meant || whom == id {
                continue;
            }
            let flight = Flight { from, to: peer, frame: Arc::clone(frame) };
            if self.may_pass(from, peer, frame) {
                self.flights.push_back(flight);
            } else if let Some(late) = self.late.as_mut().filter(|late| late.len() < MAX_LATE) {
                late.push(flight);
            }
        }
    }

    /// Everybody's standing in words, for whoever looks into a stall.
    #[must_use]
    pub fn in_words(&self) -> String {
        let seats = self.seats.iter().enumerate();
        let lines = seats.map(|(at, seat)| {
            let lies = if seat.lies { " (liar)" } else { "" };
            format!("seat {at} is {}{lies}: {:?}", seat.id, seat.replica.status())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Writes something into the text of the game, if one is kept.
    pub fn say(&mut self, what: &str) {
        if let Some(text) = &mut self.text {
            use std::fmt::Write;
            let _ = writeln!(text, "{} {what}", self.now_us);
        }
    }
}

/// Lost messages that are kept at most.
const MAX_LATE: usize = 4_096;

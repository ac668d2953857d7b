//! Many envelopes in flight, in the files' order, until each has its outcome.

use super::record::Record;
use crate::failure::Failure;
use crate::output::{Output, note};
use indicatif::{ProgressBar, ProgressStyle};
use outvote::{Client, ClientError, Committed, Finished, KeyPair, Nonce, Operation, Submission};
use outvote_chat::import::Envelope;
use outvote_client::Ticket;
use outvote_session::SubmitError;
use outvote_types::{Answer, Blob, Domain, ResultKind};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the record is flushed.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// The pause before an envelope that was not taken is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How often one envelope is asked for again before the import gives up; each time is a whole deadline.
const ASK_AGAIN_MAX: u32 = 30;

/// An import that is ready to run.
pub(super) struct Import {
    pub(super) client: Client,
    pub(super) session: Arc<KeyPair>,
    pub(super) domain: Domain,
    /// Nonce `i` is always envelope `i - 1`.
    pub(super) envelopes: Arc<Vec<Envelope>>,
    pub(super) keys: Arc<BTreeMap<String, Arc<KeyPair>>>,
    pub(super) in_flight: usize,
}

/// What came of a run, besides the record.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Whether an earlier run had begun.
    pub(super) resumed: bool,
    /// Outcomes that had to be asked for again after a deadline.
    pub(super) asked_again: u64,
}

/// What one envelope came to.
enum Fate {
    Done(Committed),
    /// Every operation was refused, with the first one's code.
    Refused(Nonce, String),
    /// It was not taken: another one must be started in its place.
    NotTaken,
}

impl Import {
    pub(super) async fn run(&self, record: &mut Record, output: Output) -> Result<Outcome, Failure> {
        let mut outcome = Outcome { resumed: record.done > 0, ..Outcome::default() };
        let total = self.envelopes.len() as u64;
        let bar = bar(self.envelopes.iter().map(|envelope| envelope.operations.len() as u64).sum(), output);
        bar.inc(self.operations_before(record.done));
        let mut flying: VecDeque<Submission> = VecDeque::new();
        let mut to_start = total.saturating_sub(record.done);
        let mut saved = Instant::now();
        while to_start > 0 || !flying.is_empty() {
            while to_start > 0 && flying.len() < self.in_flight {
                flying.push_back(self.start());
                to_start -= 1;
            }
            let Some(submission) = flying.pop_front() else { break };
            let finished = tokio::select! {
                finished = submission.finished() => finished,
                _ = tokio::signal::ctrl_c() => {
                    record.save()?;
                    return Err(Failure::failed("stopped; run the same command again to go on"));
                }
            };
            match self.settle(finished, &mut outcome).await? {
                Fate::NotTaken => {
                    to_start += 1;
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
                Fate::Done(committed) => count(record, &committed),
                // The nicks of this envelope have their names from an earlier import, which is what was wanted.
                Fate::Refused(_, code) if code == "already-registered" => {}
                Fate::Refused(nonce, code) => {
                    *record.rejected.entry(code).or_default() += self.operations_of(nonce);
                }
            }
            // Outcomes are taken in the order of the nonces, so this is the first without a gap.
            record.done += 1;
            bar.set_position(self.operations_before(record.done));
            if saved.elapsed() >= SAVE_EVERY {
                record.save()?;
                saved = Instant::now();
            }
        }
        record.save()?;
        bar.finish_and_clear();
        Ok(outcome)
    }

    fn operations_before(&self, envelopes: u64) -> u64 {
        let count = usize::try_from(envelopes).unwrap_or(usize::MAX);
        self.envelopes.iter().take(count).map(|envelope| envelope.operations.len() as u64).sum()
    }

    fn operations_of(&self, nonce: Nonce) -> u64 {
        let index = usize::try_from(nonce.0.saturating_sub(1)).unwrap_or(usize::MAX);
        self.envelopes.get(index).map_or(0, |envelope| envelope.operations.len() as u64)
    }

    /// Starts the envelope of whichever nonce comes next.
    fn start(&self) -> Submission {
        let (session, domain) = (self.session.public_key(), self.domain);
        let (envelopes, keys) = (Arc::clone(&self.envelopes), Arc::clone(&self.keys));
        self.client.start_with(move |nonce| {
            let index = usize::try_from(nonce.0.saturating_sub(1)).unwrap_or(usize::MAX);
            let Some(envelope) = envelopes.get(index) else { return Vec::new() };
            if index == 0 {
                return unsigned(envelope);
            }
            // An empty envelope is refused at once; it cannot come to that, since each nick got its key before.
            envelope
                .sign(&domain, &session, nonce, |nick| keys.get(nick).map(|pair| &**pair))
                .unwrap_or_default()
        })
    }

    /// Follows a submission to its end: a deadline that passed, as while leaders die, is no end.
    async fn settle(
        &self,
        finished: Result<Finished, ClientError>,
        outcome: &mut Outcome,
    ) -> Result<Fate, Failure> {
        let mut finished = finished;
        for _ in 0..ASK_AGAIN_MAX {
            let ticket = match finished {
                Ok(Finished { outcome: outvote::Outcome::Committed(committed), .. }) => {
                    return Ok(Fate::Done(committed));
                }
                Ok(Finished { ticket, outcome: outvote::Outcome::Rejected(rejected) }) => {
                    return refusal(ticket, rejected.code, &rejected.reason);
                }
                Ok(Finished { ticket, outcome: outvote::Outcome::Pending }) => ticket,
                Err(ClientError::Submit(SubmitError::WindowFull | SubmitError::NotReady)) => {
                    return Ok(Fate::NotTaken);
                }
                Err(error) => return Err(error.into()),
            };
            outcome.asked_again += 1;
            note("no outcome yet: asking again (the cluster may be changing its leader)");
            finished = self.client.ask_again(ticket).await;
        }
        Err(Failure::pending("the cluster does not answer; run the same command again later to go on"))
    }
}

/// Refused as a whole: by the application, which used up its nonce, or before it counted.
fn refusal(ticket: Ticket, code: String, reason: &str) -> Result<Fate, Failure> {
    match code.as_str() {
        "too-many-new-sessions" => Ok(Fate::NotTaken),
        "nonce-reused" | "too-far" | "invalid" => {
            Err(Failure::failed(format!("envelope {} was refused ({code}): {reason}", ticket.nonce.0)))
        }
        _ => Ok(Fate::Refused(ticket.nonce, code)),
    }
}

/// The first envelope is the session's own word.
fn unsigned(envelope: &Envelope) -> Vec<Operation> {
    let operations = envelope.operations.iter().filter_map(|planned| {
        Some(Operation { author: None, query: false, payload: Blob::new(planned.operation.encode())? })
    });
    operations.collect()
}

fn count(record: &mut Record, committed: &Committed) {
    let is_opening = record.done == 0;
    for result in &committed.results {
        match (&result.answer, result.kind) {
            // A message that stands. Registrations and the opening answer otherwise.
            (Answer::Done(bytes), ResultKind::Applied) => {
                let is_post = outvote_chat::ChatAnswer::parse(&Answer::Done(bytes.clone()))
                    .is_ok_and(|answer| matches!(answer, outvote_chat::ChatAnswer::Posted { .. }));
                record.committed += u64::from(is_post);
            }
            // A nick that has its name from an earlier import, and a room that is there, are what was wanted.
            (Answer::Refused { code, .. }, _)
                if code == "already-registered" || (is_opening && code == "room-exists") => {}
            (Answer::Refused { code, .. }, _) => *record.rejected.entry(code.clone()).or_default() += 1,
            (Answer::Done(_), _) => *record.rejected.entry("not-applied".into()).or_default() += 1,
        }
    }
}

fn bar(total: u64, output: Output) -> ProgressBar {
    // On stderr, and hidden where that is no terminal.
    let bar = if output == Output::Json { ProgressBar::hidden() } else { ProgressBar::new(total) };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left");
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

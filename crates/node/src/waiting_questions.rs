//! Questions that may be answered only from a later state than the present one.

use crate::execution_thread::OnAnswer;
use outvote_types::Sequence;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Questions that wait for their sequence at most.
const WAITING_QUESTIONS_MAX: usize = 4096;
/// Bytes of those questions at most.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// How long a question waits for its sequence at most; then it is dropped, and its client asks again.
const QUESTION_PATIENCE: Duration = Duration::from_secs(5);

struct Question {
    text: Vec<u8>,
    answer: OnAnswer,
    asked_at: Instant,
}

/// In the order of the sequences that they wait for.
#[derive(Default)]
pub(crate) struct WaitingQuestions {
    by_sequence: BTreeMap<Sequence, Vec<Question>>,
    count: usize,
    bytes: usize,
    oldest: Option<Instant>,
}

impl WaitingQuestions {
    /// Keeps a question; at once `None` as the answer if there is no room.
    pub(crate) fn add(&mut self, sequence: Sequence, text: Vec<u8>, answer: OnAnswer) {
        // B1
        if self.count >= WAITING_QUESTIONS_MAX || self.bytes + text.len() > WAITING_BYTES_MAX {
            return answer(None);
        }
        let asked_at = Instant::now();
        self.count += 1;
        self.bytes += text.len();
        self.oldest.get_or_insert(asked_at);
        self.by_sequence.entry(sequence).or_default().push(Question { text, answer, asked_at });
    }

    /// Those that may be answered now.
    pub(crate) fn take(&mut self, executed: Sequence) -> Vec<(Vec<u8>, OnAnswer)> {
        if self.count == 0 {
            return Vec::new();
        }
        let later = self.by_sequence.split_off(&executed.next());
        let due = std::mem::replace(&mut self.by_sequence, later);
        let due: Vec<_> =
            due.into_values().flatten().map(|question| (question.text, question.answer)).collect();
        self.count -= due.len();
        self.bytes -= due.iter().map(|(text, _)| text.len()).sum::<usize>();
        self.find_oldest();
        due
    }

    /// When the next one has waited for too long.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.oldest.map(|oldest| oldest + QUESTION_PATIENCE)
    }

    /// Drops those that have waited for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.next_expiry().is_none_or(|at| at > now) {
            return;
        }
        for questions in self.by_sequence.values_mut() {
            let is_old = |question: &mut Question| question.asked_at + QUESTION_PATIENCE <= now;
            for question in questions.extract_if(.., is_old) {
                self.count -= 1;
                self.bytes -= question.text.len();
                (question.answer)(None);
            }
        }
        self.by_sequence.retain(|_, questions| !questions.is_empty());
        self.find_oldest();
    }

    fn find_oldest(&mut self) {
        self.oldest = self.by_sequence.values().flatten().map(|question| question.asked_at).min();
    }
}

//! What a user writes: the application that all replicas run.

use crate::state::{StateReader, StateWriter};
use outvote_types::{Answer, PublicKey, Sequence, WallTime};

/// Everything besides the operation's bytes and the state that an application may know. All correct replicas see the
/// same values, so a decision made from them is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The agreed time of the block, microseconds since the Unix epoch. It rises from block to block and is the only
    /// clock an application may look at.
    pub time: WallTime,
    /// The block in which this operation is executed.
    pub sequence: Sequence,
    /// The operation's place among the results of that block, from 0. `(sequence, position)` names it for ever.
    pub position: u32,
    /// The key of the session that ordered it.
    pub session: PublicKey,
    /// Who wrote it: the session's key, unless the operation carries an author's own signature. Use this one to decide
    /// who may do what.
    pub author: PublicKey,
}

/// A replicated application: a deterministic function from operations to state and answers.
///
/// Every replica calls [`apply`](Application::apply) with the same operations in the same order and must end up with the
/// same state. So no clock, no randomness, no thread, no file, no `HashMap` iteration in here: only `context`,
/// `operation` and `state`. `&self` leaves no place for hidden state.
///
/// ```
/// use outvote_execution::{Answer, Application, Context, StateReader, StateWriter};
///
/// /// Counts how often it was called.
/// struct Counter;
///
/// impl Application for Counter {
///     fn apply(&self, _: &Context, _: &[u8], state: &mut StateWriter<'_>) -> Answer {
///         let count = state.get(b"count").map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
///         state.put(b"count", &(count + 1).to_le_bytes());
///         Answer::done((count + 1).to_le_bytes().to_vec())
///     }
///     fn query(&self, _: &[u8], state: &StateReader<'_>) -> Answer {
///         Answer::done(state.get(b"count").unwrap_or_default())
///     }
/// }
/// ```
pub trait Application: Send + 'static {
    /// Applies one operation. Must be deterministic: same state, same context, same bytes give the same effect and the
    /// same answer.
    ///
    /// An operation has its whole effect or none: when the answer is [`Answer::Refused`], when a key or value is longer
    /// than allowed, or when this function panics, everything it wrote is undone. A panic is answered as a refusal with
    /// the code `application-panicked`, the same on every replica.
    fn apply(&self, context: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer;

    /// Answers a question without changing anything.
    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer;
}

//! Runs the requests of one block.

use crate::application::{Application, Context};
use crate::backend::BackendError;
use crate::error::ExecutionError;
use crate::result::{Alarm, ExecutedOperation};
use crate::session::{HeldRequest, Session, SessionError, Sessions, Turn};
use crate::session_cache::{CachedSession, SessionCache};
use crate::state::{FaultCell, StateReader, StateWriter};
use crate::store::{Store, Undo};
use outvote_types::limits::MAX_VALUE_BYTES;
use outvote_types::planted::{self, Bug};
use outvote_types::{
    Answer, Digest, Operation, PublicKey, RequestBody, ResultKind, ResultLeaf, Sequence, WallTime, encode,
    merkle,
};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes of a refusal's code and of its message at most, together.
const MAX_REFUSAL_BYTES: usize = 4096;

impl From<SessionError> for ExecutionError {
    fn from(error: SessionError) -> Self {
        error.map_or(Self::Damaged { what: "a session" }, Self::Backend)
    }
}

/// One block under execution.
pub(crate) struct Run<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) sessions: &'a mut SessionCache,
    pub(crate) application: &'a dyn Application,
    pub(crate) execute_twice: bool,
    pub(crate) sequence: Sequence,
    pub(crate) time: WallTime,
    pub(crate) results: Vec<ExecutedOperation>,
    pub(crate) alarms: Vec<Alarm>,
}

impl Run<'_> {
    /// Runs one request, and those that waited for it.
    pub(crate) fn request(&mut self, body: &RequestBody, request: Digest) -> Result<(), ExecutionError> {
        let mut cached = self.sessions.take(self.store, &body.session)?;
        let done = self.request_of(&mut cached, body, request);
        self.sessions.put(body.session, cached);
        done
    }

    fn request_of(
        &mut self,
        cached: &mut CachedSession,
        body: &RequestBody,
        request: Digest,
    ) -> Result<(), ExecutionError> {
        let is_new = cached.is_new();
        match planted_turn(cached.session.turn(body.nonce, &request)) {
            Turn::Apply => {
                if is_new && !Sessions(self.store).admit(self.time)? {
                    self.refuse_new_session(body, request);
                    return Ok(());
                }
                self.apply_in_turn(&mut cached.session, body, request)?;
                cached.mark_changed();
            }
            Turn::Ahead => self.hold(cached, body, request)?,
            Turn::Duplicate => {
                let answer = Answer::refused("duplicate", "this request was executed before");
                self.answer_all(body, request, ResultKind::Duplicate, &answer);
            }
            Turn::NonceReused => self.nonce_reused(body, request),
            Turn::TooFar => self.too_far(body, request),
            Turn::BadNonce => {
                let answer = Answer::refused("bad-nonce", "nonces are 1 to 2^64 - 2");
                self.answer_all(body, request, ResultKind::Refused, &answer);
            }
        }
        Ok(())
    }

    /// E2, E3: the request, then every held one whose turn has come; their leaves follow in the same block.
    fn apply_in_turn(
        &mut self,
        session: &mut Session,
        body: &RequestBody,
        request: Digest,
    ) -> Result<(), ExecutionError> {
        self.apply_all(session, body, request, self.sequence)?;
        while let Some(held) = Sessions(self.store).release(&body.session, session)? {
            self.apply_all(session, &held.body, held.request, held.ordered_at)?;
        }
        Ok(())
    }

    fn hold(
        &mut self,
        cached: &mut CachedSession,
        body: &RequestBody,
        request: Digest,
    ) -> Result<(), ExecutionError> {
        let waiting = Answer::Done(outvote_types::Blob::default());
        match Sessions(self.store).held(&body.session, body.nonce)? {
            Some(held) if held.request == request => {
                self.answer_all(body, request, ResultKind::Held, &waiting);
                return Ok(());
            }
            // E5: the first one ordered for its nonce keeps it.
            Some(_) => {
                self.nonce_reused(body, request);
                return Ok(());
            }
            None => {}
        }
        let held = HeldRequest { ordered_at: self.sequence, request, body: body.clone() };
        let bytes = encode(&held).len();
        // E3: within a bound of bytes. The client sends it again once the gap is closed.
        if bytes > MAX_VALUE_BYTES || !Sessions(self.store).has_room(&cached.session, bytes as u64)? {
            self.too_far(body, request);
            return Ok(());
        }
        if cached.is_new() && !Sessions(self.store).admit(self.time)? {
            self.refuse_new_session(body, request);
            return Ok(());
        }
        Sessions(self.store).hold(&body.session, &mut cached.session, &held)?;
        cached.mark_changed();
        self.answer_all(body, request, ResultKind::Held, &waiting);
        Ok(())
    }

    fn nonce_reused(&mut self, body: &RequestBody, request: Digest) {
        let answer = Answer::refused("nonce-reused", "another request was ordered under this nonce");
        self.answer_all(body, request, ResultKind::NonceReused, &answer);
    }

    fn too_far(&mut self, body: &RequestBody, request: Digest) {
        let answer = Answer::refused("too-far", "too many earlier requests of this session are missing");
        self.answer_all(body, request, ResultKind::TooFar, &answer);
    }

    fn refuse_new_session(&mut self, body: &RequestBody, request: Digest) {
        let answer =
            Answer::refused("too-many-new-sessions", "too many new sessions at once; try again in a second");
        self.answer_all(body, request, ResultKind::Refused, &answer);
    }

    /// E7: each operation has its leaf, also when nothing is executed.
    fn answer_all(&mut self, body: &RequestBody, request: Digest, kind: ResultKind, answer: &Answer) {
        let digest = answer.digest();
        for (operation, index) in body.operations.iter().zip(0u32..) {
            let leaf = ResultLeaf { request, index, kind, answer: digest };
            self.results.push(executed(body, operation, leaf, answer.clone(), self.sequence));
        }
    }

    fn apply_all(
        &mut self,
        session: &mut Session,
        body: &RequestBody,
        request: Digest,
        ordered_at: Sequence,
    ) -> Result<(), ExecutionError> {
        let first = self.results.len();
        for (operation, index) in body.operations.iter().zip(0u32..) {
            let position = u32::try_from(self.results.len()).unwrap_or(u32::MAX);
            let answer = self.apply(&self.context(body, operation, position), operation)?;
            let kind = match answer {
                Answer::Done(_) => ResultKind::Applied,
                Answer::Refused { .. } => ResultKind::Refused,
            };
            let place = if planted::is_on(Bug::LeafIndexZero) { 0 } else { index };
            let leaf = ResultLeaf { request, index: place, kind, answer: answer.digest() };
            self.results.push(executed(body, operation, leaf, answer, ordered_at));
        }
        let leaves: Vec<Digest> = self.results[first..].iter().map(|result| result.leaf.digest()).collect();
        session.advance(request, merkle::root(&leaves));
        Ok(())
    }

    fn context(&self, body: &RequestBody, operation: &Operation, position: u32) -> Context {
        Context {
            time: self.time,
            sequence: self.sequence,
            position,
            session: body.session,
            author: author(body, operation),
        }
    }

    fn apply(&mut self, context: &Context, operation: &Operation) -> Result<Answer, ExecutionError> {
        let mut undo = Undo::default();
        let mut done = attempt(self.application, self.store, context, operation, &mut undo)?;
        if self.execute_twice {
            let effect = self.store.effect(&undo);
            self.store.roll_back(&mut undo);
            let again = attempt(self.application, self.store, context, operation, &mut undo)?;
            if again.answer != done.answer {
                self.not_deterministic(context, "the answer");
            } else if self.store.effect(&undo) != effect {
                self.not_deterministic(context, "what was written");
            }
            done = again;
        }
        if let Some(message) = done.panic {
            self.alarms.push(Alarm::Panicked { position: context.position, message });
        }
        Ok(done.answer)
    }

    fn not_deterministic(&mut self, context: &Context, what: &'static str) {
        self.alarms.push(Alarm::NotDeterministic { position: context.position, what });
    }
}

fn author(body: &RequestBody, operation: &Operation) -> PublicKey {
    operation
        .author
        .as_ref()
        .filter(|_| !planted::is_on(Bug::AuthorIsSession))
        .map_or(body.session, |author| author.key)
}

fn executed(
    body: &RequestBody,
    operation: &Operation,
    leaf: ResultLeaf,
    answer: Answer,
    ordered_at: Sequence,
) -> ExecutedOperation {
    ExecutedOperation {
        session: body.session,
        nonce: body.nonce,
        leaf,
        answer,
        author: author(body, operation),
        query: operation.query,
        payload: operation.payload.to_vec(),
        ordered_at,
    }
}

/// One run of one operation.
pub(crate) struct Attempt {
    pub(crate) answer: Answer,
    pub(crate) panic: Option<String>,
}

/// Runs one operation: its whole effect happens, or none of it.
pub(crate) fn attempt(
    application: &dyn Application,
    store: &mut Store,
    context: &Context,
    operation: &Operation,
    undo: &mut Undo,
) -> Result<Attempt, BackendError> {
    let faults = FaultCell::default();
    // A panic leaves the store whole: it is undone below like any other refusal.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        if operation.query {
            return application.query(&operation.payload, &StateReader::new(&*store, &faults));
        }
        application.apply(context, &operation.payload, &mut StateWriter::new(store, undo, &faults))
    }));
    let done = judge(outcome, faults)?;
    if matches!(done.answer, Answer::Refused { .. }) && !planted::is_on(Bug::RefusalKeepsEffect) {
        store.roll_back(undo);
    }
    Ok(done)
}

/// Asks the application; a panic becomes a refusal, as for operations.
pub(crate) fn ask(
    application: &dyn Application,
    store: &Store,
    question: &[u8],
) -> Result<Answer, BackendError> {
    let faults = FaultCell::default();
    let outcome =
        catch_unwind(AssertUnwindSafe(|| application.query(question, &StateReader::new(store, &faults))));
    judge(outcome, faults).map(|done| done.answer)
}

fn judge(outcome: Result<Answer, Box<dyn Any + Send>>, faults: FaultCell) -> Result<Attempt, BackendError> {
    if let Some(fault) = faults.into_inner() {
        return Ok(Attempt { answer: fault.into_answer()?, panic: None });
    }
    match outcome {
        Ok(answer) => Ok(Attempt { answer: bounded(answer), panic: None }),
        // The message may differ between replicas (addresses, thread names), so it is no part of the answer.
        Err(panic) => Ok(Attempt {
            answer: Answer::refused("application-panicked", &panic_text(&*panic)),
            panic: Some(message_of(&*panic)),
        }),
    }
}

fn bounded(answer: Answer) -> Answer {
    match answer {
        Answer::Refused { code, message } if code.len() + message.len() > MAX_REFUSAL_BYTES => {
            Answer::refused("answer-too-long", "the application's reason exceeds 4 KiB")
        }
        answer => answer,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    if planted::is_on(Bug::PanicTextAnswered) {
        return message_of(panic);
    }
    String::from("the application failed on this operation")
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

/// A turn, unless a mistake is planted.
fn planted_turn(turn: Turn) -> Turn {
    use outvote_types::planted::{Bug, is_on};
    match turn {
        Turn::Duplicate if is_on(Bug::DuplicateExecuted) => Turn::Apply,
        Turn::Ahead if is_on(Bug::HeldOutOfOrder) => Turn::Apply,
        turn => turn,
    }
}

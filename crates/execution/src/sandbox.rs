//! An application and a state without a cluster, for applications' own tests.

use crate::application::{Application, Context};
use crate::hash_memo::HashMemo;
use crate::memory::MemoryBackend;
use crate::run::{ask, attempt};
use crate::store::{Store, Undo};
use outvote_types::{Answer, Blob, Operation, PublicKey, Sequence, WallTime};

/// Applies operations of one application one by one, as the executor would, each in a block of its own.
pub struct Sandbox<A> {
    application: A,
    store: Store,
    /// The context of the next operation; its sequence rises with each.
    pub context: Context,
}

impl<A: Application> Sandbox<A> {
    /// An empty state.
    ///
    /// # Panics
    /// Never: a backend in memory does not fail.
    #[must_use]
    pub fn new(application: A) -> Self {
        let Ok(Some(store)) = Store::open(Box::new(MemoryBackend::new()), HashMemo::default()) else {
            unreachable!("an empty backend in memory opens");
        };
        let nobody = PublicKey::default();
        let context = Context {
            time: WallTime(1),
            sequence: Sequence(1),
            position: 0,
            session: nobody,
            author: nobody,
        };
        Self { application, store, context }
    }

    /// Applies an operation by this author; microsecond and block rise by one each time. A panic of the application is
    /// passed on, so that a test sees it.
    ///
    /// # Panics
    /// When the application does, or when the operation is longer than the protocol allows.
    pub fn apply(&mut self, author: PublicKey, operation: &[u8]) -> Answer {
        let Some(payload) = Blob::new(operation.to_vec()) else {
            panic!("the operation is longer than the protocol allows");
        };
        let context = Context { author, session: author, ..self.context };
        self.context.time = WallTime(context.time.0 + 1);
        self.context.sequence = context.sequence.next();
        let operation = Operation { author: None, query: false, payload };
        match attempt(&self.application, &mut self.store, &context, &operation, &mut Undo::default()) {
            Ok(done) => {
                if let Some(message) = done.panic {
                    panic!("the application panicked: {message}");
                }
                done.answer
            }
            Err(_) => unreachable!("a backend in memory does not fail"),
        }
    }

    /// Asks a question.
    ///
    /// # Panics
    /// Never: a backend in memory does not fail.
    #[must_use]
    pub fn query(&self, question: &[u8]) -> Answer {
        let Ok(answer) = ask(&self.application, &self.store, question) else {
            unreachable!("a backend in memory does not fail");
        };
        answer
    }
}

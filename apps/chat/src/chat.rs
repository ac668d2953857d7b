//! The application that replicas run.

use crate::operation::ChatOperation;
use crate::question::ChatQuestion;
use crate::refusal::Refusal;
use crate::store::{Records, Writer};
use crate::{operations, questions};
use outvote_execution::{Answer, Application, Context, StateReader, StateWriter};

/// The group chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chat;

impl Application for Chat {
    fn apply(&self, context: &Context, operation: &[u8], state: &mut StateWriter<'_>) -> Answer {
        let outcome = ChatOperation::decode(operation)
            .map_err(|_| Refusal::BadOperation("operation"))
            .and_then(|operation| operations::apply(context, operation, &mut Writer(state)));
        outcome.map_or_else(|refusal| Answer::from(&refusal), |answer| Answer::done(answer.encode()))
    }

    fn query(&self, question: &[u8], state: &StateReader<'_>) -> Answer {
        let outcome = ChatQuestion::decode(question)
            .map_err(|_| Refusal::BadOperation("question"))
            .and_then(|question| questions::answer(question, Records(*state)));
        outcome.map_or_else(|refusal| Answer::from(&refusal), |answer| Answer::done(answer.encode()))
    }
}

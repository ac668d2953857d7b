//! What one replica sends another: the decoder, then everything that is looked at before any signature.

use crate::canonical::read;
use crate::samples;
use outvote_crypto::Checker;
use outvote_types::{Message, encode};
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static CHECKER: RefCell<Checker> =
        RefCell::new(Checker::new(samples::committee(), Arc::new(samples::scheme(0))));
}

pub(crate) fn run(input: &[u8]) {
    let Some(message) = read::<Message>(input) else { return };
    let _ = message.is_urgent();
    if let Message::Data(outvote_types::Data::Block(block)) = &message {
        let _ = block.is_consistent();
    }
    // Structure, signatures and what is left of the message when some of them are bad.
    let verdict = CHECKER.with_borrow_mut(|checker| checker.check(message.clone()));
    if let Ok(vouched) = verdict
        && let Some(left) = vouched.message
    {
        // Parts may have been taken out, and nothing was put in.
        assert!(encode(&*left).len() <= input.len(), "checking a message makes it no longer");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    samples::messages().iter().map(encode).collect()
}

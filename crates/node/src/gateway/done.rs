//! Requests that were executed lately: one that comes again costs neither a signature check nor a place in a block (E4, P8).

use outvote_types::{Digest, ResultKind, ResultLeaf};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests remembered in one generation; the one before it is kept, too.
const PER_GENERATION: usize = 65_536;

/// The first half of a request's digest. Eight bytes would not do: somebody who can guess many requests of others in advance
/// could find one of its own that agrees with one of them in eight, have it executed, and so keep the other out.
type Name = u128;

#[derive(Debug, Default)]
struct Generations {
    young: BTreeSet<Name>,
    old: BTreeSet<Name>,
}

/// Which requests this process executed lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done(Arc<Mutex<Generations>>);

fn name(request: &Digest) -> Name {
    let mut first = [0; 16];
    first.copy_from_slice(&request.0[..16]);
    Name::from_le_bytes(first)
}

impl Done {
    fn generations(&self) -> MutexGuard<'_, Generations> {
        // Names are put in one at a time: a panic elsewhere leaves the sets whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block was executed.
    pub(crate) fn note<'a>(&self, leaves: impl Iterator<Item = &'a ResultLeaf>) {
        let mut generations = self.generations();
        // What was refused, held or came too early may be sent again with another outcome.
        for leaf in leaves.filter(|leaf| matches!(leaf.kind, ResultKind::Applied | ResultKind::Duplicate)) {
            if generations.young.len() >= PER_GENERATION {
                generations.old = std::mem::take(&mut generations.young);
            }
            generations.young.insert(name(&leaf.request));
        }
    }

    /// Whether this very request was executed.
    pub(crate) fn has(&self, request: &Digest) -> bool {
        let (name, generations) = (name(request), self.generations());
        generations.young.contains(&name) || generations.old.contains(&name)
    }
}

//! How a game ends: everything is mended, and work must be done.

use super::Arena;
use crate::panics;
use outvote_types::Sequence;

/// How a game ended.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// What is wrong, if anything: a checker's name, or `stall`, and in words.
    pub failure: Option<(String, String)>,
    /// Accusations by correct replicas.
    pub accusations: u64,
    /// Frames delivered.
    pub frames: u64,
    /// How long it took to mend, in the game.
    pub recovery_us: u64,
    /// What happened, in words, if wanted.
    pub text: Option<String>,
}

/// Plays; a panic of a replica is a finding like any other.
pub(crate) fn failure_of(play: impl FnOnce()) -> Option<(String, String)> {
    panics::caught(play).err().map(|words| (String::from("panic"), words))
}

impl Arena<'_> {
    /// Nothing was found so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.checkers.found().is_empty()
    }

    /// The end of a game that began to be mended at this time.
    pub(crate) fn ending(&mut self, mended_us: u64, stalled: bool) -> Ending {
        let failure = match self.checkers.found().first() {
            Some(found) => Some((found.name.to_owned(), found.detail.clone())),
            None => stalled.then(|| (String::from("stall"), self.in_words())),
        };
        Ending {
            failure,
            accusations: self.accusations,
            frames: self.frames,
            recovery_us: self.now_us - mended_us,
            text: self.text.take(),
        }
    }

    /// Whether all correct replicas have nothing left to do and stand at one height, which has grown.
    pub(crate) fn is_done(&self, before: Sequence) -> bool {
        let mut standing = self.correct().map(|seat| seat.replica.status());
        let Some(first) = standing.next() else { return false };
        let is_ahead = first.committed > before && first.pending == 0;
        is_ahead && standing.all(|status| status.pending == 0 && status.committed == first.committed)
    }
}

//! What can be done to a field.

use super::fields::{Kind, Slot};
use crate::dice::Dice;
use outvote_types::{BoundedVec, Certificate, Digest, Evidence, Phase, Signature};

/// One way to change a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// One more.
    PlusOne,
    /// One less.
    MinusOne,
    /// What stood there in an earlier message of the kind.
    Older,
    /// Anything; of numbers often the extremes.
    Any,
    /// Another member's name.
    Other,
    /// The other of two.
    Flipped,
    /// Left out.
    Removed,
    /// A list without anything in it.
    Emptied,
    /// A list without one of its items.
    Shortened,
    /// One item twice, or both halves the same.
    Doubled,
    /// A signature with one bit wrong.
    Forged,
    /// The whole message is kept from its receivers.
    Unsaid,
    /// An earlier message of the kind in place of the whole.
    Replayed,
}

impl Deed {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PlusOne => "plus one",
            Self::MinusOne => "minus one",
            Self::Older => "older",
            Self::Any => "any",
            Self::Other => "other",
            Self::Flipped => "flipped",
            Self::Removed => "removed",
            Self::Emptied => "emptied",
            Self::Shortened => "shortened",
            Self::Doubled => "doubled",
            Self::Forged => "forged",
            Self::Unsaid => "unsaid",
            Self::Replayed => "replayed",
        }
    }
}

impl Kind {
    /// What can be done to a value of this kind.
    #[must_use]
    pub const fn deeds(self) -> &'static [Deed] {
        match self {
            Self::Number => &[Deed::PlusOne, Deed::MinusOne, Deed::Older, Deed::Any],
            Self::Epoch => &[Deed::PlusOne, Deed::Any],
            Self::Digest => &[Deed::Older, Deed::Any],
            Self::Mark => &[Deed::Any],
            Self::Member => &[Deed::Other],
            Self::Phase | Self::Flag => &[Deed::Flipped],
            Self::Votes => &[Deed::Shortened, Deed::Emptied, Deed::Doubled, Deed::Forged, Deed::Older],
            Self::Seals => &[Deed::Shortened, Deed::Emptied, Deed::Doubled, Deed::Forged],
            Self::Blocks => &[Deed::Emptied, Deed::Shortened, Deed::Doubled],
            Self::Proof => &[Deed::Removed, Deed::Forged, Deed::Older],
            Self::Heads => &[Deed::Shortened, Deed::Emptied, Deed::Doubled, Deed::Older],
            Self::Echo => &[Deed::Older, Deed::Forged],
            Self::List => &[Deed::Emptied, Deed::Shortened, Deed::Doubled, Deed::Older],
            Self::Requests => &[Deed::Doubled, Deed::Forged, Deed::Older],
            Self::Word => &[Deed::Removed, Deed::Forged, Deed::Older],
            Self::Evidence => &[Deed::Doubled, Deed::Forged, Deed::Older],
        }
    }
}

/// Numbers at which arithmetic goes wrong.
const EXTREMES: [u64; 6] = [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 60];

fn number(value: &mut u64, deed: Deed, dice: &mut Dice, older: Option<u64>) {
    *value = match deed {
        Deed::PlusOne => value.saturating_add(1),
        Deed::MinusOne => value.saturating_sub(1),
        Deed::Any if dice.chance(50) => EXTREMES[dice.below(EXTREMES.len() as u64) as usize],
        Deed::Any => value.wrapping_add(dice.below(64)).wrapping_sub(32),
        _ => older.unwrap_or(*value),
    };
}

fn broken(signature: &mut Signature, dice: &mut Dice) {
    signature.0[dice.below(64) as usize] ^= 1 << dice.below(8);
}

fn list<T: Clone, const MAX: usize>(
    items: &mut BoundedVec<T, MAX>,
    deed: Deed,
    dice: &mut Dice,
    older: Option<BoundedVec<T, MAX>>,
    forge: impl Fn(&mut T, &mut Dice),
) {
    let mut all = std::mem::take(items).into_inner();
    let place = dice.below(all.len() as u64) as usize;
    match deed {
        Deed::Emptied => all.clear(),
        Deed::Shortened if place < all.len() => drop(all.remove(place)),
        Deed::Doubled if place < all.len() => all.insert(place, all[place].clone()),
        Deed::Forged => all.iter_mut().skip(place).take(1).for_each(|item| forge(item, dice)),
        Deed::Older => all = older.map_or(all, BoundedVec::into_inner),
        _ => {}
    }
    *items = BoundedVec::truncated(all);
}

fn option<T>(value: &mut Option<T>, deed: Deed, older: Option<Option<T>>, forge: impl FnOnce(&mut T)) {
    match deed {
        Deed::Removed => *value = None,
        Deed::Forged => value.iter_mut().for_each(forge_once(forge)),
        _ => *value = older.unwrap_or(value.take()),
    }
}

fn forge_once<T>(forge: impl FnOnce(&mut T)) -> impl FnMut(&mut T) {
    let mut forge = Some(forge);
    move |value| {
        if let Some(forge) = forge.take() {
            forge(value);
        }
    }
}

fn break_certificate(certificate: &mut Certificate, dice: &mut Dice) {
    list(&mut certificate.votes, Deed::Forged, dice, None, |vote, dice| broken(&mut vote.1, dice));
}

fn evidence(value: &mut Evidence, deed: Deed, dice: &mut Dice) {
    match (value, deed) {
        (Evidence::Headers(a, b), Deed::Doubled) => b.clone_from(a),
        (Evidence::Votes(a, b), Deed::Doubled) => b.clone_from(a),
        (Evidence::NewViews(a, b), Deed::Doubled) => b.clone_from(a),
        (Evidence::Headers(a, _) | Evidence::Header(a), _) => broken(&mut a.signature, dice),
        (Evidence::Votes(a, _), _) => broken(&mut a.signature, dice),
        (Evidence::NewViews(a, _) | Evidence::NewView(a), _) => broken(&mut a.signature, dice),
        (Evidence::ViewChange(a), _) => broken(&mut a.signature, dice),
    }
}

/// The value of the same field in an earlier message, taken out of it.
macro_rules! earlier {
    ($older:expr, $kind:ident) => {
        match $older {
            Some(Slot::$kind(value)) => Some(value.clone()),
            _ => None,
        }
    };
}

impl Slot<'_> {
    /// What kind of value it holds.
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Number,
            Self::Epoch(_) => Kind::Epoch,
            Self::Digest(_) => Kind::Digest,
            Self::Mark(_) => Kind::Mark,
            Self::Member(_) => Kind::Member,
            Self::Phase(_) => Kind::Phase,
            Self::Flag(_) => Kind::Flag,
            Self::Votes(_) => Kind::Votes,
            Self::Proof(_) => Kind::Proof,
            Self::Heads(_) => Kind::Heads,
            Self::Echo(_) => Kind::Echo,
            Self::Batches(_) | Self::Digests(_) => Kind::List,
            Self::Blocks(_) => Kind::Blocks,
            Self::Seals(_) => Kind::Seals,
            Self::Requests(_) => Kind::Requests,
            Self::OldVote(_) | Self::OldHead(_) => Kind::Word,
            Self::Evidence(_) => Kind::Evidence,
        }
    }

    /// Does it. `members` is how many there are; `older` the same place of an earlier message.
    pub(super) fn change(self, deed: Deed, dice: &mut Dice, members: u64, older: Option<Slot<'_>>) {
        match self {
            Self::Number(value) => {
                let older = earlier!(older, Number);
                number(value, deed, dice, older);
            }
            Self::Epoch(value) => number(value, deed, dice, None),
            Self::Digest(value) => match deed {
                Deed::Any => *value = Digest::of(&value.0),
                _ => *value = earlier!(older, Digest).unwrap_or(*value),
            },
            Self::Mark(value) => *value = Some(Digest::of(&dice.number().to_le_bytes())),
            Self::Member(value) => {
                let step = 1 + dice.below(members.saturating_sub(1).max(1));
                value.0 = ((u64::from(value.0) + step) % members.max(1)) as u16;
            }
            Self::Phase(value) => {
                *value = if *value == Phase::Prepare { Phase::Commit } else { Phase::Prepare };
            }
            Self::Flag(value) => *value = !*value,
            Self::Votes(value) => {
                list(value, deed, dice, earlier!(older, Votes), |vote, dice| broken(&mut vote.1, dice));
            }
            Self::Proof(value) => {
                option(value, deed, earlier!(older, Proof), |proof| break_certificate(proof, dice));
            }
            Self::Heads(value) => list(value, deed, dice, earlier!(older, Heads), |_, _| ()),
            Self::Echo(value) => match deed {
                Deed::Forged => broken(&mut value.signature, dice),
                _ => *value = earlier!(older, Echo).unwrap_or_else(|| value.clone()),
            },
            Self::Batches(value) => list(value, deed, dice, earlier!(older, Batches), |_, _| ()),
            Self::Digests(value) => list(value, deed, dice, earlier!(older, Digests), |_, _| ()),
            Self::Blocks(value) => list(value, deed, dice, None, |_, _| ()),
            Self::Seals(value) => list(value, deed, dice, None, |vote, dice| broken(&mut vote.1, dice)),
            Self::Requests(value) => {
                let forge = |request: &mut outvote_types::Request, dice: &mut Dice| {
                    broken(&mut request.signature, dice);
                };
                list(value, deed, dice, earlier!(older, Requests), forge);
            }
            Self::OldVote(value) => {
                option(value, deed, earlier!(older, OldVote), |vote| broken(&mut vote.signature, dice));
            }
            Self::OldHead(value) => {
                option(value, deed, earlier!(older, OldHead), |head| broken(&mut head.signature, dice));
            }
            Self::Evidence(value) => match deed {
                Deed::Older => *value = earlier!(older, Evidence).unwrap_or_else(|| value.clone()),
                _ => evidence(value, deed, dice),
            },
        }
    }
}

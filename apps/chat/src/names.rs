//! Which names people and rooms may have.

use outvote_types::planted::{self, Bug};

/// Bytes of a person's or a room's name at most.
pub const MAX_NAME_BYTES: usize = 64;

/// Whether this may name a person or a room: 1 to 64 bytes of UTF-8, no control character, not only white space.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_length_fine = (1..=MAX_NAME_BYTES).contains(&name.len());
    is_length_fine
        && (!name.chars().any(is_control) || planted::is_on(Bug::NamesWithControls))
        && !name.chars().all(is_white_space)
}

/// The control characters of Unicode (category Cc), a set that never changes.
fn is_control(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}')
}

/// Unicode's white space, spelled out: replicas must agree even if they were built with tables of different Unicode versions.
fn is_white_space(character: char) -> bool {
    matches!(
        character,
        '\u{9}'..='\u{d}'
            | '\u{20}'
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// A name for a sentence: in quotes, as it is, cut where it is longer than any name. The quotes are not an escape; whoever
/// shows the sentence escapes it like every text of a user.
///
/// No formatting of the standard library's that looks characters up, for the same reason as above.
pub(crate) fn quoted(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return format!("\"{name}\"");
    }
    let end = (0..=MAX_NAME_BYTES).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    format!("\"{}...\"", &name[..end])
}

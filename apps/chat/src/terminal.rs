//! Showing what strangers wrote on a terminal: nothing in it may move the cursor, change colours, ring, or turn the order of
//! characters around.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text on one line, with every character that does something instead of showing something written out as `\u{..}`;
/// line feeds and tabs as `\n` and `\t`.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_some(text, is_hidden)
}

/// The text with its line feeds, each line after the first indented by `indent` blanks, so that no line of a message can pass
/// for the beginning of another one.
#[must_use]
pub fn escape_lines(text: &str, indent: usize) -> String {
    let between = format!("\n{}", " ".repeat(indent));
    text.split('\n').map(escape).collect::<Vec<_>>().join(&between)
}

/// A name on one line: like [`escape`], and joiners are written out too. They have a use in words of some scripts and in
/// pictures, but in a name they make two that look alike.
#[must_use]
pub fn escape_name(name: &str) -> Cow<'_, str> {
    escape_some(name, |character| is_hidden(character) || matches!(character, '\u{200c}' | '\u{200d}'))
}

fn escape_some(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            character if is_escaped(character) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            character => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Control characters (escape sequences begin with one), separators of lines, everything that turns the direction of text,
/// and what takes no place at all.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

//! Data on stdout, as text or as JSON.

use crate::failure::Failure;
use clap::ValueEnum;
use outvote_chat::terminal::escape_lines;
use serde::Serialize;
use std::io::{self, Write as _};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON value.
    Json,
}

impl Output {
    /// Prints `value` as JSON, or what `text` makes of it.
    pub(crate) fn print<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let rendered = match self {
            Self::Json => serde_json::to_string(value).map_err(Failure::failed)?,
            // What replicas and files say stands in it: nothing of it is obeyed by a terminal.
            Self::Text => escape_lines(&text(value), 0),
        };
        line(&rendered)
    }
}

/// Prints a line; a reader that went away (as `head` does) is no failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match try_line(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// Prints a line; for whoever must know that nobody reads any more.
pub(crate) fn try_line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush())
}

/// Prints a message to stderr.
pub(crate) fn note(text: &str) {
    // Nobody can be told that the message could not be printed.
    let _ = writeln!(io::stderr(), "{}", escape_lines(text, 0));
}

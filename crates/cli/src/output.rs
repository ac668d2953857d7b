//! Data on stdout, as text or as JSON.

use crate::failure::Failure;
use clap::ValueEnum;
use outvote_chat::terminal::escape_lines;
use serde::Serialize;
use std::io::{self, Write as _};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

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

/// How long a message waits for a reader that does not read.
const NOTE_PATIENCE: Duration = Duration::from_secs(1);

/// Prints a message to stderr, if anybody reads it: a full pipe keeps no program from going on, or from ending.
pub(crate) fn note(text: &str) {
    let line = format!("{}\n", escape_lines(text, 0));
    let (done, printed) = sync_channel(1);
    let print = move || {
        // Nobody can be told that the message could not be printed.
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("note".into()).spawn(print).is_ok() {
        let _ = printed.recv_timeout(NOTE_PATIENCE);
    }
}

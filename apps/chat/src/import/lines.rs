//! One log, line by line.

use crate::names::is_name;
use crate::operation::MAX_TEXT_BYTES;
use std::io::{BufRead, Read};

/// Bytes of one line at most: the longest text, the longest nick and the signs around them.
pub const MAX_LINE_BYTES: usize = MAX_TEXT_BYTES + 256;

/// A message of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub nick: String,
    /// What was said, byte for byte.
    pub text: String,
    /// Where it stands in its file, from 1.
    pub line: u64,
}

/// Why a line is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Another form.
    #[error("it does not have the form `[HH:MM] <nick> text`")]
    Form,
    /// Not UTF-8.
    #[error("it is not UTF-8; convert the file first")]
    NotUtf8,
    /// No name.
    #[error("its nick is no name: 1 to 64 bytes, no control characters, not only white space")]
    Nick,
    /// Nothing was said.
    #[error("it has no text")]
    Empty,
    /// Too long.
    #[error("it is longer than a message may be (16 KiB)")]
    TooLong,
}

/// A line that cannot be brought in, or a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// This line is no message; the next one may be.
    #[error("{file}, line {line}: {why}")]
    Line {
        /// In which file.
        file: String,
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        why: Why,
    },
    /// The file cannot be read any further.
    #[error("{file}: cannot be read: {source}")]
    File {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The nick and the text of one line, without its end.
///
/// # Errors
/// When the chat would not take it.
pub fn parse_line(line: &str) -> Result<(&str, &str), Why> {
    let (time, rest) = line.strip_prefix('[').and_then(|rest| rest.split_once("] <")).ok_or(Why::Form)?;
    if !is_time(time) {
        return Err(Why::Form);
    }
    let (nick, text) = match rest.split_once("> ") {
        Some(parts) => parts,
        // A line whose text is gone may have lost the blank before it, too.
        None => (rest.strip_suffix('>').ok_or(Why::Form)?, ""),
    };
    match () {
        () if !is_name(nick) => Err(Why::Nick),
        () if text.is_empty() => Err(Why::Empty),
        () if text.len() > MAX_TEXT_BYTES => Err(Why::TooLong),
        () => Ok((nick, text)),
    }
}

fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 5 && bytes[2] == b':' && [0, 1, 3, 4].iter().all(|at| bytes[*at].is_ascii_digit())
}

/// The messages of one log. A line that is none is an error in its place, and reading goes on behind it.
pub struct LogLines<R> {
    reader: R,
    file: String,
    line: u64,
    is_over: bool,
}

impl<R: BufRead> LogLines<R> {
    /// Reads `reader`; `file` names it in errors.
    pub fn new(reader: R, file: impl Into<String>) -> Self {
        Self { reader, file: file.into(), line: 0, is_over: false }
    }

    /// The next line's bytes without its end; `None` at the end of the file. What exceeds the bound is skipped unread.
    fn take_line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX) + 1;
        let mut bytes = Vec::new();
        if self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            bytes.pop_if(|byte| *byte == b'\r');
        } else if bytes.len() > MAX_LINE_BYTES {
            self.skip_line()?;
        }
        Ok(Some(bytes))
    }

    fn skip_line(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let (length, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.reader.consume(length);
            if is_end {
                return Ok(());
            }
        }
    }

    fn message(&self, bytes: &[u8]) -> Result<Message, Why> {
        if bytes.len() > MAX_LINE_BYTES {
            return Err(Why::TooLong);
        }
        let line = std::str::from_utf8(bytes).map_err(|_| Why::NotUtf8)?;
        let (nick, text) = parse_line(line)?;
        Ok(Message { nick: nick.into(), text: text.into(), line: self.line })
    }
}

impl<R: BufRead> Iterator for LogLines<R> {
    type Item = Result<Message, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.take_line() {
                Ok(None) => self.is_over = true,
                Ok(Some(bytes)) => {
                    self.line += 1;
                    // An empty line separates; it says nothing.
                    if bytes.is_empty() {
                        continue;
                    }
                    let (file, line) = (self.file.clone(), self.line);
                    return Some(self.message(&bytes).map_err(|why| ImportError::Line { file, line, why }));
                }
                Err(source) => {
                    self.is_over = true;
                    return Some(Err(ImportError::File { file: self.file.clone(), source }));
                }
            }
        }
        None
    }
}

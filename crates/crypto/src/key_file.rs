//! Key files: three lines of text, mode 0600, never overwritten.
//!
//! ```text
//! outvote-key 1 consensus
//! secret <64 hexadecimal characters>
//! public <64 hexadecimal characters>
//! ```
//!
//! The public line is checked against the secret one, so that a damaged file is noticed before anything is signed.

use crate::error::KeyFileError;
use crate::key::KeyPair;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a key file at most; a longer one is no key file.
const MAX_KEY_FILE_BYTES: u64 = 1024;
/// The first line's beginning: what it is and the format's version.
const HEADER: &str = "outvote-key 1 ";

/// What a key is for. A key has one use only, and its file says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// Signs votes.
    Consensus,
    /// Opens TLS links.
    Link,
    /// Signs a client's requests.
    Client,
}

impl KeyRole {
    /// The word in the file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Link => "link",
            Self::Client => "client",
        }
    }
}

/// Reads and writes key files.
#[derive(Clone, Copy, Debug)]
pub struct KeyFile;

impl KeyFile {
    /// Reads a key, refusing files that others may read or that belong to somebody else.
    ///
    /// # Errors
    /// See [`KeyFileError`]; each names the path and the cure.
    pub fn load(path: &Path, role: KeyRole) -> Result<KeyPair, KeyFileError> {
        let io = |doing| move |source| KeyFileError::Io { path: path.into(), doing, source };
        let file = File::open(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => KeyFileError::Missing { path: path.into() },
            _ => io("open")(source),
        })?;
        // The open file is judged, not the path: it cannot be exchanged in between.
        let metadata = file.metadata().map_err(io("inspect"))?;
        if !metadata.is_file() {
            return Err(malformed(path, "it is not a regular file"));
        }
        let us = rustix::process::geteuid().as_raw();
        if metadata.uid() != us {
            return Err(KeyFileError::Foreign { path: path.into(), owner: metadata.uid(), us });
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(KeyFileError::TooOpen { path: path.into(), mode: metadata.mode() & 0o7777 });
        }
        // The whole length is reserved first, so that no half-filled buffer with the secret is left behind by growth.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE_BYTES as usize + 1));
        file.take(MAX_KEY_FILE_BYTES + 1).read_to_end(&mut text).map_err(io("read"))?;
        if text.len() as u64 > MAX_KEY_FILE_BYTES {
            return Err(malformed(path, "it is longer than a key file"));
        }
        let text = std::str::from_utf8(&text).map_err(|_| malformed(path, "it is not text"))?;
        Self::parse(path, text, role)
    }

    /// Writes a key to a new file with mode 0600, flushed to disk together with its name.
    ///
    /// # Errors
    /// When there is such a file already, or the system says no.
    pub fn save(path: &Path, role: KeyRole, pair: &KeyPair) -> Result<(), KeyFileError> {
        let io = |doing| move |source| KeyFileError::Io { path: path.into(), doing, source };
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| {
                match source.kind() {
                    ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.into() },
                    _ => io("create")(source),
                }
            })?;
        let mut secret = Zeroizing::new([0u8; 64]);
        if hex::encode_to_slice(pair.seed().as_ref(), secret.as_mut()).is_err() {
            unreachable!("32 bytes are 64 hexadecimal characters");
        }
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE_BYTES as usize));
        text.extend_from_slice(HEADER.as_bytes());
        text.extend_from_slice(role.word().as_bytes());
        text.extend_from_slice(b"\nsecret ");
        text.extend_from_slice(secret.as_ref());
        text.extend_from_slice(b"\npublic ");
        text.extend_from_slice(pair.public_key().to_hex().as_bytes());
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(io("write"))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("flush the folder of"))
    }

    /// Reads the text of the key file at `path`.
    ///
    /// # Errors
    /// When the text is no key of this role.
    pub fn parse(path: &Path, text: &str, role: KeyRole) -> Result<KeyPair, KeyFileError> {
        let mut lines = text.lines();
        let header = lines.next().unwrap_or_default();
        let found = header.strip_prefix(HEADER).ok_or_else(|| {
            malformed(
                path,
                "its first line is not `outvote-key 1 <role>` (another program's, or a newer format)",
            )
        })?;
        if found != role.word() {
            let found = found.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
            return Err(KeyFileError::WrongRole { path: path.into(), found, expected: role.word() });
        }
        let mut seed = Zeroizing::new([0u8; 32]);
        let secret = lines.next().and_then(|line| line.strip_prefix("secret "));
        secret.and_then(|hex| hex::decode_to_slice(hex, seed.as_mut()).ok()).ok_or_else(|| {
            malformed(path, "its second line is not `secret ` and 64 hexadecimal characters")
        })?;
        let mut public = [0u8; 32];
        let line = lines.next().and_then(|line| line.strip_prefix("public "));
        line.and_then(|hex| hex::decode_to_slice(hex, &mut public).ok()).ok_or_else(|| {
            malformed(path, "its third line is not `public ` and 64 hexadecimal characters")
        })?;
        if lines.next().is_some() {
            return Err(malformed(path, "it has more than three lines"));
        }
        let pair = KeyPair::from_seed(*seed);
        if pair.public_key().0 != public {
            return Err(malformed(
                path,
                "its public line does not belong to its secret line, so it is damaged",
            ));
        }
        Ok(pair)
    }
}

fn malformed(path: &Path, reason: &'static str) -> KeyFileError {
    KeyFileError::Malformed { path: path.into(), reason }
}

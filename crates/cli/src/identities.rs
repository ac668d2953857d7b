//! The identities of the people at this terminal: one key file each, and which of them is meant when nobody says.

use crate::failure::Failure;
use crate::files;
use crate::output::note;
use crate::place::Place;
use outvote::{KeyPair, SessionKey};
use outvote_crypto::{KeyFile, KeyFileError, KeyRole};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

/// Names the identity that is used when `--as` is left out.
const DEFAULT_FILE: &str = "default";

/// The folder with the key files.
#[derive(Debug)]
pub(crate) struct Identities {
    folder: PathBuf,
}

/// One identity, held by this process alone as long as this lives: two processes that counted nonces under one key would get
/// in each other's way.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) keys: Arc<KeyPair>,
    _lock: File,
}

impl Identity {
    /// What signs for a session of this identity.
    pub(crate) fn signer(&self) -> SessionKey {
        Arc::clone(&self.keys) as SessionKey
    }
}

impl Identities {
    pub(crate) fn of(place: &Place) -> Self {
        Self { folder: place.identities() }
    }

    /// Where a name's key is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.key", file_name(name)))
    }

    /// The identity that `--as` names; without it the last registered one, or the only one.
    pub(crate) fn load(&self, wanted: Option<&str>) -> Result<Identity, Failure> {
        let name = match wanted {
            Some(name) => name.to_string(),
            None => self.default_name()?,
        };
        self.open(name)
    }

    /// As [`Identities::load`], but nothing when there is no identity at all and none was named: who only reads needs none.
    pub(crate) fn key_if_any(&self, wanted: Option<&str>) -> Result<Option<(String, Arc<KeyPair>)>, Failure> {
        let name = match (wanted, self.default_name()) {
            (Some(name), _) => name.to_string(),
            (None, Ok(name)) => name,
            (None, Err(_)) => return Ok(None),
        };
        let keys = self.read(&name)?;
        Ok(Some((name, Arc::new(keys))))
    }

    /// The key of a name, made now if there is none; says whether it was made.
    pub(crate) fn load_or_create(&self, name: &str) -> Result<(Identity, bool), Failure> {
        if !outvote_chat::is_name(name) {
            let max = outvote_chat::MAX_NAME_BYTES;
            return Err(Failure::usage(format!(
                "that is no name: it takes 1 to {max} bytes, no control characters, and not only white space"
            )));
        }
        let path = self.path(name);
        let is_new = !path.exists();
        if is_new {
            files::create_private_folder(&self.folder)?;
            let pair =
                KeyPair::generate().map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
            KeyFile::save(&path, KeyRole::Client, &pair).map_err(Failure::usage)?;
        }
        Ok((self.open(name.to_string())?, is_new))
    }

    /// Remembers who is meant when nobody says.
    pub(crate) fn set_default(&self, name: &str) -> Result<(), Failure> {
        files::replace(&self.folder.join(DEFAULT_FILE), name.as_bytes())
    }

    fn open(&self, name: String) -> Result<Identity, Failure> {
        let keys = Arc::new(self.read(&name)?);
        let path = self.path(&name);
        let lock = File::open(&path).map_err(|error| files::cannot("open", &path, &error))?;
        if lock.try_lock().is_err() {
            note(&format!(
                "another outvote uses the identity `{name}`: waiting for it to end (is a `chat tui` open?)"
            ));
            lock.lock().map_err(|error| files::cannot("lock", &path, &error))?;
        }
        Ok(Identity { name, keys, _lock: lock })
    }

    fn read(&self, name: &str) -> Result<KeyPair, Failure> {
        KeyFile::load(&self.path(name), KeyRole::Client).map_err(|error| match error {
            KeyFileError::Missing { path } => Failure::usage(format!(
                "there is no identity `{name}` here (no {}): `outvote chat register {name}` makes one{}",
                path.display(),
                self.known()
            )),
            other => Failure::usage(other),
        })
    }

    fn known(&self) -> String {
        let names = self.names();
        if names.is_empty() { String::new() } else { format!("; known here: {}", names.join(", ")) }
    }

    fn default_name(&self) -> Result<String, Failure> {
        if let Ok(name) = fs::read_to_string(self.folder.join(DEFAULT_FILE)) {
            return Ok(name);
        }
        match self.names().as_slice() {
            [name] => Ok(name.clone()),
            [] => {
                Err(Failure::usage("there is no identity here yet: `outvote chat register NAME` makes one"))
            }
            names => {
                Err(Failure::usage(format!("who are you? Say --as NAME; known here: {}", names.join(", "))))
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = files.filter_map(|file| name_of(file.strip_suffix(".key")?)).collect();
        names.sort();
        names
    }
}

/// A file name for any name: what could mean something to a file system is written as `%` and two hexadecimal digits.
fn file_name(name: &str) -> String {
    let mut file = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            file.push(char::from(byte));
        } else {
            file.push_str(&format!("%{byte:02x}"));
        }
    }
    file
}

/// The name that a file name stands for.
fn name_of(file: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = file.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

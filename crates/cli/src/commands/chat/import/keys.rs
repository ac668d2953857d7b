//! The nicks' keys: one file, 0600, written whole before any of its keys is used.

use crate::failure::Failure;
use crate::files;
use outvote::KeyPair;
use outvote_types::PublicKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    secret: String,
    public: String,
    registered: bool,
}

/// A key for each nick.
#[derive(Debug)]
pub(super) struct NickKeys {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
    pairs: BTreeMap<String, Arc<KeyPair>>,
}

impl NickKeys {
    /// Reads the file; no file is no keys. One that others can read is refused, as any key file.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let mut keys = Self { path: path.into(), entries: BTreeMap::new(), pairs: BTreeMap::new() };
        let Some(text) = files::read_secret(path)? else { return Ok(keys) };
        let damaged = |what: String| {
            Failure::usage(format!(
                "{} is no file of nicks' keys: {what}; put it back from a copy. If it is moved away, the names of these nicks \
                 are lost to new keys",
                path.display()
            ))
        };
        keys.entries = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        for (nick, entry) in &keys.entries {
            let pair = pair_of(entry).ok_or_else(|| damaged(format!("the key of `{nick}` is damaged")))?;
            keys.pairs.insert(nick.clone(), Arc::new(pair));
        }
        Ok(keys)
    }

    /// Makes and saves the keys that are missing.
    pub(super) fn make(&mut self, nicks: &[String]) -> Result<(), Failure> {
        let mut is_new = false;
        for nick in nicks.iter().filter(|nick| !self.pairs.contains_key(*nick)).cloned().collect::<Vec<_>>() {
            let pair =
                KeyPair::generate().map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
            let secret = hex::encode(&pair.seed()[..]);
            let entry = Entry { secret, public: pair.public_key().to_hex(), registered: false };
            self.entries.insert(nick.clone(), entry);
            self.pairs.insert(nick, Arc::new(pair));
            is_new = true;
        }
        if is_new { self.save() } else { Ok(()) }
    }

    /// Remembers that these have their names, for later imports.
    pub(super) fn mark_registered(&mut self, nicks: &[String]) -> Result<(), Failure> {
        let mut changed = false;
        for nick in nicks {
            if let Some(entry) = self.entries.get_mut(nick) {
                changed |= !entry.registered;
                entry.registered = true;
            }
        }
        if changed { self.save() } else { Ok(()) }
    }

    /// Nicks whose keys have their names.
    pub(super) fn registered(&self) -> Vec<String> {
        let registered = self.entries.iter().filter(|(_, entry)| entry.registered);
        registered.map(|(nick, _)| nick.clone()).collect()
    }

    /// What signs for each.
    pub(super) fn signers(&self) -> BTreeMap<String, Arc<KeyPair>> {
        self.pairs.clone()
    }

    fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.entries).map_err(Failure::failed)?;
        if text.len() as u64 > files::SECRETS_BYTES_MAX {
            // It could be written and never be read again.
            return Err(Failure::usage(format!(
                "{} nicks are more than {} may hold: import fewer logs into this home",
                self.entries.len(),
                self.path.display()
            )));
        }
        files::replace(&self.path, text.as_bytes())
    }
}

/// The pair, if its public half fits.
fn pair_of(entry: &Entry) -> Option<KeyPair> {
    let mut seed = [0; 32];
    hex::decode_to_slice(&entry.secret, &mut seed).ok()?;
    let pair = KeyPair::from_seed(seed);
    (Some(pair.public_key()) == PublicKey::from_hex(&entry.public)).then_some(pair)
}

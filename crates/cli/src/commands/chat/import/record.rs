//! How far an import came, kept on disk, so that the next run goes on there.

use super::keys::NickKeys;
use crate::failure::Failure;
use crate::files;
use outvote::KeyPair;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// No import has so many envelopes: a record that counts more is damaged.
const ENVELOPES_MAX: u64 = 1 << 48;

/// What is kept. A record that is behind the truth is harmless: what is sent again is the same request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    #[serde(skip)]
    path: PathBuf,
    /// The ordering session's secret seed, hexadecimal.
    session_secret: String,
    /// Its public half.
    pub(super) session_key: String,
    /// The nicks that had their names when this import began: a plan must come out the same in each run.
    pub(super) registered: BTreeSet<String>,
    /// Envelopes whose outcome is known, from the first without a gap.
    pub(super) done: u64,
    /// Messages that stand.
    pub(super) committed: u64,
    /// Operations that were refused, by code.
    pub(super) rejected: BTreeMap<String, u64>,
}

impl Record {
    /// The record of an earlier run, or a new one with a fresh session key.
    pub(super) fn load_or_begin(path: PathBuf, keys: &NickKeys) -> Result<Self, Failure> {
        if let Some(text) = files::read_secret(&path)? {
            let damaged = |what: String| {
                Failure::usage(format!(
                    "{} is no record of an import: {what}; put it back from a copy. If it is moved away, the import begins anew \
                     and says again what stands already",
                    path.display()
                ))
            };
            let record: Self = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
            if record.pair().is_none() {
                return Err(damaged("its session's key is damaged".into()));
            }
            if record.done >= ENVELOPES_MAX {
                return Err(damaged(format!("it counts {} envelopes", record.done)));
            }
            return Ok(Self { path, ..record });
        }
        let pair =
            KeyPair::generate().map_err(|error| Failure::failed(format!("no random bytes: {error}")))?;
        let record = Self {
            path,
            session_secret: hex::encode(&pair.seed()[..]),
            session_key: pair.public_key().to_hex(),
            registered: keys.registered().into_iter().collect(),
            done: 0,
            committed: 0,
            rejected: BTreeMap::new(),
        };
        record.save()?;
        Ok(record)
    }

    /// The session's key.
    pub(super) fn session(&self) -> Result<Arc<KeyPair>, Failure> {
        let pair =
            self.pair().ok_or_else(|| Failure::usage(format!("{} is damaged", self.path.display())))?;
        Ok(Arc::new(pair))
    }

    /// The pair, if its public half fits.
    fn pair(&self) -> Option<KeyPair> {
        let mut seed = [0; 32];
        hex::decode_to_slice(&self.session_secret, &mut seed).ok()?;
        let pair = KeyPair::from_seed(seed);
        (pair.public_key().to_hex() == self.session_key).then_some(pair)
    }

    /// Flushed to disk.
    pub(super) fn save(&self) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(Failure::failed)?;
        files::replace(&self.path, text.as_bytes())
    }
}

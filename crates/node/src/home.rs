//! The files of a home, and how one is made.

use crate::config::NodeConfig;
use crate::error::NodeError;
use crate::text_file;
use outvote_crypto::{KeyFile, KeyPair, KeyRole};
use outvote_replica::Promise;
use outvote_session::CommitteeFile;
use outvote_storage::{DataFolder, Log, LogOptions};
use outvote_types::{Digest, Epoch, PublicKey, Rank, Sequence, View, encode};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The files of a home.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// A home at this folder; nothing is touched.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config/config.toml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config/config.toml")
    }

    /// `config/committee.toml`.
    #[must_use]
    pub fn committee(&self) -> PathBuf {
        self.root.join("config/committee.toml")
    }

    /// `keys/consensus.key`.
    #[must_use]
    pub fn consensus_key(&self) -> PathBuf {
        self.root.join("keys/consensus.key")
    }

    /// `keys/link.key`.
    #[must_use]
    pub fn link_key(&self) -> PathBuf {
        self.root.join("keys/link.key")
    }

    /// Makes a home: fresh keys, the commented configuration, and the first promise. Nothing is ever overwritten.
    ///
    /// # Errors
    /// When the folder is in use or cannot be written.
    pub fn init(
        root: impl Into<PathBuf>,
        listen: SocketAddr,
        http: SocketAddr,
    ) -> Result<(Self, HomeKeys), NodeError> {
        let home = Self::new(root);
        let is_used = fs::read_dir(&home.root).is_ok_and(|mut entries| entries.next().is_some());
        if is_used {
            return Err(NodeError::HomeExists { path: home.root });
        }
        for folder in ["config", "keys"] {
            let path = home.root.join(folder);
            fs::create_dir_all(&path).map_err(|source| NodeError::Write { path, source })?;
        }
        let keys = HomeKeys { consensus: generate()?, link: generate()? };
        write(&home.config(), &NodeConfig::commented(listen, http))?;
        KeyFile::save(&home.link_key(), KeyRole::Link, &keys.link)?;
        // D rules: the first promise is written together with the key; a key without one is a lost disk. The promise goes
        // first, so that a crash in between leaves no key that could ever vote.
        home.write_first_promise(&keys.consensus.public_key())?;
        KeyFile::save(&home.consensus_key(), KeyRole::Consensus, &keys.consensus)?;
        Ok((home, keys))
    }

    fn write_first_promise(&self, key: &PublicKey) -> Result<(), NodeError> {
        let folder = DataFolder::open(&self.root)?;
        let (mut log, _) = Log::open(folder.log_disk()?, key.0, LogOptions::default())?;
        let promise = Promise {
            counter: 1,
            epoch: Epoch(0),
            view: View(0),
            lease: Sequence(0),
            high_rank: Rank::default(),
            high_id: Digest::ZERO,
        };
        log.init_promise(&encode(&promise))?;
        log.sync()?;
        Ok(())
    }

    /// Reads the committee that is installed in this home.
    ///
    /// # Errors
    /// When the file is missing or unsound.
    pub fn load_committee(&self) -> Result<CommitteeFile, NodeError> {
        load_committee(&self.committee())
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// When a key file is missing, malformed, or readable by others.
    pub fn keys(&self) -> Result<HomeKeys, NodeError> {
        let consensus = KeyFile::load(&self.consensus_key(), KeyRole::Consensus)?;
        let link = KeyFile::load(&self.link_key(), KeyRole::Link)?;
        Ok(HomeKeys { consensus, link })
    }
}

/// A replica's two keys.
#[derive(Debug)]
pub struct HomeKeys {
    /// Signs votes, headers and replies.
    pub consensus: KeyPair,
    /// Authenticates connections.
    pub link: KeyPair,
}

/// Reads a committee file.
///
/// # Errors
/// When the file is missing or unsound.
pub fn load_committee(path: &Path) -> Result<CommitteeFile, NodeError> {
    let text = text_file::read(path, |source| NodeError::NoCommittee { path: path.into(), source })?;
    CommitteeFile::parse(&text).map_err(|error| NodeError::Committee { path: path.into(), error })
}

fn generate() -> Result<KeyPair, NodeError> {
    KeyPair::generate().map_err(|error| NodeError::Randomness(error.to_string()))
}

/// Writes a new file with its folder.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), NodeError> {
    let failed = |source| NodeError::Write { path: path.into(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}

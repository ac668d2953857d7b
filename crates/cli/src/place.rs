//! Which folder a command works on: a replica's home, or the folder of a whole cluster.

use crate::failure::Failure;
use clap::Args;
use outvote::{CommitteeFile, load_committee};
use std::path::{Path, PathBuf};

/// Where the demo lives unless something else is said.
pub(crate) const DEFAULT_HOME: &str = "outvote-demo";

/// The folder to work on.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// A replica's home, or the folder of a demo or a trial network.
    #[arg(long, env = "OUTVOTE_HOME", default_value = DEFAULT_HOME)]
    pub(crate) home: PathBuf,
}

impl Default for Place {
    fn default() -> Self {
        let home = std::env::var_os("OUTVOTE_HOME").map_or_else(|| DEFAULT_HOME.into(), PathBuf::from);
        Self { home }
    }
}

impl Place {
    /// The committee that this folder belongs to.
    pub(crate) fn committee(&self) -> Result<CommitteeFile, Failure> {
        Ok(load_committee(&self.committee_path()?)?)
    }

    /// The committee file of a cluster's folder or of a replica's home.
    pub(crate) fn committee_path(&self) -> Result<PathBuf, Failure> {
        let candidates = [self.home.join("committee.toml"), self.home.join("config/committee.toml")];
        candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
            Failure::usage(format!(
                "no committee.toml in {} or its config folder: start `outvote demo`, or name the right folder with --home",
                self.home.display()
            ))
        })
    }

    /// Where the identities of people at this terminal are kept.
    pub(crate) fn identities(&self) -> PathBuf {
        self.home.join("client/identities")
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.home
    }
}

//! A folder of this run alone.

use std::path::{Path, PathBuf};

/// Below the system's folder for such things; removed at the end, unless it is forgotten.
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// The name of the folder of a command with this name; whoever writes into it creates it.
    pub(crate) fn of(command: &str) -> Self {
        Self(std::env::temp_dir().join(format!("outvote-{command}-{}", std::process::id())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it for one of several clusters.
    pub(crate) fn cluster(&self, number: usize) -> PathBuf {
        self.0.join(format!("cluster-{number}"))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's folder for such files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

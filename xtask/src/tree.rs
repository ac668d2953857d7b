//! The checked-out tree: where it is and which files belong to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of a checked-out tree.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// A tree at `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The tree that this program was built from.
    #[must_use]
    pub fn own() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::at(manifest.parent().unwrap_or(manifest))
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of `relative` in it.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The text of a file, or `None` when it is missing or no text.
    #[must_use]
    pub fn read(&self, relative: &str) -> Option<String> {
        fs::read_to_string(self.path(relative)).ok()
    }

    /// Where built things go: Cargo's own target folder.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), PathBuf::from)
    }

    /// Every file that git tracks or would track, relative to the root and sorted. Outside of git, every file.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(&self.root)
            .output();
        let mut files: Vec<String> = match listed {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
                .split('\0')
                .filter(|name| !name.is_empty() && self.path(name).is_file())
                .map(str::to_owned)
                .collect(),
            _ => {
                let mut found = Vec::new();
                walk(&self.root, &self.root, &mut found);
                found
            }
        };
        files.sort();
        files.dedup();
        files
    }

    /// The Rust sources whose path has the shape `TOP/NAME/PART/...`, for one of the given tops, such as `crates`.
    #[must_use]
    pub fn rust_files(&self, tops: &[&str], part: &str) -> Vec<String> {
        self.files().into_iter().filter(|name| is_rust_in(name, tops, part)).collect()
    }
}

fn is_rust_in(name: &str, tops: &[&str], part: &str) -> bool {
    let mut parts = name.split('/');
    name.ends_with(".rs")
        && parts.next().is_some_and(|top| tops.contains(&top))
        && parts.next().is_some()
        && parts.next() == Some(part)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != "node_modules" {
                walk(root, &path, found);
            }
        } else if let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

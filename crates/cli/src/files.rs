//! Writing small files whole or not at all.

use crate::failure::Failure;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Makes a folder that only its owner can enter.
pub(crate) fn create_private_folder(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("create", path, &error))
}

/// Replaces a file's content, readable by its owner alone: draft, sync, rename, sync.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut draft = path.as_os_str().to_os_string();
    draft.push(".new");
    let draft = Path::new(&draft);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(draft)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(draft, path))
        .and_then(|()| sync_folder_of(path));
    written.map_err(|error| cannot("write", path, &error))
}

fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A file's text.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}: check the path", path.display())))
}

/// The text of a file that ought to be a proof. Bytes that are not even text are no proof, and no wrong usage.
pub(crate) fn read_proof(path: &Path) -> Result<String, Failure> {
    let bytes = fs::read(path).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}: check the path", path.display()))
    })?;
    String::from_utf8(bytes).map_err(|_| {
        Failure::failed(format!("{} is no proof: it is not text; is it the right file?", path.display()))
    })
}

fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    Failure::failed(format!(
        "cannot {doing} {path}: {error}: check the folder's permissions and the free space"
    ))
}

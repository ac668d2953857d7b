//! Writing small files whole or not at all, and reading them within a bound.

use crate::failure::Failure;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Bytes of a configuration at most, as for the replica that reads it.
pub(crate) const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a file with secrets at most: keys for a million nicks.
pub(crate) const SECRETS_BYTES_MAX: u64 = 256 << 20;

/// Makes a folder that only its owner can enter.
pub(crate) fn create_private_folder(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| cannot("create", path, &error))
}

/// Replaces a file's content, readable by its owner alone: draft, sync, rename, sync.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    put(path, content, 0o600)
}

/// As [`replace`], for what others may read.
pub(crate) fn replace_public(path: &Path, content: &[u8]) -> Result<(), Failure> {
    put(path, content, 0o644)
}

fn put(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let mut draft = path.as_os_str().to_os_string();
    draft.push(".new");
    let draft = Path::new(&draft);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(draft)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(draft, path))
        .and_then(|()| sync_folder_of(path));
    written.map_err(|error| cannot("write", path, &error))
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Why a file gives no text.
enum Unread {
    System(io::Error),
    Unfit(String),
}

/// The text of an open file; one that is longer than this many bytes is not read to its end.
fn text_of(file: File, bytes_max: u64) -> Result<String, Unread> {
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(Unread::System)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Unread::Unfit(format!("it is longer than {bytes_max} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Unread::Unfit("it is not text (UTF-8)".into()))
}

fn unread(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}: check the path", path.display()))
}

fn text_at(path: &Path, bytes_max: u64) -> Result<String, Unread> {
    text_of(File::open(path).map_err(Unread::System)?, bytes_max)
}

/// The text of a file of at most this many bytes.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    text_at(path, bytes_max).map_err(|error| match error {
        Unread::System(error) => unread(path, &error),
        Unread::Unfit(why) => {
            Failure::usage(format!("cannot use {}: {why}; is it the right file?", path.display()))
        }
    })
}

/// The text of a file that ought to be a proof. Bytes that no proof has are no proof, and no wrong usage.
pub(crate) fn read_proof(path: &Path, bytes_max: usize) -> Result<String, Failure> {
    text_at(path, bytes_max as u64).map_err(|error| match error {
        Unread::System(error) => unread(path, &error),
        Unread::Unfit(why) => {
            Failure::failed(format!("{} is no proof: {why}; is it the right file?", path.display()))
        }
    })
}

/// The text of a file with secrets, or `None` if there is none. One that others can read is refused, as any key file.
pub(crate) fn read_secret(path: &Path) -> Result<Option<String>, Failure> {
    let shown = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        // Anything else is no reason to begin anew: that would write over what is there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(path, &error)),
    };
    // The open file is judged, not the path: it cannot be exchanged in between.
    let metadata = file.metadata().map_err(|error| unread(path, &error))?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{shown} ought to be a file with secret keys and is none: move it away"
        )));
    }
    let mode = metadata.mode();
    if mode & 0o077 != 0 {
        let mode = mode & 0o7777;
        return Err(Failure::usage(format!(
            "{shown} holds secret keys and its mode is {mode:04o}, so others may read it: run `chmod 600 {shown}`"
        )));
    }
    text_of(file, SECRETS_BYTES_MAX).map(Some).map_err(|error| match error {
        Unread::System(error) => unread(path, &error),
        Unread::Unfit(why) => Failure::usage(format!(
            "{shown} is damaged: {why}; put it back from a copy. Without it, the keys in it are lost"
        )),
    })
}

/// Makes a folder, with those above it.
pub(crate) fn create_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| cannot("create", path, &error))
}

pub(crate) fn cannot(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::failed(format!(
        "cannot {doing} {path}: {error}: check the folder's permissions and the free space"
    ))
}

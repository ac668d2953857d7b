//! A replica's `data/` folder: one process at a time, one version, and where its parts are.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::disk::real::{RealDisk, create_folder, sync_folder};
use crate::error::StorageError;

/// The layout of the data folder that this program writes, and the latest that it reads.
pub const DATA_VERSION: u32 = 1;

const VERSION_FILE: &str = "VERSION";
const VERSION_DRAFT: &str = "VERSION.new";
const VERSION_START: &str = "outvote data ";
const VERSION_FILE_MAX_BYTES: usize = 64;
const OWNER_FILE: &str = "CLUSTER";
const OWNER_DRAFT: &str = "CLUSTER.new";
const OWNER_MAX_BYTES: usize = 256;
const LOCK_FILE: &str = "LOCK";
const STATE_FILE: &str = "state.redb";
const STATE_ASIDE_FILE: &str = "state.redb.damaged";

/// An open data folder. It stays locked until this is dropped, or until the process ends in any way.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Opens `home/data`, and creates it when it is missing. Refuses a folder that another process uses, one of a
    /// later version, and one that cannot be written.
    pub fn open(home: impl AsRef<Path>) -> Result<Self, StorageError> {
        let path = home.as_ref().join("data");
        create_folder(&path)?;
        let lock = lock(&path)?;
        let mut disk = RealDisk::open(&path)?;
        check_version(&mut disk, &path.display().to_string())?;
        Ok(Self { path, _lock: lock })
    }

    /// Refuses another owner's data; data of which nothing says whose it is passes.
    pub fn check_owner(&self, owner: &str) -> Result<(), StorageError> {
        let mut disk = RealDisk::open(&self.path)?;
        if disk.list()?.iter().all(|name| name != OWNER_FILE) {
            return Ok(());
        }
        check_owner(&mut disk, &self.path.display().to_string(), owner)
    }

    /// Notes whose data this is, if nothing says so yet; from then on every other owner is refused.
    pub fn claim(&self, owner: &str) -> Result<(), StorageError> {
        check_owner(&mut RealDisk::open(&self.path)?, &self.path.display().to_string(), owner)
    }

    /// Notes whose data this is, whoever was noted before: for a folder that holds nothing of anybody's yet.
    pub fn claim_anew(&self, owner: &str) -> Result<(), StorageError> {
        let mut disk = RealDisk::open(&self.path)?;
        let names = disk.list()?;
        write_whole(&mut disk, &names, (OWNER_DRAFT, OWNER_FILE), format!("{owner}\n").as_bytes())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the log.
    pub fn log_disk(&self) -> Result<RealDisk, StorageError> {
        RealDisk::open(self.path.join("log"))
    }

    /// The folder of snapshots.
    pub fn snapshot_disk(&self) -> Result<RealDisk, StorageError> {
        RealDisk::open(self.path.join("snapshots"))
    }

    /// Gives a damaged state database another name, durably, so that a new one can take its place and not a byte is lost.
    /// Tells the name; `None`, and nothing is done, where an earlier one still has it: a disk that damages files again
    /// and again is for a person to look at.
    pub fn set_state_aside(&self) -> Result<Option<PathBuf>, StorageError> {
        let aside = self.path.join(STATE_ASIDE_FILE);
        if aside.exists() {
            return Ok(None);
        }
        std::fs::rename(self.state_path(), &aside)
            .map_err(|error| StorageError::io("rename", self.state_path().display(), &error))?;
        sync_folder(&self.path)?;
        Ok(Some(aside))
    }

    /// The file of the state database.
    pub fn state_path(&self) -> PathBuf {
        self.path.join(STATE_FILE)
    }
}

/// Takes the lock and writes this process's id into it, for the message that the next one gets.
fn lock(path: &Path) -> Result<File, StorageError> {
    let name = path.join(LOCK_FILE);
    let failed = |error: std::io::Error| StorageError::io("lock", name.display(), &error);
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
    let mut file = options.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // The id is a courtesy: without it the message is still right.
            let _ = (&file).take(VERSION_FILE_MAX_BYTES as u64).read_to_string(&mut text);
            let is_id = !text.trim().is_empty() && text.trim().bytes().all(|byte| byte.is_ascii_digit());
            let holder =
                if is_id { format!("process {}", text.trim()) } else { "another process".to_owned() };
            return Err(StorageError::Locked { folder: path.display().to_string(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// Checks the version file of a folder, or writes it into a new one. `folder` is for messages.
pub fn check_version(disk: &mut impl Disk, folder: &str) -> Result<(), StorageError> {
    let names = disk.list()?;
    if !names.iter().any(|name| name == VERSION_FILE) {
        return write_version(disk, &names);
    }
    let mut bytes = [0; VERSION_FILE_MAX_BYTES];
    let length = disk.read_at(VERSION_FILE, 0, &mut bytes)?;
    let text = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
    let number = text.strip_prefix(VERSION_START).and_then(|rest| rest.strip_suffix('\n'));
    let file = format!("{folder}/{VERSION_FILE}");
    match number.and_then(|digits| digits.parse::<u32>().ok()) {
        Some(found) if found > DATA_VERSION => Err(StorageError::Newer { file, found, known: DATA_VERSION }),
        Some(DATA_VERSION) => Ok(()),
        _ => Err(StorageError::Damaged {
            file,
            offset: 0,
            what: "it names no known version".to_owned(),
            cure: "check that this is the right folder; if it is, write back the version file of a backup",
        }),
    }
}

/// Checks whose data a folder holds, or notes it in one that says nothing yet. `folder` is for messages.
pub fn check_owner(disk: &mut impl Disk, folder: &str, owner: &str) -> Result<(), StorageError> {
    let names = disk.list()?;
    let expected = format!("{owner}\n");
    if !names.iter().any(|name| name == OWNER_FILE) {
        return write_whole(disk, &names, (OWNER_DRAFT, OWNER_FILE), expected.as_bytes());
    }
    let mut bytes = [0; OWNER_MAX_BYTES];
    let length = disk.read_at(OWNER_FILE, 0, &mut bytes)?;
    if bytes[..length] == *expected.as_bytes() {
        return Ok(());
    }
    let found = std::str::from_utf8(&bytes[..length]).ok().and_then(|text| text.strip_suffix('\n'));
    let Some(found) =
        found.filter(|name| name.len() == owner.len() && name.chars().all(|c| c.is_ascii_alphanumeric()))
    else {
        return Err(StorageError::Damaged {
            file: format!("{folder}/{OWNER_FILE}"),
            offset: 0,
            what: "it names no cluster".into(),
            cure: "if the committee file is surely the one that this data belongs to, remove this file and start again",
        });
    };
    let found = found.to_owned();
    Err(StorageError::OtherOwner { folder: folder.to_owned(), found, expected: owner.to_owned() })
}

fn write_version(disk: &mut impl Disk, names: &[String]) -> Result<(), StorageError> {
    let text = format!("{VERSION_START}{DATA_VERSION}\n");
    write_whole(disk, names, (VERSION_DRAFT, VERSION_FILE), text.as_bytes())
}

/// Draft, sync, rename, sync: the file is there whole or not at all.
fn write_whole(
    disk: &mut impl Disk,
    names: &[String],
    (draft, file): (&str, &str),
    bytes: &[u8],
) -> Result<(), StorageError> {
    if names.iter().any(|name| name == draft) {
        disk.remove(draft)?;
    }
    disk.create(draft)?;
    disk.write_at(draft, 0, bytes)?;
    disk.sync_data(draft)?;
    disk.rename(draft, file)?;
    disk.sync_directory()
}

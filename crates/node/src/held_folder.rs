//! The data folder with its lock, held by whoever has a file in it open.

use outvote_storage::{DataFolder, StorageError};
use std::ops::Deref;
use std::path::Path;
use tokio::sync::oneshot;

/// The folder. It is shared, and unlocked when the last holder has let go: a node that stops has not ended before, and the next
/// one, in this process or another, finds nothing open.
#[derive(Debug)]
pub(crate) struct HeldFolder {
    folder: DataFolder,
    /// Dropped after the lock.
    _held: oneshot::Sender<()>,
}

/// Ends when the folder is let go of.
pub(crate) type Released = oneshot::Receiver<()>;

impl HeldFolder {
    pub(crate) fn open(home: &Path) -> Result<(Self, Released), StorageError> {
        let folder = DataFolder::open(home)?;
        let (held, released) = oneshot::channel();
        Ok((Self { folder, _held: held }, released))
    }
}

impl Deref for HeldFolder {
    type Target = DataFolder;

    fn deref(&self) -> &DataFolder {
        &self.folder
    }
}

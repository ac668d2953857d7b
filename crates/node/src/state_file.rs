//! Opens the state database, and begins a new one where the old one is damaged.

use crate::error::NodeError;
use outvote_storage::{DataFolder, StateOptions, StateStore, StorageError};

/// Opens the database. A damaged one is set aside, whole: what it held is derived from the log and can be had from the others
/// (E11, C6), and no promise is in it (D12). It happens once; a second time somebody should look at the disk.
///
/// # Errors
/// When the database cannot be opened, or is damaged and an earlier damaged one has not been taken away.
pub(crate) fn open_state(folder: &DataFolder, options: StateOptions) -> Result<StateStore, NodeError> {
    let error = match StateStore::open(folder.state_path(), options) {
        Err(error @ StorageError::Damaged { .. }) => error,
        opened => return Ok(opened?),
    };
    let Some(aside) = folder.set_state_aside()? else {
        tracing::error!("this is not the first time, and state.redb.damaged is still there: check the disk");
        return Err(error.into());
    };
    tracing::error!(
        %error,
        set_aside = %aside.display(),
        "the state database is damaged; a new one is filled from the log and from the other replicas"
    );
    Ok(StateStore::open(folder.state_path(), options)?)
}

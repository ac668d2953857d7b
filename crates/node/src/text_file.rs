//! Reads the text files of a home, with a bound, and says where one is no text.

use crate::error::NodeError;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Bytes of such a file at most. The largest committee with all its addresses takes a tenth of it.
pub(crate) const TEXT_BYTES_MAX: u64 = 1 << 20;

/// The text of a file; `unread` words the system's refusal.
pub(crate) fn read(path: &Path, unread: impl FnOnce(io::Error) -> NodeError) -> Result<String, NodeError> {
    let mut bytes = Vec::new();
    // One byte more than the bound tells that there is more; nothing longer is ever held.
    let taken = File::open(path).and_then(|file| file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes));
    if let Err(source) = taken {
        return Err(unread(source));
    }
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(NodeError::TooLong { path: path.into(), bytes_max: TEXT_BYTES_MAX });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        NodeError::NotText { path: path.into(), line }
    })
}

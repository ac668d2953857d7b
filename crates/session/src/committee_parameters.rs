//! The numbers in a committee file that all members agree on.

use crate::committee_fields::Fields;
use crate::committee_file::CommitteeFileError;
use outvote_types::Parameters;

/// Key, default and meaning of each. They can be chosen only when the committee is made, since its name covers them.
pub const PARAMETERS: &[(&str, u64, &str)] = &[
    (
        "checkpoint_interval",
        1024,
        "Blocks between two checkpoints: what one covers leaves the log, and whoever is further behind fetches the state.",
    ),
    (
        "checkpoint_bytes",
        67_108_864,
        "Bytes of blocks that bring a checkpoint before the interval ends, so that large blocks do not fill the disks.",
    ),
    (
        "tenure_blocks",
        0,
        "Leaders take turns after so many blocks; 0 for never. A turn bounds what a leader can do that is slow and not noticed.",
    ),
    (
        "tenure_ms",
        0,
        "Leaders take turns so long after their first work, milliseconds; 0 for never. An idle cluster does not rotate.",
    ),
];

/// Reads them.
pub(crate) fn read(top: &Fields<'_>) -> Result<Parameters, CommitteeFileError> {
    Ok(Parameters {
        checkpoint_interval: top.number("checkpoint_interval")?,
        checkpoint_bytes: top.number("checkpoint_bytes")?,
        tenure_blocks: top.number("tenure_blocks")?,
        tenure_ms: top.number("tenure_ms")?,
    })
}

/// Their lines, each below what it means.
pub(crate) fn written(parameters: &Parameters) -> String {
    let Parameters { checkpoint_interval, checkpoint_bytes, tenure_blocks, tenure_ms } = *parameters;
    let values = [checkpoint_interval, checkpoint_bytes, tenure_blocks, tenure_ms];
    let lines = PARAMETERS.iter().zip(values);
    lines.map(|((key, _, meaning), value)| format!("# {meaning}\n{key} = {value}\n")).collect()
}

//! What the members agree on when a committee is made.

use clap::Args;
use outvote_types::Parameters;

/// The numbers in the committee file; `outvote config explain` says what each means.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Agreed by all members")]
pub(crate) struct Agreed {
    /// Blocks between two checkpoints.
    #[arg(long, value_name = "BLOCKS", default_value_t = Parameters::default().checkpoint_interval)]
    checkpoint_interval: u64,
    /// Bytes of blocks that bring a checkpoint before the interval ends.
    #[arg(long, value_name = "BYTES", default_value_t = Parameters::default().checkpoint_bytes)]
    checkpoint_bytes: u64,
    /// Leaders take turns after so many blocks; 0 for never.
    #[arg(long, value_name = "BLOCKS", default_value_t = Parameters::default().tenure_blocks)]
    tenure_blocks: u64,
    /// Leaders take turns so long after their first work; 0 for never.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = Parameters::default().tenure_ms)]
    tenure_ms: u64,
}

impl Agreed {
    pub(crate) const fn parameters(self) -> Parameters {
        let Self { checkpoint_interval, checkpoint_bytes, tenure_blocks, tenure_ms } = self;
        Parameters { checkpoint_interval, checkpoint_bytes, tenure_blocks, tenure_ms }
    }
}

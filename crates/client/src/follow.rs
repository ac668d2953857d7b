//! The stream of committed blocks.

use crate::command::Command;
use crate::error::ClientError;
use outvote_session::CommittedBlock;
use tokio::sync::mpsc;

/// Committed blocks in order, each accepted on the equal signed words of `f + 1` replicas.
///
/// To resume exactly once after a restart, store the block's sequence in the same transaction as its effects and follow
/// from the next one.
#[derive(Debug)]
pub struct Follow {
    pub(crate) id: u64,
    pub(crate) blocks: mpsc::UnboundedReceiver<Result<CommittedBlock, ClientError>>,
    pub(crate) commands: mpsc::WeakUnboundedSender<Command>,
}

impl Follow {
    /// The next block. May be cancelled and called again without losing one. `None` after the client was shut down.
    ///
    /// # Errors
    /// [`ClientError::StreamGone`] when the replicas no longer keep the next block; the stream ends with it.
    pub async fn next(&mut self) -> Option<Result<CommittedBlock, ClientError>> {
        let item = self.blocks.recv().await?;
        if let (Ok(block), Some(commands)) = (&item, self.commands.upgrade()) {
            // A failure means that the client is gone, which the next call reports.
            let _ = commands.send(Command::Taken { follow: self.id, upto: block.header.sequence });
        }
        Some(item)
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.send(Command::Unfollow { follow: self.id });
        }
    }
}

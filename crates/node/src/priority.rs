//! Threads that give way to the protocol's own.

/// How much less of a busy processor such a thread gets: about a tenth of an ordinary one's share. It is never starved.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers this thread's priority for good. On Linux a priority belongs to a thread; elsewhere it is the whole process's, and is
/// left alone.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "a thread that ought to give way runs like the others");
    }
}

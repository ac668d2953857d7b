//! Log lines on their way to standard error. A thread of its own writes them, so that whoever reads them slowly, or not at all,
//! stops no thread of the replica: what finds no room is dropped and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Lines that wait for the reader at most.
const LINES_WAITING_MAX: usize = 8192;
/// A longer line is cut, so that what waits is bounded in bytes, too.
const LINE_BYTES_MAX: usize = 4096;
/// How long the end of a process waits for a reader that does not read.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

enum Job {
    Line(Vec<u8>),
    /// All that came before is written: says so.
    Flush(SyncSender<()>),
}

/// Where log lines are given. Cheap to clone, never waits.
#[derive(Clone)]
pub(crate) struct LogLines {
    jobs: SyncSender<Job>,
    lost: Arc<AtomicU64>,
}

/// Waits, when it is dropped, until the lines so far are written, if anybody reads them.
pub(crate) struct Flushed(LogLines);

impl LogLines {
    /// Starts the thread that writes. Keep the second part for as long as there is something to say.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start() -> io::Result<(Self, Flushed)> {
        let (jobs, waiting) = sync_channel(LINES_WAITING_MAX);
        let lines = Self { jobs, lost: Arc::default() };
        let lost = Arc::clone(&lines.lost);
        std::thread::Builder::new().name("log-lines".into()).spawn(move || write_all(&waiting, &lost))?;
        Ok((lines.clone(), Flushed(lines)))
    }
}

fn write_all(waiting: &Receiver<Job>, lost: &AtomicU64) {
    let mut out = io::stderr();
    for job in waiting {
        // That nobody can be told is no reason to stop.
        match job {
            Job::Line(line) => {
                let _ = out.write_all(&line);
                let count = lost.swap(0, Ordering::Relaxed);
                if count > 0 {
                    let _ = writeln!(
                        out,
                        "{count} lines of the log were lost: they came faster than they were read"
                    );
                }
            }
            Job::Flush(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

impl Write for LogLines {
    /// Takes one whole line: the subscriber writes each in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut kept = line[..line.len().min(LINE_BYTES_MAX)].to_vec();
        if kept.len() < line.len() {
            kept.extend_from_slice(b" ...\n");
        }
        if self.jobs.try_send(Job::Line(kept)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flushed {
    fn drop(&mut self) {
        let (done, written) = sync_channel(1);
        if self.0.jobs.try_send(Job::Flush(done)).is_ok() {
            // A reader that does not read holds up no end.
            let _ = written.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

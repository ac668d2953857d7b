//! What a replica says of itself, and what it takes of the disk.

use outvote_client::CommitteeFile;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MIB: f64 = 1024.0 * 1024.0;
/// How long a replica may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Blocks that this replica says it has executed; `None` while it does not answer. It is asked over a connection of its own, so
/// that no client's patience with a replica that was gone counts.
pub(super) async fn executed(file: &CommitteeFile, id: usize) -> Option<u64> {
    let page = file.http.get(id)?;
    let text = tokio::time::timeout(PATIENCE, metrics(page)).await.ok()?.ok()?;
    value_of(&text, "executed")
}

async fn metrics(page: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(page).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text).await?;
    Ok(text)
}

/// The value of a gauge by the end of its name.
fn value_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| {
        let (full, value) = line.split_once(' ')?;
        let full = full.split('{').next()?;
        (full == name || full.strip_suffix(name).is_some_and(|head| head.ends_with('_'))).then_some(value)
    })?;
    line.trim().parse().ok()
}

/// All bytes below a file or folder, as far as they can be seen.
fn bytes(path: &Path) -> u64 {
    let Ok(about) = path.symlink_metadata() else { return 0 };
    if !about.is_dir() {
        return about.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes(&entry.path())).sum()
}

/// MiB of the log and of the database in a home.
pub(super) fn disk_mib(home: &Path) -> (f64, f64) {
    let data = home.join("data");
    let (log, all) = (bytes(&data.join("log")), bytes(&data));
    (log as f64 / MIB, all.saturating_sub(log) as f64 / MIB)
}

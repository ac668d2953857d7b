//! The log on disk: records are appended, all that wait in one write and one sync.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// Says what came of a write.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Hands records to the thread that writes.
#[derive(Clone, Debug)]
pub struct LogFile {
    sender: mpsc::Sender<(Vec<u8>, Option<Shown>)>,
    folder: PathBuf,
}

/// A callback that can stand in a value with `Debug`.
struct Shown(Done);

impl std::fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Done")
    }
}

impl LogFile {
    /// Opens the log in a folder; answers the records that are in it.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(folder: &Path) -> io::Result<(Self, Vec<Vec<u8>>)> {
        std::fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(folder.join("log"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (records, whole) = records(&bytes);
        // What a crash left of a record that nobody was told of.
        file.set_len(whole as u64)?;
        let (sender, receiver) = mpsc::channel();
        std::thread::Builder::new().name("log".into()).spawn(move || write_all(file, &receiver))?;
        Ok((Self { sender, folder: folder.to_path_buf() }, records))
    }

    /// Appends a record; `done` is told once it is on disk.
    pub fn append(&self, record: &[u8], done: Option<Done>) {
        let mut bytes = Vec::with_capacity(record.len() + 4);
        bytes.extend_from_slice(&u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(record);
        // The thread ends with the process only.
        let _ = self.sender.send((bytes, done.map(Shown)));
    }

    /// Replaces a small file beside the log, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (path, fresh) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(fresh, path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Reads such a file.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(name)).ok()
    }
}

/// The whole records, and how many bytes they take.
fn records(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(length) = bytes.get(at..at + 4).and_then(|length| <[u8; 4]>::try_from(length).ok()) {
        let end = at + 4 + u32::from_le_bytes(length) as usize;
        let Some(record) = bytes.get(at + 4..end) else { break };
        found.push(record.to_vec());
        at = end;
    }
    (found, at)
}

fn write_all(mut file: File, receiver: &mpsc::Receiver<(Vec<u8>, Option<Shown>)>) {
    while let Ok((mut bytes, first)) = receiver.recv() {
        let mut told: Vec<Shown> = first.into_iter().collect();
        while let Ok((more, done)) = receiver.try_recv() {
            bytes.extend_from_slice(&more);
            told.extend(done);
        }
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        for Shown(done) in told {
            done(written.as_ref().copied().map_err(|error| io::Error::from(error.kind())));
        }
    }
}

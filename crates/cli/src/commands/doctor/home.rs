//! One replica's folder: its keys, its configuration, its place in the committee, its disk.

use super::Finding;
use crate::medium::unfit;
use outvote::{CommitteeFile, Home, NodeConfig, PublicKey};
use outvote_crypto::{KeyFile, KeyRole};
use rustix::fs::statvfs;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Free space below this is a finding, bytes.
const FREE_MIN: u64 = 512 << 20;
/// Flushes that are timed.
const FLUSHES: u32 = 5;
/// A slower flush delays every vote noticeably.
const FLUSH_MAX: Duration = Duration::from_millis(50);

/// Looks at everything that can be seen without the network.
pub(super) fn examine(path: &Path, findings: &mut Vec<Finding>) {
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let home = Home::new(path);
    let (consensus, link) = (home.consensus_key(), home.link_key());
    let keys = [(&consensus, KeyRole::Consensus), (&link, KeyRole::Link)];
    let mut public = Vec::new();
    for (file, role) in keys {
        match KeyFile::load(file, role) {
            Ok(pair) => public.push(pair.public_key()),
            Err(error) => findings.push(Finding::ill(
                format!("{name}: {} key", role.word()),
                error.to_string(),
                "see the message; a replica whose keys cannot be trusted must not run",
            )),
        }
    }
    if let [consensus, link] = public[..] {
        findings.push(Finding::well(
            format!("{name}: keys"),
            "both are there, and only their owner can read them",
        ));
        membership(&name, &home, consensus, link, findings);
    }
    match NodeConfig::load(&home.config()) {
        Ok(_) => findings
            .push(Finding::well(format!("{name}: configuration"), "every key is known and in its range")),
        Err(error) => findings.push(Finding::ill(
            format!("{name}: configuration"),
            error.to_string(),
            "mend that line; `outvote config explain` says what each key means",
        )),
    }
    lock(&name, path, findings);
    disk(&name, path, findings);
}

fn membership(name: &str, home: &Home, consensus: PublicKey, link: PublicKey, findings: &mut Vec<Finding>) {
    let about = format!("{name}: committee");
    let file: CommitteeFile = match home.load_committee() {
        Ok(file) => file,
        Err(error) => {
            let cure = "install the committee file that all members agreed on as config/committee.toml";
            return findings.push(Finding::ill(about, error.to_string(), cure));
        }
    };
    let members = &file.committee.members;
    let found =
        members.iter().position(|member| member.consensus_key == consensus && member.link_key == link);
    findings.push(match found {
        Some(id) => Finding::well(about, format!("its keys are those of member {id} of {}", members.len())),
        None => Finding::ill(
            about,
            "its keys are not in its committee file",
            "install the committee file that names them, or restore the keys that belong here",
        ),
    });
}

/// Says whether a process uses the home. Both is well; it only helps to know.
fn lock(name: &str, path: &Path, findings: &mut Vec<Finding>) {
    let file = path.join("data/LOCK");
    let Ok(lock) = File::open(&file) else { return };
    let is_used = lock.try_lock().is_err();
    let holder = fs::read_to_string(&file).unwrap_or_default();
    findings.push(Finding::well(
        format!("{name}: process"),
        if is_used {
            format!("process {} runs it", holder.trim())
        } else {
            "it does not run at the moment".into()
        },
    ));
}

fn disk(name: &str, path: &Path, findings: &mut Vec<Finding>) {
    let about = format!("{name}: disk");
    match statvfs(path) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let words = format!("{} MiB are free", free >> 20);
            findings.push(if free >= FREE_MIN {
                Finding::well(about.clone(), words)
            } else {
                Finding::ill(about.clone(), words, "free some space: a replica stops when its disk is full")
            });
        }
        Err(error) => {
            findings.push(Finding::ill(about.clone(), error.to_string(), "check that the folder exists"))
        }
    }
    if let Some(medium) = unfit(path) {
        findings.push(Finding::note(
            about.clone(),
            format!("it lies on {medium}"),
            "move the home to a disk of this machine: a replica that loses what it promised never votes again with its key",
        ));
    }
    match flush_time(path) {
        Ok(time) if time <= FLUSH_MAX => {
            findings.push(Finding::well(about, format!("a flush takes {:.1} ms", time.as_secs_f64() * 1000.0)));
        }
        Ok(time) => findings.push(Finding::ill(
            about,
            format!("a flush takes {:.0} ms, and every vote waits for one", time.as_secs_f64() * 1000.0),
            "use a faster disk, or raise timeouts.view_ms so that a slow disk does not look like a dead leader",
        )),
        Err(error) if error.kind() == ErrorKind::PermissionDenied || error.kind() == ErrorKind::ReadOnlyFilesystem => {
            findings.push(Finding::ill(about, format!("cannot write: {error}"), "give this user write access"));
        }
        Err(error) => findings.push(Finding::ill(about, format!("cannot write: {error}"), "check the disk")),
    }
}

/// The median of some small flushed writes.
fn flush_time(path: &Path) -> std::io::Result<Duration> {
    let probe = path.join(".doctor-probe");
    let timed = || {
        let mut file = File::create(&probe)?;
        let mut times = Vec::new();
        for _ in 0..FLUSHES {
            let began = Instant::now();
            file.write_all(&[0; 512])?;
            file.sync_data()?;
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times[times.len() / 2])
    };
    let time = timed();
    let _ = fs::remove_file(&probe);
    time
}

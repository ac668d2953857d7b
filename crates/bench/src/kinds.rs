//! What the processors did for an operation, by kind of instructions: a sample of them, put in order by their functions' names.
//!
//! The threads (`breakdown`) say who works; this says at what. Samples are taken by Linux's `perf`, from outside and for all
//! processes alike, so nothing in the program is slowed down by being measured. Where there is no `perf`, or this process may not
//! use it, there is no such table, and the reason is said.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Samples a second and processor: a prime, so that nothing periodic keeps step with it.
const SAMPLES_PER_SECOND: &str = "499";
/// Separates the fields of a line of the sampler's report; no function has it in its name.
const FIELD: &str = "~";

const VERIFY: &str = "verify signatures";
const SIGN: &str = "sign";
const HASH: &str = "hash: requests, roots, state";
const TLS: &str = "TLS";
const ENCODE: &str = "encode and decode";
const COPY: &str = "copy, compare and clear bytes";
const ALLOCATE: &str = "allocate memory";
const DATABASE: &str = "database";
const LOG: &str = "log";
const LOOK_UP: &str = "look up in maps and sets";
const RULES: &str = "protocol's rules";
const EXECUTE: &str = "execute: application, sessions, overlay";
const RUNTIME: &str = "run tasks and threads";
const NETWORK: &str = "kernel: network";
const SCHEDULE: &str = "kernel: switch and wake threads";
const MEMORY: &str = "kernel: memory";
const FILES: &str = "kernel: files and disk";
const KERNEL: &str = "kernel: other";
const OTHER: &str = "everything else";

/// Parts of functions' names in the program and its libraries, and what such a function does. The first that fits decides.
const FUNCTIONS: &[(&str, &str)] = &[
    ("Ledwards25519", SIGN),
    ("sha512_block_data_order", SIGN),
    ("ED25519", SIGN),
    ("curve25519_dalek", VERIFY),
    ("ed25519_zebra", VERIFY),
    ("outvote_crypto::verify", VERIFY),
    ("subtle::", VERIFY),
    ("sha2::sha512", VERIFY),
    ("sha2::", HASH),
    ("blake3", HASH),
    ("chacha20::", HASH),
    ("lthash", HASH),
    ("hash_memo", HASH),
    ("outvote_types::merkle", HASH),
    ("outvote_types::digest", HASH),
    ("PayloadLeaf", HASH),
    ("rustls", TLS),
    ("aesni", TLS),
    ("aes_", TLS),
    ("gcm", TLS),
    ("aws_lc", TLS),
    ("redb::", DATABASE),
    ("outvote_storage::state", DATABASE),
    ("xxh3", DATABASE),
    ("outvote_storage::", LOG),
    ("crc32fast", LOG),
    ("borsh", ENCODE),
    ("outvote_types::codec", ENCODE),
    ("serde", ENCODE),
    ("memmove", COPY),
    ("memcpy", COPY),
    ("memset", COPY),
    ("memcmp", COPY),
    ("mi_", ALLOCATE),
    ("malloc", ALLOCATE),
    ("alloc::raw_vec", ALLOCATE),
    ("drop_in_place", ALLOCATE),
    ("alloc::sync::Arc", ALLOCATE),
    ("btree", LOOK_UP),
    ("hashbrown", LOOK_UP),
    ("DefaultHasher", LOOK_UP),
    ("Ord>::cmp", LOOK_UP),
    ("outvote_protocol", RULES),
    ("outvote_replica", RULES),
    ("outvote_crypto", RULES),
    ("outvote_execution", EXECUTE),
    ("outvote_kv", EXECUTE),
    ("tokio", RUNTIME),
    ("mpmc", RUNTIME),
    ("poll", RUNTIME),
];

/// The same for the kernel's.
const KERNEL_FUNCTIONS: &[(&str, &str)] = &[
    ("tcp", NETWORK),
    ("skb", NETWORK),
    ("sock", NETWORK),
    ("ip_", NETWORK),
    ("inet", NETWORK),
    ("net_", NETWORK),
    ("netif", NETWORK),
    ("napi", NETWORK),
    ("dev_", NETWORK),
    ("nf_", NETWORK),
    ("softirq", NETWORK),
    ("copy_from_iter", NETWORK),
    ("ext4", FILES),
    ("jbd2", FILES),
    ("filemap", FILES),
    ("folio", FILES),
    ("blk", FILES),
    ("bio", FILES),
    ("writeback", FILES),
    ("iowrite", FILES),
    ("virtblk", FILES),
    ("sched", SCHEDULE),
    ("futex", SCHEDULE),
    ("epoll", SCHEDULE),
    ("ep_", SCHEDULE),
    ("switch", SCHEDULE),
    ("wake", SCHEDULE),
    ("hrtimer", SCHEDULE),
    ("_raw_spin", SCHEDULE),
    ("rcu", SCHEDULE),
    ("fault", MEMORY),
    ("page", MEMORY),
    ("mm_", MEMORY),
    ("charge", MEMORY),
    ("lruvec", MEMORY),
    ("mas_", MEMORY),
];
/// Threads that do nothing in the kernel but write and sync a file.
const WRITERS: [&str; 2] = ["log", "state"];

/// One kind of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Kind {
    /// Which, in words.
    pub work: &'static str,
    /// Processor microseconds for an operation, of all processes.
    pub us: f64,
}

/// What a function in this object, of a thread with this name, does.
#[must_use]
pub fn kind_of(thread: &str, object: &str, function: &str) -> &'static str {
    let among = |table: &[(&str, &'static str)]| {
        table.iter().find(|(part, _)| function.contains(part)).map(|(_, kind)| *kind)
    };
    if !object.contains("kernel") {
        return among(FUNCTIONS).unwrap_or(OTHER);
    }
    match among(KERNEL_FUNCTIONS) {
        // Whatever such a thread waits for or copies there, it does so for its file.
        _ if WRITERS.contains(&thread) => FILES,
        found => found.unwrap_or(KERNEL),
    }
}

/// The table from the sampler's report, where all of it took so many microseconds an operation. The lines sum up to that.
#[must_use]
pub fn kinds_of(report: &str, us_per_operation: f64) -> Vec<Kind> {
    let mut shares: BTreeMap<&'static str, f64> = BTreeMap::new();
    for line in report.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.splitn(4, FIELD).map(str::trim).collect();
        let [share, thread, object, function] = fields[..] else { continue };
        let Ok(share) = share.trim_end_matches('%').parse::<f64>() else { continue };
        *shares.entry(kind_of(thread, object, function)).or_default() += share;
    }
    // Rounded shares need not come to a hundred.
    let whole: f64 = shares.values().sum();
    let mut kinds: Vec<Kind> =
        shares.into_iter().map(|(work, share)| Kind { work, us: share / whole * us_per_operation }).collect();
    kinds.sort_by(|a, b| b.us.total_cmp(&a.us));
    kinds
}

/// Samples that are being taken.
#[derive(Debug)]
pub(crate) struct Sampler {
    child: Child,
    file: PathBuf,
}

impl Sampler {
    /// Begins to sample these processes and this one, for so long.
    ///
    /// # Errors
    /// Says why there will be no samples.
    pub(crate) fn start(
        replicas: impl IntoIterator<Item = u32>,
        lasts: Duration,
        folder: &Path,
    ) -> Result<Self, String> {
        let file = folder.join("samples.data");
        let pids: Vec<String> =
            replicas.into_iter().chain([std::process::id()]).map(|pid| pid.to_string()).collect();
        let child = Command::new("perf")
            .args(["record", "--quiet", "--freq", SAMPLES_PER_SECOND, "--pid", &pids.join(",")])
            .arg("--output")
            .arg(&file)
            .args(["--", "sleep", &lasts.as_secs_f64().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("perf cannot be started ({error}); install it"))?;
        Ok(Self { child, file })
    }

    /// The sampler's report, once it is done.
    ///
    /// # Errors
    /// Says why there are no samples.
    pub(crate) fn finish(mut self) -> Result<String, String> {
        let ended = self.child.wait().map_err(|error| format!("perf was lost: {error}"))?;
        if !ended.success() {
            return Err(
                "perf may not sample here: run as root, or set kernel.perf_event_paranoid to 1 or less"
                    .into(),
            );
        }
        let report = Command::new("perf")
            .args(["report", "--stdio", "--no-children", "--sort", "comm,dso,sym"])
            .args(["--field-separator", FIELD, "--input"])
            .arg(&self.file)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("perf cannot be started: {error}"))?;
        Ok(String::from_utf8_lossy(&report.stdout).into_owned())
    }
}

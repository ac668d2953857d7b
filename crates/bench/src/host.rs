//! What this machine does per second and core, measured on the very code that replicas and clients run.

use outvote_crypto::{Check, KeyPair, Verifier};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long each rate is measured at least, of this thread's own processor time.
const MEASURED: Duration = Duration::from_millis(150);
/// Bytes written at once when the log's cost is measured.
const WRITE_BYTES: usize = 1 << 20;

/// Processor seconds of one core per unit of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HostRates {
    /// One signature.
    pub sign_s: f64,
    /// One verification in a batch of as many distinct signers as batches have.
    pub verify_batch_s: f64,
    /// One verification by itself.
    pub verify_single_s: f64,
    /// One byte through SHA-256.
    pub hash_byte_s: f64,
    /// One byte handed to the disk's cache.
    pub write_byte_s: f64,
}

impl HostRates {
    /// Measures for batches of `batch` distinct signers; `folder` takes a file for a moment.
    #[must_use]
    pub fn measure(batch: usize, folder: &Path) -> Self {
        let keys: Vec<KeyPair> = (0..batch.max(1)).map(|index| KeyPair::from_seed(seed(index))).collect();
        let checks: Vec<Check> = keys.iter().enumerate().map(|(index, key)| check(key, index)).collect();
        // Replicas know their clients' keys after the first request: the verifier is warm.
        let verifier = Verifier::default();
        let is_valid = verifier.verify_all(&checks).into_iter().all(|verdict| verdict);
        assert!(is_valid, "signatures that were just made verify");
        let sign_s = per_round(|| {
            std::hint::black_box(keys[0].sign_bytes(&checks[0].bytes));
        });
        let verify_batch_s = per_round(|| {
            std::hint::black_box(verifier.verify_all(&checks));
        }) / checks.len() as f64;
        let verify_single_s = per_round(|| {
            std::hint::black_box(verifier.verify_one(&checks[0]));
        });
        let block = vec![7u8; 4096];
        let hash_byte_s = per_round(|| {
            std::hint::black_box(outvote_types::Digest::of(&block));
        }) / block.len() as f64;
        let write_byte_s = write_cost(folder).unwrap_or_default();
        Self { sign_s, verify_batch_s, verify_single_s, hash_byte_s, write_byte_s }
    }
}

fn seed(index: usize) -> [u8; 32] {
    let mut seed = [0x5a; 32];
    seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
    seed
}

fn check(key: &KeyPair, index: usize) -> Check {
    let mut bytes = [0u8; 65];
    bytes[..8].copy_from_slice(&(index as u64).to_le_bytes());
    Check { key: key.public_key(), bytes, signature: key.sign_bytes(&bytes) }
}

/// Processor seconds of one round, so that other programs on the machine do not count.
fn per_round(mut round: impl FnMut()) -> f64 {
    round();
    let (begun, mut rounds) = (thread_seconds(), 0u64);
    loop {
        for _ in 0..8 {
            round();
        }
        rounds += 8;
        let used = thread_seconds() - begun;
        if used >= MEASURED.as_secs_f64() {
            return used / rounds as f64;
        }
    }
}

/// Processor time of this thread; the clock on the wall where the kernel does not tell.
fn thread_seconds() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split_ascii_whitespace().next()?.parse::<u64>().ok());
    match nanoseconds {
        Some(nanoseconds) => nanoseconds as f64 / 1e9,
        None => wall_seconds(),
    }
}

fn wall_seconds() -> f64 {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_secs_f64()
}

fn write_cost(folder: &Path) -> std::io::Result<f64> {
    let path = folder.join("write-cost.tmp");
    let mut file = fs::File::create(&path)?;
    let block = vec![7u8; WRITE_BYTES];
    let begun = thread_seconds();
    for _ in 0..16 {
        file.write_all(&block)?;
    }
    let used = thread_seconds() - begun;
    fs::remove_file(&path)?;
    Ok(used / (16 * WRITE_BYTES) as f64)
}

//! What the node's workers name of the rest of it, for those tests that take them in.

use outvote_crypto::{Check, KeyPair, Scheme};
use outvote_types::{PublicKey, Signature};
use std::sync::Arc;

/// Judges a signature by its first byte: 1 is good.
pub(crate) struct Judge(KeyPair);

impl Judge {
    pub(crate) fn shared() -> Arc<dyn Scheme> {
        Arc::new(Self(KeyPair::from_seed([1; 32])))
    }
}

impl Scheme for Judge {
    fn sign(&self, bytes: &[u8; 65]) -> Signature {
        self.0.sign_bytes(bytes)
    }
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }
    fn verify(&self, checks: &[Check]) -> Vec<bool> {
        checks.iter().map(|check| check.bytes[0] == 1).collect()
    }
}

/// What [`Judge`] calls good or bad.
pub(crate) fn check(is_good: bool) -> Check {
    Check { key: PublicKey([1; 32]), bytes: [u8::from(is_good); 65], signature: Signature::default() }
}

/// In the place of the node's errors.
pub(crate) mod error {
    /// Nothing goes wrong around these threads.
    #[derive(Debug)]
    pub(crate) enum NodeError {}
}

/// In the place of the node's watch, which starts threads.
pub(crate) mod watch {
    use super::error::NodeError;
    use outvote_schedules::sync::thread::{JoinHandle, spawn};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    /// Keeps the threads, and counts those that ended.
    #[derive(Clone, Default)]
    pub(crate) struct Watch {
        pub(super) threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
        ended: Arc<AtomicUsize>,
    }

    impl Watch {
        pub(crate) fn thread(
            &self,
            _: &str,
            body: impl FnOnce() -> Result<(), NodeError> + Send + 'static,
        ) -> Result<(), NodeError> {
            let ended = Arc::clone(&self.ended);
            let thread = spawn(move || {
                body().unwrap();
                ended.fetch_add(1, Ordering::Relaxed);
            });
            self.threads.lock().unwrap().push(thread);
            Ok(())
        }

        /// How many ended so far.
        #[allow(dead_code, reason = "not each test program asks")]
        pub(crate) fn ended(&self) -> usize {
            self.ended.load(Ordering::Relaxed)
        }
    }
}

/// Waiting for all of them.
pub(crate) mod threads {
    use super::watch::Watch;

    /// How many there were.
    pub(crate) fn join(watch: &Watch) -> usize {
        let threads = std::mem::take(&mut *watch.threads.lock().unwrap());
        let count = threads.len();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        count
    }
}

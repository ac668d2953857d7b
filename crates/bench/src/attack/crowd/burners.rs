//! Other work on the same machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the threads when it is dropped.
struct Burning(Arc<AtomicBool>);

impl Drop for Burning {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

// Faults: X11
pub(super) async fn burn() {
    let burning = Burning(Arc::new(AtomicBool::new(true)));
    for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        let is_burning = Arc::clone(&burning.0);
        std::thread::spawn(move || {
            let mut number = 1u64;
            while is_burning.load(Ordering::Relaxed) {
                for _ in 0..100_000 {
                    number = std::hint::black_box(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                }
            }
        });
    }
    std::future::pending::<()>().await;
}

//! A crash-safe log and a state database over a [`Disk`] trait. It knows only bytes and checksums: what a record
//! means is its caller's business.
//!
//! Reading order:
//!
//! 1. [`StorageError`]: what, where and how to mend it; after a failed write or sync nothing is tried again.
//! 2. [`Disk`]: a flat folder of files; [`RealDisk`] is a real one, [`SimDisk`] one in memory that crashes on demand.
//! 3. [`DataFolder`]: a replica's `data/` on a real disk: its lock, its version, its parts.
//! 4. [`Log`]: append many records, [`Log::sync`] once, replay them with [`Log::records`] after a restart. A torn
//!    tail is dropped; damage in the middle is reported, never cut away.
//! 5. [`Promises`]: the one small record that cannot be fetched from peers, kept twice inside the log's own writes.
//! 6. [`StateStore`]: the embedded database behind the application's state.
//!
//! A writer thread owns one [`Log`] and uses it so:
//!
//! ```
//! use outvote_storage::{Entry, Log, LogOptions, Promises, SimDisk};
//!
//! # fn main() -> Result<(), outvote_storage::StorageError> {
//! let identity = [7; 32]; // of this cluster and this key: another log is refused
//! let (mut log, _) = Log::open(SimDisk::new(), identity, LogOptions::default())?;
//! log.init_promise(b"view 0")?; // once, when the key is made
//! let block = log.append(1, b"a block")?;
//! log.promise(b"view 1")?;
//! log.sync()?; // one write, one sync: only now may anything be sent that rests on these
//! assert_eq!(log.read(block)?.payload, b"a block");
//!
//! let (log, recovery) = Log::open(log.into_disk(), identity, LogOptions::default())?;
//! assert!(recovery.torn_tail.is_none());
//! assert!(matches!(log.promises(), Promises::Held(promise) if promise.payload == b"view 1"));
//! for entry in log.records() {
//!     match entry? {
//!         Entry::Record(record) => assert_eq!(record.payload, b"a block"),
//!         Entry::Damage(damage) => panic!("fetch these from a peer: {damage}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod error;

mod planted;

mod disk;

mod folder;

mod log;

mod state;

pub use disk::crash::{Crash, Piece, PieceKind};
pub use disk::real::RealDisk;
pub use disk::sim::{Fault, SimDisk};
pub use disk::{Disk, SECTOR_BYTES};
pub use error::{Cause, StorageError};
pub use folder::{DATA_VERSION, DataFolder, check_owner, check_version};
pub use log::promise::{LostDisk, PROMISE_MAX_BYTES, Promise, Promises};
pub use log::records::{Damage, Entry, Records};
pub use log::recover::{Recovery, TornTail};
pub use log::sector::{IDENTITY_BYTES, LOG_VERSION};
pub use log::{
    FIRST_RESERVED_KIND, Log, LogOptions, LogReader, Position, RECORD_MAX_BYTES, Record, SEGMENTS_MAX,
};
pub use state::backend::DiskFile;
pub use state::{
    Change, KEY_MAX_BYTES, PAGE_MAX_BYTES, PAGE_MAX_ENTRIES, Page, Snapshot, StateOptions, StateReader,
    StateStore,
};

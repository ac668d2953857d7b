//! Mistakes that can be switched on one at a time, to prove that the tests can fail. As `outvote_types::planted`, of
//! which this crate must not know; no release is ever built with the feature `planted-bugs`.

macro_rules! bugs {
    ($($name:ident: $rule:literal, $what:literal;)*) => {
        /// One planted mistake.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Bug {
            $(#[doc = concat!($what, " (", $rule, ").")] $name,)*
        }
    };
}

bugs! {
    AddressUnsealed: "row S09", "A sector's checksum does not cover where it belongs";
    ChecksumIgnored: "row S07", "A sector with a wrong checksum is read";
    SegmentNumberUnchecked: "row S09", "A segment's file may hold another segment";
    IdentityUnchecked: "row S13", "A log of another replica is opened";
    DirectoryUnsynced: "row S05", "A new segment's name is not made durable";
    SyncSkipped: "row S05", "A group counts as durable once it is written";
    SyncTriedAgain: "row S01", "A sync that failed is tried again";
    SyncErrorSwallowed: "row S01", "A failed write or sync is no error";
    TailNotRewritten: "row S01", "What a killed process left unsynced counts as durable";
    OnePromiseCopy: "D12", "A promise is written once";
    CopiesSideBySide: "D12", "Both copies of a promise may lie in one sector of a disk";
    SegmentWithoutPromise: "C3", "A new segment does not begin with the latest promise";
    FirstPromiseTaken: "D12", "The first promise in the log counts, not the last";
    LostPromiseUnnoticed: "D14", "A promise that was made and is gone is not missed";
    OlderPromiseTaken: "D13", "Whatever promise is left before a gap passes for the last one";
    HoleUnnoticed: "D13", "A write of which nothing is left held no promise";
    LossForgotten: "D14", "What shows that a promise is lost in a hole is forgotten with the next write";
    TornPromiseShown: "D13", "A new segment shows a promise behind a gap for one that was finished";
    LostDiskPromises: "D17", "A disk that lost a promise makes others";
    DamageCutAway: "row S07", "Damage in the last finished group is taken for a torn tail";
    TornTailKept: "row S04", "A group that was never finished counts whole";
    StaleChunk: "row S04", "A sector that is cut short is read with what the buffer held before";
    DroppedTooSoon: "C3", "Segments are dropped before it is durable that they are not needed";
    BlockSealUnchecked: "row S08", "A block of the state with a wrong checksum is read";
    BlockNumberUnsealed: "row S09", "A block's checksum does not cover where it belongs";
    SuspicionForgotten: "row S08", "A state in which damage was seen is opened as if it had not been";
    OwnerUnchecked: "row S13", "A folder with another cluster's data is used";
    NewerDataTaken: "row O08", "A folder that a later version wrote is used";
    DraftUnsynced: "row S05", "A small file takes its name before its content is durable";
    LockNotTaken: "row O13", "Two processes may use one folder";
}

/// Whether this mistake is the one with which a test program runs.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is_on(bug: Bug) -> bool {
    use std::sync::OnceLock;
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    let planted = PLANTED.get_or_init(|| std::env::var("OUTVOTE_PLANTED_BUG").ok());
    planted.as_ref().is_some_and(|name| *name == format!("{bug:?}"))
}

/// Whether this mistake is on: never.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub(crate) const fn is_on(_: Bug) -> bool {
    false
}

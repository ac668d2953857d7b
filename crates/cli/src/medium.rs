//! On what a folder lies: some kinds of disks forget, or are somebody else's.

use std::path::Path;

/// The numbers by which Linux tells file systems apart, with what they are to whoever relies on them.
#[cfg(target_os = "linux")]
const UNFIT: [(i128, &str); 8] = [
    (0x0102_1994, "memory (tmpfs)"),
    (0x8584_58f6, "memory (ramfs)"),
    (0x6969, "a network disk (NFS)"),
    (0x517b, "a network disk (SMB)"),
    (0xff53_4d42, "a network disk (CIFS)"),
    (0xfe53_4d42, "a network disk (SMB2)"),
    (0x00c3_6400, "a network disk (CephFS)"),
    (0x0102_1997, "another machine's disk (9P)"),
];

/// What the folder lies on, if a replica should not keep its promises there: memory forgets them when the power fails, and a
/// disk on the network is a second machine that has to be there and to tell the truth.
#[cfg(target_os = "linux")]
pub(crate) fn unfit(folder: &Path) -> Option<&'static str> {
    let kind = i128::from(rustix::fs::statfs(folder).ok()?.f_type) & 0xffff_ffff;
    UNFIT.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

/// Elsewhere it is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unfit(_: &Path) -> Option<&'static str> {
    None
}

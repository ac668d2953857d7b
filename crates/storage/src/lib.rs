//! A crash-safe log and a state database over a Disk trait.

//! Byzantine behaviours as wrappers around what a replica sends.

//! Runs ordered operations in the application: sessions, state digest, snapshots.

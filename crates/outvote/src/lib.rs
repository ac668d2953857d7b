//! Byzantine fault tolerant replication that you add in an afternoon.

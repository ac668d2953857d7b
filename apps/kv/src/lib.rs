//! A key-value application: example and benchmark load.

//! Identifiers, quorum arithmetic, messages and their one canonical encoding.

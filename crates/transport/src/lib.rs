//! Encrypted, authenticated links between known keys.

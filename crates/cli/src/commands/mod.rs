//! The commands, one file each.

pub(crate) mod committee;
pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod testnet;

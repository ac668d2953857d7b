//! The commands, one file each.

#[cfg(feature = "demo")]
pub(crate) mod attack;
pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod committee;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod evidence;
pub(crate) mod growth;
pub(crate) mod init;
pub(crate) mod kv;
pub(crate) mod mutate;
pub(crate) mod receipt;
pub(crate) mod sim;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod testnet;
#[cfg(feature = "demo")]
pub(crate) mod traitor;
pub(crate) mod twins;

//! Frames over TCP: `length u32, id u64, kind u8, body`, little-endian. Many questions may wait on one connection; what waits
//! together is written together.

mod frame;

mod connection;
mod server;

pub use connection::Connection;
pub use frame::{DONE, Frame, NOT_DONE, OWN, PUT, WHO_LEADS};
pub use server::serve;

//! A bad network on purpose: a proxy in user space between the two ends of TCP connections. It needs no rights.
//!
//! A [`Proxy`] listens and passes every connection on to its target. Its [`Control`] changes live, for each direction
//! alone, how bytes travel ([`Weather`]): late, in single bytes, in lumps, at a bounded rate, with bits flipped, not at all,
//! or into nowhere; and for the whole link whether it is down and how often its connections are reset ([`Line`]).
//!
//! Bytes that are lost, doubled or swapped inside of a TLS stream only end the session: loss and disorder of packets
//! belong to the host's packet filter, and of messages to the simulator. Nor can a proxy keep a sender's kernel from getting
//! acknowledgements: a stalled direction looks like a peer that does not read.
//!
//! Reading order: `weather` is what can be set; `random` decides; `control` holds the settings; `pump` moves one
//! direction's bytes; `proxy` accepts, joins and resets.

mod weather;

mod random;

mod control;
mod pump;

mod proxy;

pub use control::{Control, Counts};
pub use proxy::Proxy;
pub use random::Random;
pub use weather::{Delay, Direction, Flow, Line, Weather};

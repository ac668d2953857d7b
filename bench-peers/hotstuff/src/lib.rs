//! A replicated key-value store on `hotstuff_rs`: what a user of that crate would have to write around it.
//!
//! Reading order: `pool` keeps operations until they are committed; `store` and `application` are what the library asks for;
//! `links` carries its messages and new operations between members.

mod pool;

mod application;
mod store;

mod links;

pub use application::Application;
pub use links::Links;
pub use pool::Pool;
pub use store::Store;

//! The client on tokio and TLS.

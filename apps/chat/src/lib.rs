//! The group chat: state machine, HTTP routes and the built page.

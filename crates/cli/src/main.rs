//! The outvote command.
fn main() {}

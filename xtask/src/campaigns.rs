//! `cargo xtask twins` and `cargo xtask mutate`: the long runs of `outvote twins` and `outvote mutate`, with a program that is
//! built for them first. Everything after the name is passed on.

use std::io;
use std::process::Command;

/// Builds the program and lets it run the campaign of this name; answers whether nothing failed.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn run(campaign: &str, arguments: &[&str]) -> io::Result<bool> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--package", "outvote-cli", "--", campaign]);
    Ok(command.args(arguments).status()?.success())
}

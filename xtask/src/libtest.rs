//! What `cargo test` printed, in numbers.

/// The variable that tells tests where to write that they could not be done here.
pub const SKIPPED_VARIABLE: &str = "OUTVOTE_SKIPPED_TESTS";

/// The sums of all `test result:` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were ignored.
    pub ignored: u64,
}

/// A test that was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name.
    pub name: String,
    /// The reason in its `#[ignore = "..."]`, empty when there is none.
    pub reason: String,
}

/// Sums the result lines of every test program.
#[must_use]
pub fn counts(output: &str) -> Counts {
    let mut sums = Counts::default();
    for line in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        for part in line.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => sums.passed += number,
                "failed" => sums.failed += number,
                "ignored" => sums.ignored += number,
                _ => {}
            }
        }
    }
    sums
}

/// The tests that were not run.
#[must_use]
pub fn ignored(output: &str) -> Vec<Ignored> {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test "))
        .filter_map(|line| line.split_once(" ... ignored"))
        .map(|(name, reason)| Ignored {
            name: name.to_owned(),
            reason: reason.trim_start_matches(',').trim().to_owned(),
        })
        .collect()
}

/// The tests that found while they ran that this host cannot do what they need: lines `NAME: REASON` of the file that
/// [`SKIPPED_VARIABLE`] names to them. Without that file they would count as passed, since `cargo test` shows nothing of
/// what a passed test prints.
#[must_use]
pub fn skipped(list: &str) -> Vec<Ignored> {
    let split = |line: &str| match line.split_once(": ") {
        Some((name, reason)) => Ignored { name: name.to_owned(), reason: reason.trim().to_owned() },
        None => Ignored { name: line.to_owned(), reason: String::new() },
    };
    list.lines().filter(|line| !line.trim().is_empty()).map(split).collect()
}

/// What the failed tests said: each block that begins with `---- NAME stdout ----`, up to `most_lines` lines of it.
#[must_use]
pub fn failures(output: &str, most_lines: usize) -> Vec<String> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    let mut is_open = false;
    for line in output.lines() {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            blocks.push(vec![line]);
            is_open = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            is_open = false;
        } else if is_open && let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    blocks.iter().map(|block| block[..block.len().min(most_lines)].join("\n").trim_end().to_owned()).collect()
}

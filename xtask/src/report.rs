//! What a step found.

/// The outcome of one step: how many checks or tests passed, failed or were skipped, and what to tell the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Checks or tests that passed.
    pub passed: u64,
    /// What failed, each with how to mend it.
    pub failures: Vec<String>,
    /// Failed tests beyond those that `failures` lists.
    pub more_failed: u64,
    /// What was skipped and why.
    pub skipped: Vec<String>,
    /// Remarks that fail nothing.
    pub warnings: Vec<String>,
}

impl Report {
    /// A report of one check that passed.
    #[must_use]
    pub fn one_passed() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    /// A report of one check that failed, with what failed and how to mend it.
    #[must_use]
    pub fn one_failed(what: impl Into<String>) -> Self {
        Self { failures: vec![what.into()], ..Self::default() }
    }

    /// A report of one check that could not be made here.
    #[must_use]
    pub fn one_skipped(why: impl Into<String>) -> Self {
        Self { skipped: vec![why.into()], ..Self::default() }
    }

    /// One check: passed when `complaints` is empty, else each complaint is a failure of its own.
    pub fn check(&mut self, complaints: Vec<String>) {
        if complaints.is_empty() {
            self.passed += 1;
        }
        self.failures.extend(complaints);
    }

    /// Adds the findings of another report to this one.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
        self.more_failed += other.more_failed;
        self.skipped.extend(other.skipped);
        self.warnings.extend(other.warnings);
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.more_failed == 0
    }

    /// How many checks failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.len() as u64 + self.more_failed
    }
}

/// The sums over all steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Checks and tests that passed.
    pub passed: u64,
    /// Checks and tests that failed.
    pub failed: u64,
    /// Checks and tests that were skipped.
    pub skipped: u64,
}

impl Sums {
    /// Counts a report in.
    pub fn count(&mut self, report: &Report) {
        self.passed += report.passed;
        self.failed += report.failed();
        self.skipped += report.skipped.len() as u64;
    }

    /// The plain closing line of the gate.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

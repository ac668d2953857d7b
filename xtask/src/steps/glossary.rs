//! Each word of `docs/glossary.md` is called in the code what the glossary says.

use super::rules::sources;
use crate::glossary::{Code, read_glossary};
use crate::report::Report;
use crate::tree::Tree;

const GLOSSARY: &str = "docs/glossary.md";
/// Fewer than this and the reader has not understood the format.
const FEWEST_IDENTIFIERS: usize = 50;

pub(crate) fn run(tree: &Tree) -> Report {
    let Some(text) = tree.read(GLOSSARY) else {
        return Report::one_failed(format!("{GLOSSARY} is missing"));
    };
    let glossary = read_glossary(&text);
    let code = sources(tree, "src");
    let code = Code::read(code.iter().map(|(_, text)| text.as_str()));
    let missing = code.lacks(&glossary, |path| tree.path(path).is_file());
    let mut report = Report::default();
    report.passed += (glossary.identifiers.len() - missing.len()) as u64;
    let wrong = glossary.complaints.iter().chain(&missing);
    report.failures.extend(wrong.map(|wrong| format!("{GLOSSARY}, {wrong}")));
    if glossary.identifiers.len() < FEWEST_IDENTIFIERS {
        report.failures.push(format!(
            "{GLOSSARY} names {} identifiers, expected {FEWEST_IDENTIFIERS} at least; a row is `| word | meaning | identifier |`",
            glossary.identifiers.len()
        ));
    }
    report
}

//! What the glossary names is in the code.

use xtask::{Code, Identifier, read_glossary};

const HEAD: &str = "| word | meaning | identifier |\n| --- | --- | --- |\n";

const SOURCE: &str = "
/// enum Comment { NotThis }
pub struct View(u64);
pub enum Record {
    /// A promise.
    Promise { view: View, Retired: bool },
    Retired,
    Group(Vec<u8>),
}
pub const STATE_BUCKETS: usize = 4;
number! {
    /// A place.
    Sequence(u64)
}
";

fn lacks(rows: &str) -> Vec<String> {
    let glossary = read_glossary(&format!("{HEAD}{rows}"));
    assert_eq!(glossary.complaints, Vec::<String>::new());
    Code::read([SOURCE])
        .lacks(&glossary, |path| path == "crates/node/Cargo.toml" || path == "docs/receipt.md")
}

#[test]
fn a_row_names_items_variants_crates_and_files() {
    let rows = "| a | b | `View`, `Record::Retired` |\n| c | d | `node` crate |\n| e | f | `docs/receipt.md` |\n| g | h | - |\n";
    let found = read_glossary(&format!("{HEAD}{rows}")).identifiers;
    let expected = [
        (3, Identifier::Item("View".into())),
        (3, Identifier::Variant("Record".into(), "Retired".into())),
        (4, Identifier::Crate("node".into())),
        (5, Identifier::File("docs/receipt.md".into())),
    ];
    assert_eq!(found, expected);
    assert_eq!(lacks(rows), Vec::<String>::new());
}

#[test]
fn what_nobody_has_is_named_with_its_line() {
    let rows =
        "| a | b | `Viewer`, `Record::Lost` |\n| c | d | `gateway` crate |\n| e | f | `docs/none.md` |\n";
    let expected = [
        "line 3: nothing is called `Viewer`",
        "line 3: `Record` has no `Lost`",
        "line 4: there is no crate `gateway`",
        "line 5: there is no file docs/none.md",
    ];
    assert_eq!(lacks(rows), expected);
}

#[test]
fn comments_and_fields_define_nothing() {
    assert_eq!(lacks("| a | b | `Comment` |\n"), ["line 3: nothing is called `Comment`"]);
    assert_eq!(lacks("| a | b | `Record::view` |\n"), ["line 3: `Record` has no `view`"]);
    assert_eq!(lacks("| a | b | `Record::Group`, `STATE_BUCKETS`, `Sequence` |\n"), Vec::<String>::new());
}

#[test]
fn a_row_that_names_nothing_and_a_word_that_stands_twice_are_wrong() {
    let rows = "| a | b | the code |\n| c | d |\n| e, f | g | - |\n| f | g | - |\n";
    let complaints = read_glossary(&format!("{HEAD}{rows}")).complaints;
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(complaints[0].contains("line 3") && complaints[1].contains("line 4"), "{complaints:?}");
    assert!(complaints[2].contains("`f` is explained twice"), "{complaints:?}");
}

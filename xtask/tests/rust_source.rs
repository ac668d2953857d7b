//! Code is told from comments and text.

use xtask::{functions, lines};

fn code(source: &str) -> String {
    lines(source).into_iter().map(|line| line.code).collect::<Vec<_>>().join("\n")
}

#[test]
fn text_and_characters_are_emptied() {
    assert_eq!(
        code(r#"let a = "x } \" // y"; let c = '{'; let d = '\'';"#),
        r#"let a = ""; let c = '; let d = ';"#
    );
}

#[test]
fn raw_text_ends_at_its_own_hashes() {
    assert_eq!(code("let a = r#\"x \" }\"#; b(r\"\\\"); br##\"\"#\"##;"), "let a = \"\"; b(\"\"); b\"\";");
}

#[test]
fn text_over_several_lines_keeps_the_count_of_lines() {
    assert_eq!(code("a(\"x \\\n y\n z\");\nb();"), "a(\"\n\n\");\nb();");
}

#[test]
fn lifetimes_are_code() {
    assert_eq!(code("fn f<'a>(x: &'a str) -> Foo<'_> {}"), "fn f<'a>(x: &'a str) -> Foo<'_> {}");
}

#[test]
fn comments_nest() {
    let split = lines("a /* b /* c */ d */ e // f");
    assert_eq!(split[0].code, "a  e ");
    assert_eq!(split[0].comment, " b  c  d  f");
}

#[test]
fn a_function_is_measured_to_its_closing_brace() {
    let source = "pub fn one(\n  x: [u8; 3],\n) -> u8 {\n  if x { '}' }\n  // }\n}\n\nfn two() {}\n";
    let found = functions(&lines(source));
    let measured: Vec<(&str, usize, usize)> =
        found.iter().map(|function| (function.name.as_str(), function.line, function.length)).collect();
    assert_eq!(measured, [("one", 1, 6), ("two", 8, 1)]);
}

#[test]
fn a_declaration_without_a_body_and_a_function_type_are_no_functions() {
    assert_eq!(
        functions(&lines("trait T {\n fn a(&self) -> [u8; 2];\n}\ntype F = fn(u8);\nstruct S {}\n")),
        []
    );
}

//! Files that can't be read, and what is said about them.

use tickety_core::schema::Schema;

use super::super::{COMMENT_BYTES, FormatError, FormatProblem, ISSUE_BYTES, edit_issue, parse_comment, parse_issue};
use super::{file, key, parse};

/// Asserts the message about a file.
fn check(bytes: impl AsRef<[u8]>, expected: &str) {
    let error = parse_issue(bytes.as_ref(), key(), &Schema::default()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_file_that_is_no_record_says_so() {
    check("", "line 1: the front matter is missing: a record begins with a line `---`");
    check("# Readme\n", "line 1: the front matter is missing: a record begins with a line `---`");
    check(
        "---\ntitle: x\n\nBody\n",
        "line 1: the front matter that begins here doesn't end: add a line `---` behind it",
    );
    check("---\n---\n", "`id` is missing: add a line `id: ` with the id that the file had");
    check(
        "---\n- a\n---\n",
        "line 2, column 1: the front matter has to be lines of `key: value`, each key in the first column",
    );
    check(
        "---\njust text\n---\n",
        "line 2, column 1: the front matter has to be lines of `key: value`, each key in the first column",
    );
    check(
        "---\n{title: x}\n---\n",
        "line 2, column 1: the front matter has to be lines of `key: value`, each key in the first column",
    );
    check(
        "---\n  title: x\n---\n",
        "line 2, column 3: the front matter has to be lines of `key: value`, each key in the first column",
    );
}

#[test]
fn text_in_another_encoding_is_told_by_its_line() {
    let mut bytes = file("", "\nA line\nGr").into_bytes();
    bytes.extend(b"\xf6\xdfe\n");
    check(&bytes, "line 8: this is not UTF-8: save the file in that encoding");
    check(b"\xff\xfe-\0-\0", "line 1: this is not UTF-8: save the file in that encoding");
}

#[test]
fn a_conflict_is_told_by_its_line() {
    let conflict = "<<<<<<< HEAD\nstatus: open\n=======\nstatus: closed\n>>>>>>> topic\n";
    let message = "unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers";
    check(file(conflict, ""), &format!("line 5: {message}"));
    check(file("", &format!("\nText\n{conflict}")), &format!("line 8: {message}"));
    check(format!("\u{feff}{conflict}"), &format!("line 1: {message}"));
    // Half resolved.
    check(file("status: open\n=======\n", ""), &format!("line 6: {message}"));
    check(file("status: open\n>>>>>>> topic\n", ""), &format!("line 6: {message}"));
    // Markdown: a heading, a quotation, code.
    let text = "Heading\n=======\n\n>>>>>>> deep\n\n    <<<<<<< HEAD\n\nx <<<<<<< y\n<<<<<<<<\n<<<<<<<x";
    assert_eq!(parse(&file("", &format!("\n{text}\n"))).unwrap().body, text);
}

#[test]
fn a_later_format_is_refused_and_not_misread() {
    check(
        file("format: 2\n", ""),
        "line 5, column 9: the record has format 2 and this program reads format 1: use a newer version of Tickety",
    );
    assert!(parse(&file("format: 1\n", "")).is_ok());
}

#[test]
fn aliases_depth_and_size_are_bounded() {
    let alias = "anchors and aliases (`&name`, `*name`) are not read: write the value out, or quote it";
    check(file("x: &a 1\n", ""), &format!("line 5, column 7: {alias}"));
    check(file("x: *a\n", ""), &format!("line 5, column 4: {alias}"));
    check(file("&a x: 1\n", ""), &format!("line 5, column 4: {alias}"));
    check(file("x:\n  <<: *a\n", ""), &format!("line 6, column 7: {alias}"));

    for nested in ["[".repeat(10_000), "- ".repeat(10_000), "{a: ".repeat(10_000)] {
        let text = file(&format!("x:\n  {nested}\n"), "");
        let error = parse(&text).unwrap_err();
        assert_eq!((error.line, error.problem), (Some(6), FormatProblem::TooDeep { limit: 32 }));
    }
    let block: String = (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 60))).collect();
    assert!(parse(&file(&format!("x:\n{block}"), "")).is_err());
    let depth = |levels: usize| parse(&file(&format!("x: {}{}\n", "[".repeat(levels), "]".repeat(levels)), ""));
    assert!(depth(30).is_ok());
    assert!(matches!(depth(40).unwrap_err().problem, FormatProblem::TooDeep { .. }));

    let many = |keys: usize| (0..keys).map(|key| format!("x-{key}: 1\n")).collect::<String>();
    assert!(parse(&file(&many(4_000), "")).is_ok());
    assert_eq!(parse(&file(&many(40_000), "")).unwrap_err().problem, FormatProblem::TooMany { limit: 20_000 });

    let large = file("", &"x".repeat(ISSUE_BYTES));
    assert!(matches!(parse(&large).unwrap_err().problem, FormatProblem::TooLarge { limit: ISSUE_BYTES, .. }));
    let long = file(&format!("x: {}\n", "x".repeat(3 << 20)), "");
    assert!(matches!(parse(&long).unwrap_err().problem, FormatProblem::FrontMatterTooLarge { .. }));
    let comment = vec![b'x'; COMMENT_BYTES + 1];
    let error = parse_comment(&comment, key().suffix).unwrap_err();
    assert!(matches!(error.problem, FormatProblem::TooLarge { limit: COMMENT_BYTES, .. }));
}

#[test]
fn a_key_twice_is_refused() {
    check(file("kind: bug\nkind: task\n", ""), "line 6, column 1: `kind` is there twice: keep one");
    check(file("label: a\nlabels: b\n", ""), "line 6, column 1: `labels` is there twice: keep one");
    check(file("x: 1\ny: 2\nx: 1\n", ""), "line 7, column 1: `x` is there twice: keep one");
    check(file("fields:\n  a: 1\n  'a': 2\n", ""), "line 7, column 3: `a` is there twice: keep one");
}

#[test]
fn broken_yaml_is_told_by_its_place() {
    for (front, line) in [("x: [a\nkind: bug\n", 6), ("x: 'a\n", 7), ("x: a: b\n", 5), ("x:\n\t- a\n", 6), ("x\n", 5)] {
        let error = parse(&file(front, "")).unwrap_err();
        assert!(matches!(error.problem, FormatProblem::Yaml { .. }), "{front:?}: {error}");
        assert!(error.line.is_some_and(|found| found.abs_diff(line) <= 1), "{front:?}: {error}");
    }
    check(file("...\nx: 1\n", ""), "line 6, column 1: the front matter has to be one document: remove this line");
}

#[test]
fn a_value_that_does_not_fit_is_told_by_its_place() {
    let cases = [
        ("due: soon\n", "line 5, column 6: `due`: `soon` is no date: write a day of the calendar as 2026-11-30"),
        (
            "due: 2026-02-30\n",
            "line 5, column 6: `due`: `2026-02-30` is no date: write a day of the calendar as 2026-11-30",
        ),
        (
            "due: 2026-11-30T00:00:00Z\n",
            "line 5, column 6: `due`: `2026-11-30T00:00:00Z` is no date: write a day of the calendar as 2026-11-30",
        ),
        (
            "updated: tomorrow\n",
            "line 5, column 10: `updated`: `tomorrow` is no time: write it as 2026-11-21T02:48:57Z",
        ),
        (
            "updated: 2026-11-21 10:00 CET\n",
            "line 5, column 10: `updated`: `2026-11-21 10:00 CET` is no time: write it as 2026-11-21T02:48:57Z",
        ),
        ("estimate: [1h]\n", "line 5, column 11: `estimate`: has to be one value"),
        // A list at the margin, for the quick reader and twice for the full one.
        ("estimate:\n- 1h\n", "line 6, column 1: `estimate`: has to be one value"),
        ("x: []\nestimate:\n- 1h\n", "line 7, column 1: `estimate`: has to be one value"),
        ("estimate: # sure\n\n# or\n-   # not\n  1h\n", "line 8, column 1: `estimate`: has to be one value"),
        (
            "priority: urgent\n",
            "line 5, column 11: `priority`: `urgent` is not a priority: use critical, high, medium, low or lowest",
        ),
        (
            "close-reason: why\n",
            "line 5, column 15: `close-reason`: `why` is not a reason to close: use completed, cancelled or duplicate",
        ),
        (
            "blocked-by:\n  - 7\n  - x7\n",
            "line 7, column 5: `blocked-by`: `x7` is not an issue: write 42, #42, TIK-42 or 42-k3f9",
        ),
        (
            "blocked-by:\n  - 7\n  - #8\n",
            "line 7, column 7: `blocked-by`: an item is empty: remove it, or quote it if it begins with `#`",
        ),
        ("labels:\n  a: b\n", "line 6, column 3: `labels`: has to be a list, with a line `- item` for each item"),
        (
            "labels:\n  - a: b\n",
            "line 6, column 5: `labels`: an item has to be one text; quote it if it has `: ` or brackets",
        ),
        (
            "milestone: [v1]\n",
            "line 5, column 12: `milestone`: has to be one text; quote it if it has `: `, `#` or brackets",
        ),
        ("fields: all\n", "line 5, column 9: `fields`: has to be lines of `key: value`, indented"),
        (
            "fields:\n  a: [1]\n",
            "line 6, column 6: `a`: a custom field has one value: a text, a number, a date, true or false",
        ),
    ];
    for (front, expected) in cases {
        let message = parse(&file(front, "")).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{front}: {message}");
    }
}

#[test]
fn a_copy_under_another_name_is_no_new_record() {
    let text = file("", "");
    let other = tickety_core::IssueKey { suffix: "k3f9".parse().unwrap(), ..key() };
    let error = parse_issue(text.as_bytes(), other, &Schema::default()).unwrap_err();
    let expected = FormatProblem::OtherRecord { found: "m1g2".into(), expected: "k3f9".into() };
    assert_eq!((error.line, error.problem), (Some(3), expected));
}

#[test]
fn what_is_required_is_named() {
    let without = |line: &str| file("", "").replace(&format!("{line}\n"), "");
    check(without("title: A title"), "`title` is missing: add a line such as `title: What is wrong`");
    check(
        file("", "").replace("title: A title", "title:"),
        "`title` is missing: add a line such as `title: What is wrong`",
    );
    assert!(parse(&file("", "").replace("title: A title", "title: null")).is_ok_and(|issue| issue.title == "null"));
}

#[test]
fn a_record_that_cannot_be_read_is_not_edited() {
    let issue = parse(&file("", "")).unwrap();
    let broken = file("kind: [\n", "");
    let error: FormatError = edit_issue(broken.as_bytes(), &issue, &Schema::default()).unwrap_err();
    assert!(matches!(error.problem, FormatProblem::Yaml { .. }));
    let grown = tickety_core::Issue { body: "x".repeat(ISSUE_BYTES), ..issue };
    let error = edit_issue(file("", "").as_bytes(), &grown, &Schema::default()).unwrap_err();
    assert!(matches!(error.problem, FormatProblem::TooLarge { .. }));
}

//! Claims that hold for every issue.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tickety_core::issue::{Comment, CommentId, Issue};
use tickety_core::query::arbitrary::schema;
use uuid::Uuid;

use super::super::document::Document;
use super::super::value::{Entry, Style, Value};
use super::super::{ISSUE_BYTES, edit_issue, parse_comment, parse_issue, plain, print_comment, print_issue, yaml};
use super::texts::{issues, lines, paragraphs, tame_issues};

fn printed(issue: &Issue) -> String {
    String::from_utf8(print_issue(issue, &schema()).unwrap()).unwrap()
}

/// What a reader says.
type Read<'a> = Option<Vec<Entry<'a>>>;

/// Reads a front matter with both readers: what the quick one says, and the full one.
fn read_twice(text: &str) -> Option<(Read<'_>, Read<'_>)> {
    let document = Document::split(text.as_bytes(), ISSUE_BYTES).ok()?;
    let quick = plain::read(text, document.front.clone());
    let mut full = yaml::read(text, document.front.clone()).ok();
    // Where a block stands is exact in neither.
    let mut quick = quick;
    for entries in [&mut quick, &mut full].into_iter().flatten() {
        entries.iter_mut().for_each(|entry| forget_block_spans(&mut entry.value));
    }
    Some((quick, full))
}

fn forget_block_spans(value: &mut Value<'_>) {
    match value {
        Value::Scalar(scalar) if scalar.style == Style::Block => scalar.span = 0..0,
        Value::Scalar(_) => {}
        Value::List(list) => list.items.iter_mut().for_each(forget_block_spans),
        Value::Map(map) => map.entries.iter_mut().for_each(|entry| forget_block_spans(&mut entry.value)),
    }
}

/// Lines that a front matter may have besides those that Tickety writes.
fn foreign_lines() -> impl Strategy<Value = Vec<&'static str>> {
    vec(
        select(
            &[
                "x-one: 1",
                "# a comment",
                "x-two: [a, {b: c}]",
                "x-three:\n  deep:\n    - deeper\n    # inside\n",
                "x-four: |\n  text\n\n  # no comment",
                "x-five: >+\n  folded\n\n",
                "'x-six': \"q: \\\" #\"  # behind",
                "x-seven: a\n  plain text over lines",
                "x-eight: 'a\n\n  # b'",
                "x-nine:\n- at the margin\n-\n- - nested",
                "x-ten: !tag value",
                "",
            ][..],
        ),
        0..5,
    )
}

/// A key with a value of any kind, with all that people do to indentation.
fn entries() -> impl Strategy<Value = String> {
    const VALUES: [&str; 24] = [
        "x",
        "yes",
        "~",
        "-1",
        "-a",
        "a:b",
        "a :b",
        "a: b",
        "a:",
        "a #b",
        "#b",
        "'x'",
        "''",
        "'it''s'",
        "\"x\"",
        "\"a: b #c\"",
        "\"\\u2028\\x0\"",
        "",
        "[a]",
        "...",
        "größe",
        "|",
        "- x",
        "&a x",
    ];
    const ENDS: [&str; 8] = ["\n", "\n", "\n", " \n", " # c\n", "\n\n", "\n# c\n", "\n  # c\n"];
    // What stands behind the key, and what each line below begins with.
    const KINDS: [(&str, &str); 8] =
        [("", "- "), ("", "- "), ("", "-  "), ("", "k: "), (" |", ""), (" |-", ""), (" |2", ""), (" |1-", " ")];
    let value = || (select(&VALUES[..]), select(&ENDS[..]));
    let indent = || select(&["", " ", "  ", "    "][..]);
    let line = (value(), proptest::option::weighted(0.05, indent()));
    let below = (select(&KINDS[..]), select(&ENDS[..]), indent(), vec(line, 0..4)).prop_map(
        |((behind, start), end, usual, lines)| {
            let mut text = format!("key:{behind}{end}");
            for ((value, end), other) in lines {
                text.extend([other.unwrap_or(usual), start, value, end]);
            }
            text
        },
    );
    prop_oneof![1 => value().prop_map(|(value, end)| format!("key: {value}{end}")).boxed(), 2 => below.boxed()]
}

/// Puts lines before some of the keys of a printed file.
fn mixed(text: &str, foreign: &[&str], places: &[prop::sample::Index]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let close = 1 + lines[1..].iter().position(|line| line == "---").unwrap();
    let keys: Vec<usize> =
        (1..=close).filter(|&index| lines[index].starts_with(|c: char| c.is_ascii_lowercase() || c == '-')).collect();
    let mut seen = Vec::new();
    let mut inserts: Vec<(usize, &str)> = Vec::new();
    for (chunk, place) in foreign.iter().zip(places) {
        if !seen.contains(chunk) {
            seen.push(*chunk);
            inserts.push((*place.get(&keys), chunk));
        }
    }
    inserts.sort_by_key(|(line, _)| std::cmp::Reverse(*line));
    for (line, chunk) in inserts {
        lines.insert(line, chunk.to_owned());
    }
    lines.join("\n") + "\n"
}

/// Gives an issue the identity of another.
fn as_next_state_of(before: &Issue, after: &Issue) -> Issue {
    Issue { number: before.number, id: before.id, ..after.clone() }
}

/// Takes some fields from one state and the others from another, by the bits of `mask`.
fn blend(before: &Issue, after: &Issue, mask: u32) -> Issue {
    let mut next = before.clone();
    let bit = |place: u32| mask >> place & 1 == 1;
    let from = after.clone();
    if bit(0) {
        next.title = from.title;
    }
    if bit(1) {
        next.body = from.body;
    }
    if bit(2) {
        (next.status, next.closure) = (from.status, from.closure);
    }
    if bit(3) {
        (next.priority, next.kind) = (from.priority, from.kind);
    }
    if bit(4) {
        next.labels = from.labels;
    }
    if bit(5) {
        (next.assignees, next.references) = (from.assignees, from.references);
    }
    if bit(6) {
        (next.reporter, next.milestone) = (from.reporter, from.milestone);
    }
    if bit(7) {
        (next.due, next.estimate, next.spent) = (from.due, from.estimate, from.spent);
    }
    if bit(8) {
        next.links = from.links;
    }
    if bit(9) {
        next.fields = from.fields;
    }
    if bit(10) {
        (next.created, next.imported_updated) = (from.created, from.imported_updated);
    }
    next
}

fn without_state(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("updated-state:")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_it_was(issue in issues()) {
        let text = printed(&issue);
        prop_assert_eq!(parse_issue(text.as_bytes(), issue.key(), &schema()), Ok(issue.clone()), "{}", text);
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        prop_assert_eq!(parse_issue(windows.as_bytes(), issue.key(), &schema()), Ok(issue), "{}", windows);
    }

    #[test]
    fn both_readers_agree_on_what_is_printed(issue in issues()) {
        let text = printed(&issue);
        for text in [text.replace('\n', "\r\n"), text] {
            let (quick, full) = read_twice(&text).unwrap();
            prop_assert!(full.is_some(), "{}", text);
            if quick.is_some() {
                prop_assert_eq!(&quick, &full, "{}", &text);
            }
        }
    }

    #[test]
    fn the_quick_reader_reads_all_that_people_write(issue in tame_issues()) {
        let text = printed(&issue);
        let (quick, full) = read_twice(&text).unwrap();
        prop_assert!(quick.is_some(), "{}", text);
        prop_assert_eq!(quick, full, "{}", text);
    }

    #[test]
    fn the_quick_reader_never_reads_otherwise(
        issue in issues(),
        foreign in foreign_lines(),
        places in vec(any::<prop::sample::Index>(), 5),
        cuts in vec((any::<prop::sample::Index>(), select(&["", " ", "  ", "\n", "- ", ": ", "#", " #", "'", "\"", "|", "x", "\\", "-\n", "\n ", "[", "\t"][..])), 0..4),
    ) {
        let mut text = mixed(&printed(&issue), &foreign, &places);
        for (place, piece) in cuts {
            let at = place.index(text.len());
            let at = (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap();
            let end = if piece.is_empty() { at + text[at..].chars().next().map_or(0, char::len_utf8) } else { at };
            text.replace_range(at..end, piece);
        }
        if let Some((Some(quick), full)) = read_twice(&text) {
            prop_assert_eq!(Some(quick), full, "{}", text);
        }
        // Whatever it is, it is answered.
        let _ = parse_issue(text.as_bytes(), issue.key(), &schema());
    }

    #[test]
    fn both_readers_agree_on_lines_of_all_sorts(entries in vec(entries(), 1..5), windows in any::<bool>()) {
        let text = format!("---\n{}---\n", entries.concat());
        let text = if windows { text.replace('\n', "\r\n") } else { text };
        if let Some((Some(quick), full)) = read_twice(&text) {
            prop_assert_eq!(Some(quick), full, "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..200), front in "[ -~\n\t]{0,120}") {
        let key = "42".parse::<u32>().ok().and_then(tickety_core::IssueNumber::new).unwrap();
        let key = tickety_core::IssueKey { number: key, suffix: "k3f9".parse().unwrap() };
        let _ = parse_issue(&bytes, key, &schema());
        let _ = parse_issue(format!("---\n{front}\n---\n").as_bytes(), key, &schema());
    }

    #[test]
    fn an_edit_keeps_all_that_it_is_not_about(
        before in issues(),
        other in issues(),
        mask in any::<u32>(),
        foreign in foreign_lines(),
        places in vec(any::<prop::sample::Index>(), 5),
        windows in any::<bool>(),
    ) {
        let schema = schema();
        let after = blend(&before, &as_next_state_of(&before, &other), mask);
        // With it, lines from elsewhere would be an edit.
        let mut original = mixed(&without_state(&printed(&before)), &foreign, &places);
        if windows {
            original = format!("\u{feff}{}", original.replace('\n', "\r\n"));
        }
        prop_assert_eq!(parse_issue(original.as_bytes(), before.key(), &schema), Ok(before.clone()), "{}", original);
        let edited = edit_issue(original.as_bytes(), &after, &schema);
        let edited = String::from_utf8(edited.map_err(|error| TestCaseError::fail(format!("{error}\n{original}")))?).unwrap();
        prop_assert_eq!(parse_issue(edited.as_bytes(), after.key(), &schema), Ok(after.clone()));
        // Unknown keys and comments.
        for chunk in foreign.iter().take(places.len()) {
            let chunk = if windows { chunk.replace('\n', "\r\n") } else { (*chunk).to_owned() };
            prop_assert!(edited.contains(&chunk), "{chunk} is gone\n{original}\n{edited}");
        }
        if before.body == after.body {
            let body = |text: &str| text[Document::split(text.as_bytes(), ISSUE_BYTES).unwrap().body_start..].to_owned();
            prop_assert_eq!(body(&original), body(&edited));
        }
        if before == after {
            prop_assert_eq!(&original, &edited);
        }
        // Back again: nothing was lost on the way.
        let back = edit_issue(edited.as_bytes(), &before, &schema).unwrap();
        prop_assert_eq!(parse_issue(&back, before.key(), &schema), Ok(before));
    }

    #[test]
    fn a_printed_comment_reads_as_it_was(author in proptest::option::of(lines()), body in paragraphs(), seed in any::<u32>()) {
        let id = CommentId::new(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0000 | u128::from(seed)));
        let comment = Comment { id, author, created: tickety_core::query::arbitrary::now(), body };
        let text = print_comment(&comment).unwrap();
        prop_assert_eq!(parse_comment(&text, id.suffix()), Ok(comment));
    }
}

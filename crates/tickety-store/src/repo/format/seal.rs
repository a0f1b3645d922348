//! Whether a file is as the import left it whose `updated` it still has: edits by hand don't remove that line.

use super::document::{Document, line_end};
use super::error::FormatError;
use super::key::Key;
use super::record::IssueRecord;
use super::{ISSUE_BYTES, scalar};

/// Forgets the time of an import if the file has been edited since.
pub(super) fn forget_if_edited(record: &mut IssueRecord<'_>, document: &Document<'_>) {
    if record.updated.is_some()
        && record.updated_state.as_deref().is_some_and(|state| !state.trim().eq_ignore_ascii_case(&state_of(document)))
    {
        record.updated = None;
    }
}

/// Notes behind the time of an import which state of the file it belongs to.
pub(super) fn put(text: &mut String) -> Result<(), FormatError> {
    let document = Document::split(text.as_bytes(), ISSUE_BYTES)?;
    let Some((_, end)) = lines(&document).find(|(line, _)| is_of(line, Key::Updated)) else { return Ok(()) };
    let line = format!("{}: {}{}", Key::UpdatedState.as_str(), scalar::text(&state_of(&document)), document.newline());
    text.insert_str(end, &line);
    Ok(())
}

/// Hashes a file without the lines about the time of its import, and with plain line breaks: some change on checkout.
fn state_of(document: &Document<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        for part in text.split_inclusive("\r\n") {
            match part.strip_suffix("\r\n") {
                Some(line) => hasher.update(line.as_bytes()).update(b"\n"),
                None => hasher.update(part.as_bytes()),
            };
        }
    };
    for (line, _) in lines(document) {
        if !is_of(line, Key::Updated) && !is_of(line, Key::UpdatedState) {
            add(line);
        }
    }
    add(&document.text[document.front.end..]);
    hasher.finalize().to_hex()[..8].to_owned()
}

/// Returns the lines of the front matter, each with where it ends.
fn lines<'d>(document: &'d Document<'_>) -> impl Iterator<Item = (&'d str, usize)> {
    let mut at = document.front.start;
    std::iter::from_fn(move || {
        let start = at;
        (start < document.front.end).then(|| {
            at = line_end(document.text, start);
            (&document.text[start..at], at)
        })
    })
}

fn is_of(line: &str, key: Key) -> bool {
    line.strip_prefix(key.as_str()).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tickety_core::ident::{IssueKey, IssueNumber};
    use tickety_core::issue::Issue;
    use tickety_core::schema::Schema;

    use super::super::{edit_issue, parse_issue, print_issue};

    const BY_HAND: &str =
        "---\ntitle: t\nid: 01a1fc01-c5a8-7c3e-9b1d-0000000a0602\nupdated: 2026-01-02T00:00:00Z\n---\n\nA body.\n";

    fn key() -> IssueKey {
        IssueKey { number: IssueNumber::FIRST, suffix: "m1g2".parse().unwrap() }
    }

    fn parse(text: &str) -> Issue {
        parse_issue(text.as_bytes(), key(), &Schema::default()).unwrap()
    }

    fn printed() -> String {
        String::from_utf8(print_issue(&parse(BY_HAND), &Schema::default()).unwrap()).unwrap()
    }

    #[test]
    fn an_edit_by_hand_ends_the_time_of_an_import() {
        let text = printed();
        let time: Option<Timestamp> = "2026-01-02T00:00:00Z".parse().ok();
        assert_eq!(parse(&text).imported_updated, time);
        for (from, to) in [
            ("title: t", "title: T"),
            ("status: open", "status: closed"),
            ("A body.", "A body. And more."),
            ("labels:\n", "labels: [x]\n"),
            ("title: t\n", "x-own: 1\ntitle: t\n"),
        ] {
            assert!(text.contains(from), "{from}");
            assert_eq!(parse(&text.replace(from, to)).imported_updated, None, "{to}");
        }
        // What isn't an edit, or leaves the line as the only word on it.
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(parse(&windows).imported_updated, time);
        assert_eq!(parse(BY_HAND).imported_updated, time);
    }

    #[test]
    fn an_edit_removes_both_lines_and_one_that_keeps_the_time_seals_it_again() {
        let text = printed();
        let edit = |text: &str, after: &Issue| {
            String::from_utf8(edit_issue(text.as_bytes(), after, &Schema::default()).unwrap()).unwrap()
        };
        let count = |text: &str| text.lines().filter(|line| line.starts_with("updated")).count();
        assert_eq!(count(&text), 2);
        let later = Issue { title: "T".into(), ..parse(&text) };
        let kept = edit(&text, &later);
        assert_eq!((count(&kept), parse(&kept)), (2, later.clone()));
        assert_eq!(count(&edit(BY_HAND, &later)), 2);
        let gone = edit(&kept, &Issue { imported_updated: None, ..later.clone() });
        assert_eq!((count(&gone), parse(&gone).imported_updated), (0, None));
        let stale = text.replace("A body.", "Another.");
        assert_eq!(edit(&stale, &parse(&stale)), stale);
        assert_eq!(count(&edit(&stale, &Issue { title: "T".into(), ..parse(&stale) })), 0);
    }
}

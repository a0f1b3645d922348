//! Issues that the message of a commit says it closes.

use crate::ident::{IssueName, Suffix};

/// The words that close, as forges know them.
const WORDS: [&str; 9] = ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// What the message of a commit that takes another one back begins with.
const REVERT: &str = "Revert \"";

/// Returns the issues that a message says it closes, in order, each once: `Fixes TIK-42`, `closes: 42-k3f9`,
/// `Resolves TIK-1, TIK-2 and 7-0c4d`.
///
/// `#42` is the forge's, not ours, and counts only with `bare`. The message of a commit that takes another one back
/// closes nothing.
pub fn closed_by(message: &str, prefix: &str, bare: bool) -> Vec<IssueName> {
    let mut found: Vec<IssueName> = Vec::new();
    if message.trim_start().starts_with(REVERT) {
        return found;
    }
    let mut rest = message;
    while let Some((_, behind)) = next_word(rest) {
        rest = behind;
        let Some(mut list) = after_blank(behind) else { continue };
        while let Some((name, behind)) = name_at(list, prefix, bare) {
            if !found.contains(&name) {
                found.push(name);
            }
            rest = behind;
            match after_separator(behind) {
                Some(next) => list = next,
                None => break,
            }
        }
    }
    found
}

/// Finds the next word that closes; returns it and what is behind it.
fn next_word(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(start) = text[from..].find(|c: char| c.is_alphanumeric()).map(|at| from + at) {
        let end = text[start..].find(|c: char| !is_of_word(c)).map_or(text.len(), |at| start + at);
        let word = &text[start..end];
        let is_begin = text[..start].chars().next_back().is_none_or(|c| !is_of_word(c));
        if is_begin && WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            return Some((word, &text[end..]));
        }
        from = end;
    }
    None
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

/// Returns what is behind a blank, with or without a colon before it.
fn after_blank(text: &str) -> Option<&str> {
    let text = text.strip_prefix(':').unwrap_or(text);
    let rest = text.trim_start_matches([' ', '\t']);
    (rest.len() < text.len()).then_some(rest)
}

/// Returns what is behind a comma, `and` or `&`, which may be the next name.
fn after_separator(text: &str) -> Option<&str> {
    let behind_comma = text.strip_prefix(',').map(|rest| rest.trim_start_matches([' ', '\t']));
    let rest = behind_comma.unwrap_or(text).trim_start_matches([' ', '\t']);
    for word in ["and ", "& "] {
        if let Some(next) = rest.strip_prefix(word) {
            return Some(next.trim_start());
        }
    }
    behind_comma
}

/// Reads the name that a text begins with, and returns what is behind it.
fn name_at<'t>(text: &'t str, prefix: &str, bare: bool) -> Option<(IssueName, &'t str)> {
    let hash = usize::from(text.starts_with('#'));
    let end = text[hash..].find(|c: char| !is_of_word(c)).map_or(text.len(), |at| hash + at);
    let word = text[..end].trim_end_matches(['-', '_']);
    let name = IssueName::parse(word, prefix).ok()?;
    let has_prefix = hash == 0 && word.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_ours = has_prefix || name.suffix.is_some() || (bare && hash == 1);
    is_ours.then_some((name, &text[word.len()..]))
}

/// Returns the issue that a branch is named for: one part of its path is or begins with `42-k3f9`, `TIK-42` or
/// `TIK-42-k3f9`.
pub fn issue_of_branch(branch: &str, prefix: &str) -> Option<IssueName> {
    branch.split('/').rev().find_map(|part| {
        let words: Vec<&str> = part.splitn(4, '-').collect();
        let has_prefix = !prefix.is_empty() && words.first().is_some_and(|word| word.eq_ignore_ascii_case(prefix));
        let (number, suffix) = (words.get(usize::from(has_prefix))?, words.get(1 + usize::from(has_prefix)));
        let name = IssueName::parse(number, "").ok().filter(|_| !number.starts_with('#'))?;
        let suffix: Option<Suffix> = suffix.and_then(|suffix| suffix.parse().ok());
        (has_prefix || suffix.is_some()).then_some(IssueName { suffix, ..name })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(message: &str) -> Vec<String> {
        closed_by(message, "TIK", false).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_words_of_forges_close_our_issues() {
        for message in [
            "Fixes TIK-42",
            "fix tik-42.",
            "Read once (closes: TIK-42)",
            "Text\n\nResolved TIK-42\n",
            "CLOSE\tTIK-42, at last",
        ] {
            assert_eq!(closed(message), ["42"], "{message}");
        }
        assert_eq!(closed("Fixes 42-k3f9"), ["42-k3f9"]);
        assert_eq!(closed("Fixes #42-k3f9"), ["42-k3f9"]);
        assert_eq!(closed("Fixes TIK-42-k3f9!"), ["42-k3f9"]);
        assert_eq!(closed("Fixes TIK-1, TIK-2, and 7-0c4d and TIK-1; closes TIK-3"), ["1", "2", "7-0c4d", "3"]);
    }

    #[test]
    fn what_is_somebody_elses_or_no_name_closes_nothing() {
        for message in [
            "Fixes #42",
            "Fixes 42",
            "Fixes org/repo#42",
            "Fixes https://example.org/issues/42",
            "Fixes ABC-42",
            "prefixes TIK-42",
            "hot-fix TIK-42",
            "fix_TIK-42",
            "Fixes\n\nTIK-42",
            "See TIK-42",
            "Fixes TIK-0",
            "Fixes TIK-42x",
            "Revert \"Read once (fixes TIK-42)\"",
            "",
        ] {
            assert_eq!(closed(message), Vec::<String>::new(), "{message}");
        }
        assert_eq!(closed_by("Fixes #42 and #7", "TIK", true).len(), 2);
        assert!(closed_by("Fixes 42", "TIK", true).is_empty());
    }

    #[test]
    fn a_branch_names_its_issue() {
        let of = |branch: &str| issue_of_branch(branch, "TIK").map(|name| name.to_string());
        for branch in ["42-k3f9", "42-k3f9-slow-cache", "ann/42-K3F9-x", "tik-42-k3f9-slow"] {
            assert_eq!(of(branch).as_deref(), Some("42-k3f9"), "{branch}");
        }
        for branch in ["TIK-42", "fix/TIK-42-slow-cache"] {
            assert_eq!(of(branch).as_deref(), Some("42"), "{branch}");
        }
        for branch in ["main", "42", "42-slow-cache", "v1.2", "release-42", "#42-k3f9", "", "-"] {
            assert_eq!(of(branch), None, "{branch}");
        }
    }
}

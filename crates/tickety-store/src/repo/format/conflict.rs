//! What git leaves in a file that it could not merge: both versions between markers.

/// The shortest marker. Git's are longer where a conflict lies in another one's base.
const SHORTEST: usize = 7;

/// The versions that the markers in a file hold, put together with what lies outside of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Versions {
    pub(crate) ours: String,
    /// Where both come from, if every conflict tells.
    pub(crate) base: Option<String>,
    pub(crate) theirs: String,
}

/// Takes a file with conflicts apart. `None` if it has none, or if it can't be told which lines are markers.
pub(crate) fn versions(text: &str) -> Option<Versions> {
    let size = text.lines().find_map(|line| {
        let size = line.len() - line.trim_start_matches('<').len();
        (size >= SHORTEST && is_marker(line, '<', size)).then_some(size)
    })?;
    let (mut ours, mut base, mut theirs) = (String::new(), String::new(), String::new());
    let mut has_base = true;
    let mut part = Part::Outside;
    for line in text.split_inclusive('\n') {
        let is = |mark: char| is_marker(line, mark, size);
        part = match part {
            Part::Outside if is('<') => Part::Ours,
            Part::Outside => {
                ours.push_str(line);
                base.push_str(line);
                theirs.push_str(line);
                Part::Outside
            }
            Part::Ours if is('|') => Part::Base,
            Part::Ours if is('=') => {
                has_base = false;
                Part::Theirs
            }
            Part::Base if is('=') => Part::Theirs,
            Part::Theirs if is('>') => Part::Outside,
            // A text may have such a line of its own, and nobody can tell which one is git's.
            _ if is('<') || is('|') || is('=') || is('>') => return None,
            Part::Ours => {
                ours.push_str(line);
                part
            }
            Part::Base => {
                base.push_str(line);
                part
            }
            Part::Theirs => {
                theirs.push_str(line);
                part
            }
        };
    }
    (part == Part::Outside).then(|| Versions { ours, base: has_base.then_some(base), theirs })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Outside,
    Ours,
    Base,
    Theirs,
}

/// Whether a line is a marker of this size: alone or with a label.
fn is_marker(line: &str, mark: char, size: usize) -> bool {
    let rest = line.trim_start_matches(mark);
    line.len() - rest.len() == size && (rest.is_empty() || rest.starts_with([' ', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<&str>, &str)>) {
        let found = versions(text);
        let found = found.as_ref().map(|found| (found.ours.as_str(), found.base.as_deref(), found.theirs.as_str()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn both_versions_are_put_together() {
        let text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\nd\n<<<<<<< HEAD\n=======\ne\n>>>>>>> topic\n";
        check(text, Some(("a\nb\nd\n", None, "a\nc\nd\ne\n")));
        check(&text.replace('\n', "\r\n"), Some(("a\r\nb\r\nd\r\n", None, "a\r\nc\r\nd\r\ne\r\n")));
    }

    #[test]
    fn the_base_is_there_where_every_conflict_tells_it() {
        let text = "a\n<<<<<<< HEAD\nb\n||||||| 1234567\n0\n=======\nc\n>>>>>>> topic\n";
        check(text, Some(("a\nb\n", Some("a\n0\n"), "a\nc\n")));
        let both = format!("{text}<<<<<<< HEAD\n=======\nd\n>>>>>>> topic\n");
        check(&both, Some(("a\nb\n", None, "a\nc\nd\n")));
    }

    #[test]
    fn what_cannot_be_told_apart_is_left_alone() {
        check("a\n", None);
        check("<<<<<<< HEAD\na\n", None);
        check("<<<<<<< HEAD\na\n=======\nb\n=======\nc\n>>>>>>> topic\n", None);
        check("<<<<<<< HEAD\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> topic\n", None);
    }

    #[test]
    fn markers_of_another_size_are_text() {
        check(
            "<<<<<<<<< one\n<<<<<<< older\n=======\n=========\nb\n>>>>>>>>> two\n",
            Some(("<<<<<<< older\n=======\n", None, "b\n")),
        );
    }
}

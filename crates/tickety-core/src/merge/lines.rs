//! Merging texts by lines: what only one side changed is taken over, what both changed is kept twice, between markers.
//!
//! As git does it, two changes meet unless a line lies between them that neither touches. The differences are found by
//! the algorithm of Myers, the merge is diff3 (Khanna, Kunal and Pierce, 2007).

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// How many lines, of both texts and without what they begin and end with alike, are compared line by line. Beyond that
/// they count as one change: the time it takes grows with the square.
const COMPARED: usize = 40_000;

/// What begins the line before the first of two versions. The lines of a longer marker begin with it, too.
const OPENING: &str = "<<<<<<<";
/// The line between two versions.
const MIDDLE: char = '=';
/// What begins the line behind the second version.
const CLOSING: char = '>';

/// What the markers call two versions whose times are known, and two of which nobody knows which one is newer.
const NAMES: [[&str; 2]; 2] = [["older", "newer"], ["one side", "other side"]];

/// The texts of the two sides in the order in which a conflict shows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<'a> {
    pub(super) first: &'a str,
    pub(super) second: &'a str,
    /// Whether the first is the older one; otherwise nobody knows.
    pub(super) by_age: bool,
}

/// A merged text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct MergedText {
    pub(super) text: String,
    /// Whether it has markers of this merge.
    pub(super) conflict: bool,
}

/// Whether a text has both versions of something between markers, as a merge leaves them.
pub fn has_conflict(text: &str) -> bool {
    let is_marker = |line: &str, mark: char, name: &str| {
        let rest = line.trim_start_matches(mark);
        line.len() - rest.len() >= OPENING.len() && rest.strip_prefix(' ') == Some(name)
    };
    text.contains(OPENING)
        && NAMES.iter().any(|[first, second]| {
            let mut lines = text.lines();
            lines.any(|line| is_marker(line, '<', first)) && lines.any(|line| is_marker(line, CLOSING, second))
        })
}

/// Merges two texts that come from `base`. Where there is none, what only one of them has is taken over.
pub(super) fn merge(base: Option<&str>, sides: Sides<'_>) -> MergedText {
    let Sides { first, second, by_age } = sides;
    let clean = |text: &str| MergedText { text: text.to_owned(), conflict: false };
    if first == second || base == Some(second) {
        return clean(first);
    }
    if base == Some(first) {
        return clean(second);
    }
    let (first, second) = (split(first), split(second));
    let base = base.map_or_else(|| in_common(&first, &second), split);
    let size = marker_size(&first, &second);
    let mut out: Vec<String> = Vec::new();
    let mut conflict = false;
    for piece in pieces(&base, &first, &second) {
        match piece {
            Piece::Clean(lines) => out.extend(lines.iter().map(|line| (*line).to_owned())),
            Piece::Conflict(first, second) => {
                conflict = true;
                let [name, other] = NAMES[usize::from(!by_age)];
                let mark = |mark: char| mark.to_string().repeat(size);
                out.push(format!("{} {name}", mark('<')));
                out.extend(first.iter().map(|line| (*line).to_owned()));
                out.push(mark(MIDDLE));
                out.extend(second.iter().map(|line| (*line).to_owned()));
                out.push(format!("{} {other}", mark(CLOSING)));
            }
        }
    }
    MergedText { text: out.join("\n"), conflict }
}

/// A part of a merge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece<'l, 'a> {
    /// Lines that nobody changed, that one side changed, or both in the same way.
    Clean(&'l [&'a str]),
    /// Lines of the first and of the second side that took the place of the same lines.
    Conflict(&'l [&'a str], &'l [&'a str]),
}

/// Merges two sequences of lines that come from `base`, and returns the parts of the result in order.
pub fn pieces<'l, 'a>(base: &'l [&'a str], first: &'l [&'a str], second: &'l [&'a str]) -> Vec<Piece<'l, 'a>> {
    let [mut ours, mut theirs] = [first, second].map(|side| changes(base, side).into_iter().peekable());
    // How far each side is ahead of the base.
    let (mut our_lead, mut their_lead) = (0_isize, 0_isize);
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        let start = match (ours.peek(), theirs.peek()) {
            (Some(ours), Some(theirs)) => ours.base.start.min(theirs.base.start),
            (Some(one), None) | (None, Some(one)) => one.base.start,
            (None, None) => break,
        };
        if start > at {
            pieces.push(Piece::Clean(&base[at..start]));
        }
        let (our_start, their_start) = (place(start, our_lead), place(start, their_lead));
        let (mut end, mut touched) = (start, [false; 2]);
        loop {
            if let Some(change) =
                ours.next_if(|change| change.base.start <= end && (change.base.start < end || !touched[0]))
            {
                end = end.max(change.base.end);
                our_lead = change.lead();
                touched[0] = true;
            } else if let Some(change) =
                theirs.next_if(|change| change.base.start <= end && (change.base.start < end || !touched[1]))
            {
                end = end.max(change.base.end);
                their_lead = change.lead();
                touched[1] = true;
            } else {
                break;
            }
        }
        let ours = &first[our_start..place(end, our_lead)];
        let theirs = &second[their_start..place(end, their_lead)];
        match touched {
            [true, false] => pieces.push(Piece::Clean(ours)),
            [false, _] => pieces.push(Piece::Clean(theirs)),
            [true, true] => push_contested(&mut pieces, ours, theirs),
        }
        at = end;
    }
    pieces.push(Piece::Clean(&base[at..]));
    pieces.retain(|piece| *piece != Piece::Clean(&[]));
    pieces
}

/// Adds what both sides changed: what they begin and end with alike is no conflict.
fn push_contested<'l, 'a>(pieces: &mut Vec<Piece<'l, 'a>>, first: &'l [&'a str], second: &'l [&'a str]) {
    let (prefix, suffix) = (alike(first.iter(), second.iter()), |from: usize| {
        alike(first[from..].iter().rev(), second[from..].iter().rev())
    });
    let suffix = suffix(prefix);
    let (head, rest) = first.split_at(prefix);
    let (first, tail) = rest.split_at(rest.len() - suffix);
    let second = &second[prefix..second.len() - suffix];
    pieces.push(Piece::Clean(head));
    if !first.is_empty() || !second.is_empty() {
        pieces.push(Piece::Conflict(first, second));
    }
    pieces.push(Piece::Clean(tail));
}

/// Lines of the base and those that a side has in their place.
#[derive(Clone, Debug)]
struct LineChange {
    base: Range<usize>,
    side: Range<usize>,
}

impl LineChange {
    fn lead(&self) -> isize {
        self.side.end.cast_signed() - self.base.end.cast_signed()
    }
}

fn place(at: usize, lead: isize) -> usize {
    at.checked_add_signed(lead).expect("both sides are walked through with the base")
}

/// Returns what a side changed, in order and with unchanged lines between.
fn changes(base: &[&str], side: &[&str]) -> Vec<LineChange> {
    let prefix = alike(base.iter(), side.iter());
    let suffix = alike(base[prefix..].iter().rev(), side[prefix..].iter().rev());
    let (base, side) = (&base[prefix..base.len() - suffix], &side[prefix..side.len() - suffix]);
    let shift = |range: Range<usize>| range.start + prefix..range.end + prefix;
    if base.is_empty() && side.is_empty() {
        return Vec::new();
    }
    if base.len() + side.len() > COMPARED {
        return vec![LineChange { base: shift(0..base.len()), side: shift(0..side.len()) }];
    }
    capture_diff_slices(Algorithm::Myers, base, side)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| LineChange { base: shift(op.old_range()), side: shift(op.new_range()) })
        .collect()
}

/// Counts the items that two sequences begin with alike.
fn alike<T: PartialEq>(first: impl Iterator<Item = T>, second: impl Iterator<Item = T>) -> usize {
    first.zip(second).take_while(|(first, second)| first == second).count()
}

/// Returns lines that both have, in order: what two sides without a base are taken to come from.
fn in_common<'a>(first: &[&'a str], second: &[&'a str]) -> Vec<&'a str> {
    // Whichever side is given first, the same lines are found.
    let (one, other) = if first <= second { (first, second) } else { (second, first) };
    let mut at = 0;
    let mut common = Vec::new();
    for change in changes(one, other) {
        common.extend_from_slice(&one[at..change.base.start]);
        at = change.base.end;
    }
    common.extend_from_slice(&one[at..]);
    common
}

/// Returns the lines of a text; none of an empty one.
fn split(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('\n').collect() }
}

/// Returns a length of markers that no line of the texts has.
fn marker_size(first: &[&str], second: &[&str]) -> usize {
    let longest = first.iter().chain(second).map(|line| line.len() - line.trim_start_matches('<').len()).max();
    longest.map_or(OPENING.len(), |longest| OPENING.len().max(longest + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(base: &str, first: &str, second: &str) -> String {
        merge(Some(base), Sides { first, second, by_age: true }).text.replace('\n', "|")
    }

    #[test]
    fn changes_with_a_line_between_them_merge() {
        assert_eq!(merged("a\nb\nc", "A\nb\nc", "a\nb\nC"), "A|b|C");
        assert_eq!(merged("a\nb\nc", "a\nb\nc\nd", "0\na\nb\nc"), "0|a|b|c|d");
        assert_eq!(merged("a\nb\nc", "b\nc", "a\nb"), "b");
        assert_eq!(merged("a", "x\na", "a\ny"), "x|a|y");
    }

    #[test]
    fn what_both_change_is_kept_twice() {
        assert_eq!(merged("a\nb\nc", "a\nx\nc", "a\ny\nc"), "a|<<<<<<< older|x|=======|y|>>>>>>> newer|c");
        assert_eq!(merged("", "x", "y"), "<<<<<<< older|x|=======|y|>>>>>>> newer");
        assert_eq!(merged("a\nb", "A\nb", "a\nB"), "<<<<<<< older|A|b|=======|a|B|>>>>>>> newer");
        assert_eq!(merged("a", "", "b"), "<<<<<<< older|=======|b|>>>>>>> newer");
        // What both have is outside.
        assert_eq!(merged("a", "x\ny\nz", "x\n2\nz"), "x|<<<<<<< older|y|=======|2|>>>>>>> newer|z");
    }

    #[test]
    fn the_same_change_on_both_sides_is_one() {
        assert_eq!(merged("a\nb", "a\nx\nb", "a\nx\nb"), "a|x|b");
        assert_eq!(merged("a\nb\nc\nd", "A\nb\nc\nd", "A\nb\nc\nD"), "A|b|c|D");
    }

    #[test]
    fn markers_are_longer_than_those_that_are_there() {
        let text = merged("a", "<<<<<<< older\nx", "b");
        assert!(text.starts_with("<<<<<<<< older|<<<<<<< older|x|========|b|>>>>>>>>"), "{text}");
    }

    #[test]
    fn a_conflict_is_told_by_its_markers() {
        for by_age in [true, false] {
            let left = merge(Some("a"), Sides { first: "b", second: "c", by_age });
            assert!(left.conflict && has_conflict(&left.text));
        }
        for text in ["", "<<<<<<<", "<<<<<<< older", "<<<<<<< HEAD\n=======\n>>>>>>> topic", "see `<<<<<<< older`"] {
            assert!(!has_conflict(text), "{text}");
        }
    }

    #[test]
    fn without_a_base_nothing_that_one_side_has_is_lost() {
        let merge = |first, second| merge(None, Sides { first, second, by_age: false });
        assert_eq!(merge("a\nb", "a\nb\nc").text, "a\nb\nc");
        assert_eq!(merge("a\nb\nc", "0\na\nc").text, "0\na\nb\nc");
        assert!(merge("a\nx\nc", "a\ny\nc").conflict);
    }

    fn texts() -> impl Strategy<Value = String> {
        proptest::collection::vec("[abc]", 0..8).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn a_change_of_one_side_is_the_result(base in texts(), side in texts()) {
            for sides in [
                Sides { first: &base, second: &side, by_age: true },
                Sides { first: &side, second: &base, by_age: true },
            ] {
                prop_assert_eq!(merge(Some(&base), sides).text, side.clone());
            }
        }

        #[test]
        fn the_order_of_the_sides_matters_only_within_conflicts(base in texts(), one in texts(), other in texts()) {
            let (base, one, other) = (split(&base), split(&one), split(&other));
            let swapped = pieces(&base, &other, &one).into_iter().map(|piece| match piece {
                Piece::Conflict(first, second) => Piece::Conflict(second, first),
                clean => clean,
            });
            prop_assert_eq!(pieces(&base, &one, &other), swapped.collect::<Vec<_>>());
        }

        #[test]
        fn every_line_that_a_side_added_is_there(base in texts(), one in texts(), other in texts()) {
            let result = merge(Some(&base), Sides { first: &one, second: &other, by_age: true }).text;
            for side in [&one, &other] {
                for line in split(side).into_iter().filter(|line| !split(&base).contains(line)) {
                    prop_assert!(split(&result).contains(&line), "{} lost from {}", line, result);
                }
            }
        }
    }
}

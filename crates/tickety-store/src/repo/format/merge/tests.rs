//! Claims about merges of files.

use super::*;

const BASE: &str = "---
title: Base   # the title
id: 01a1fc01-c5a8-7c3e-9b1d-0000000a0602
created: 2026-11-21T02:48:57Z

x-team: core
status: open

priority: medium

labels:
  - a
  - b

# people
assignees: [ann, bob]

---

One.

Two.

Three.
";

fn key() -> IssueKey {
    "42-m1g2".parse::<KeyText>().unwrap().0
}

struct KeyText(IssueKey);

impl std::str::FromStr for KeyText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, suffix) = text.split_once('-').unwrap();
        let number = tickety_core::ident::IssueNumber::new(number.parse().unwrap()).unwrap();
        Ok(Self(IssueKey { number, suffix: suffix.parse().unwrap() }))
    }
}

fn file(text: &str) -> IssueFile<'_> {
    IssueFile { bytes: text.as_bytes(), key: key() }
}

/// Merges with theirs as the newer side, and the other way round, which must not matter.
fn merged(base: &str, ours: &str, theirs: &str) -> (String, MergedIssueFile) {
    let schema = Schema::default();
    let base = Some(file(base)).filter(|base| !base.bytes.is_empty());
    let [older, newer] = ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"].map(|time| Some(time.parse().unwrap()));
    let ours = Side::new(file(ours), older);
    let theirs = Side::new(file(theirs), newer);
    let merged = merge_issue_files(base, ours, theirs, &schema).unwrap();
    let swapped = merge_issue_files(base, theirs, ours, &schema).unwrap();
    assert_eq!(String::from_utf8_lossy(&merged.bytes), String::from_utf8_lossy(&swapped.bytes));
    (String::from_utf8(merged.bytes.clone()).unwrap(), merged)
}

fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(BASE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn what_nobody_touched_stays_byte_for_byte() {
    let ours = edited(&[("status: open", "status: in-progress"), ("One.", "1.")]);
    let theirs =
        edited(&[("priority: medium", "priority: high # soon"), ("  - b\n", "  - b\n  - c\n"), ("Three", "3")]);
    let (text, merged) = self::merged(BASE, &ours, &theirs);
    let expected = edited(&[
        ("status: open", "status: in-progress"),
        ("One.", "1."),
        ("priority: medium", "priority: high # soon"),
        ("  - b\n", "  - b\n  - c\n"),
        ("Three", "3"),
    ]);
    assert_eq!(text, expected);
    assert!(merged.merged.overruled.is_empty());
}

#[test]
fn items_added_at_one_place_are_both_there() {
    let ours = edited(&[("  - b\n", "  - b\n  - c\n"), ("[ann, bob]", "[ann, bob, carl]")]);
    let theirs = edited(&[("  - b\n", "  - d\n"), ("[ann, bob]", "[bob]")]);
    let (text, _) = merged(BASE, &ours, &theirs);
    assert!(text.contains("labels:\n  - a\n  - c\n  - d\n"), "{text}");
    assert!(
        text.contains("# people\nassignees:\n  - bob\n  - carl\n") || text.contains("assignees: [bob, carl]"),
        "{text}"
    );
}

#[test]
fn unknown_keys_and_comments_of_both_sides_are_kept() {
    let ours = edited(&[("x-team: core\n", "x-team: core\nx-ours:\n  deep: 1\n"), ("title: Base", "title: Ours")]);
    let theirs = edited(&[("# people", "# people, by name"), ("\n---\n\nOne", "\nx-theirs: 2\n---\n\nOne")]);
    let (text, _) = merged(BASE, &ours, &theirs);
    for part in ["x-ours:\n  deep: 1\n", "x-theirs: 2\n", "# people, by name", "title: Ours   # the title"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

#[test]
fn an_unknown_key_that_both_changed_is_the_newer_ones_and_the_other_is_noted() {
    let (text, merged) =
        merged(BASE, &edited(&[("x-team: core", "x-team: ours")]), &edited(&[("x-team: core", "x-team: theirs")]));
    assert!(text.contains("x-team: theirs"), "{text}");
    assert_eq!(merged.merged.overruled[0].field, "x-team");
    assert!(merged.merged.notes[0].body.contains("> x-team: ours"), "{:?}", merged.merged.notes);
}

#[test]
fn unknown_keys_in_the_way_of_other_changes_are_not_lost() {
    // Both sides change lines that touch, so that the newer one's stand, and each adds a key among them.
    let ours = edited(&[("x-team: core\nstatus: open", "x-a: 1\nstatus: in-progress")]);
    let theirs = edited(&[("x-team: core\nstatus: open", "x-team: core\nx-b: 2\nstatus: review")]);
    let (text, merged) = merged(BASE, &ours, &theirs);
    assert!(text.contains("x-a: 1") && text.contains("x-b: 2") && !text.contains("x-team"), "{text}");
    assert!(text.contains("status: review"));
    assert_eq!(merged.merged.overruled.len(), 1);
}

#[test]
fn a_conflict_in_the_body_stays_there_and_the_file_can_be_read() {
    let (text, merged) = merged(BASE, &edited(&[("Two.", "Zwei.")]), &edited(&[("Two.", "Deux.")]));
    assert!(merged.merged.body_conflict);
    assert!(text.contains("\\<<<<<<< older\nZwei.\n=======\nDeux.\n>>>>>>> newer\n"), "{text}");
    let read = parse_issue(text.as_bytes(), key(), &Schema::default()).unwrap();
    assert!(tickety_core::merge::has_conflict(&read.body));
}

#[test]
fn line_breaks_are_those_of_the_side_that_changed_them() {
    let windows = |text: &str| text.replace('\n', "\r\n");
    let (ours, theirs) = (edited(&[("status: open", "status: review")]), edited(&[("Three", "3")]));
    let both = edited(&[("status: open", "status: review"), ("Three", "3")]);
    assert_eq!(merged(&windows(BASE), &windows(&ours), &windows(&theirs)).0, windows(&both));
    assert_eq!(merged(BASE, &windows(&ours), &theirs).0, windows(&both));
}

#[test]
fn line_breaks_that_a_file_mixes_lose_nothing_that_it_says() {
    let windows = |text: &str| text.replace('\n', "\r\n");
    let imported = ("created:", "updated: 2026-01-02T00:00:00Z\ncreated:");
    let (base, ours) = (edited(&[imported]), edited(&[imported, ("status: open", "status: review")]));
    // Of a line break with one half too many, and of one of the other kind in the text.
    let (odd, mixed) = (windows(&base).replace("One.\r\n", "One.\r\r\n"), base.replace("One.\n", "One.\r\n"));
    for (base, ours, theirs) in [
        (windows(&base), windows(&ours), odd.replace("Three", "3")),
        (base.clone(), windows(&ours), mixed.replace("Three", "3")),
        (base, ours, mixed.replace("Three", "3")),
    ] {
        let says = |text: &str| parse_issue(text.as_bytes(), key(), &Schema::default()).unwrap();
        let (text, merged) = merged(&base, &ours, &theirs);
        let read = says(&text);
        assert_eq!(Some(&read), merged.merged.issue.as_ref(), "{text:?}");
        assert_eq!((&read.body, read.status.as_str()), (&says(&theirs).body, "review"), "{text:?}");
        assert!(read.imported_updated.is_some(), "{text:?}");
    }
}

#[test]
fn a_base_with_markers_is_merged_first() {
    let base = edited(&[(
        "priority: medium\n",
        "<<<<<<<<< Temporary merge branch 1\npriority: low\n||||||||| 1234567\npriority: medium\n=========\npriority: medium\n>>>>>>>>> Temporary merge branch 2\n",
    )]);
    let ours = edited(&[("priority: medium", "priority: low"), ("  - a\n", "")]);
    let theirs = edited(&[("priority: medium", "priority: high")]);
    let (text, merged) = merged(&base, &ours, &theirs);
    assert!(text.contains("priority: high") && !text.contains("  - a"), "{text}");
    assert!(merged.merged.overruled.is_empty());
}

#[test]
fn different_issues_of_one_name_are_not_mixed() {
    let other = edited(&[("01a1fc01-c5a8", "01a1fc01-c5a9")]);
    let side = |text| Side::new(file(text), None);
    let failed = merge_issue_files(None, side(BASE), side(&other), &Schema::default());
    assert_eq!(failed.unwrap_err(), MergeError::OtherRecord);
    let failed = merge_issue_files(None, side(BASE), side("---\n"), &Schema::default());
    assert!(matches!(failed.unwrap_err(), MergeError::Theirs(_)));
}

#[test]
fn comments_are_merged_like_issues() {
    let base = "---\nid: 01a1fd9a-0b20-7a30-8c11-0000000e5d1d\nauthor: Ann\ncreated: 2026-11-21T10:15:00Z\nx-mood: fine\n---\n\nOne.\n\nTwo.\n\nThree.\n";
    let suffix = Suffix::of("01a1fd9a-0b20-7a30-8c11-0000000e5d1d".parse().unwrap());
    let (ours, theirs) = (base.replace("One", "1").replace("x-mood: fine\n", ""), base.replace("Three", "3"));
    let side = |text: &'static str| Side::new(text.as_bytes(), None);
    let (ours, theirs) = (ours.leak(), theirs.leak());
    let merged = merge_comment_files(Some(base.as_bytes()), side(ours), side(theirs), suffix).unwrap();
    let expected = base.replace("One", "1").replace("Three", "3").replace("x-mood: fine\n", "");
    assert_eq!(String::from_utf8(merged.bytes).unwrap(), expected);
    assert!(!merged.conflict);
}

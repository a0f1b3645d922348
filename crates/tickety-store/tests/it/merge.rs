//! Edits on two branches under stock git, without any driver: what merges, and that a clean merge
//! holds both edits. docs/format.md shows the table that is checked here.

mod edits;
mod git;

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tickety_core::Issue;
use tickety_core::issue::FieldValue;
use tickety_core::query::arbitrary;
use tickety_core::schema::Schema;
use tickety_store::repo::format::{edit_issue, parse_issue, print_issue};

use edits::{EDITS, Edit, Side, full, new};
use git::{Merged, Scratch};

/// An issue that two branches start from.
struct Base {
    issue: Issue,
    file: Vec<u8>,
}

impl Base {
    fn new(issue: Issue, schema: &Schema) -> Self {
        let file = print_issue(&issue, schema).unwrap();
        Self { issue, file }
    }

    /// The same issue in a file with the line breaks of Windows.
    fn with_carriage_returns(self) -> Self {
        let file = String::from_utf8(self.file).unwrap().replace('\n', "\r\n").into_bytes();
        Self { file, ..self }
    }
}

/// Two edits, by their places in [`EDITS`].
type Pair = (usize, usize);

fn pairs() -> impl Iterator<Item = Pair> {
    (0..EDITS.len()).flat_map(|ours| (ours..EDITS.len()).map(move |theirs| (ours, theirs)))
}

/// Merges every pair of edits of every base. `None` where an edit changes nothing of that base.
fn merge_all(scratch: &Scratch, bases: &[Base], schema: &Schema) -> Vec<BTreeMap<Pair, Option<Merged>>> {
    let mut branches = scratch.branches();
    for (base_index, base) in bases.iter().enumerate() {
        let root = format!("base-{base_index}");
        branches.root(&root, &base.file);
        for (index, edit) in EDITS.iter().enumerate() {
            for side in Side::BOTH {
                if let Some(files) = edit.files(base, side, schema) {
                    branches.child(&branch(base_index, index, side), &root, &files);
                }
            }
        }
    }
    let made = branches.make();
    let wanted: Vec<(usize, Pair)> = (0..bases.len()).flat_map(|base| pairs().map(move |pair| (base, pair))).collect();
    let sides =
        |(base, (ours, theirs)): (usize, Pair)| (branch(base, ours, Side::Ours), branch(base, theirs, Side::Theirs));
    let possible: Vec<(String, String)> = wanted
        .iter()
        .map(|&pair| sides(pair))
        .filter(|(ours, theirs)| made.contains(ours) && made.contains(theirs))
        .collect();
    let mut merged = possible.iter().cloned().zip(scratch.merge(&possible)).collect::<BTreeMap<_, _>>();
    let mut results: Vec<BTreeMap<Pair, Option<Merged>>> = bases.iter().map(|_| BTreeMap::new()).collect();
    for (base, pair) in wanted {
        results[base].insert(pair, merged.remove(&sides((base, pair))));
    }
    results
}

fn branch(base: usize, edit: usize, side: Side) -> String {
    format!("edit-{base}-{edit}-{side:?}")
}

/// Asserts that a clean merge reads as both edits one after the other.
fn assert_holds_both(base: &Base, (ours, theirs): Pair, merged: &Merged, schema: &Schema) {
    let (ours, theirs) = (&EDITS[ours], &EDITS[theirs]);
    if ours.deletes() || theirs.deletes() {
        for (edit, side) in [(ours, Side::Ours), (theirs, Side::Theirs)] {
            assert!(edit.is_kept(merged, side), "{} is lost with the issue: {:?}", edit.name, merged.names);
        }
        return;
    }
    let file = merged.file.as_deref().expect("a clean merge has the file");
    let context = || format!("{} + {}\n{}", ours.name, theirs.name, String::from_utf8_lossy(file));
    let read = parse_issue(file, base.issue.key(), schema).unwrap_or_else(|error| panic!("{error}: {}", context()));
    let mut expected = base.issue.clone();
    ours.apply(&mut expected, Side::Ours);
    theirs.apply(&mut expected, Side::Theirs);
    assert_eq!(read, expected, "{}", context());
    for (edit, side) in [(ours, Side::Ours), (theirs, Side::Theirs)] {
        assert!(edit.is_kept(merged, side), "{} is lost: {}", edit.name, context());
    }
}

/// Asserts that edits of different things merge, and merge right.
fn assert_merges(base: &Base, results: &BTreeMap<Pair, Option<Merged>>, schema: &Schema) {
    for (&(ours, theirs), merged) in results {
        let Some(merged) = merged else { continue };
        if merged.clean {
            assert_holds_both(base, (ours, theirs), merged, schema);
        } else {
            let (ours, theirs) = (&EDITS[ours], &EDITS[theirs]);
            let base = String::from_utf8_lossy(&base.file);
            assert!(ours.meets(theirs), "{} and {} conflict in\n{base}", ours.name, theirs.name);
        }
    }
}

/// Draws the table of docs/format.md.
fn table(new: &BTreeMap<Pair, Option<Merged>>, full: &BTreeMap<Pair, Option<Merged>>) -> String {
    let mut table = format!("{:28}", "");
    for number in 1..=EDITS.len() {
        table.push_str(&format!("{number:3}"));
    }
    table.push('\n');
    for (row, edit) in EDITS.iter().enumerate() {
        table.push_str(&format!("{:2}  {:24}", row + 1, edit.name));
        for column in 0..=row {
            let clean = |results: &BTreeMap<Pair, Option<Merged>>| {
                results[&(column, row)].as_ref().is_none_or(|merged| merged.clean)
            };
            // What is added beside the issue's file, git leaves there alone.
            let is_alone = full[&(column, row)]
                .as_ref()
                .is_some_and(|merged| merged.clean && merged.file.is_none() && !merged.names.is_empty());
            table.push_str(match (clean(new), clean(full)) {
                (true, true) if is_alone => "  o",
                (true, true) => "  .",
                (false, true) => "  n",
                (_, false) => "  x",
            });
        }
        table.push('\n');
    }
    table
}

#[test]
fn edits_of_different_things_merge_as_the_documentation_shows() {
    let schema = edits::schema();
    let bases = [
        Base::new(new(), &schema),
        Base::new(full(), &schema),
        Base::new(edits::imported(), &schema),
        Base::new(full(), &schema).with_carriage_returns(),
    ];
    let scratch = Scratch::new();
    let results = merge_all(&scratch, &bases, &schema);
    for (base, results) in bases.iter().zip(&results) {
        assert_merges(base, results, &schema);
    }
    let shown = table(&results[0], &results[1]);
    for (other, what) in [(&results[2], "imported"), (&results[3], "with carriage returns")] {
        assert_eq!(table(&results[0], other), shown, "an issue {what} merges differently");
    }
    let document = include_str!("../../../../docs/format.md");
    let documented = document.split("```text\n").find(|part| part.trim_start().starts_with("1  2  3")).unwrap_or("");
    let documented = documented.split("```").next().unwrap_or("");
    assert_eq!(documented, shown, "docs/format.md shows another table; it should be\n{shown}");
}

/// Between two fields lies one empty line, and git takes what is added there for added behind it.
#[test]
fn a_custom_field_meets_the_edits_of_the_one_that_it_is_added_before() {
    let schema = edits::schema();
    let base = Base::new(full(), &schema);
    let edited = |edit: &dyn Fn(&mut Issue)| {
        let mut after = base.issue.clone();
        edit(&mut after);
        edit_issue(&base.file, &after, &schema).unwrap()
    };
    let set = |key: &str, value: &str| {
        edited(&|issue| drop(issue.fields.insert(key.to_owned(), FieldValue::Text(value.to_owned()))))
    };
    let removed = edited(&|issue| drop(issue.fields.remove("area")));
    let scratch = Scratch::new();
    for (added, other, merges) in [
        ("a", &removed, false),
        ("a", &set("area", "ui"), false),
        ("b", &removed, true),
        ("b", &set("area", "ui"), true),
        ("b", &set("severity", "S1"), false),
    ] {
        let (clean, file) = scratch.merge_files(&set(added, "new"), &base.file, other);
        let file = String::from_utf8_lossy(&file);
        assert_eq!(clean, merges, "{added}:\n{file}");
    }
}

#[test]
fn edits_of_different_things_merge_in_any_issue() {
    const ISSUES: usize = 5;
    let schema = arbitrary::schema();
    let mut runner = TestRunner::deterministic();
    let issues = arbitrary::issues(1..6).prop_map(|mut issues| {
        let mut issue = issues.pop().expect("there is one at least");
        issue.comments.clear();
        issue
    });
    let bases: Vec<Base> =
        (0..ISSUES).map(|_| Base::new(issues.new_tree(&mut runner).unwrap().current(), &schema)).collect();
    let scratch = Scratch::new();
    for (base, results) in bases.iter().zip(merge_all(&scratch, &bases, &schema)) {
        assert_merges(base, &results, &schema);
    }
}

#[test]
fn the_algorithm_of_older_gits_merges_the_same() {
    let schema = edits::schema();
    let scratch = Scratch::new();
    let bases = [Base::new(full(), &schema)];
    let results = merge_all(&scratch, &bases, &schema);
    let side = |edit: &Edit, side| edit.files(&bases[0], side, &schema).and_then(|files| files.issue);
    // Edits meet only where they are neighbours, and each merge here is a process of its own.
    for (&(ours, theirs), merged) in results[0].iter().filter(|((ours, theirs), _)| theirs - ours < 4) {
        let (Some(ours_file), Some(theirs_file)) = (side(&EDITS[ours], Side::Ours), side(&EDITS[theirs], Side::Theirs))
        else {
            continue;
        };
        let merged = merged.as_ref().expect("both edits change the issue");
        let (clean, file) = scratch.merge_files(&ours_file, &bases[0].file, &theirs_file);
        let names = (EDITS[ours].name, EDITS[theirs].name);
        assert_eq!(clean, merged.clean, "{names:?}");
        if clean {
            assert_eq!(Some(&file), merged.file.as_ref(), "{names:?}");
        }
    }
}

#[test]
fn a_merge_in_a_work_tree_is_the_same() {
    let schema = edits::schema();
    let scratch = Scratch::new();
    let bases = [Base::new(full(), &schema)];
    let results = merge_all(&scratch, &bases, &schema);
    // One of each row of the table, conflicts among them.
    for row in 0..EDITS.len() {
        let pair = (row / 2, row);
        let Some(merged) = &results[0][&pair] else { continue };
        let (ours, theirs) = (branch(0, pair.0, Side::Ours), branch(0, pair.1, Side::Theirs));
        let (clean, file) = scratch.merge_in_work_tree(&ours, &theirs);
        assert_eq!(clean, merged.clean, "{} + {}", EDITS[pair.0].name, EDITS[pair.1].name);
        if clean {
            assert_eq!(Some(file), merged.file, "{} + {}", EDITS[pair.0].name, EDITS[pair.1].name);
        }
    }
}

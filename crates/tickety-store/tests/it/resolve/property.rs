//! Random edits on three clones that are merged in random orders by stock git and `resolve`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pollster::block_on;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tickety_core::Issue;
use tickety_core::ident::{IssueId, IssueSelector};
use tickety_core::issue::{CloseReason, FieldValue, Priority};
use tickety_core::operation::{Change, DraftComment};
use tickety_store::IssueStorage as _;

use super::clones::Clones;
use crate::home::update;

const NAMES: [&str; 3] = ["ann", "bob", "carl"];
const ISSUES: usize = 2;
/// How many cases are tried unless `PROPTEST_CASES` says otherwise: each starts git some hundred times.
const CASES: u32 = 4;

/// What somebody does in a clone.
#[derive(Clone, Debug)]
enum Step {
    Edit { clone: usize, issue: usize, edits: Vec<Edit> },
    Merge { clone: usize, other: usize },
    Renumber { clone: usize, issue: usize },
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Title,
    Milestone,
    Field(&'static str),
    Priority(Priority),
    AddLabel,
    RemoveLabel,
    Comment,
    FirstLine,
    LastLine,
    ChangeLine,
    Close,
    Reopen,
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        Just(Edit::Title),
        Just(Edit::Milestone),
        select(vec!["area", "zone"]).prop_map(Edit::Field),
        select(Priority::ALL.to_vec()).prop_map(Edit::Priority),
        Just(Edit::AddLabel),
        Just(Edit::AddLabel),
        Just(Edit::RemoveLabel),
        Just(Edit::Comment),
        Just(Edit::FirstLine),
        Just(Edit::LastLine),
        Just(Edit::ChangeLine),
        Just(Edit::Close),
        Just(Edit::Reopen),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let clone = || 0..NAMES.len();
    let edit = (clone(), 0..ISSUES, proptest::collection::vec(edits(), 1..4))
        .prop_map(|(clone, issue, edits)| Step::Edit { clone, issue, edits });
    let merge = (clone(), 1..NAMES.len())
        .prop_map(|(clone, ahead)| Step::Merge { clone, other: (clone + ahead) % NAMES.len() });
    let renumber = (clone(), 0..ISSUES).prop_map(|(clone, issue)| Step::Renumber { clone, issue });
    proptest::collection::vec(prop_oneof![6 => edit, 3 => merge, 1 => renumber], 4..18)
}

/// What was written so far, and what whoever wrote later had seen.
#[derive(Default)]
struct Written {
    count: usize,
    labels: BTreeSet<String>,
    removed: BTreeSet<String>,
    comments: BTreeSet<String>,
    /// Values of which each issue has one, and lines.
    values: BTreeSet<String>,
    /// Those that somebody replaced who had them before their eyes.
    replaced: BTreeSet<String>,
}

impl Written {
    fn fresh(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{}", self.count)
    }

    fn replace(&mut self, old: Option<String>, what: &str) -> String {
        self.replaced.extend(old);
        let new = self.fresh(what);
        self.values.insert(new.clone());
        new
    }

    /// Makes up the change, and notes what it writes and what it replaces.
    fn change(&mut self, edit: Edit, issue: &Issue) -> Option<Change> {
        let note = || issue.closure.as_ref().and_then(|closure| closure.note.clone());
        Some(match edit {
            Edit::Title => Change::Title(self.replace(Some(issue.title.clone()), "title")),
            Edit::Milestone => Change::Milestone(Some(self.replace(issue.milestone.clone(), "milestone"))),
            Edit::Field(key) => {
                let value = self.replace(issue.fields.get(key).map(ToString::to_string), "value");
                Change::Field { key: key.to_owned(), value: Some(FieldValue::Text(value)) }
            }
            Edit::Priority(priority) => Change::Priority(priority),
            Edit::AddLabel => {
                let label = self.fresh("label");
                self.labels.insert(label.clone());
                Change::AddLabel(label)
            }
            Edit::RemoveLabel => {
                let label = issue.labels.first()?.clone();
                self.removed.insert(label.clone());
                Change::RemoveLabel(label)
            }
            Edit::Comment => {
                let text = self.fresh("comment");
                self.comments.insert(text.clone());
                Change::AddComment(DraftComment::new(text))
            }
            Edit::FirstLine => Change::Body(format!("{}\n{}", self.replace(None, "line"), issue.body)),
            Edit::LastLine => Change::Body(format!("{}\n{}", issue.body, self.replace(None, "line"))),
            Edit::ChangeLine => {
                let line = issue.body.lines().find(|line| line.starts_with("line-"))?;
                let new = self.replace(Some(line.to_owned()), "line");
                let lines = issue.body.lines().map(|other| if other == line { new.as_str() } else { other });
                Change::Body(lines.collect::<Vec<_>>().join("\n"))
            }
            Edit::Close => {
                let note = Some(self.replace(note(), "note"));
                Change::Close { reason: CloseReason::Completed, note }
            }
            Edit::Reopen => {
                issue.closure.as_ref()?;
                self.replaced.extend(note());
                Change::Reopen
            }
        })
    }

    /// Asserts that everything written is there, or was replaced by somebody who knew it.
    fn assert_nothing_is_lost(&self, issues: &[Issue]) {
        let labels: BTreeSet<String> = issues.iter().flat_map(|issue| issue.labels.clone()).collect();
        let expected: BTreeSet<String> = self.labels.difference(&self.removed).cloned().collect();
        assert_eq!(labels, expected, "labels");
        let comments: Vec<&str> =
            issues.iter().flat_map(|issue| issue.comments.iter().map(|comment| comment.body.as_str())).collect();
        for text in &self.comments {
            assert_eq!(comments.iter().filter(|comment| *comment == text).count(), 1, "{text}");
        }
        let all: String = issues.iter().map(|issue| format!("{issue:?}\n")).collect();
        let is_there = |value: &str| {
            all.match_indices(value)
                .any(|(at, _)| !all[at + value.len()..].starts_with(|next: char| next.is_ascii_digit()))
        };
        for value in self.values.difference(&self.replaced) {
            assert!(is_there(value), "{value} is lost:\n{all}");
        }
    }
}

/// Reads an issue by its identity, whatever its number.
fn read(clones: &Clones, clone: &str, id: IssueId) -> Issue {
    block_on(clones.store(clone).get(IssueSelector::Id(id))).unwrap().issue
}

fn take(step: &Step, clones: &Clones, ids: &[IssueId], written: &mut Written) {
    match step {
        Step::Edit { clone, issue, edits } => {
            let (clone, id) = (NAMES[*clone], ids[*issue]);
            clones.pass();
            for edit in edits {
                if let Some(change) = written.change(*edit, &read(clones, clone, id)) {
                    clones.apply_only(clone, vec![update(IssueSelector::Id(id), vec![change])]);
                }
            }
            clones.commit(clone);
        }
        Step::Merge { clone, other } => drop(clones.merge_and_resolve(NAMES[*clone], NAMES[*other])),
        Step::Renumber { clone, issue } => {
            let selector = IssueSelector::Id(ids[*issue]);
            clones.store(NAMES[*clone]).renumber(&[(selector, None)], (None, clones.now())).unwrap();
            clones.commit(NAMES[*clone]);
        }
    }
}

/// Asserts that all files can be read, and that the index says the same as one made afresh.
fn assert_sound(clones: &Clones, clone: &str) {
    let store = clones.store(clone);
    assert_eq!(block_on(store.problems()).unwrap(), []);
    assert!(store.verify_index().unwrap().is_empty());
    for file in clones.files(clone) {
        let text = fs::read_to_string(clones.path(clone).join(&file)).unwrap();
        assert!(!text.starts_with("<<<<<<<") && !text.contains("\n<<<<<<<"), "{file}:\n{text}");
    }
}

fn check(steps: &[Step]) {
    let clones = Clones::new(&NAMES, &["first", "second"]);
    let ids: Vec<IssueId> = (1..=2).map(|number| clones.issue(NAMES[0], number).id).collect();
    let mut written = Written::default();
    for step in steps {
        take(step, &clones, &ids, &mut written);
    }
    let before = clones.git("bob", &["rev-parse", "HEAD"]).trim().to_owned();
    // Whoever merges whom, the result is the same.
    clones.merge_and_resolve("bob", "ann");
    let of_bob = clones.tree("bob");
    clones.git("bob", &["tag", "merged"]);
    clones.git("bob", &["reset", "--quiet", "--hard", &before]);
    clones.merge_and_resolve("ann", "bob");
    assert_eq!(clones.tree("ann"), of_bob);
    clones.git("bob", &["reset", "--quiet", "--hard", "merged"]);
    let mut trees = BTreeMap::new();
    for _ in 0..3 {
        for (place, clone) in NAMES.iter().enumerate() {
            for ahead in 1..NAMES.len() {
                clones.merge_and_resolve(clone, NAMES[(place + ahead) % NAMES.len()]);
            }
        }
        trees = NAMES.iter().map(|clone| (*clone, clones.tree(clone))).collect();
        if trees.values().collect::<BTreeSet<_>>().len() == 1 {
            break;
        }
    }
    assert_eq!(trees.values().collect::<BTreeSet<_>>().len(), 1, "{trees:?}");
    for clone in NAMES {
        assert_sound(&clones, clone);
    }
    let issues: Vec<Issue> = ids.iter().map(|id| read(&clones, NAMES[0], *id)).collect();
    written.assert_nothing_is_lost(&issues);
}

#[test]
fn whatever_three_clones_do_nothing_is_lost_and_all_come_to_the_same() {
    let config = Config::default();
    let cases = if config.cases == 256 { CASES } else { config.cases };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..config };
    let done = TestRunner::new(config).run(&steps(), |steps| {
        check(&steps);
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}

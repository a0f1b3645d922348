//! Random edits on three clones that are merged in random orders by stock git and `resolve`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pollster::block_on;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tickety_core::Issue;
use tickety_core::ident::{IssueId, IssueSelector};
use tickety_core::issue::{CloseReason, Comment, FieldValue, Priority};
use tickety_core::operation::{Change, DraftComment, Operation};
use tickety_store::{IssueStorage as _, StorageError};

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
    Delete { clone: usize, issue: usize },
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
    ChangeComment,
    RemoveComment,
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
        Just(Edit::ChangeComment),
        Just(Edit::RemoveComment),
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
    let delete = (clone(), 0..ISSUES).prop_map(|(clone, issue)| Step::Delete { clone, issue });
    proptest::collection::vec(prop_oneof![12 => edit, 6 => merge, 2 => renumber, 1 => delete], 4..18)
}

/// What was written so far, and what whoever wrote later had seen.
#[derive(Default)]
struct Written {
    count: usize,
    labels: BTreeSet<String>,
    removed: BTreeSet<String>,
    comments: BTreeSet<String>,
    /// What somebody removed or deleted who had it before their eyes: it may be there all the same, where somebody else
    /// went on with it.
    given_up: BTreeSet<String>,
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
            Edit::ChangeComment => {
                let comment = own_comments(issue).next()?;
                self.given_up.insert(comment.body.clone());
                let body = self.fresh("comment");
                self.comments.insert(body.clone());
                Change::EditComment { id: comment.id, body }
            }
            Edit::RemoveComment => {
                let comment = own_comments(issue).next()?;
                self.given_up.insert(comment.body.clone());
                Change::RemoveComment(comment.id)
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

    /// Notes what goes with an issue that somebody deletes.
    fn give_up(&mut self, issue: &Issue) {
        let Issue { title, body, labels, milestone, fields, comments, closure, .. } = issue;
        self.given_up.extend(labels.iter().cloned().chain([title.clone()]).chain(milestone.clone()));
        self.given_up.extend(body.lines().map(str::to_owned).chain(fields.values().map(ToString::to_string)));
        self.given_up.extend(closure.iter().filter_map(|closure| closure.note.clone()));
        for comment in comments {
            // A value that gave way in a merge is in one, too.
            self.given_up.extend(comment.body.lines().map(|line| line.trim_start_matches("> ").to_owned()));
        }
    }

    /// Asserts that everything written is there, or was replaced by somebody who knew it.
    fn assert_nothing_is_lost(&self, issues: &[Issue]) {
        let labels: BTreeSet<String> = issues.iter().flat_map(|issue| issue.labels.clone()).collect();
        let expected: BTreeSet<String> = self.labels.difference(&self.removed).cloned().collect();
        let missing: Vec<&String> =
            expected.difference(&labels).filter(|label| !self.given_up.contains(*label)).collect();
        assert!(missing.is_empty() && labels.is_subset(&expected), "labels: {labels:?}, without {missing:?}");
        let comments: Vec<&str> =
            issues.iter().flat_map(|issue| issue.comments.iter().map(|comment| comment.body.as_str())).collect();
        for text in &self.comments {
            // Two may have changed it at the same time: then both texts are in one comment.
            let is_it = |comment: &&&str| comment.lines().any(|line| line == text);
            let count = comments.iter().filter(is_it).count();
            assert!(count == 1 || count == 0 && self.given_up.contains(text), "{text}: {count} times");
        }
        let all: String = issues.iter().map(|issue| format!("{issue:?}\n")).collect();
        let is_there = |value: &str| {
            all.match_indices(value)
                .any(|(at, _)| !all[at + value.len()..].starts_with(|next: char| next.is_ascii_digit()))
        };
        for value in self.values.difference(&self.replaced) {
            assert!(is_there(value) || self.given_up.contains(value), "{value} is lost:\n{all}");
        }
    }
}

/// The comments that people wrote, and no merge.
fn own_comments(issue: &Issue) -> impl Iterator<Item = &Comment> {
    issue.comments.iter().filter(|comment| comment.body.starts_with("comment-"))
}

/// Reads an issue by its identity, whatever its number; `None` where it is deleted.
fn read(clones: &Clones, clone: &str, id: IssueId) -> Option<Issue> {
    match block_on(clones.store(clone).get(IssueSelector::Id(id))) {
        Err(StorageError::NotFound { .. }) => None,
        found => Some(found.unwrap().issue),
    }
}

fn take(step: &Step, clones: &Clones, ids: &[IssueId], written: &mut Written) {
    match step {
        Step::Edit { clone, issue, edits } => {
            let (clone, id) = (NAMES[*clone], ids[*issue]);
            clones.pass();
            for edit in edits {
                let Some(known) = read(clones, clone, id) else { return };
                if let Some(change) = written.change(*edit, &known) {
                    clones.apply_only(clone, vec![update(IssueSelector::Id(id), vec![change])]);
                }
            }
            clones.commit(clone);
        }
        Step::Merge { clone, other } => drop(clones.merge_and_resolve(NAMES[*clone], NAMES[*other])),
        Step::Renumber { clone, issue } => {
            let selector = IssueSelector::Id(ids[*issue]);
            if read(clones, NAMES[*clone], ids[*issue]).is_none() {
                return;
            }
            clones.store(NAMES[*clone]).renumber(&[(selector, None)], (None, clones.now())).unwrap();
            clones.commit(NAMES[*clone]);
        }
        Step::Delete { clone, issue } => {
            let (clone, id) = (NAMES[*clone], ids[*issue]);
            let Some(known) = read(clones, clone, id) else { return };
            written.give_up(&known);
            clones.apply(clone, vec![Operation::Delete { target: IssueSelector::Id(id).into(), expected: None }]);
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
    // Of issues that look alike, git takes one that was deleted for another that was renumbered.
    for (number, word) in [(1, "apple"), (2, "pear")] {
        let text: String = (0..60).map(|line| format!("The {word} of line {line}.\n")).collect();
        clones.edit(NAMES[0], number, vec![Change::Body(text)]);
    }
    for clone in &NAMES[1..] {
        clones.merge_and_resolve(clone, NAMES[0]);
    }
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
    let issues: Vec<Issue> = ids.iter().filter_map(|id| read(&clones, NAMES[0], *id)).collect();
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

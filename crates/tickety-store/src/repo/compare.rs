//! Which issues differ between two states, field by field.

use std::collections::{BTreeMap, BTreeSet};

use tickety_core::event::{Event, events_between};
use tickety_core::ident::{IssueId, IssueKey};
use tickety_core::issue::Issue;

use super::store::RepoStore;
use super::whole::Whole;
use crate::error::StorageError;
use crate::storage::RecordProblem;

/// What differs between two states of the issues.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// The commit before.
    pub from: String,
    /// The commit after; `None` for the checkout.
    pub to: Option<String>,
    /// The issues that differ, by name.
    pub issues: Vec<IssueChange>,
    /// What can't be read of either state: an issue that one of them hides so isn't in the list.
    pub problems: Vec<RecordProblem>,
}

/// How an issue differs.
#[derive(Clone, PartialEq, Debug)]
pub struct IssueChange {
    /// Its name after, or before if it is gone.
    pub key: IssueKey,
    /// Its identity.
    pub id: IssueId,
    /// Its title after, or before if it is gone.
    pub title: String,
    /// The names before and after, if it got another number.
    pub renumbered: Option<(IssueKey, IssueKey)>,
    /// What happened between the two, as if at once. Long texts are cut.
    pub events: Vec<Event>,
}

impl RepoStore {
    /// Compares the issues of a commit with those of another one, or with the checkout. Nothing is checked out.
    pub fn compare(&self, from: &str, to: Option<&str>) -> Result<Comparison, StorageError> {
        let git = self.git()?;
        let before = self.whole_of(&git, from)?;
        let after = match to {
            Some(reference) => self.whole_of(&git, reference)?,
            None => self.whole_here()?,
        };
        Ok(between(before, after))
    }
}

/// An issue under one of the names that it may have.
type Named<'w> = (IssueKey, &'w Issue);

/// Returns what each issue was and is: under the same name or, of those whose name is another one, by what they are. Of
/// a copy, one side has nothing.
fn pairs<'w>(before: &'w Whole, after: &'w Whole) -> Vec<(IssueId, Option<Named<'w>>, Option<Named<'w>>)> {
    fn by_id<'w>(whole: &'w Whole, other: &Whole) -> BTreeMap<IssueId, Vec<Named<'w>>> {
        let mut renamed: BTreeMap<IssueId, Vec<Named<'w>>> = BTreeMap::new();
        for (key, issue) in &whole.issues {
            if other.issues.get(key).is_none_or(|other| other.id != issue.id) {
                renamed.entry(issue.id).or_default().push((*key, issue));
            }
        }
        renamed
    }
    let named = before.issues.iter().filter_map(|(key, was)| {
        let is = after.issues.get(key).filter(|is| is.id == was.id)?;
        Some((was.id, Some((*key, was)), Some((*key, is))))
    });
    let mut pairs: Vec<_> = named.collect();
    let (old, new) = (by_id(before, after), by_id(after, before));
    let ids: BTreeSet<IssueId> = old.keys().chain(new.keys()).copied().collect();
    for id in ids {
        let none = Vec::new();
        let (old, new) = (old.get(&id).unwrap_or(&none), new.get(&id).unwrap_or(&none));
        for place in 0..old.len().max(new.len()) {
            pairs.push((id, old.get(place).copied(), new.get(place).copied()));
        }
    }
    pairs
}

fn between(before: Whole, after: Whole) -> Comparison {
    let mut issues = Vec::new();
    for (id, was, is) in pairs(&before, &after) {
        let Some((key, issue)) = is.or(was) else { continue };
        let hides = |whole: &Whole| whole.broken.contains(&key);
        if (was.is_none() && hides(&before)) || (is.is_none() && hides(&after)) {
            continue;
        }
        let events = events_between(key, was.map(|(_, issue)| issue), is.map(|(_, issue)| issue), &after.schema);
        let names = was.zip(is).map(|((from, _), (to, _))| (from, to));
        let renumbered = names.filter(|(from, to)| from != to);
        if !events.is_empty() || renumbered.is_some() {
            issues.push(IssueChange { key, id, title: issue.title.clone(), renumbered, events });
        }
    }
    issues.sort_by_key(|change| change.key);
    let mut problems = before.problems;
    problems.extend(after.problems);
    problems.sort();
    problems.dedup();
    Comparison { from: before.commit.unwrap_or_default(), to: after.commit, issues, problems }
}

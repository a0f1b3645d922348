//! What is wrong with the issues of one state, and not with those of another: what a change has brought in.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use tickety_core::graph;
use tickety_core::ident::{IssueId, IssueKey, IssueName, IssueNumber};
use tickety_core::issue::{Issue, LinkKind};
use tickety_core::merge::has_conflict;

use super::layout::{CommentStamp, RecordPath};
use super::load::shown;
use super::resolve::name_of;
use super::store::RepoStore;
use super::whole::{Whole, is_conflict};
use crate::error::StorageError;
use crate::storage::RecordProblem;

/// Something that is wrong with the issues.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Flaw {
    /// What sort of flaw it is.
    pub kind: FlawKind,
    /// The file that has it, if one has.
    pub path: Option<String>,
    /// The line, from 1, where one is to blame.
    pub line: Option<u32>,
    /// The issues that it is about.
    pub issues: Vec<IssueKey>,
    /// What is wrong and what to do.
    pub message: String,
}

/// The sorts of flaws.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FlawKind {
    /// A merge left its markers.
    Conflict,
    /// A record can't be read.
    Record,
    /// A comment's issue has no record.
    Comment,
    /// A merge put an edit of one record into another one.
    Mixture,
    /// Several issues have a number.
    Number,
    /// Several issues have an id.
    Id,
    /// A link leads nowhere, or to one of several.
    Link,
    /// Links go in a circle.
    Cycle,
}

impl FlawKind {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Record => "record",
            Self::Comment => "comment",
            Self::Mixture => "mixture",
            Self::Number => "number",
            Self::Id => "id",
            Self::Link => "link",
            Self::Cycle => "cycle",
        }
    }
}

impl RepoStore {
    /// Returns what is wrong with the issues in the checkout. With `base`, only what isn't wrong at that commit: what has
    /// been brought in since.
    pub fn flaws(&self, base: Option<&str>) -> Result<Vec<Flaw>, StorageError> {
        let base = match base {
            Some(reference) => self.whole_of(&self.git()?, reference)?,
            None => Whole::empty(std::sync::Arc::clone(&self.schema)),
        };
        let is_compared = base.commit.is_some();
        let mut flaws = brought_in(&base, &self.whole_here()?);
        for (lost, holder) in if is_compared { self.mix_ups()? } else { Vec::new() } {
            let message = format!(
                "has an edit of {}, for which a merge took it, and which is gone: `tickety resolve` puts both right",
                name_of(lost)
            );
            let (kind, path) = (FlawKind::Mixture, Some(shown(holder)));
            flaws.push(Flaw { kind, path, line: None, issues: vec![holder.issue, lost.issue], message });
        }
        flaws.sort();
        Ok(flaws)
    }
}

/// A link, by what doesn't change when an issue gets another number.
type Edge = (IssueId, LinkKind, IssueId);

/// What is kept of a state to compare it with another one.
#[derive(Debug, Default)]
struct Outline {
    numbers: BTreeMap<IssueNumber, BTreeSet<IssueId>>,
    ids: BTreeMap<IssueId, BTreeSet<IssueKey>>,
    /// The links that lead nowhere, with what their names may mean.
    lost: BTreeMap<(IssueId, LinkKind, IssueName), (IssueKey, Vec<IssueKey>)>,
    /// The links that lie on a circle.
    circular: BTreeMap<Edge, (IssueKey, IssueKey)>,
    targets: BTreeMap<LinkKind, BTreeMap<IssueKey, Vec<IssueKey>>>,
}

impl Outline {
    fn of(whole: &Whole) -> Self {
        let mut outline = Self::default();
        for (key, issue) in &whole.issues {
            outline.numbers.entry(key.number).or_default().insert(issue.id);
            outline.ids.entry(issue.id).or_default().insert(*key);
        }
        let keys: BTreeSet<IssueKey> = whole.issues.keys().chain(&whole.broken).copied().collect();
        let mut by_number: BTreeMap<IssueNumber, Vec<IssueKey>> = BTreeMap::new();
        for key in &keys {
            by_number.entry(key.number).or_default().push(*key);
        }
        for (holder, issue) in &whole.issues {
            for link in &issue.links {
                let same_number = by_number.get(&link.target.number).map_or(&[][..], Vec::as_slice);
                let named: Vec<IssueKey> = same_number.iter().copied().filter(|key| link.target.names(*key)).collect();
                match named.as_slice() {
                    [target] => {
                        let targets = outline.targets.entry(link.kind).or_default();
                        targets.entry(*holder).or_default().push(*target);
                    }
                    _ => {
                        outline.lost.insert((issue.id, link.kind, link.target), (*holder, named));
                    }
                }
            }
        }
        for (kind, targets) in outline.targets.iter().filter(|(kind, _)| kind.is_acyclic()) {
            let next = |key: IssueKey| Ok::<_, Infallible>(targets.get(&key).cloned().unwrap_or_default());
            let Ok(components) = graph::components(targets.keys().copied(), next);
            for (holder, targets) in targets {
                for target in targets.iter().filter(|target| components[holder] == components[*target]) {
                    if let (Some(from), Some(to)) = (whole.issues.get(holder), whole.issues.get(target)) {
                        outline.circular.insert((from.id, *kind, to.id), (*holder, *target));
                    }
                }
            }
        }
        outline
    }
}

/// Returns what is wrong in a state and not in the one before.
fn brought_in(base: &Whole, now: &Whole) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    // On another line it is the same.
    let kind_of = |problem: &RecordProblem| if is_conflict(problem) { FlawKind::Conflict } else { FlawKind::Record };
    let known: BTreeSet<(&str, FlawKind)> =
        base.problems.iter().map(|problem| (problem.path.as_str(), kind_of(problem))).collect();
    for problem in &now.problems {
        let kind = kind_of(problem);
        if known.contains(&(problem.path.as_str(), kind)) {
            continue;
        }
        let (path, message) = (Some(problem.path.clone()), problem.message.clone());
        flaws.push(Flaw { kind, path, line: problem.line, issues: Vec::new(), message });
    }
    let undecided: BTreeSet<Undecided> = base.issues.values().flat_map(undecided).collect();
    for (key, issue) in &now.issues {
        for text in self::undecided(issue).filter(|text| !undecided.contains(text)) {
            let path = match text.comment {
                None => shown(RecordPath::issue(*key)),
                Some(stamp) => shown(RecordPath::comment(*key, stamp)),
            };
            let what = if text.comment.is_none() { "the body" } else { "the comment" };
            let message = format!("{what} has two versions of some lines, between `<<<<<<<` and `>>>>>>>`: edit it");
            let kind = FlawKind::Conflict;
            flaws.push(Flaw { kind, path: Some(path), line: None, issues: vec![*key], message });
        }
    }
    for path in now.orphans.difference(&base.orphans) {
        let key = path.issue;
        let message = format!("is a comment of {key}, which has no record: put that back, or remove the comment");
        let (kind, path) = (FlawKind::Comment, Some(shown(*path)));
        flaws.push(Flaw { kind, path, line: None, issues: vec![key], message });
    }
    let (before, after) = (Outline::of(base), Outline::of(now));
    let mut add = |kind, issues: Vec<IssueKey>, message: String| {
        flaws.push(Flaw { kind, path: None, line: None, issues, message });
    };
    for (number, ids) in after.numbers.iter().filter(|(_, ids)| ids.len() > 1) {
        if before.numbers.get(number).is_some_and(|known| known.is_superset(ids)) {
            continue;
        }
        let keys: Vec<IssueKey> = ids.iter().map(|id| IssueKey { number: *number, suffix: id.suffix() }).collect();
        let message = format!("several issues have the number {number}: {}; see `tickety renumber`", join(&keys, ", "));
        add(FlawKind::Number, keys, message);
    }
    for (id, keys) in after.ids.iter().filter(|(_, keys)| keys.len() > 1) {
        if before.ids.get(id).is_some_and(|known| known.is_superset(keys)) {
            continue;
        }
        let keys: Vec<IssueKey> = keys.iter().copied().collect();
        let message = format!("several issues have the id {id}: {}; delete the copy", join(&keys, ", "));
        add(FlawKind::Id, keys, message);
    }
    for (lost, (holder, named)) in &after.lost {
        if before.lost.contains_key(lost) {
            continue;
        }
        let (_, kind, name) = lost;
        let message = match named.as_slice() {
            [] => format!("{kind} {name}, which doesn't exist: `tickety unlink {holder} {kind} {name}`"),
            several => format!("{kind} {name}, which may be {}: write it in full", join(several, " or ")),
        };
        add(FlawKind::Link, vec![*holder], message);
    }
    let new = after.circular.iter().filter(|(edge, _)| !before.circular.contains_key(edge));
    let mut told: BTreeSet<(LinkKind, IssueKey)> = BTreeSet::new();
    for ((_, kind, _), (holder, target)) in new {
        if told.contains(&(*kind, *holder)) {
            continue;
        }
        let targets = &after.targets[kind];
        let next = |key: IssueKey| Ok::<_, Infallible>(targets.get(&key).cloned().unwrap_or_default());
        let Ok(walk) = graph::path(*target, *holder, next);
        let circle: Vec<IssueKey> = [*holder].into_iter().chain(walk.into_iter().flatten()).collect();
        told.extend(circle.iter().map(|key| (*kind, *key)));
        let message = format!("{kind} goes in a circle: {}", join(&circle, " -> "));
        add(FlawKind::Cycle, circle, message);
    }
    flaws.sort();
    flaws
}

/// A text in which a merge has left both versions of some lines.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Undecided {
    issue: IssueId,
    /// The comment; `None` for the body.
    comment: Option<CommentStamp>,
}

fn undecided(issue: &Issue) -> impl Iterator<Item = Undecided> + '_ {
    let body = has_conflict(&issue.body).then_some(Undecided { issue: issue.id, comment: None });
    let comments = issue.comments.iter().filter(|comment| has_conflict(&comment.body));
    body.into_iter().chain(comments.map(|comment| Undecided {
        issue: issue.id,
        comment: Some(CommentStamp::new(comment.created, comment.id.suffix())),
    }))
}

fn join(keys: &[IssueKey], separator: &str) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

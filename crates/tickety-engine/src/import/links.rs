//! The links of the records: what they point at, and which of them can be made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tickety_core::graph::Relation;
use tickety_core::ident::{IssueKey, IssueName, Suffix};
use tickety_core::issue::{Issue, Link, LinkKind};
use tickety_store::{GraphScope, IssueStorage, StorageError};

use super::base::{Part, hash_link};
use super::items::join;
use super::{Candidate, cycles, merge};
use crate::convert::{ForeignLink, ForeignTarget, NoteKind, Origin, Report};

/// The other end of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum End {
    /// An issue that is there.
    Issue(IssueKey),
    /// The issue that will be made of the candidate at this place.
    Record(usize),
}

/// A link of the source whose other end is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stated {
    pub(super) kind: LinkKind,
    pub(super) end: End,
    /// Its place among the links of its record.
    place: usize,
}

/// The links of all candidates.
#[derive(Debug)]
pub(super) struct Links {
    /// What the source has, by candidate, without what can't be made; in its order.
    stated: Vec<Vec<Stated>>,
    /// What each issue shall have.
    wanted: Vec<BTreeSet<(LinkKind, End)>>,
    suffixes: Vec<Suffix>,
}

impl Links {
    /// Returns the links an issue shall have.
    pub(super) fn wanted(&self, index: usize) -> &BTreeSet<(LinkKind, End)> {
        &self.wanted[index]
    }

    /// Returns the links of the source that can be made, as a base knows them.
    pub(super) fn suffixes(&self, index: usize) -> impl Iterator<Item = (LinkKind, Option<Suffix>)> + '_ {
        self.stated[index].iter().map(|link| (link.kind, Some(self.suffix(link.end))))
    }

    /// Whether a link of the record at that place among its links can be made.
    pub(super) fn is_made(&self, index: usize, place: usize) -> bool {
        self.stated[index].binary_search_by_key(&place, |link| link.place).is_ok()
    }

    fn suffix(&self, end: End) -> Suffix {
        match end {
            End::Issue(key) => key.suffix,
            End::Record(index) => self.suffixes[index],
        }
    }

    /// Finds what the links point at: records of the same input first, then issues of the store.
    pub(super) async fn resolve(
        store: &dyn IssueStorage,
        candidates: &[Candidate],
        hidden: HashMap<String, Suffix>,
        report: &mut Report,
    ) -> Result<Self, StorageError> {
        let known = Known::find(store, candidates, hidden).await?;
        let mut stated = Vec::with_capacity(candidates.len());
        for (index, candidate) in candidates.iter().enumerate() {
            let this = end_of(candidates, index);
            let mut found = Vec::with_capacity(candidate.links.len());
            for (place, link) in candidate.links.iter().enumerate() {
                let end = known.end(&link.target).or_else(|| known.held(candidate, link));
                let problem = match end.or_else(|| exported(candidate, link)) {
                    Some(end) if end == this => "an issue can't be linked to itself".to_owned(),
                    Some(end) => {
                        found.push(Stated { kind: link.kind, end, place });
                        continue;
                    }
                    None if known.is_hidden(&link.target) => "that issue is in a file that can't be read".to_owned(),
                    None => "there is no such issue".to_owned(),
                };
                report.note(
                    NoteKind::Dropped,
                    &candidate.place,
                    format!("link {} to {}: {problem}", link.kind, link.target),
                );
            }
            stated.push(found);
        }
        let suffixes = candidates.iter().map(|candidate| candidate.theirs.id.suffix()).collect();
        Ok(Self { stated, wanted: Vec::new(), suffixes })
    }

    /// Leaves each issue its first parent.
    pub(super) fn drop_second_parents(&mut self, candidates: &[Candidate], report: &mut Report) {
        for (candidate, stated) in candidates.iter().zip(&mut self.stated) {
            let mut parent = None;
            stated.retain(|link| {
                if link.kind != LinkKind::Parent || *parent.get_or_insert(link.end) == link.end {
                    return true;
                }
                let target = &candidate.links[link.place].target;
                report.note(NoteKind::Dropped, &candidate.place, format!("link parent to {target}: a second parent"));
                false
            });
        }
    }

    /// Works out the links every issue shall have from those of the source and those that are
    /// there.
    pub(super) fn merge(&mut self, candidates: &[Candidate]) {
        self.wanted = candidates
            .iter()
            .enumerate()
            .map(|(index, candidate)| {
                let stated: BTreeSet<_> = self.stated[index].iter().map(|link| (link.kind, link.end)).collect();
                let (Some(existing), Origin::Foreign { .. }) = (&candidate.existing, &candidate.origin) else {
                    return stated;
                };
                let sides = merge::Sides::new(candidate, existing, self, index);
                let local = local(&existing.issue);
                if sides.is_older() {
                    return local;
                }
                let verdict = sides.verdict_of(Part::StatedLinks, Part::Links);
                if verdict == merge::Verdict::Take {
                    return stated;
                }
                // Nobody can have removed a link to an issue that isn't there: it went when the issue was deleted.
                let is_made_again = |end: End| matches!(end, End::Record(_));
                let is_parent = |link: &(LinkKind, End)| link.0 == LinkKind::Parent;
                let merged: BTreeSet<_> = match verdict {
                    // What could not be made last time may be possible now, and what went with its end
                    // comes back with it.
                    merge::Verdict::Keep => {
                        let unlinked = sides.unlinked_before();
                        let dependency = |link: &Stated| candidate.links[link.place].dependency;
                        let again = |link: &&Stated| {
                            is_made_again(link.end) || dependency(link).is_some_and(|place| unlinked.contains(&place))
                        };
                        let again = self.stated[index].iter().filter(again).map(|link| (link.kind, link.end));
                        local.iter().copied().chain(again).collect()
                    }
                    _ => join(&local, &stated, |&(kind, end)| {
                        !is_made_again(end) && sides.had(Part::Links, hash_link(kind, Some(self.suffix(end))))
                    }),
                };
                let (mut joined, added): (BTreeSet<_>, BTreeSet<_>) =
                    merged.into_iter().partition(|link| local.contains(link));
                if verdict == merge::Verdict::Source && added.iter().any(is_parent) {
                    joined.retain(|link| !is_parent(link));
                }
                let has_parent = joined.iter().any(is_parent);
                joined.extend(added.into_iter().filter(|link| !(has_parent && is_parent(link))));
                joined
            })
            .collect();
    }

    /// Leaves out the links that would close a circle, alone or with links that are there.
    pub(super) async fn drop_circles(
        &mut self,
        store: &dyn IssueStorage,
        candidates: &[Candidate],
        report: &mut Report,
    ) -> Result<(), StorageError> {
        for kind in LinkKind::ALL.into_iter().filter(|kind| kind.is_acyclic()) {
            let mut edges = Edges::default();
            let mut new: Vec<(u64, usize, End)> = Vec::new();
            let mut reaches_out = false;
            for (index, candidate) in candidates.iter().enumerate() {
                let holder = end_of(candidates, index);
                let before = candidate.existing.as_ref().map(|existing| local(&existing.issue)).unwrap_or_default();
                for &(_, end) in self.wanted[index].iter().filter(|(other, _)| *other == kind) {
                    if before.contains(&(kind, end)) {
                        edges.fix(holder, end);
                    } else {
                        reaches_out |= matches!(end, End::Issue(_));
                        new.push((candidate.place.line, index, end));
                    }
                }
            }
            if new.is_empty() {
                continue;
            }
            new.sort_by_key(|(line, ..)| *line);
            if reaches_out {
                edges.fix_stored(store, candidates, kind, &new).await?;
            }
            let ends: Vec<_> = new.iter().map(|&(_, index, end)| edges.edge(end_of(candidates, index), end)).collect();
            let closing = cycles::closing(edges.nodes.len(), &edges.fixed, &ends);
            for ((_, index, end), _) in new.into_iter().zip(closing).filter(|(_, closes)| *closes) {
                self.wanted[index].remove(&(kind, end));
                let candidate = &candidates[index];
                for link in self.stated[index].iter().filter(|link| link.kind == kind && link.end == end) {
                    let target = &candidate.links[link.place].target;
                    report.note(
                        NoteKind::Dropped,
                        &candidate.place,
                        format!("link {kind} to {target}: it would close a circle"),
                    );
                }
                self.stated[index].retain(|link| link.kind != kind || link.end != end);
            }
        }
        Ok(())
    }
}

/// The issues that links can point at.
struct Known {
    references: HashMap<String, End>,
    keys: HashMap<IssueKey, End>,
    names: HashMap<IssueName, Option<End>>,
    /// The references and the names of issues that can't be read.
    hidden: HashMap<String, Suffix>,
    hidden_names: HashSet<IssueName>,
}

impl Known {
    async fn find(
        store: &dyn IssueStorage,
        candidates: &[Candidate],
        hidden: HashMap<String, Suffix>,
    ) -> Result<Self, StorageError> {
        let mut known = Self {
            references: HashMap::new(),
            keys: HashMap::new(),
            names: HashMap::new(),
            hidden,
            hidden_names: HashSet::new(),
        };
        for (index, candidate) in candidates.iter().enumerate() {
            let end = end_of(candidates, index);
            if let Some(reference) = candidate.reference() {
                known.references.insert(reference.to_owned(), end);
            }
            if let Some(number) = candidate.number {
                known.keys.insert(IssueKey { number, suffix: candidate.theirs.id.suffix() }, end);
                // A number alone names its issue as long as no other record has it.
                known.names.entry(number.into()).and_modify(|end| *end = None).or_insert(Some(end));
            }
        }
        let targets = || candidates.iter().flat_map(|candidate| &candidate.links).map(|link| &link.target);
        let missing: BTreeSet<&String> = targets()
            .filter_map(|target| match target {
                ForeignTarget::Reference(reference) if !known.references.contains_key(reference) => Some(reference),
                ForeignTarget::Reference(_) | ForeignTarget::Name(_) => None,
            })
            .collect();
        if !missing.is_empty() {
            let missing: Vec<String> = missing.into_iter().cloned().collect();
            for (reference, keys) in store.by_reference(&missing).await? {
                if let [key] = keys.as_slice() {
                    known.references.insert(reference, End::Issue(*key));
                }
            }
        }
        let missing: BTreeSet<IssueName> = targets()
            .filter_map(|target| match target {
                ForeignTarget::Name(name) if known.end(target).is_none() => Some(*name),
                ForeignTarget::Name(_) | ForeignTarget::Reference(_) => None,
            })
            .collect();
        for name in missing {
            match store.get(name.into()).await {
                Ok(stored) => drop(known.names.insert(name, Some(End::Issue(stored.issue.key())))),
                Err(StorageError::Unreadable { .. }) => drop(known.hidden_names.insert(name)),
                // One that isn't there, or is ambiguous, is no end of a link.
                Err(_) => {}
            }
        }
        Ok(known)
    }

    fn is_hidden(&self, target: &ForeignTarget) -> bool {
        match target {
            ForeignTarget::Reference(reference) => self.hidden.contains_key(reference),
            ForeignTarget::Name(name) => self.hidden_names.contains(name),
        }
    }

    /// Returns the end of a link that the issue here has already, to one that can't be read: it stays.
    fn held(&self, candidate: &Candidate, link: &ForeignLink) -> Option<End> {
        let suffix = match &link.target {
            ForeignTarget::Reference(reference) => *self.hidden.get(reference)?,
            ForeignTarget::Name(name) => self.hidden_names.get(name)?.suffix?,
        };
        let held = candidate.existing.as_ref()?.issue.links.iter();
        held.filter(|held| held.kind == link.kind && held.target.suffix == Some(suffix))
            .map(|held| End::Issue(IssueKey { number: held.target.number, suffix }))
            .next()
    }

    fn end(&self, target: &ForeignTarget) -> Option<End> {
        match target {
            ForeignTarget::Reference(reference) => self.references.get(reference).copied(),
            ForeignTarget::Name(name) => {
                let key = name.suffix.map(|suffix| IssueKey { number: name.number, suffix });
                key.and_then(|key| self.keys.get(&key).copied()).or_else(|| self.names.get(name).copied().flatten())
            }
        }
    }
}

/// Edges between issues by small numbers.
#[derive(Default)]
struct Edges {
    nodes: BTreeMap<End, usize>,
    fixed: Vec<(usize, usize)>,
}

impl Edges {
    fn node(&mut self, end: End) -> usize {
        let next = self.nodes.len();
        *self.nodes.entry(end).or_insert(next)
    }

    fn edge(&mut self, from: End, to: End) -> (usize, usize) {
        (self.node(from), self.node(to))
    }

    fn fix(&mut self, from: End, to: End) {
        let edge = self.edge(from, to);
        self.fixed.push(edge);
    }

    /// Adds the links of the store that can be reached from where new ones lead. The links of
    /// issues that are imported are known already, as they shall be.
    async fn fix_stored(
        &mut self,
        store: &dyn IssueStorage,
        candidates: &[Candidate],
        kind: LinkKind,
        new: &[(u64, usize, End)],
    ) -> Result<(), StorageError> {
        let imported: BTreeSet<IssueKey> = candidates.iter().filter_map(Candidate::existing_key).collect();
        let roots: BTreeSet<IssueKey> = new
            .iter()
            .filter_map(|(_, _, end)| match end {
                End::Issue(key) => Some(*key),
                End::Record(_) => None,
            })
            .collect();
        let scope = GraphScope {
            roots: roots.into_iter().collect(),
            follow: BTreeSet::from([Relation::stored(kind)]),
            closed: true,
            depth: None,
        };
        for (holder, _, target) in store.graph(&scope).await?.value.edges {
            if !imported.contains(&holder) {
                self.fix(End::Issue(holder), End::Issue(target));
            }
        }
        Ok(())
    }
}

/// Returns the end of a link that the issue here has already, to one that the export of ours doesn't hold.
fn exported(candidate: &Candidate, link: &ForeignLink) -> Option<End> {
    let ForeignTarget::Reference(reference) = &link.target else { return None };
    let existing = candidate.existing.as_ref().filter(|_| candidate.is_own)?;
    let (_, number) = reference.rsplit_once('-')?;
    let held = existing.issue.links.iter();
    held.filter(|held| held.kind == link.kind && held.target.number.to_string() == number)
        .find_map(|held| Some(End::Issue(IssueKey { number: held.target.number, suffix: held.target.suffix? })))
}

fn end_of(candidates: &[Candidate], index: usize) -> End {
    candidates[index].existing_key().map_or(End::Record(index), End::Issue)
}

/// Returns the links of an issue that is there. One without a suffix, written by hand, is nobody's
/// business here and stays.
fn local(issue: &Issue) -> BTreeSet<(LinkKind, End)> {
    issue
        .links
        .iter()
        .filter_map(|Link { kind, target }| {
            let key = IssueKey { number: target.number, suffix: target.suffix? };
            Some((*kind, End::Issue(key)))
        })
        .collect()
}

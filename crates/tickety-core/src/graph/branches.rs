//! A graph as a tree from each of its roots.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Relation};
use crate::ident::IssueKey;

/// What each issue has in the followed relations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branches(BTreeMap<IssueKey, Vec<(Relation, IssueKey)>>);

impl Branches {
    /// Sorts the links of a graph by the issue they start from.
    pub fn of(graph: &Graph, follow: &BTreeSet<Relation>) -> Self {
        let mut branches: BTreeMap<IssueKey, Vec<(Relation, IssueKey)>> = BTreeMap::new();
        for &(holder, kind, target) in &graph.edges {
            let relation = Relation::stored(kind);
            if follow.contains(&relation) {
                branches.entry(holder).or_default().push((relation, target));
            }
            if follow.contains(&relation.inverse()) {
                branches.entry(target).or_default().push((relation.inverse(), holder));
            }
        }
        for ends in branches.values_mut() {
            ends.sort_unstable();
            ends.dedup();
        }
        Self(branches)
    }

    /// Returns the issues to begin at so that all are reached: those that no other leads to, then
    /// one of every circle.
    pub fn roots(&self, graph: &Graph) -> Vec<IssueKey> {
        let led_to: BTreeSet<IssueKey> = self.0.values().flatten().map(|(_, key)| *key).collect();
        let mut roots: Vec<IssueKey> = graph.nodes.keys().filter(|key| !led_to.contains(key)).copied().collect();
        let mut reached = BTreeSet::new();
        self.reach(&roots, &mut reached);
        for &key in graph.nodes.keys() {
            if !reached.contains(&key) {
                roots.push(key);
                self.reach(&[key], &mut reached);
            }
        }
        roots
    }

    /// Returns what an issue has in the followed relations, each with the other.
    pub fn at(&self, key: IssueKey) -> &[(Relation, IssueKey)] {
        self.0.get(&key).map(Vec::as_slice).unwrap_or_default()
    }

    fn reach(&self, from: &[IssueKey], reached: &mut BTreeSet<IssueKey>) {
        let mut waiting = from.to_vec();
        while let Some(key) = waiting.pop() {
            if reached.insert(key) {
                waiting.extend(self.0.get(&key).into_iter().flatten().map(|(_, next)| *next));
            }
        }
    }
}

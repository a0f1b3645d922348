//! Links seen from both ends, and walks over them.

mod branches;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use crate::ident::{IssueKey, IssueName};
use crate::issue::{LinkKind, Status};
use crate::schema::Category;

pub use branches::Branches;

/// What one issue is to another: a stored link or the derived other end of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Relation {
    /// Stored: this waits for the other.
    BlockedBy,
    /// Derived: the other waits for this.
    Blocks,
    /// Stored: this is a part of the other.
    Parent,
    /// Derived: the other is a part of this.
    Child,
    /// The two have to do with each other, wherever that is stored.
    Relates,
    /// Stored: this says the same as the other.
    DuplicateOf,
    /// Derived: the other says the same as this.
    DuplicatedBy,
    /// Stored: this was found while working on the other.
    DiscoveredFrom,
    /// Derived: the other was found while working on this.
    Discovered,
}

impl Relation {
    /// All relations.
    pub const ALL: [Self; 9] = [
        Self::BlockedBy,
        Self::Blocks,
        Self::Parent,
        Self::Child,
        Self::Relates,
        Self::DuplicateOf,
        Self::DuplicatedBy,
        Self::DiscoveredFrom,
        Self::Discovered,
    ];

    /// Returns the relation of the issue that stores a link of this kind.
    pub fn stored(kind: LinkKind) -> Self {
        match kind {
            LinkKind::BlockedBy => Self::BlockedBy,
            LinkKind::Parent => Self::Parent,
            LinkKind::Relates => Self::Relates,
            LinkKind::DuplicateOf => Self::DuplicateOf,
            LinkKind::DiscoveredFrom => Self::DiscoveredFrom,
        }
    }

    /// Returns the relation of the issue that a link of this kind points at.
    pub fn derived(kind: LinkKind) -> Self {
        Self::stored(kind).inverse()
    }

    /// Returns what the other issue is to this one.
    pub fn inverse(self) -> Self {
        match self {
            Self::BlockedBy => Self::Blocks,
            Self::Blocks => Self::BlockedBy,
            Self::Parent => Self::Child,
            Self::Child => Self::Parent,
            Self::Relates => Self::Relates,
            Self::DuplicateOf => Self::DuplicatedBy,
            Self::DuplicatedBy => Self::DuplicateOf,
            Self::DiscoveredFrom => Self::Discovered,
            Self::Discovered => Self::DiscoveredFrom,
        }
    }

    /// Returns the kind of link behind the relation, and whether this end stores it.
    pub fn link(self) -> (LinkKind, bool) {
        match self {
            Self::BlockedBy => (LinkKind::BlockedBy, true),
            Self::Blocks => (LinkKind::BlockedBy, false),
            Self::Parent => (LinkKind::Parent, true),
            Self::Child => (LinkKind::Parent, false),
            Self::Relates => (LinkKind::Relates, true),
            Self::DuplicateOf => (LinkKind::DuplicateOf, true),
            Self::DuplicatedBy => (LinkKind::DuplicateOf, false),
            Self::DiscoveredFrom => (LinkKind::DiscoveredFrom, true),
            Self::Discovered => (LinkKind::DiscoveredFrom, false),
        }
    }

    /// Returns the name commands, queries and JSON use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlockedBy => "blocked-by",
            Self::Blocks => "blocks",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::Relates => "relates",
            Self::DuplicateOf => "duplicate-of",
            Self::DuplicatedBy => "duplicated-by",
            Self::DiscoveredFrom => "discovered-from",
            Self::Discovered => "discovered",
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Relation {
    type Err = RelationParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded = text.trim().to_ascii_lowercase().replace('_', "-");
        Self::ALL
            .into_iter()
            .find(|relation| relation.as_str() == folded)
            .ok_or_else(|| RelationParseError { text: text.to_owned() })
    }
}

/// A text that is no relation.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{text}` is not a relation: use blocked-by, blocks, parent, child, relates, duplicate-of, duplicated-by, \
     discovered-from or discovered"
)]
pub struct RelationParseError {
    text: String,
}

/// One end of a link as the issue at this end sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkEnd {
    /// What this issue is to the other.
    pub relation: Relation,
    /// The other issue as the link names it; with its suffix wherever it is known.
    pub name: IssueName,
    /// The other issue; `None` where no issue, or more than one, has the name.
    pub target: Option<LinkTarget>,
}

/// What is shown of the issue at the other end of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkTarget {
    /// Its unambiguous name.
    pub key: IssueKey,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: Status,
    /// What the status counts as.
    pub category: Category,
}

/// A part of the graph of issues: what `graph` draws and walks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graph {
    /// The issues, by name.
    pub nodes: BTreeMap<IssueKey, GraphNode>,
    /// The stored links between them, as (holder, kind, target).
    pub edges: BTreeSet<(IssueKey, LinkKind, IssueKey)>,
    /// The stored links that are followed and lead to no issue that can be read, or to one of several.
    pub lost: BTreeSet<(IssueKey, LinkKind, IssueName)>,
}

/// An issue in a [`Graph`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GraphNode {
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: Status,
    /// What the status counts as.
    pub category: Category,
    /// Its priority.
    pub priority: crate::issue::Priority,
}

impl Graph {
    /// Returns what `key` has in the given relation, by name.
    pub fn related(&self, key: IssueKey, relation: Relation) -> Vec<IssueKey> {
        let (kind, stores) = relation.link();
        let mut found: BTreeSet<IssueKey> = BTreeSet::new();
        for &(holder, edge, target) in &self.edges {
            if edge != kind {
                continue;
            }
            if holder == key && (stores || relation == Relation::Relates) {
                found.insert(target);
            }
            if target == key && (!stores || relation == Relation::Relates) {
                found.insert(holder);
            }
        }
        found.into_iter().collect()
    }
}

/// Finds a shortest walk from `start` to `goal`, both included, over what `next` returns for a
/// node. Breadth first: every node is asked for at most once.
pub fn path<N, E>(start: N, goal: N, mut next: impl FnMut(N) -> Result<Vec<N>, E>) -> Result<Option<Vec<N>>, E>
where
    N: Copy + Eq + Hash + Ord,
{
    let mut came_from: BTreeMap<N, N> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    let mut seen = BTreeSet::from([start]);
    while let Some(node) = queue.pop_front() {
        if node == goal {
            let mut walk = vec![node];
            let mut at = node;
            while let Some(&previous) = came_from.get(&at) {
                walk.push(previous);
                at = previous;
            }
            walk.reverse();
            return Ok(Some(walk));
        }
        for neighbour in next(node)? {
            if seen.insert(neighbour) {
                came_from.insert(neighbour, node);
                queue.push_back(neighbour);
            }
        }
    }
    Ok(None)
}

/// Numbers the strongly connected components of what can be reached from the starts: two nodes have the same
/// number if each can be reached from the other. Every node is asked for once, without recursion (Tarjan 1972).
pub fn components<N, E>(
    starts: impl IntoIterator<Item = N>,
    mut next: impl FnMut(N) -> Result<Vec<N>, E>,
) -> Result<HashMap<N, usize>, E>
where
    N: Copy + Eq + Hash,
{
    struct Frame<N> {
        node: N,
        rest: std::vec::IntoIter<N>,
        /// The earliest node on the stack that is known to be reachable.
        low: usize,
    }
    let mut entered: HashMap<N, usize> = HashMap::new();
    let mut found: HashMap<N, usize> = HashMap::new();
    let mut count = 0;
    let mut stack: Vec<N> = Vec::new();
    for start in starts {
        if entered.contains_key(&start) {
            continue;
        }
        let mut walk: Vec<Frame<N>> = Vec::new();
        let mut entering = Some(start);
        loop {
            if let Some(node) = entering.take() {
                let low = entered.len();
                entered.insert(node, low);
                stack.push(node);
                walk.push(Frame { node, rest: next(node)?.into_iter(), low });
            }
            let Some(frame) = walk.last_mut() else { break };
            if let Some(neighbour) = frame.rest.next() {
                match entered.get(&neighbour) {
                    None => entering = Some(neighbour),
                    Some(&at) if !found.contains_key(&neighbour) => frame.low = frame.low.min(at),
                    Some(_) => {}
                }
                continue;
            }
            let Frame { node, low, .. } = walk.pop().expect("the walk has a last node");
            if low == entered[&node] {
                while let Some(member) = stack.pop() {
                    found.insert(member, count);
                    if member == node {
                        break;
                    }
                }
                count += 1;
            }
            if let Some(before) = walk.last_mut() {
                before.low = before.low.min(low);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn relations_are_named_once_and_invert() {
        for relation in Relation::ALL {
            assert_eq!(relation.as_str().parse(), Ok(relation));
            assert_eq!(relation.inverse().inverse(), relation);
        }
    }

    #[test]
    fn path_is_shortest_and_survives_cycles() {
        let next = |n: u32| {
            Ok::<_, Infallible>(match n {
                1 => vec![2, 3],
                2 => vec![1, 4],
                3 => vec![5],
                4 => vec![5],
                _ => vec![],
            })
        };
        assert_eq!(path(1, 5, next), Ok(Some(vec![1, 3, 5])));
        assert_eq!(path(5, 1, next), Ok(None));
        assert_eq!(path(7, 7, next), Ok(Some(vec![7])));
    }

    #[test]
    fn components_are_what_reaches_each_other() {
        // Two circles, one leading to the other, and a way in and out.
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (3, 4), (4, 5), (5, 3), (5, 6), (7, 7)];
        let mut asked = 0;
        let next = |node: u32| {
            asked += 1;
            let next = edges.iter().filter(|(from, _)| *from == node).map(|(_, to)| *to).collect();
            Ok::<Vec<u32>, Infallible>(next)
        };
        let found = components([0, 7, 0], next).unwrap();
        assert_eq!((found.len(), asked), (8, 8));
        let reaches = |from: u32, to: u32| {
            let next = |node: u32| {
                Ok::<Vec<u32>, Infallible>(edges.iter().filter(|edge| edge.0 == node).map(|edge| edge.1).collect())
            };
            path(from, to, next).unwrap().is_some()
        };
        for a in 0..8 {
            for b in 0..8 {
                assert_eq!(found[&a] == found[&b], reaches(a, b) && reaches(b, a), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_chain_as_long_as_a_repository_needs_no_stack() {
        let next = |node: u32| Ok::<Vec<u32>, Infallible>(vec![(node + 1) % 200_000]);
        let found = components([0], next).unwrap();
        assert!(found.len() == 200_000 && found.values().all(|component| *component == 0));
    }
}

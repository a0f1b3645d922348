//! What is wrong between records: names that several have, and links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tickety_core::ident::{IssueId, IssueKey, IssueName, Suffix};
use tickety_core::issue::LinkKind;
use uuid::Uuid;

use super::{Check, Remedy, Report};

/// What is kept of the records while all are examined.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) by_id: HashMap<IssueId, Vec<IssueKey>>,
    pub(super) links: BTreeMap<IssueKey, Vec<(LinkKind, IssueName)>>,
}

impl Records {
    fn named(&self, name: IssueName) -> Vec<IssueKey> {
        let lowest = IssueKey { number: name.number, suffix: Suffix::of(Uuid::nil()) };
        let same_number = self.links.range(lowest..).map(|(key, _)| *key).take_while(|key| key.number == name.number);
        same_number.filter(|key| name.names(*key)).collect()
    }

    pub(super) fn examine_names(&self, report: &mut Report) {
        let keys: Vec<IssueKey> = self.links.keys().copied().collect();
        for twins in keys.chunk_by(|left, right| left.number == right.number).filter(|twins| twins.len() > 1) {
            let message = format!("several issues have this number: {}; see `tickety renumber`", join(twins));
            report.add(Check::Number, twins[0].number.to_string(), message, Remedy::Manual);
        }
        for (id, keys) in self.by_id.iter().filter(|(_, keys)| keys.len() > 1) {
            let message = format!(
                "several issues have this id: {}; was a file copied? Delete the copy: `tickety new` makes issues",
                join(keys)
            );
            report.add(Check::Number, id.to_string(), message, Remedy::Manual);
        }
    }

    pub(super) fn examine_links(&self, report: &mut Report) {
        let mut edges: BTreeMap<LinkKind, BTreeMap<IssueKey, Vec<IssueKey>>> = BTreeMap::new();
        for (&holder, links) in &self.links {
            for &(kind, name) in links {
                // Most names have their suffix: looking those up is cheap.
                let exact = name.suffix.map(|suffix| IssueKey { number: name.number, suffix });
                let found = match exact {
                    Some(key) => self.links.contains_key(&key).then_some(key).into_iter().collect(),
                    None => self.named(name),
                };
                match found.as_slice() {
                    [target] => edges.entry(kind).or_default().entry(holder).or_default().push(*target),
                    [] => {
                        let message = format!("{kind} {name}, which doesn't exist: `tickety unlink` or edit the file");
                        report.add(Check::Link, holder.to_string(), message, Remedy::Manual);
                    }
                    several => {
                        let message = format!("{kind} {name}, which may be {}", join(several));
                        report.add(Check::Link, holder.to_string(), message, Remedy::Manual);
                    }
                }
            }
        }
        for (kind, edges) in edges.iter().filter(|(kind, _)| kind.is_acyclic()) {
            for circle in circles(edges) {
                let message = format!("{kind} goes in a circle: {}", join_with(&circle, " -> "));
                report.add(Check::Cycle, circle[0].to_string(), message, Remedy::Manual);
            }
        }
    }
}

/// Finds circles: at least one of each tangle. Depth first without recursion, each issue once.
fn circles(edges: &BTreeMap<IssueKey, Vec<IssueKey>>) -> Vec<Vec<IssueKey>> {
    let mut found = Vec::new();
    let mut done: BTreeSet<IssueKey> = BTreeSet::new();
    let none = Vec::new();
    for &start in edges.keys() {
        if done.contains(&start) {
            continue;
        }
        let mut walk = vec![start];
        let mut places = HashMap::from([(start, 0)]);
        let mut rest = vec![edges.get(&start).unwrap_or(&none).iter()];
        while let Some(next) = rest.last_mut() {
            match next.next() {
                None => {
                    let last = walk.pop().expect("the walk is as long as what is left of it");
                    places.remove(&last);
                    done.insert(last);
                    rest.pop();
                }
                Some(target) if done.contains(target) => {}
                Some(target) => match places.get(target) {
                    Some(&at) => {
                        let mut circle = walk[at..].to_vec();
                        circle.push(*target);
                        found.push(circle);
                    }
                    None => {
                        places.insert(*target, walk.len());
                        walk.push(*target);
                        rest.push(edges.get(target).unwrap_or(&none).iter());
                    }
                },
            }
        }
    }
    found
}

fn join(keys: &[IssueKey]) -> String {
    join_with(keys, ", ")
}

fn join_with(keys: &[IssueKey], separator: &str) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

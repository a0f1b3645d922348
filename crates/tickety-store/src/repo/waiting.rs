//! What a writer that has to wait for another one notes before, so that it overwrites nothing that it didn't know of.
//!
//! Whoever finds the lock free changes what is there. Whoever finds it held made its changes up while another change was
//! under way: the two are compared field by field once the lock is had.

use std::collections::BTreeMap;
use std::sync::Arc;

use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::issue::Issue;
use tickety_core::operation::{Expected, Operation, Target};

use super::layout::Shard;
use super::load::{Found, load};
use super::scan::{self, Scanner};
use super::store::RepoStore;
use crate::storage::Batch;

/// Issues that operations are about, by the place of the operation.
pub(super) type Bases = Vec<(usize, Box<Issue>)>;

impl RepoStore {
    /// Reads the issues that a batch updates on no condition, as they are. Reads files alone: the index may be in the
    /// hands of the other writer. What can't be found or read is left out; what is wrong with it, the plan says.
    pub(super) fn bases_of(&self, batch: &Batch) -> Bases {
        let mut listed = BTreeMap::new();
        let mut bases = Vec::new();
        for (index, operation) in batch.operations.iter().enumerate() {
            let Operation::Update { target: Target::Existing(selector), expected: None, .. } = operation else {
                continue;
            };
            if let [key] = self.named(*selector, &mut listed).as_slice()
                // Comments contradict nobody.
                && let Found::Issue(loaded) = load(&self.home, &self.schema, *key, &[])
            {
                bases.push((index, Box::new(Arc::unwrap_or_clone(loaded.issue))));
            }
        }
        bases
    }

    /// Returns the issues that a selector means, by the names of their files.
    fn named(&self, selector: IssueSelector, listed: &mut BTreeMap<Shard, Vec<IssueKey>>) -> Vec<IssueKey> {
        let shards = match selector {
            IssueSelector::Name(name) => vec![Shard::of(name.number)],
            IssueSelector::Id(_) => {
                Scanner::open(&self.home).map(|scanner| scanner.shards().to_vec()).unwrap_or_default()
            }
        };
        let mut found = Vec::new();
        for shard in shards {
            let keys = listed.entry(shard).or_insert_with(|| {
                let records = scan::list_shard(&self.home, shard, None).ok().flatten();
                let records = records.map(|(_, records)| records).unwrap_or_default();
                records.into_iter().filter(|path| path.comment.is_none()).map(|path| path.issue).collect()
            });
            let is_meant = |key: &&IssueKey| match selector {
                IssueSelector::Name(name) => name.names(**key),
                IssueSelector::Id(id) => id.suffix() == key.suffix,
            };
            found.extend(keys.iter().filter(is_meant));
        }
        found
    }
}

/// Lets operations expect the issues that were noted.
pub(super) fn set_bases(batch: &mut Batch, bases: Bases) {
    for (index, base) in bases {
        if let Operation::Update { expected, .. } = &mut batch.operations[index] {
            *expected = Some(Expected::Base(base));
        }
    }
}

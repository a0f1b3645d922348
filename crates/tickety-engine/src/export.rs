//! Export: the issues of a store, through a [`Writer`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use tickety_core::ident::{IssueKey, IssueName, IssueSelector};
use tickety_core::query::{Moment, Query, SortBy, SortKey};
use tickety_store::{IssueStorage, RecordProblem, StorageError};

use crate::convert::Writer;

/// How many issues are asked for at once.
const PAGE: u32 = 1_000;

/// What an export did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// How many issues were written.
    pub count: u64,
    /// The records that can't be read and are missing, by path: those of all issues, since nobody knows which of
    /// them the query would ask for. Where there are any, the export is incomplete and has to say so.
    pub problems: Vec<RecordProblem>,
    /// How many of what the format has no place for, by what it is.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// Why an export failed; a part of the output may have been written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The output can't be written.
    #[error("could not write the output: {0}")]
    Write(#[from] io::Error),
}

/// Writes the issues that a query's filter asks for, all of them that can be read, by number.
///
/// The store is asked for a page at a time, so memory doesn't grow with the number of issues. `progress` is called after
/// each issue with how many are done.
pub async fn export(
    store: &dyn IssueStorage,
    query: &Query,
    moment: &Moment,
    writer: &mut dyn Writer,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    let by_number = SortKey { by: SortBy::Number, descending: false };
    let mut query =
        Query { sort: vec![by_number], limit: Some(PAGE), after: None, fields: Vec::new(), ..query.clone() };
    let mut introduced: BTreeSet<IssueKey> = BTreeSet::new();
    let mut count = 0;
    let mut problems: BTreeSet<RecordProblem> = store.problems().await?.into_iter().collect();
    loop {
        let page = store.list(&query, moment).await?;
        let selectors: Vec<IssueSelector> = page.issues.iter().map(|issue| issue.key.into()).collect();
        for stored in store.get_many(&selectors).await {
            let stored = match stored {
                // Deleted since it was listed.
                Err(StorageError::NotFound { .. }) => continue,
                // Damaged since then.
                Err(StorageError::Unreadable { problem }) => {
                    problems.insert(problem);
                    continue;
                }
                stored => stored?,
            };
            problems.extend(stored.problems.iter().cloned());
            let issue = &stored.issue;
            if writer.wants_introductions() {
                introduced.insert(issue.key());
                for target in issue.links.iter().map(|link| link.target) {
                    introduce(store, writer, target, &mut introduced).await?;
                }
            }
            writer.write(issue, stored.derived.updated)?;
            count += 1;
            progress(count);
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    writer.finish()?;
    Ok(Exported { count, problems: problems.into_iter().collect(), left_out: writer.left_out() })
}

async fn introduce(
    store: &dyn IssueStorage,
    writer: &mut dyn Writer,
    target: IssueName,
    introduced: &mut BTreeSet<IssueKey>,
) -> Result<(), StorageError> {
    let known = target.suffix.map(|suffix| IssueKey { number: target.number, suffix });
    if known.is_some_and(|key| introduced.contains(&key)) {
        return Ok(());
    }
    match store.get(target.into()).await {
        Ok(stored) => {
            writer.introduce(&stored.issue);
            introduced.insert(stored.issue.key());
            Ok(())
        }
        // A link to nothing, to more than one issue, or to one that can't be read, has no name in another tracker.
        Err(StorageError::NotFound { .. } | StorageError::Ambiguous { .. } | StorageError::Unreadable { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

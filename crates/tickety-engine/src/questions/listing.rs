//! Asking for all that the answer to a query shows.

use std::collections::BTreeMap;

use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Cursor, Moment, Query};
use tickety_store::{Freshness, IssueStorage, IssueSummary, IssueText, Page, RecordProblem, StorageError, StoredIssue};

/// What an answer shows beside what every list has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// Fields that only a whole issue has.
    pub whole: bool,
    /// The places where an issue fits.
    pub texts: bool,
    /// How many issues there are on all pages.
    pub total: bool,
}

/// An issue of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// What every list knows of it.
    pub summary: IssueSummary,
    /// The whole issue, where that was asked for.
    pub whole: Option<StoredIssue>,
    /// Its texts, where those were asked for.
    pub text: Option<IssueText>,
}

/// The answer to a query.
#[derive(Clone, PartialEq, Debug)]
pub struct Listing {
    /// The issues of the page, in the order of the query.
    pub issues: Vec<Listed>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
    /// How many issues there are on all pages, where that was asked for.
    pub total: Option<u64>,
    /// How the answer was checked against the truth.
    pub freshness: Freshness,
    /// How many records can't be read and may be missing from the answer.
    pub problems: u32,
}

impl Listing {
    /// Asks a store. An issue that has gone since the page was made is left out where more of it is needed.
    pub async fn ask(
        storage: &dyn IssueStorage,
        query: &Query,
        moment: &Moment,
        extent: Extent,
    ) -> Result<Self, StorageError> {
        let Page { issues, next, problems, freshness } = storage.list(query, moment).await?;
        let total = if extent.total { Some(storage.count(query, moment).await?) } else { None };
        let keys: Vec<IssueKey> = issues.iter().map(|summary| summary.key).collect();
        let texts = if extent.texts { storage.texts(&keys).await? } else { Vec::new() };
        let mut texts: BTreeMap<IssueKey, IssueText> = texts.into_iter().map(|text| (text.key, text)).collect();
        let whole = if extent.whole { Some(read(storage, &keys).await?) } else { None };
        let mut listed = Vec::with_capacity(issues.len());
        let mut whole = whole.map(Vec::into_iter);
        for summary in issues {
            let whole = match &mut whole {
                None => None,
                Some(read) => match read.next().flatten() {
                    None => continue,
                    Some(stored) => Some(stored),
                },
            };
            let text = texts.remove(&summary.key);
            listed.push(Listed { summary, whole, text });
        }
        Ok(Self { issues: listed, next, total, freshness, problems })
    }
}

/// Reads whole issues; `None` for those that have gone.
async fn read(storage: &dyn IssueStorage, keys: &[IssueKey]) -> Result<Vec<Option<StoredIssue>>, StorageError> {
    let selectors: Vec<IssueSelector> = keys.iter().map(|&key| key.into()).collect();
    let found = storage.get_many(&selectors).await.into_iter();
    let there = found.map(|found| match found {
        Ok(stored) => Ok(Some(stored)),
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    });
    there.collect()
}

/// Returns the records that can't be read and may be missing from an answer that says how many these are.
pub async fn problems(storage: &dyn IssueStorage, count: u32) -> Result<Vec<RecordProblem>, StorageError> {
    if count == 0 { Ok(Vec::new()) } else { storage.problems().await }
}

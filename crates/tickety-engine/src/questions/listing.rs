//! Asking for all that the answer to a query shows.

use std::collections::BTreeMap;

use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::issue::{FieldValue, Issue};
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
    /// How many [bytes](bytes_of) of whole issues and texts a page may have. Where there are more it ends earlier, but not
    /// before its first issue. `None` for any number.
    pub bytes: Option<usize>,
}

/// How many issues are read at once where their bytes are counted.
const AT_ONCE: usize = 16;

/// What is counted for a part of an issue beside the bytes of its text.
const PART: usize = 128;

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
        let mut page = storage.list(query, moment).await?;
        let total = if extent.total { Some(storage.count(query, moment).await?) } else { None };
        loop {
            let keys: Vec<IssueKey> = page.issues.iter().map(|summary| summary.key).collect();
            let more = More::read(storage, &keys, extent).await?;
            if more.read == keys.len() {
                return Ok(more.complete(page, total));
            }
            // Only the store knows where the next page begins then. It may be another page by now, so it is read again.
            let shorter = Query { limit: u32::try_from(more.read).ok(), ..query.clone() };
            drop(more);
            page = storage.list(&shorter, moment).await?;
        }
    }
}

/// What is shown of the issues of a page beside what every list has.
#[derive(Default)]
struct More {
    /// Of how many issues, the first ones.
    read: usize,
    /// Whole issues, where these are shown; `None` for those that have gone.
    whole: Option<Vec<Option<StoredIssue>>>,
    texts: BTreeMap<IssueKey, IssueText>,
}

impl More {
    /// Reads it, of as many issues as have no more bytes together than they may.
    async fn read(storage: &dyn IssueStorage, keys: &[IssueKey], extent: Extent) -> Result<Self, StorageError> {
        let mut more = Self { whole: extent.whole.then(Vec::new), ..Self::default() };
        if !extent.whole && !extent.texts {
            return Ok(Self { read: keys.len(), ..more });
        }
        let mut bytes = 0_usize;
        let at_once = extent.bytes.map_or(keys.len(), |_| AT_ONCE);
        for keys in keys.chunks(at_once.max(1)) {
            let texts = if extent.texts { storage.texts(keys).await? } else { Vec::new() };
            let mut texts: BTreeMap<IssueKey, IssueText> = texts.into_iter().map(|text| (text.key, text)).collect();
            let whole = if extent.whole { read(storage, keys).await? } else { Vec::new() };
            let mut whole = whole.into_iter();
            for key in keys {
                let (text, whole) = (texts.remove(key), whole.next().flatten());
                bytes += text.as_ref().map_or(0, bytes_of_text) + whole.as_ref().map_or(0, bytes_of);
                if more.read > 0 && extent.bytes.is_some_and(|most| bytes > most) {
                    return Ok(more);
                }
                more.read += 1;
                more.texts.extend(text.map(|text| (*key, text)));
                if let Some(read) = &mut more.whole {
                    read.push(whole);
                }
            }
        }
        Ok(more)
    }

    /// Makes the answer of the page that it was read for.
    fn complete(self, page: Page, total: Option<u64>) -> Listing {
        let Page { issues, next, problems, freshness } = page;
        let Self { read: _, whole, mut texts } = self;
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
        Listing { issues: listed, next, total, freshness, problems }
    }
}

/// Returns about how many bytes an issue has.
pub fn bytes_of(stored: &StoredIssue) -> usize {
    let Issue { title, body, closure, comments, labels, assignees, references, fields, .. } = &stored.issue;
    let note = closure.as_ref().and_then(|closure| closure.note.as_ref());
    let parts = comments.len() + labels.len() + assignees.len() + references.len() + fields.len();
    let texts = fields.values().filter_map(|value| match value {
        FieldValue::Text(text) => Some(text.len()),
        FieldValue::Number(_) | FieldValue::Date(_) | FieldValue::Bool(_) => None,
    });
    let comments = comments.iter().map(|comment| comment.body.len());
    let parts = PART * (1 + parts + stored.derived.links.len());
    title.len() + body.len() + note.map_or(0, String::len) + texts.chain(comments).sum::<usize>() + parts
}

/// Returns about how many bytes the texts of an issue have.
pub fn bytes_of_text(text: &IssueText) -> usize {
    let IssueText { key: _, title, body, comments, note } = text;
    let comments = comments.iter().map(|comment| PART + comment.body.len());
    PART + title.len() + body.len() + note.as_ref().map_or(0, String::len) + comments.sum::<usize>()
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

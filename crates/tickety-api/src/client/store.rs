//! The storage trait, asked of a server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use tickety_core::graph::Graph;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Needs, Query};
use tickety_core::schema::Schema;
use tickety_store::storage::{DEFAULT_LIMIT, Freshness, FreshnessMode, MAX_LIMIT};
use tickety_store::{
    Batch, BatchMode, BatchOutcome, BatchPreview, Checked, GraphScope, Identity, IssueStorage, IssueText, Page,
    RecordProblem, Request, Stats, StorageError, StoredIssue,
};

use super::Remote;
use super::asking::Question;
use crate::error::ErrorCode;
use crate::exact::{self, Exact};

/// The most issues of a page that a server gives.
const PAGE: u32 = 1_000;

/// How many issues are asked for at once by their names: with ids an address of some 8 KB.
const NAMES: usize = 200;

/// How long the references are together that are asked for at once, in bytes; and how many.
const REFERENCES: (usize, usize) = (8 << 10, 200);

/// How many issues are looked for at once among what can't be read.
const WANTED: usize = 1_000;

#[async_trait]
impl IssueStorage for Remote {
    async fn schema(&self) -> Result<Arc<Schema>, StorageError> {
        Ok(Arc::new(self.ask(self.question("storage/schema")).await?))
    }

    async fn get(&self, selector: IssueSelector) -> Result<StoredIssue, StorageError> {
        self.named(&[selector]).await?.pop().unwrap_or(Err(StorageError::NotFound { selector }))
    }

    async fn get_many(&self, selectors: &[IssueSelector]) -> Vec<Result<StoredIssue, StorageError>> {
        let mut found = Vec::with_capacity(selectors.len());
        while let Some(rest) = selectors.get(found.len()..).filter(|rest| !rest.is_empty()) {
            let chunk = &rest[..rest.len().min(NAMES)];
            match self.named(chunk).await {
                Ok(answers) => found.extend(answers),
                // Some of them may have been asked for by themselves.
                Err(StorageError::Unreachable { .. }) if chunk.len() > 1 => {
                    for selector in chunk {
                        found.push(self.get(*selector).await);
                    }
                }
                Err(error) => found.extend(chunk.iter().map(|_| Err(again(&error)))),
            }
        }
        found
    }

    async fn list(&self, query: &Query, moment: &Moment) -> Result<Page, StorageError> {
        let most = query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
        let mut after = query.after.clone();
        let mut whole: Option<Page> = None;
        let mut listed = BTreeSet::new();
        let mut left = most;
        loop {
            let question = self.asked(query, moment, Needs::of(&query.filter), "storage/list");
            let question = question.with("limit", left.min(PAGE)).with_some("after", after.as_ref());
            let page: Page = self.ask(question).await?;
            let is_short = page.next.is_none();
            let whole = match &mut whole {
                None => whole.insert(page),
                Some(whole) => {
                    join(whole, page, &mut listed);
                    whole
                }
            };
            if listed.is_empty() {
                listed.extend(whole.issues.iter().map(|issue| issue.key));
            }
            left = most.saturating_sub(u32::try_from(whole.issues.len()).unwrap_or(u32::MAX));
            if is_short || left == 0 {
                break;
            }
            after.clone_from(&whole.next);
        }
        // There was a page, or an error.
        whole.ok_or(StorageError::Interrupted)
    }

    async fn count(&self, query: &Query, moment: &Moment) -> Result<u64, StorageError> {
        self.ask(self.asked(query, moment, Needs::of(&query.filter), "storage/count")).await
    }

    async fn texts(&self, keys: &[IssueKey]) -> Result<Vec<IssueText>, StorageError> {
        let mut texts = Vec::with_capacity(keys.len());
        let mut rest = keys;
        while !rest.is_empty() {
            let chunk = &rest[..rest.len().min(NAMES)];
            let question = self.question("storage/texts").with("names", joined(chunk));
            let answered: Vec<Option<IssueText>> = self.ask(question).await?;
            let (_, others) = rest.split_at(self.some(answered.len(), chunk.len())?);
            texts.extend(answered.into_iter().flatten());
            rest = others;
        }
        Ok(texts)
    }

    async fn by_reference(&self, references: &[String]) -> Result<BTreeMap<String, Vec<IssueKey>>, StorageError> {
        let mut found = BTreeMap::new();
        let mut rest = references;
        while !rest.is_empty() {
            let (bytes, count) = REFERENCES;
            let mut length = 0;
            let fitting = rest.iter().take(count).take_while(|reference| {
                length += reference.len();
                length <= bytes
            });
            let (chunk, others) = rest.split_at(fitting.count().max(1));
            let question = self.question("storage/references");
            let question = chunk.iter().fold(question, |question, reference| question.with("reference", reference));
            found.extend(self.ask::<BTreeMap<String, Vec<IssueKey>>>(question).await?);
            rest = others;
        }
        Ok(found)
    }

    async fn find_unreadable(&self, wanted: &[Identity]) -> Result<Vec<Option<RecordProblem>>, StorageError> {
        let mut found = Vec::with_capacity(wanted.len());
        for chunk in wanted.chunks(WANTED) {
            let wanted: Vec<exact::Identity> = chunk.iter().map(Exact::to_wire).collect();
            let body = serde_json::json!({ "wanted": wanted });
            found.extend(self.post_read::<Vec<Option<RecordProblem>>>("storage/unreadable", &body).await?);
        }
        Ok(found)
    }

    async fn graph(&self, scope: &GraphScope) -> Result<Checked<Graph>, StorageError> {
        let GraphScope { roots, follow, closed, depth } = scope;
        let question = self.question("storage/graph").with("roots", joined(roots)).with("follow", joined(follow));
        self.ask(question.with("closed", closed).with_some("depth", *depth)).await
    }

    async fn stats(&self, query: &Query, moment: &Moment) -> Result<Checked<Stats>, StorageError> {
        // What is overdue depends on the day, whatever the query says.
        let needs = Needs { zone: true, ..Needs::of(&query.filter) };
        self.ask(self.asked(query, moment, needs, "storage/stats")).await
    }

    async fn problems(&self) -> Result<Vec<RecordProblem>, StorageError> {
        self.ask(self.question("storage/problems")).await
    }

    async fn submit(&self, batch: Batch, mode: BatchMode) -> Result<BatchOutcome, StorageError> {
        let key = self.key(batch.request.as_ref())?;
        let is_once = batch.request.is_some();
        let body = exact::Batch::new(&batch, mode);
        let outcome: BatchOutcome = self.post_write("storage/batch", &body, key).await?;
        // Without a key of the caller's, what is told again is what was just done.
        Ok(BatchOutcome { replayed: outcome.replayed && is_once, ..outcome })
    }

    async fn recall(&self, request: &Request) -> Result<Option<BatchOutcome>, StorageError> {
        self.post_read("storage/recall", &request.to_wire()).await
    }

    async fn preview(&self, batch: Batch, mode: BatchMode) -> Result<BatchPreview, StorageError> {
        self.post_read("storage/preview", &exact::Batch::new(&batch, mode)).await
    }
}

impl Remote {
    /// Asks for issues by their names, few enough for one question; the last may be left out of the answer.
    async fn named(&self, selectors: &[IssueSelector]) -> Result<Vec<Result<StoredIssue, StorageError>>, StorageError> {
        let question = self.question("storage/issues").with("names", joined(selectors));
        let found: Vec<Result<StoredIssue, StorageError>> = self.ask(question).await?;
        self.some(found.len(), selectors.len())?;
        Ok(found)
    }

    /// Checks how many of the issues that were asked for an answer is about: some, since else there would be no end.
    fn some(&self, answered: usize, asked: usize) -> Result<usize, StorageError> {
        if (1..=asked).contains(&answered) {
            return Ok(answered);
        }
        let message = format!("{} answers for {answered} issues where it was asked for {asked}", self.url());
        Err(StorageError::Remote { code: ErrorCode::Internal.as_str().to_owned(), message, hint: None })
    }

    /// Puts a query with the circumstances that its answer depends on. The time is the server's.
    fn asked(&self, query: &Query, moment: &Moment, needs: Needs, path: &str) -> Question {
        let Query { filter, sort, limit: _, after: _, fields: _ } = query;
        let plain = Query { filter: filter.clone(), sort: sort.clone(), ..Query::default() };
        let me = moment.me.as_ref().filter(|_| needs.actor);
        let zone = needs.zone.then(|| zone(moment));
        self.question(path).with("q", plain).with_some("zone", zone).with_some("me", me)
    }
}

/// Returns an error that each of several questions has.
fn again(error: &StorageError) -> StorageError {
    match error {
        StorageError::Unreachable { url, message } => {
            StorageError::Unreachable { url: url.clone(), message: message.clone() }
        }
        error => error.to_wire().into_error(),
    }
}

/// Adds the next page to those before. An issue that was moved behind their end meanwhile is listed where it was.
fn join(whole: &mut Page, next: Page, listed: &mut BTreeSet<IssueKey>) {
    let Page { issues, next, problems, freshness } = next;
    whole.issues.extend(issues.into_iter().filter(|issue| listed.insert(issue.key)));
    (whole.next, whole.problems) = (next, problems);
    let weaker = |mode: FreshnessMode| FreshnessMode::ALL.iter().position(|known| *known == mode);
    let before = whole.freshness;
    whole.freshness = Freshness {
        mode: if weaker(freshness.mode) > weaker(before.mode) { freshness.mode } else { before.mode },
        // Each page looks at the same records, or at its own.
        checked: before.checked.max(freshness.checked),
        changed: before.changed.saturating_add(freshness.changed),
    };
}

/// Writes where days begin.
fn zone(moment: &Moment) -> String {
    match moment.zone.iana_name() {
        Some(name) => name.to_owned(),
        None if moment.zone == TimeZone::UTC => "UTC".to_owned(),
        None => {
            let minutes = moment.zone.to_offset(moment.now).seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    }
}

fn joined<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(",")
}

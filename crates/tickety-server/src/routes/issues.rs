//! Issues: lists of them, and each.

use std::collections::BTreeSet;

use axum::extract::{Path, State as At};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tickety_api::answer::{IssueList, Written, row};
use tickety_api::operation::{LocalNames, WireDraft, WireOperation};
use tickety_api::{Freshness, Issue, Meta, selection};
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::query::{Moment, Query};
use tickety_engine::questions::{self, Extent, Listing, Question};
use tickety_store::{Batch, StoredIssue};

use crate::caller::Caller;
use crate::envelope::answer;
use crate::extract::{Json, Parameters};
use crate::problem::Problem;
use crate::server::API;
use crate::state::State;

/// The parameters of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParameters {
    /// The query; the open issues unless it says otherwise.
    #[serde(default)]
    q: String,
    sort: Option<String>,
    limit: Option<u32>,
    fields: Option<String>,
    after: Option<String>,
    #[serde(default = "yes")]
    total: bool,
}

fn yes() -> bool {
    true
}

/// Lists issues.
pub(crate) async fn list(
    At(state): At<State>,
    caller: Caller,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Response, Problem> {
    let schema = state.schema().await?;
    let ListParameters { q, sort, limit, fields, after, total } = parameters;
    let question = Question {
        query: q.trim(),
        sort: sort.as_deref(),
        ranked: false,
        limit,
        fields: fields.as_deref(),
        after: after.as_deref(),
    };
    let query = question.parse(&schema)?.open_by_default();
    let moment = Moment { now: state.now(), zone: jiff::tz::TimeZone::UTC, me: caller.actor() };
    let extent = Extent { whole: query.fields.iter().any(selection::needs_whole_issue), texts: false, total };
    let (data, meta) = state
        .ask(async move |storage| {
            let query = questions::with_current_names(query, storage).await;
            let listing = Listing::ask(storage, &query, &moment, extent).await?;
            let problems = questions::problems(storage, listing.problems).await?;
            Ok::<_, Problem>(page(listing, query, problems.into_iter().map(Into::into).collect()))
        })
        .await?;
    Ok(answer(StatusCode::OK, data, meta))
}

fn page(listing: Listing, query: Query, problems: Vec<tickety_api::Problem>) -> (IssueList, Meta) {
    let Listing { issues, next, total, freshness, problems: _ } = listing;
    let rows = issues.iter().map(|listed| row(&listed.summary, listed.whole.as_ref(), &query.fields)).collect();
    let list = IssueList::new(rows, total, next.as_ref());
    // Whether something had changed since the last look differs from one answer to the next that says the same.
    let freshness = Some(Freshness { changed: None, ..freshness.into() });
    (list, Meta { freshness, query: Some(query.canonical().to_string()), problems, ..Meta::default() })
}

/// The `data` of an answer about whole issues.
#[derive(Serialize)]
struct Shown {
    issues: Vec<Value>,
}

/// Shows an issue.
pub(crate) async fn show(At(state): At<State>, Path(name): Path<String>) -> Result<Response, Problem> {
    let selector = IssueSelector::parse(&name, &state.schema().await?.prefix)?;
    let stored = state.ask(async move |storage| storage.get(selector).await).await?;
    let ends = stored.derived.links.iter().filter_map(|end| end.target.as_ref()).map(|target| target.key);
    let looked_at: BTreeSet<IssueKey> = ends.chain([stored.issue.key()]).collect();
    let StoredIssue { problems, .. } = &stored;
    let meta = Meta {
        freshness: Some(Freshness::of_whole_issues(false, looked_at.len())),
        problems: problems.iter().cloned().map(Into::into).collect(),
        ..Meta::default()
    };
    let issues = vec![selection::value(&Issue::from(&stored), &[])];
    Ok(answer(StatusCode::OK, Shown { issues }, meta))
}

/// Makes an issue.
pub(crate) async fn create(
    At(state): At<State>,
    caller: Caller,
    Json(draft): Json<WireDraft>,
) -> Result<Response, Problem> {
    let schema = state.schema().await?;
    let operation = LocalNames::new(&schema.prefix).operation(0, WireOperation::Create(Box::new(draft)))?;
    let batch = Batch::new(vec![operation], caller.actor(), state.now());
    let outcome = state.ask(async move |storage| storage.apply(batch).await).await?;
    let meta = Meta { replayed: outcome.replayed, ..Meta::default() };
    let written = Written::from(&outcome);
    let location = written.issues.first().map(|issue| format!("{API}/issues/{}", issue.key));
    let mut response = answer(StatusCode::CREATED, written, meta);
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

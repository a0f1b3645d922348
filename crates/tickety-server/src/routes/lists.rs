//! Lists of issues: by a query, what fits a search, what could be begun.

use axum::extract::State as At;
use axum::response::Response;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use serde_json::Value;
use tickety_api::answer::{IssueList, row};
use tickety_api::search::Snippet;
use tickety_api::{Envelope, ErrorCode, Freshness, Meta, selection};
use tickety_core::query::{Moment, Query, TextMatch, TextScope};
use tickety_engine::questions::{self, Extent, Listing, Needs, Question};
use tickety_store::{IssueStorage, RecordProblem};
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::representations::Shown;
use crate::state::State;

/// The parameters of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// Which issues: a query.
    #[serde(default)]
    q: String,
    /// The order: `created`, `priority-desc`, …; several with commas between them.
    sort: Option<String>,
    /// How many issues at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The fields, with commas between them.
    fields: Option<String>,
    /// Where the page before ended: its `next`.
    after: Option<String>,
    /// Whether to count all that fit.
    #[serde(default = "yes")]
    total: bool,
    /// Where days begin, such as `Europe/Berlin`.
    zone: Option<String>,
}

/// The parameters of a list of what could be begun.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadyParameters {
    /// Which issues: a query.
    #[serde(default)]
    q: String,
    /// The order: `created`, `priority-desc`, …; several with commas between them.
    sort: Option<String>,
    /// How many issues at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The fields, with commas between them.
    fields: Option<String>,
    /// Where the page before ended: its `next`.
    after: Option<String>,
    /// Whether to count all that fit.
    #[serde(default = "yes")]
    total: bool,
    /// Whether to list also what is closed on another branch of the clone.
    #[serde(default)]
    all_branches: bool,
    /// Where days begin, such as `Europe/Berlin`.
    zone: Option<String>,
}

/// The parameters of a search.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchParameters {
    /// What to look for: a query with words.
    q: String,
    /// The order: `created`, `priority-desc`, …; several with commas between them.
    sort: Option<String>,
    /// Whether those come first that fit best.
    #[serde(default)]
    ranked: bool,
    /// How many issues at the most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The fields, with commas between them.
    fields: Option<String>,
    /// Where the page before ended: its `next`.
    after: Option<String>,
    /// Whether to count all that fit.
    #[serde(default = "yes")]
    total: bool,
    /// Where days begin, such as `Europe/Berlin`.
    zone: Option<String>,
}

fn yes() -> bool {
    true
}

/// What is done with the query before it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    List,
    Ready { all_branches: bool },
    Search,
}

/// Lists issues: the open ones unless the query says otherwise.
#[utoipa::path(
    get,
    path = "/issues",
    tag = "issues",
    operation_id = "listIssues",
    params(ListParameters),
    responses((status = 200, description = "The answer", body = Envelope<IssueList>))
)]
pub(crate) async fn list(
    At(state): At<State>,
    reading: Reading,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Response, Problem> {
    answer(state, reading, parameters.into(), Sort::List).await
}

/// Lists what could be begun now, best first.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "issues",
    operation_id = "listReadyIssues",
    params(ReadyParameters),
    responses((status = 200, description = "The answer", body = Envelope<IssueList>))
)]
pub(crate) async fn ready(
    At(state): At<State>,
    reading: Reading,
    Parameters(parameters): Parameters<ReadyParameters>,
) -> Result<Response, Problem> {
    let ReadyParameters { q, sort, limit, fields, after, total, all_branches, zone } = parameters;
    let parameters = SearchParameters { q, sort, ranked: false, limit, fields, after, total, zone };
    answer(state, reading, parameters, Sort::Ready { all_branches }).await
}

/// Searches texts of issues of every status.
#[utoipa::path(
    get,
    path = "/search",
    tag = "issues",
    operation_id = "searchIssues",
    params(SearchParameters),
    responses((status = 200, description = "The answer", body = Envelope<IssueList>))
)]
pub(crate) async fn search(
    At(state): At<State>,
    reading: Reading,
    Parameters(parameters): Parameters<SearchParameters>,
) -> Result<Response, Problem> {
    answer(state, reading, parameters, Sort::Search).await
}

impl From<ListParameters> for SearchParameters {
    fn from(parameters: ListParameters) -> Self {
        let ListParameters { q, sort, limit, fields, after, total, zone } = parameters;
        Self { q, sort, ranked: false, limit, fields, after, total, zone }
    }
}

async fn answer(state: State, reading: Reading, parameters: SearchParameters, sort: Sort) -> Result<Response, Problem> {
    let (caller, asked) = (reading.caller.clone(), state.clone());
    reading.answer(&state, async move |storage| made(storage, &asked, &caller, &parameters, sort).await).await
}

async fn made(
    storage: &dyn IssueStorage,
    state: &State,
    caller: &Caller,
    parameters: &SearchParameters,
    sort: Sort,
) -> Result<Made, Problem> {
    let query = parse(storage, state, parameters, sort).await?;
    let wanted = if sort == Sort::Search { questions::wanted_texts(&query.filter) } else { Vec::new() };
    if sort == Sort::Search && wanted.is_empty() {
        return Err(Problem::new(ErrorCode::BadQuery, "there is nothing to search for")
            .of_parameter("q")
            .hint("write words; /issues takes queries without words"));
    }
    let moment = moment(state, caller, parameters.zone.as_deref())?;
    let extent = Extent {
        whole: query.fields.iter().any(selection::needs_whole_issue),
        texts: sort == Sort::Search,
        total: parameters.total,
        bytes: Some(state.shared.limits.answer_bytes),
    };
    let listing = Listing::ask(storage, &query, &moment, extent).await?;
    let problems = questions::problems(storage, listing.problems).await?;
    let shown = Shown::List(listing.issues.iter().map(|listed| listed.summary.key).collect());
    let needs = Needs::of(&query.filter);
    let (data, meta) = page(&listing, query, &wanted, problems);
    let made = Made::new(data, meta);
    // What depends on the day or on the minute is asked anew.
    Ok(if needs.zone { made } else { made.keep(shown, needs.actor) })
}

async fn parse(
    storage: &dyn IssueStorage,
    state: &State,
    parameters: &SearchParameters,
    sort: Sort,
) -> Result<Query, Problem> {
    let SearchParameters { q, sort: order, ranked, limit, fields, after, .. } = parameters;
    let question = Question {
        query: q.trim(),
        sort: order.as_deref(),
        ranked: *ranked,
        limit: *limit,
        fields: fields.as_deref(),
        after: after.as_deref(),
    };
    let mut query = question.parse(&*storage.schema().await?)?;
    let most = state.shared.limits.page;
    if query.limit.is_some_and(|limit| limit > most) {
        return Err(Problem::new(ErrorCode::BadValue, format_args!("a page has at most {most} issues"))
            .of_parameter("limit")
            .hint("ask for the next page with `after`"));
    }
    match sort {
        Sort::List => query = query.open_by_default(),
        Sort::Ready { all_branches } => questions::limit_to_ready(&mut query, all_branches),
        Sort::Search => {}
    }
    Ok(questions::with_current_names(query, storage).await)
}

/// Returns the circumstances of a question.
pub(super) fn moment(state: &State, caller: &Caller, zone: Option<&str>) -> Result<Moment, Problem> {
    Ok(Moment { now: state.now(), zone: self::zone(zone)?, me: caller.actor() })
}

/// Reads where days begin: a name, or a distance from UTC. UTC where nothing is said.
pub(super) fn zone(text: Option<&str>) -> Result<TimeZone, Problem> {
    let Some(text) = text else { return Ok(TimeZone::UTC) };
    distance(text).or_else(|| TimeZone::get(text).ok()).ok_or_else(|| {
        Problem::new(ErrorCode::BadValue, format_args!("`{text}` is not a time zone that is known here"))
            .of_parameter("zone")
            .hint("write a name such as Europe/Berlin, or leave it out for UTC")
    })
}

/// Reads a distance from UTC: `+02:00`.
fn distance(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| text.parse::<i32>().ok().filter(|_| text.len() == 2 && !text.starts_with(['+', '-']));
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    Some(TimeZone::fixed(Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()?))
}

fn page(
    listing: &Listing,
    query: Query,
    wanted: &[(TextScope, TextMatch)],
    problems: Vec<RecordProblem>,
) -> (IssueList, Meta) {
    let Listing { issues, next, total, freshness, problems: _ } = listing;
    let rows = issues.iter().map(|listed| {
        let mut row = row(&listed.summary, listed.whole.as_ref(), &query.fields);
        if !wanted.is_empty() {
            let snippets = listed.text.as_ref().map(|text| Snippet::all(text, wanted)).unwrap_or_default();
            row["snippets"] = serde_json::to_value(snippets).unwrap_or(Value::Null);
        }
        row
    });
    let list = IssueList::new(rows.collect(), *total, next.as_ref());
    let meta = Meta {
        freshness: Some(steady(*freshness)),
        query: Some(query.canonical().to_string()),
        problems: problems.into_iter().map(Into::into).collect(),
        ..Meta::default()
    };
    (list, meta)
}

/// Says how an answer was checked. Whether something had changed since the last look is left out: it differs between
/// answers that say the same.
pub(super) fn steady(freshness: tickety_store::Freshness) -> Freshness {
    Freshness { changed: None, ..freshness.into() }
}

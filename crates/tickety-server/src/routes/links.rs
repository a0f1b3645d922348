//! The links of an issue.

use axum::extract::State as At;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tickety_api::answer::Written;
use tickety_api::issue::LinkedIssue;
use tickety_api::operation::WireName;
use tickety_api::{Envelope, ErrorCode, Meta};
use tickety_core::graph::Relation;
use tickety_core::ident::IssueSelector;
use tickety_core::operation::{Expected, Operation, Target};
use tickety_engine::writes;
use tickety_store::{IssueStorage, StoredIssue};
use utoipa::ToSchema;

use super::issues::{expect, version};
use crate::extract::Path;
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::representations::Shown;
use crate::state::State;
use crate::writing::{WithBody, Writing};

/// What an issue is linked to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    /// What the issue is to the others, such as `blocked-by`.
    #[schema(value_type = crate::openapi::Relation)]
    relation: String,
    /// The others.
    #[schema(min_items = 1, max_items = 1000)]
    others: Vec<WireName>,
    /// The version that the issue has to be at.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    version: Option<String>,
}

/// The `data` of an answer about links.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Links {
    /// The name of the issue.
    key: String,
    /// Both ends of its links.
    links: Vec<LinkedIssue>,
}

/// Lists the links of an issue.
#[utoipa::path(
    get,
    path = "/issues/{issue}/links",
    tag = "links",
    operation_id = "listLinks",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    responses((status = 200, description = "The answer", body = Envelope<Links>))
)]
pub(crate) async fn list(
    At(state): At<State>,
    reading: Reading,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let selector = state.selector(&name).await?;
    let answer = async move |storage: &dyn IssueStorage| Ok(representation(&storage.get(selector).await?, false));
    reading.answer(&state, answer).await
}

fn representation(stored: &StoredIssue, _trusts_index: bool) -> Made {
    let links = stored.derived.links.iter().map(LinkedIssue::from).collect();
    let made = Made::new(Links { key: stored.issue.key().to_string(), links }, Meta::default());
    made.keep(Shown::of_issue(stored), false)
}

/// Links an issue to others.
#[utoipa::path(
    post,
    path = "/issues/{issue}/links",
    tag = "links",
    operation_id = "addLinks",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    request_body = LinkBody,
    responses((status = 201, description = "They are there", body = Envelope<Written>))
)]
pub(crate) async fn add(
    At(state): At<State>,
    Path(name): Path<String>,
    WithBody { writing, body: LinkBody { relation, others, version: given } }: WithBody<LinkBody>,
) -> Result<Response, Problem> {
    let (relation, given): (Relation, _) = (relation.parse()?, version(given.as_deref())?);
    if others.is_empty() || others.len() > state.shared.limits.page as usize {
        let detail = format!("an issue is linked to 1 to {} others at a time", state.shared.limits.page);
        return Err(Problem::new(ErrorCode::TooMany, detail));
    }
    let mut selectors = Vec::with_capacity(others.len());
    for WireName(other) in &others {
        selectors.push(state.selector(other).await?);
    }
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let expected = expect(stored, expected, given)?;
        let operations = writes::link(stored.issue.key().into(), relation, &selectors);
        Ok(guarded(operations, stored, expected))
    };
    writing.status(StatusCode::CREATED).target(representation).apply_to(&name, &state, make).await
}

/// Removes a link of an issue, from whichever end stores it.
#[utoipa::path(
    delete,
    path = "/issues/{issue}/links/{relation}/{other}",
    tag = "links",
    operation_id = "removeLink",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42"), ("relation" = crate::openapi::Relation, Path, description = "What the issue is to the other"), ("other" = String, Path, description = "The other issue")),
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn remove(
    At(state): At<State>,
    Path((name, relation, other)): Path<(String, String, String)>,
    writing: Writing,
) -> Result<Response, Problem> {
    let relation: Relation = relation.parse()?;
    let other = state.selector(&other).await?;
    let make = async move |storage: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let operations = writes::unlink(storage, stored.issue.key().into(), relation, &[other]).await;
        Ok(guarded(operations, stored, expected))
    };
    writing.apply_to(&name, &state, make).await
}

/// Has the issue be at a version, also where its links are stored with the others: then it is changed in nothing.
fn guarded(
    mut operations: Vec<Operation>,
    stored: &StoredIssue,
    version: Option<tickety_core::ident::Version>,
) -> Vec<Operation> {
    let Some(version) = version else { return operations };
    let own = Target::from(IssueSelector::from(stored.issue.key()));
    let mut is_guarded = false;
    for operation in &mut operations {
        if let Operation::Update { target, expected, .. } = operation
            && *target == own
        {
            *expected = Some(Expected::Version(version));
            is_guarded = true;
        }
    }
    if !is_guarded {
        let expected = Some(Expected::Version(version));
        operations.insert(0, Operation::Update { target: own, expected, changes: Vec::new() });
    }
    operations
}

//! Single issues.

use std::collections::BTreeSet;

use axum::extract::State as At;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::answer::{Shown as Issues, Written};
use tickety_api::operation::{LocalNames, WireDraft, WireName, WireOperation, WireUpdate};
use tickety_api::{Envelope, ErrorCode, Freshness, Issue, Meta, selection};
use tickety_core::ident::{IssueKey, IssueSelector, Version};
use tickety_core::issue::CloseReason;
use tickety_core::operation::{Change, DraftComment, Expected, Operation, Target};
use tickety_core::query::FieldName;
use tickety_engine::questions::Question;
use tickety_engine::writes;
use tickety_store::{IssueStorage, StorageError, StoredIssue};
use utoipa::{IntoParams, ToSchema};

use crate::extract::{Parameters, Path};
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::representations::Shown;
use crate::state::State;
use crate::writing::{WithBody, Writing};

/// The parameters of an issue.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowParameters {
    /// The fields, with commas between them.
    fields: Option<String>,
}

/// How an issue is closed.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {
    /// `completed`, `cancelled` or `duplicate`.
    #[schema(value_type = Option<crate::openapi::Reason>)]
    reason: Option<String>,
    /// What to say about it.
    note: Option<String>,
    /// The issue that says the same.
    duplicate_of: Option<WireName>,
    /// The version that the issue has to be at.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    version: Option<String>,
}

/// How an issue is reopened.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReopenBody {
    /// Why, as a comment.
    comment: Option<String>,
    /// The version that the issue has to be at.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    version: Option<String>,
}

/// Shows an issue.
#[utoipa::path(
    get,
    path = "/issues/{issue}",
    tag = "issues",
    operation_id = "showIssue",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42"), ShowParameters),
    responses((status = 200, description = "The answer", body = Envelope<Issues>))
)]
pub(crate) async fn show(
    At(state): At<State>,
    reading: Reading,
    Path(name): Path<String>,
    Parameters(ShowParameters { fields }): Parameters<ShowParameters>,
) -> Result<Response, Problem> {
    let trusts_index = state.project.trusts_index;
    let asked = state.clone();
    let answer = async move |storage: &dyn IssueStorage| {
        let schema = storage.schema().await?;
        let question = Question { fields: fields.as_deref(), ..Question::default() };
        let fields = question.parse(&schema)?.fields;
        let stored = storage.get(asked.selector(&name).await?).await?;
        Ok(representation_of(&stored, &fields, trusts_index))
    };
    reading.answer(&state, answer).await
}

/// Makes the answer that shows an issue with all of its fields.
pub(crate) fn representation(stored: &StoredIssue, trusts_index: bool) -> Made {
    representation_of(stored, &[], trusts_index)
}

/// Makes the answer that shows an issue.
fn representation_of(stored: &StoredIssue, fields: &[FieldName], trusts_index: bool) -> Made {
    let ends = stored.derived.links.iter().filter_map(|end| end.target.as_ref()).map(|target| target.key);
    let ends: BTreeSet<IssueKey> = ends.collect();
    let key = stored.issue.key();
    let looked_at = ends.len() + usize::from(!ends.contains(&key));
    let meta = Meta {
        freshness: Some(Freshness::of_whole_issues(trusts_index, looked_at)),
        problems: stored.problems.iter().cloned().map(Into::into).collect(),
        ..Meta::default()
    };
    let issues = vec![selection::value(&Issue::from(stored), fields)];
    Made::new(Issues { issues }, meta)
        .modified(stored.derived.updated)
        .keep(Shown::Issue { key, ends: ends.into_iter().collect() }, false)
}

/// Makes an issue.
#[utoipa::path(
    post,
    path = "/issues",
    tag = "issues",
    operation_id = "createIssue",
    request_body = WireDraft,
    responses((status = 201, description = "It was made", body = Envelope<Written>))
)]
pub(crate) async fn create(
    At(state): At<State>,
    WithBody { writing, body }: WithBody<WireDraft>,
) -> Result<Response, Problem> {
    let schema = state.schema().await?;
    let operation = LocalNames::new(&schema.prefix).operation(0, WireOperation::Create(Box::new(body)))?;
    writing.status(StatusCode::CREATED).apply(&state, async move |_| Ok(vec![operation].into())).await
}

/// Changes an issue.
#[utoipa::path(
    patch,
    path = "/issues/{issue}",
    tag = "issues",
    operation_id = "updateIssue",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    request_body = WireUpdate,
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn update(
    At(state): At<State>,
    Path(name): Path<String>,
    WithBody { writing, body }: WithBody<WireUpdate>,
) -> Result<Response, Problem> {
    if body.issue.is_some() {
        return Err(Problem::new(ErrorCode::BadInput, "the body: `issue` is said by the address"));
    }
    let (schema, given) = (state.schema().await?, version(body.version.as_deref())?);
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let version = expect(stored, expected, given)?;
        let mut update = body;
        update.issue = Some(WireName(stored.issue.key().to_string()));
        update.version = version.map(|version| version.to_string());
        Ok(vec![LocalNames::new(&schema.prefix).operation(0, WireOperation::Update(Box::new(update)))?])
    };
    writing.apply_to(&name, &state, make).await
}

/// Closes an issue.
#[utoipa::path(
    post,
    path = "/issues/{issue}/close",
    tag = "issues",
    operation_id = "closeIssue",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    request_body = CloseBody,
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn close(
    At(state): At<State>,
    Path(name): Path<String>,
    WithBody { writing, body }: WithBody<CloseBody>,
) -> Result<Response, Problem> {
    let CloseBody { reason, note, duplicate_of, version: given } = body;
    let given = version(given.as_deref())?;
    let reason: Option<CloseReason> = reason.as_deref().map(str::parse).transpose()?;
    if let (Some(reason), Some(_)) = (reason, &duplicate_of)
        && reason != CloseReason::Duplicate
    {
        let detail = format!("`duplicate_of` closes as duplicate, not as {reason}");
        return Err(Problem::new(ErrorCode::BadValue, detail));
    }
    let original: Option<Target> = match duplicate_of {
        Some(WireName(name)) => Some(state.selector(&name).await?.into()),
        None => None,
    };
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let expected = expect(stored, expected, given)?;
        Ok(vec![change(stored, expected, writes::close(stored, reason, note, original))])
    };
    writing.apply_to(&name, &state, make).await
}

/// Reopens a closed issue.
#[utoipa::path(
    post,
    path = "/issues/{issue}/reopen",
    tag = "issues",
    operation_id = "reopenIssue",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    request_body = ReopenBody,
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn reopen(
    At(state): At<State>,
    Path(name): Path<String>,
    WithBody { writing, body }: WithBody<ReopenBody>,
) -> Result<Response, Problem> {
    let ReopenBody { comment, version: given } = body;
    let given = version(given.as_deref())?;
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let expected = expect(stored, expected, given)?;
        let mut changes = vec![Change::Reopen];
        changes.extend(comment.map(|text| Change::AddComment(DraftComment::new(text))));
        Ok(vec![change(stored, expected, changes)])
    };
    writing.apply_to(&name, &state, make).await
}

/// Removes an issue with its comments and the links to it.
#[utoipa::path(
    delete,
    path = "/issues/{issue}",
    tag = "issues",
    operation_id = "deleteIssue",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn delete(
    At(state): At<State>,
    Path(name): Path<String>,
    writing: Writing,
) -> Result<Response, Problem> {
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let target = IssueSelector::from(stored.issue.key()).into();
        Ok(vec![Operation::Delete { target, expected }])
    };
    writing.apply_to(&name, &state, make).await
}

/// Makes a change of an issue as it was found.
pub(super) fn change(stored: &StoredIssue, expected: Option<Version>, changes: Vec<Change>) -> Operation {
    let target = IssueSelector::from(stored.issue.key()).into();
    Operation::Update { target, expected: expected.map(Expected::from), changes }
}

/// Reads the version in a body.
pub(super) fn version(given: Option<&str>) -> Result<Option<Version>, Problem> {
    Ok(given.map(str::parse).transpose()?)
}

/// Returns the version that an issue has to be at: that of the condition in the headers, and the one in the body.
pub(super) fn expect(
    stored: &StoredIssue,
    expected: Option<Version>,
    given: Option<Version>,
) -> Result<Option<Version>, Problem> {
    match given {
        Some(given) if given != stored.version => {
            Err(StorageError::Conflict { key: stored.issue.key(), expected: given, actual: stored.version }.into())
        }
        given => Ok(given.or(expected)),
    }
}

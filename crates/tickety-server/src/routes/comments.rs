//! The comments of an issue.

use axum::extract::State as At;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tickety_api::answer::Written;
use tickety_api::{Comment, Envelope, ErrorCode, Meta};
use tickety_core::issue::CommentId;
use tickety_core::operation::{Change, DraftComment};
use tickety_store::{IssueStorage, StoredIssue};
use utoipa::ToSchema;
use uuid::Uuid;

use super::issues::{change, expect, version};
use crate::extract::Path;
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::representations::Shown;
use crate::state::State;
use crate::writing::{WithBody, Writing};

/// What is said.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentBody {
    /// The text, in Markdown.
    body: String,
    /// The version that the issue has to be at.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    version: Option<String>,
}

/// The `data` of an answer about comments.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Comments {
    /// The name of the issue.
    key: String,
    /// The comments, oldest first.
    comments: Vec<Comment>,
}

/// Lists the comments of an issue.
#[utoipa::path(
    get,
    path = "/issues/{issue}/comments",
    tag = "comments",
    operation_id = "listComments",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    responses((status = 200, description = "The answer", body = Envelope<Comments>))
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
    let comments = stored.issue.comments.iter().map(Comment::from).collect();
    let problems = stored.problems.iter().cloned().map(Into::into).collect();
    let comments = Comments { key: stored.issue.key().to_string(), comments };
    let made = Made::new(comments, Meta { problems, ..Meta::default() });
    made.keep(Shown::of_issue(stored), false)
}

/// Comments on an issue.
#[utoipa::path(
    post,
    path = "/issues/{issue}/comments",
    tag = "comments",
    operation_id = "addComment",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42")),
    request_body = CommentBody,
    responses((status = 201, description = "It was added", body = Envelope<Written>))
)]
pub(crate) async fn add(
    At(state): At<State>,
    Path(name): Path<String>,
    WithBody { writing, body: CommentBody { body, version: given } }: WithBody<CommentBody>,
) -> Result<Response, Problem> {
    let given = version(given.as_deref())?;
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let expected = expect(stored, expected, given)?;
        Ok(vec![change(stored, expected, vec![Change::AddComment(DraftComment::new(body))])])
    };
    writing.status(StatusCode::CREATED).target(representation).apply_to(&name, &state, make).await
}

/// Replaces the text of a comment.
#[utoipa::path(
    patch,
    path = "/issues/{issue}/comments/{comment}",
    tag = "comments",
    operation_id = "editComment",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42"), ("comment" = String, Path, description = "The id of a comment")),
    request_body = CommentBody,
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn edit(
    At(state): At<State>,
    Path((name, comment)): Path<(String, String)>,
    WithBody { writing, body: CommentBody { body, version: given } }: WithBody<CommentBody>,
) -> Result<Response, Problem> {
    let (id, given) = (comment_id(&comment)?, version(given.as_deref())?);
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        let expected = expect(stored, expected, given)?;
        Ok(vec![change(stored, expected, vec![Change::EditComment { id, body }])])
    };
    writing.apply_to(&name, &state, make).await
}

/// Removes a comment.
#[utoipa::path(
    delete,
    path = "/issues/{issue}/comments/{comment}",
    tag = "comments",
    operation_id = "removeComment",
    params(("issue" = String, Path, description = "A number, a name or an id", example = "42"), ("comment" = String, Path, description = "The id of a comment")),
    responses((status = 200, description = "What was done", body = Envelope<Written>))
)]
pub(crate) async fn remove(
    At(state): At<State>,
    Path((name, comment)): Path<(String, String)>,
    writing: Writing,
) -> Result<Response, Problem> {
    let id = comment_id(&comment)?;
    let make = async move |_: &dyn IssueStorage, stored: &StoredIssue, expected| {
        Ok(vec![change(stored, expected, vec![Change::RemoveComment(id)])])
    };
    writing.apply_to(&name, &state, make).await
}

fn comment_id(text: &str) -> Result<CommentId, Problem> {
    Uuid::try_parse(text).map(CommentId::new).map_err(|_| {
        Problem::new(ErrorCode::BadName, format_args!("`{text}` is not the id of a comment"))
            .hint("GET /issues/ISSUE/comments lists them")
    })
}

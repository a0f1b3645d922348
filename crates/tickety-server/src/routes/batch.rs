//! Many operations at once, and many issues.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequest, Request, State as At};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use tickety_api::answer::Found;
use tickety_api::batch::{self, BatchAnswer, BatchFailure, Origin};
use tickety_api::operation::{WireName, WireOperation};
use tickety_api::{Envelope, ErrorCode, Freshness, Issue, Meta};
use tickety_core::ident::IssueSelector;
use tickety_core::schema::Schema;
use tickety_engine::questions;
use tickety_store::{BatchMode, BatchOutcome, IssueStorage, OperationFailure};
use utoipa::{IntoParams, ToSchema};

use crate::envelope;
use crate::extract::{self, Parameters};
use crate::problem::Problem;
use crate::state::State;
use crate::writing::{self, WithBody, Writing};

/// How a batch is applied.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchParameters {
    /// Whether it is all or nothing.
    #[serde(default = "yes")]
    atomic: bool,
    /// Whether to say what would change, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// How many issues are read at once.
const AT_ONCE: usize = 16;

fn yes() -> bool {
    true
}

/// What a batch is made of: operations in a JSON list, or one a line.
#[derive(Debug)]
pub(crate) struct BatchBody {
    writing: Writing,
    operations: Operations,
}

/// Operations, each with its line, where lines were sent.
type Operations = Vec<(Option<u64>, WireOperation)>;

/// Which issues are wanted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetBody {
    /// Their names.
    #[schema(max_items = 1000)]
    issues: Vec<WireName>,
}

/// What came of it.
struct Told {
    answer: BatchAnswer,
    replayed: bool,
    /// Why nothing was done, if so.
    refused: Option<ErrorCode>,
}

/// Applies operations, or tells what they would do.
#[utoipa::path(
    post,
    path = "/batch",
    tag = "batch",
    operation_id = "applyBatch",
    params(BatchParameters),
    request_body(content(
        (Vec<WireOperation> = "application/json"),
        (String = "application/jsonl")
    )),
    responses((status = 200, description = "What became of each operation", body = Envelope<BatchAnswer>))
)]
pub(crate) async fn apply(
    At(state): At<State>,
    Parameters(parameters): Parameters<BatchParameters>,
    BatchBody { writing, operations }: BatchBody,
) -> Result<Response, Problem> {
    writing.check_without_tags(false)?;
    let project = Arc::clone(&state.project);
    state
        .ask(async move |storage| {
            let told = told(storage, &writing, operations, parameters).await;
            if !parameters.dry_run {
                project.announce().await;
            }
            told.map(IntoResponse::into_response)
        })
        .await
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        match self {
            Self { answer, replayed, refused: None } => writing::respond(StatusCode::OK, answer, replayed),
            Self { answer, refused: Some(code), .. } => {
                let failed = answer.failures.len();
                let first = answer.failures.first().map(|failure| failure.message.clone()).unwrap_or_default();
                let count = if failed == 1 { "one operation".to_owned() } else { format!("{failed} operations") };
                let detail = format!("{count} can't be applied, so nothing was changed; the first: {first}");
                Problem::new(code, detail).with_data(&answer).into_response()
            }
        }
    }
}

async fn told(
    storage: &dyn IssueStorage,
    writing: &Writing,
    operations: Operations,
    BatchParameters { atomic, dry_run }: BatchParameters,
) -> Result<Told, Problem> {
    let mode = if atomic { BatchMode::Atomic } else { BatchMode::Each };
    if !dry_run && let Some(outcome) = writing.recalled(storage).await? {
        let answer = BatchAnswer::new(&outcome, &[], atomic, false);
        return Ok(Told { answer, replayed: true, refused: None });
    }
    let schema = storage.schema().await?;
    let (operations, origins) = read(operations, &schema)?.into_parts();
    let batch = writing.batch(operations);
    let begun = Instant::now();
    if dry_run {
        let preview = storage.preview(batch, mode).await?;
        let took = begun.elapsed();
        let answer = BatchAnswer::of_preview(&preview, &origins, atomic, &schema).took(took);
        return Ok(Told { answer, replayed: false, refused: None });
    }
    let outcome = storage.submit(batch, mode).await?;
    let answer = BatchAnswer::new(&outcome, &origins, atomic, false).took(begun.elapsed());
    Ok(Told { answer, replayed: outcome.replayed, refused: refusal(&outcome) })
}

fn refusal(outcome: &BatchOutcome) -> Option<ErrorCode> {
    outcome.failures.first().filter(|_| outcome.rolled_back).map(|failure| (&failure.error).into())
}

fn read(lines: Vec<(Option<u64>, WireOperation)>, schema: &Schema) -> Result<batch::Operations<'_>, Problem> {
    let mut read = batch::Operations::new(&schema.prefix);
    for (index, (line, wire)) in lines.into_iter().enumerate() {
        read.push(line, wire).map_err(|fault| {
            let place = line.map_or_else(|| format!("operation {index}"), |line| format!("line {line}"));
            let problem = Problem::new(fault.code, format_args!("{place}: {fault}"));
            match line {
                Some(line) => problem.at_line(usize::try_from(line).unwrap_or(usize::MAX)),
                None => problem,
            }
        })?;
    }
    Ok(read)
}

/// Shows whole issues.
#[utoipa::path(
    post,
    path = "/batch/get",
    tag = "batch",
    operation_id = "getIssues",
    request_body = GetBody,
    responses((status = 200, description = "The issues, and what isn't there", body = Envelope<Found>))
)]
pub(crate) async fn get(
    At(state): At<State>,
    WithBody { writing, body: GetBody { issues } }: WithBody<GetBody>,
) -> Result<Response, Problem> {
    writing.check_without_tags(false)?;
    let most = state.shared.limits.page as usize;
    if issues.len() > most {
        return Err(Problem::new(ErrorCode::TooMany, format_args!("a question names at most {most} issues")));
    }
    let mut selectors: Vec<IssueSelector> = Vec::with_capacity(issues.len());
    for WireName(name) in &issues {
        selectors.push(state.selector(name).await?);
    }
    let (trusts_index, most) = (state.project.trusts_index, state.shared.limits.answer_bytes);
    state
        .ask(async move |storage| {
            let found = found(storage, &selectors, issues, most).await;
            let freshness = Some(Freshness::of_whole_issues(trusts_index, found.issues.len()));
            Ok::<_, Problem>(envelope::answer(StatusCode::OK, found, Meta { freshness, ..Meta::default() }))
        })
        .await
}

/// Reads issues until they have more bytes together than an answer may; the others fail.
async fn found(storage: &dyn IssueStorage, selectors: &[IssueSelector], names: Vec<WireName>, most: usize) -> Found {
    let origins: Vec<Origin> =
        names.into_iter().map(|WireName(name)| Origin { line: None, name: Some(name) }).collect();
    let (mut issues, mut failures) = (Vec::new(), Vec::new());
    let (mut bytes, mut index) = (0, 0);
    for selectors in selectors.chunks(AT_ONCE) {
        let found = if bytes > most { Vec::new() } else { storage.get_many(selectors).await };
        let mut found = found.into_iter();
        for _ in selectors {
            match found.next() {
                Some(Err(error)) => failures.push(BatchFailure::new(&OperationFailure { index, error }, &origins)),
                Some(Ok(stored)) if bytes <= most => {
                    bytes += questions::bytes_of(&stored);
                    if bytes <= most || issues.is_empty() {
                        issues.push(Issue::from(&stored));
                    } else {
                        failures.push(left_out(index, &origins));
                    }
                }
                Some(Ok(_)) | None => failures.push(left_out(index, &origins)),
            }
            index += 1;
        }
    }
    Found { issues, failures }
}

/// Says that there was no room for an issue.
fn left_out(index: usize, origins: &[Origin]) -> BatchFailure {
    let message = "the issues before it are as long as one answer may be: ask for it in another one".to_owned();
    let issue = origins.get(index).and_then(|origin| origin.name.clone());
    BatchFailure { index, line: None, issue, code: ErrorCode::TooMany.as_str(), message }
}

impl FromRequest<State> for BatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let types: Vec<&str> = [extract::JSON].into_iter().chain(extract::LINES).collect();
        let found = extract::check_type(&parts.headers, &types)?;
        let bytes = extract::read(Request::from_parts(parts.clone(), body), state).await?;
        let (most, read) = (state.shared.limits.operations, bytes.clone());
        // There may be much of it, and who else asks needn't wait for that.
        let operations = state
            .work(move || if found == extract::JSON { read_list(&read, most) } else { read_lines(&read, most) })
            .await??;
        Ok(Self { writing: Writing::read(&mut parts, &bytes, state).await?, operations })
    }
}

/// Reads a list, up to where it has too many.
fn read_list(bytes: &[u8], most: usize) -> Result<Operations, Problem> {
    let mut has_too_many = false;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = List { most, has_too_many: &mut has_too_many }.deserialize(&mut json);
    let read = read.and_then(|operations| json.end().map(|()| operations));
    match read {
        Ok(operations) => Ok(operations),
        Err(_) if has_too_many => Err(too_many(most)),
        Err(error) => Err(extract::unreadable(&error)),
    }
}

/// Reads a list of so many operations.
struct List<'a> {
    most: usize,
    has_too_many: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Operations;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Operations, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Operations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Operations, A::Error> {
        let mut operations = Vec::new();
        while let Some(operation) = list.next_element()? {
            if operations.len() == self.most {
                *self.has_too_many = true;
                return Err(de::Error::custom("too many operations"));
            }
            operations.push((None, operation));
        }
        Ok(operations)
    }
}

/// Reads lines, up to where they are too many.
fn read_lines(bytes: &[u8], most: usize) -> Result<Operations, Problem> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1_u64..).filter(|(line, _)| !line.trim_ascii().is_empty());
    let read = lines.enumerate().map(|(index, (line, number))| match extract::parse::<WireOperation>(line) {
        _ if index == most => Err(too_many(most)),
        Ok(operation) => Ok((Some(number), operation)),
        Err(problem) => Err(problem.at_line(usize::try_from(number).unwrap_or(usize::MAX))),
    });
    read.collect()
}

fn too_many(most: usize) -> Problem {
    let detail = format!("the batch has more than {most} operations, which is the limit");
    Problem::new(ErrorCode::TooMany, detail).hint("do it in several batches")
}

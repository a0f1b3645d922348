//! Issues by their names.

use axum::extract::{Query, State as At};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tickety_api::exact::{self, Answered, Exact as _};
use tickety_api::{Envelope, ErrorCode};
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_engine::questions::{bytes_of, bytes_of_text};
use tickety_store::{Identity, IssueStorage, IssueText, RecordProblem, StorageError, StoredIssue};
use utoipa::{IntoParams, ToSchema};

use super::{malformed, told};
use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::representations::Shown;
use crate::state::State;
use crate::writing::{self, WithBody};

/// Which issues are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NamesParameters {
    /// Their numbers, names or ids, with commas between them; at most 1,000.
    names: String,
}

/// Returns issues, each of which is there or not by itself. Where they have more bytes than an answer may, the last are left out.
#[utoipa::path(
    get,
    path = "/storage/issues",
    tag = "storage",
    operation_id = "storedIssues",
    params(NamesParameters),
    responses((status = 200, description = "The issues, in the order asked for", body = Envelope<Vec<Answered<exact::StoredIssue>>>))
)]
pub(crate) async fn issues(
    At(state): At<State>,
    reading: Reading,
    Parameters(NamesParameters { names }): Parameters<NamesParameters>,
) -> Result<Response, Problem> {
    let (selectors, most) = (state.selectors(&names).await?, state.shared.limits.answer_bytes);
    let answer = async move |storage: &dyn IssueStorage| {
        let found = match &selectors[..] {
            [selector] => vec![storage.get(*selector).await],
            _ => found(storage, &selectors, most).await,
        };
        let ends = |stored: &StoredIssue| {
            let ends = stored.derived.links.iter().filter_map(|end| end.target.as_ref().map(|target| target.key));
            [stored.issue.key()].into_iter().chain(ends).collect::<Vec<_>>()
        };
        let all_found = found.iter().all(Result::is_ok);
        let shown: Vec<IssueKey> = found.iter().flatten().flat_map(ends).collect();
        let made = told(&found);
        // What isn't there may be at any time, and no other answer would tell.
        let made = if all_found { made.about(shown) } else { made };
        Ok(match &found[..] {
            [Ok(stored)] => made.keep(Shown::of_issue(stored), false),
            _ => made,
        })
    };
    reading.answer(&state, answer).await
}

/// Returns the texts of issues, `null` for one that has gone. Where they have more bytes than an answer may, the last are left out.
#[utoipa::path(
    get,
    path = "/storage/texts",
    tag = "storage",
    operation_id = "storedTexts",
    params(NamesParameters),
    responses((status = 200, description = "The texts, in the order asked for", body = Envelope<Vec<Option<exact::IssueText>>>))
)]
pub(crate) async fn texts(
    At(state): At<State>,
    reading: Reading,
    Parameters(NamesParameters { names }): Parameters<NamesParameters>,
) -> Result<Response, Problem> {
    let (keys, most) = (keys(&state, &names).await?, state.shared.limits.answer_bytes);
    reading.answer(&state, async move |storage| Ok(told(&texts_of(storage, &keys, most).await?))).await
}

/// How many issues are read at once where their bytes are counted.
const AT_ONCE: usize = 16;

/// Reads issues until they have more bytes together than an answer may.
async fn found(
    storage: &dyn IssueStorage,
    selectors: &[IssueSelector],
    most: usize,
) -> Vec<Result<StoredIssue, StorageError>> {
    let (mut read, mut bytes) = (Vec::with_capacity(selectors.len()), 0);
    for chunk in selectors.chunks(AT_ONCE) {
        for found in storage.get_many(chunk).await {
            bytes += found.as_ref().map_or(0, bytes_of);
            if bytes > most && !read.is_empty() {
                return read;
            }
            read.push(found);
        }
    }
    read
}

/// Reads texts until they have more bytes together than an answer may.
async fn texts_of(
    storage: &dyn IssueStorage,
    keys: &[IssueKey],
    most: usize,
) -> Result<Vec<Option<IssueText>>, StorageError> {
    let (mut read, mut bytes) = (Vec::with_capacity(keys.len()), 0);
    for chunk in keys.chunks(AT_ONCE) {
        let mut found = storage.texts(chunk).await?.into_iter().peekable();
        for key in chunk {
            let text = found.next_if(|text| text.key == *key);
            bytes += text.as_ref().map_or(0, bytes_of_text);
            if bytes > most && !read.is_empty() {
                return Ok(read);
            }
            read.push(text);
        }
    }
    Ok(read)
}

/// Reads unambiguous names.
pub(super) async fn keys(state: &State, names: &str) -> Result<Vec<IssueKey>, Problem> {
    let key = |selector: IssueSelector| match selector {
        IssueSelector::Name(name) => name.suffix.map(|suffix| IssueKey { number: name.number, suffix }),
        IssueSelector::Id(_) => None,
    };
    let unnamed = |selector| {
        Problem::new(ErrorCode::BadName, format_args!("`{selector}` isn't the unambiguous name of an issue"))
            .hint("write it with the letters after its number, as in 42-k3f9")
    };
    let selectors = state.selectors(names).await?;
    selectors.into_iter().map(|selector| key(selector).ok_or_else(|| unnamed(selector))).collect()
}

/// Tells which issues have external references.
#[utoipa::path(
    get,
    path = "/storage/references",
    tag = "storage",
    operation_id = "storedReferences",
    params(("reference" = Vec<String>, Query, description = "The references, each as a parameter of its own; at most 1,000")),
    responses((status = 200, description = "The names of the issues that have each; what none has is absent", body = Envelope<std::collections::BTreeMap<String, Vec<String>>>))
)]
pub(crate) async fn references(
    At(state): At<State>,
    reading: Reading,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    if let Some((name, _)) = parameters.iter().find(|(name, _)| name != "reference") {
        return Err(Problem::new(
            ErrorCode::Usage,
            format_args!("the parameters of the address: `{name}` isn't known"),
        ));
    }
    let references: Vec<String> = parameters.into_iter().map(|(_, reference)| reference).collect();
    few(references.len(), "references", &state)?;
    reading.answer(&state, async move |storage| Ok(told(&storage.by_reference(&references).await?))).await
}

/// What is looked for among the records that can't be read.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnreadableBody {
    /// What may lie there.
    #[schema(max_items = 1000)]
    wanted: Vec<exact::Identity>,
}

/// Looks for issues among the records that can't be read.
#[utoipa::path(
    post,
    path = "/storage/unreadable",
    tag = "storage",
    operation_id = "findUnreadable",
    request_body = UnreadableBody,
    responses((status = 200, description = "For each, in the order asked for, a record that may be it, or `null`", body = Envelope<Vec<Option<exact::RecordProblem>>>))
)]
pub(crate) async fn unreadable(
    At(state): At<State>,
    WithBody { writing: _, body: UnreadableBody { wanted } }: WithBody<UnreadableBody>,
) -> Result<Response, Problem> {
    few(wanted.len(), "issues", &state)?;
    let wanted: Vec<Identity> =
        wanted.into_iter().map(Identity::from_wire).collect::<Result<_, _>>().map_err(malformed)?;
    let found: Vec<Option<RecordProblem>> =
        state.ask(async move |storage| storage.find_unreadable(&wanted).await).await?;
    Ok(writing::respond(StatusCode::OK, found.to_wire(), false))
}

/// Refuses a question about too many.
pub(super) fn few(count: usize, what: &str, state: &State) -> Result<(), Problem> {
    let most = state.shared.limits.page as usize;
    if count <= most {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::TooMany, format_args!("a question names at most {most} {what}")))
}

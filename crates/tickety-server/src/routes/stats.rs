//! What is said of the project as a whole.

use axum::extract::State as At;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tickety_api::schema::Schema;
use tickety_api::{Envelope, ErrorCode, Meta, Problem as Unreadable, answer};
use tickety_engine::questions::{self, Question};
use tickety_store::{Checked, IssueStorage};
use utoipa::{IntoParams, ToSchema};

use super::lists::{moment, steady};
use crate::extract::Parameters;
use crate::problem::Problem;
use crate::reading::{Made, Reading};
use crate::state::State;

/// The parameters of counts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsParameters {
    /// Which issues: a query; all of every status where absent.
    #[serde(default)]
    q: String,
    /// Where days begin, such as `Europe/Berlin`.
    zone: Option<String>,
}

/// The `data` of an answer about records that can't be read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problems {
    /// The records, by path.
    problems: Vec<Unreadable>,
}

/// Counts issues by what they are.
#[utoipa::path(
    get,
    path = "/stats",
    tag = "issues",
    operation_id = "countIssues",
    params(StatsParameters),
    responses((status = 200, description = "The answer", body = Envelope<answer::Stats>))
)]
pub(crate) async fn stats(
    At(state): At<State>,
    reading: Reading,
    Parameters(StatsParameters { q, zone }): Parameters<StatsParameters>,
) -> Result<Response, Problem> {
    let (asked, caller) = (state.clone(), reading.caller.clone());
    let answer = async move |storage: &dyn IssueStorage| {
        let question = Question { query: q.trim(), ..Question::default() };
        let query = question.parse(&*storage.schema().await?)?;
        let query = questions::for_all(query).map_err(|name| {
            Problem::new(ErrorCode::Usage, format_args!("`{name}:` says nothing here: all issues that fit are counted"))
                .of_parameter("q")
        })?;
        let query = questions::with_current_names(query, storage).await;
        let moment = moment(&asked, &caller, zone.as_deref())?;
        let Checked { value: stats, problems, freshness } = storage.stats(&query, &moment).await?;
        let problems = questions::problems(storage, problems).await?;
        let meta = Meta {
            freshness: Some(steady(freshness)),
            problems: problems.into_iter().map(Into::into).collect(),
            ..Meta::default()
        };
        // What is overdue depends on the day it is.
        Ok(Made::new(answer::Stats::from(&stats), meta))
    };
    reading.answer(&state, answer).await
}

/// Lists the records that can't be read.
#[utoipa::path(
    get,
    path = "/problems",
    tag = "project",
    operation_id = "listUnreadableRecords",
    responses((status = 200, description = "The answer", body = Envelope<Problems>))
)]
pub(crate) async fn problems(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    let answer = async move |storage: &dyn IssueStorage| {
        let problems = storage.problems().await?.into_iter().map(Unreadable::from).collect();
        Ok(Made::new(Problems { problems }, Meta::default()))
    };
    reading.answer(&state, answer).await
}

/// Tells the vocabulary of the issues.
#[utoipa::path(
    get,
    path = "/schema",
    tag = "project",
    operation_id = "showSchema",
    responses((status = 200, description = "The answer", body = Envelope<Schema>))
)]
pub(crate) async fn schema(At(state): At<State>, reading: Reading) -> Result<Response, Problem> {
    let answer =
        async move |storage: &dyn IssueStorage| Ok(Made::new(Schema::from(&*storage.schema().await?), Meta::default()));
    reading.answer(&state, answer).await
}

//! What is answered when something is wrong: `application/problem+json` (RFC 9457), from the one error table.

use std::borrow::Cow;
use std::fmt::Display;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tickety_api::ErrorCode;
use tickety_api::exact::StorageFailure;
use tickety_core::query::QueryParseError;
use tickety_core::{RelationParseError, ident, issue};
use tickety_engine::questions::QuestionError;
use tickety_store::StorageError;
use utoipa::ToSchema;

use crate::request_id::RequestId;

/// What is wrong with a request, or with answering it. Whoever returns it needs to know nothing of the request: the body is
/// written where the id of the request is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem(Box<Particulars>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Particulars {
    code: ErrorCode,
    detail: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    parameter: Option<&'static str>,
    column: Option<usize>,
    line: Option<usize>,
    data: Option<Raw>,
    exact: Option<Value>,
}

/// JSON as it is sent.
#[derive(Clone, Debug)]
struct Raw(Box<RawValue>);

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Raw {}

/// What is wrong with a request, or with answering it (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Written<'a> {
    /// Always `about:blank`: `code` tells problems apart.
    r#type: &'static str,
    /// What the code means.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What programs tell problems apart by.
    #[schema(value_type = crate::openapi::Code)]
    code: &'static str,
    /// What is wrong.
    detail: &'a str,
    /// What to do next, where that is known.
    hint: Option<&'a str>,
    /// Which parameter or header is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'static str>,
    /// In which line it is wrong, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// At which character, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    /// What tells the request apart in the server's log.
    request_id: &'a str,
    /// What became of each operation of a batch that was rolled back.
    #[schema(value_type = Option<tickety_api::batch::BatchAnswer>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    /// The error as the store has it, for programs that have the same.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<&'a Value>,
}

/// The type of the body.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Problem {
    /// Makes a problem from its row in the table and what is to be said about it.
    pub fn new(code: ErrorCode, detail: impl Display) -> Self {
        let detail = Cow::Owned(detail.to_string());
        Self(Box::new(Particulars {
            code,
            detail,
            hint: None,
            parameter: None,
            column: None,
            line: None,
            data: None,
            exact: None,
        }))
    }

    /// Says what to do next, unless that is said already.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint.get_or_insert(hint.into());
        self
    }

    /// Says which parameter of the request is wrong.
    #[must_use]
    pub fn of_parameter(mut self, name: &'static str) -> Self {
        self.0.parameter = Some(name);
        self
    }

    /// Says where it is wrong: in which character, from 1.
    #[must_use]
    pub fn at_column(mut self, column: usize) -> Self {
        self.0.column = Some(column);
        self
    }

    /// Says in which line it is wrong, from 1.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.0.line = Some(line);
        self
    }

    /// Adds what there is to tell although it was refused. It may be long, so it is written here, where that keeps nobody
    /// else from being answered.
    #[must_use]
    pub(crate) fn with_data(mut self, data: &impl Serialize) -> Self {
        self.0.data = to_raw_value(data).ok().map(Raw);
        self
    }

    /// Returns the row in the table.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The server has failed; what it was is for its log and not for who asked.
    pub(crate) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "the server failed unexpectedly while it answered")
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Writes the body of a response that carries a problem.
    pub(crate) fn write_into(mut response: Response, id: &RequestId) -> Response {
        let Some(Self(particulars)) = response.extensions_mut().remove::<Self>() else { return response };
        let Particulars { code, detail, hint, parameter, column, line, data, exact } = &*particulars;
        let exact = exact.as_ref().filter(|_| response.extensions().get::<Exactly>().is_some());
        let written = Written {
            r#type: "about:blank",
            title: code.meaning(),
            status: response.status().as_u16(),
            code: code.as_str(),
            detail,
            hint: hint.as_deref(),
            parameter: *parameter,
            line: *line,
            column: *column,
            request_id: id.as_str(),
            data: data.as_ref().map(|Raw(data)| &**data),
            exact,
        };
        let body = serde_json::to_vec(&written).expect("a problem is made of texts and numbers");
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
        response
    }
}

/// That problems are told to a program that wants to have the error as it was.
#[derive(Clone, Copy, Debug)]
struct Exactly;

/// Has a problem, if the response is one, say which error it was, with all that it is made of.
pub(crate) async fn say_exactly(mut response: Response) -> Response {
    response.extensions_mut().insert(Exactly);
    response
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        let mut made = Self::new((&error).into(), &error);
        made.0.exact = StorageFailure::of(&error).and_then(|exact| serde_json::to_value(exact).ok());
        match hint(&error) {
            Some(hint) => made.hint(hint),
            None => made,
        }
    }
}

/// Says what a program can do about an error.
fn hint(error: &StorageError) -> Option<&'static str> {
    Some(match error {
        StorageError::NotFound { .. } => "GET /issues?q=is:any lists all issues",
        StorageError::Ambiguous { .. } => "name one of the issues with the letters after its number",
        StorageError::Conflict { .. } | StorageError::FieldConflict { .. } => {
            "read the issue again, and repeat the write if it is still wanted"
        }
        StorageError::BadCursor => "leave out `after`, or repeat the question that the cursor came from",
        StorageError::KeyReused { .. } => "give each request a key of its own",
        StorageError::EventsGone { .. } => "read the issues anew, and go on from the cursor that is named",
        StorageError::Locked { .. } => "try again later",
        StorageError::BatchTooLarge { .. } => "do it in several batches",
        StorageError::Pending { .. } => "the write is durable: don't repeat it",
        _ => return None,
    })
}

impl Problem {
    /// Says what is wrong with a query that a parameter holds.
    pub(crate) fn of_query(error: &QueryParseError) -> Self {
        let detail = format!("column {}: {}", error.column(), error.problem());
        let made = Self::new(error.into(), detail).of_parameter("q").at_column(error.column());
        match error.suggestion() {
            Some(suggestion) => made.hint(suggestion.to_owned()),
            None => made,
        }
    }
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Query(error) => Self::of_query(&error),
            QuestionError::Part { name, error } => {
                let made = Self::new((&error).into(), error.problem()).of_parameter(name);
                match error.suggestion() {
                    Some(suggestion) => made.hint(suggestion.to_owned()),
                    None => made,
                }
            }
            QuestionError::NotOneValue { name, value } => Self::new(
                ErrorCode::BadQuery,
                format_args!("`{value}` is not one value: several have commas between them"),
            )
            .of_parameter(name),
        }
    }
}

macro_rules! from_parse_error {
    ($($error:ty),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::new((&error).into(), error)
            }
        })*
    };
}

from_parse_error!(ident::SelectorParseError, ident::VersionParseError, issue::PartParseError, RelationParseError);

impl From<tickety_api::operation::OperationFault> for Problem {
    fn from(fault: tickety_api::operation::OperationFault) -> Self {
        Self::new(fault.code, fault.message)
    }
}

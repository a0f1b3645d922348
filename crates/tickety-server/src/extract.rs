//! What requests say: parameters and bodies, with errors that tell what is wrong where.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use tickety_api::ErrorCode;

use crate::problem::Problem;
use crate::state::State;

/// The parameters of an address, after its `?`. One that isn't known is refused.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<State> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Query(parameters) = Query::from_request_parts(parts, state).await.map_err(|rejected| {
            let message = rejected.body_text();
            let message = message.strip_prefix("Failed to deserialize query string: ").unwrap_or(&message);
            Problem::new(ErrorCode::Usage, format_args!("the parameters of the address: {message}"))
        })?;
        Ok(Self(parameters))
    }
}

/// What stands in the variable places of an address.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(values) = path.map_err(|rejected| {
            Problem::new(ErrorCode::BadName, format_args!("the address: {}", rejected.body_text()))
        })?;
        Ok(Self(values))
    }
}

/// The type of bodies.
pub(crate) const JSON: &str = "application/json";

/// The types of a body that has JSON on each line.
pub(crate) const LINES: [&str; 5] = [
    "application/jsonl",
    "application/x-ndjson",
    "application/ndjson",
    "application/json-lines",
    "application/x-jsonlines",
];

/// Returns which of the types that are known here a header says; `None` for another.
pub(crate) fn known_type(value: &HeaderValue) -> Option<&'static str> {
    let essence = value.to_str().ok()?.split(';').next()?.trim();
    [JSON].into_iter().chain(LINES).find(|known| essence.eq_ignore_ascii_case(known))
}

/// Refuses a body that isn't said to be of one of these types, and returns which it is of.
pub(crate) fn check_type(headers: &HeaderMap, types: &[&'static str]) -> Result<&'static str, Problem> {
    let known = headers.get(header::CONTENT_TYPE).and_then(known_type);
    known.filter(|known| types.contains(known)).ok_or_else(|| {
        let types = types.join("` or `");
        Problem::new(ErrorCode::BadMediaType, format_args!("the body has to be `{types}`"))
            .hint("say so in the header `Content-Type`")
    })
}

/// Reads a body to its end.
pub(crate) async fn read(request: Request, state: &State) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejected| match rejected.status().as_u16() {
        413 => Problem::new(ErrorCode::TooLarge, "the body is longer than the server takes"),
        _ => Problem::new(ErrorCode::BadJson, "the body could not be read to its end"),
    })
}

/// Reads an object of JSON; nothing at all is an empty one.
pub(crate) fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    match bytes.trim_ascii_start().first() {
        // Where an object is wanted, a list of its values would do, too.
        Some(b'[') => Err(Problem::new(ErrorCode::BadInput, "the body: a list, where an object is wanted")),
        _ => parse(bytes),
    }
}

/// Reads JSON.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
}

/// Says why JSON can't be read.
pub(crate) fn unreadable(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let problem = match error.is_data() {
        true => Problem::new(ErrorCode::BadInput, format_args!("the body: {message}")),
        false => Problem::new(ErrorCode::BadJson, format_args!("the body is not JSON: {message}")),
    };
    problem.at_line(error.line()).at_column(error.column())
}

//! What requests say: parameters and bodies, with errors that tell what is wrong where.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
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

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(ErrorCode::BadMediaType, "the body has to be `application/json`")
                .hint("send the header `Content-Type: application/json`"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejected| match rejected.status().as_u16() {
            413 => Problem::new(
                ErrorCode::TooLarge,
                format_args!("the body has more than {} bytes, which is the limit", state.shared.limits.body),
            ),
            _ => Problem::new(ErrorCode::BadJson, "the body could not be read to its end"),
        })?;
        parse(&bytes).map(Self)
    }
}

/// Whether the body is said to be JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads JSON.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or(&text);
        let problem = match error.is_data() {
            true => Problem::new(ErrorCode::BadInput, format_args!("the body: {message}")),
            false => Problem::new(ErrorCode::BadJson, format_args!("the body is not JSON: {message}")),
        };
        problem.at_line(error.line()).at_column(error.column())
    })
}

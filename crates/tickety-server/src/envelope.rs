//! Answers: `{"data": …, "meta": {…}}`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use tickety_api::{Envelope, Meta};

/// The type of the body.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers with data.
pub(crate) fn answer(status: StatusCode, data: impl Serialize, meta: Meta) -> Response {
    let mut response = Response::new(Body::from(bytes(data, meta)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Writes the body of an answer. One that may be long is written where that keeps nobody else from being answered.
pub(crate) fn bytes(data: impl Serialize, meta: Meta) -> Vec<u8> {
    serde_json::to_vec(&Envelope { data, meta }).expect("answers have text keys only")
}

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
    let bytes = serde_json::to_vec(&Envelope { data, meta }).expect("answers have text keys only");
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

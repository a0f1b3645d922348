//! The header that names the issues which an answer shows, or a write has changed: what a cache has to know to forget the
//! right ones.

use axum::http::{HeaderName, HeaderValue};
use tickety_core::ident::IssueKey;

/// Its name.
pub(crate) const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// How many issues it names at the most. Of more, nothing is said.
pub(crate) const MOST: usize = 100;

/// Returns its value.
pub(crate) fn value(keys: impl IntoIterator<Item = IssueKey>) -> Option<HeaderValue> {
    let mut keys: Vec<IssueKey> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > MOST {
        return None;
    }
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    HeaderValue::try_from(names.join(",")).ok()
}

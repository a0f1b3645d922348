//! Which stored answers a write makes wrong, besides those to its own URL.

use std::fmt;

use http::Method;
use http::header::HeaderMap;
use url::Url;

use crate::key::without_query;

/// Says which tags answers carry, and which of them a write invalidates.
///
/// An origin that names tags in a field of its answers is served like this:
///
/// ```
/// use http::{HeaderMap, Method};
/// use tickety_http::{PathTags, Tagging};
/// use url::Url;
///
/// #[derive(Debug)]
/// struct FieldTags;
///
/// impl Tagging for FieldTags {
///     fn carried(&self, url: &Url, answer: &HeaderMap) -> Vec<String> {
///         let named = answer.get("cache-tag").and_then(|tags| tags.to_str().ok()).unwrap_or_default();
///         let mut tags = PathTags.carried(url, answer);
///         tags.extend(named.split(',').map(|tag| tag.trim().to_owned()));
///         tags
///     }
///
///     fn invalidated(&self, method: &Method, url: &Url, answer: &HeaderMap) -> Vec<String> {
///         self.carried(url, answer)
///     }
/// }
/// ```
pub trait Tagging: fmt::Debug + Send + Sync + 'static {
    /// Returns the tags that an answer to GET or HEAD carries.
    fn carried(&self, url: &Url, answer: &HeaderMap) -> Vec<String>;

    /// Returns the tags that are invalid when a write to a URL was answered, and not with an error. It is asked for the URLs
    /// in `Location` and `Content-Location`, too, if they are of the same origin.
    fn invalidated(&self, method: &Method, url: &Url, answer: &HeaderMap) -> Vec<String>;
}

/// The default: an answer carries its URL without the query, and a write invalidates that of its own URL and those of all
/// parents up to the root, whatever their queries.
///
/// So a `PATCH` of `/issues/42` invalidates `/issues/42?fields=title`, `/issues?page=2` and `/`, but not `/issues/43`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathTags;

impl Tagging for PathTags {
    fn carried(&self, url: &Url, _: &HeaderMap) -> Vec<String> {
        vec![trimmed(&without_query(url)).to_owned()]
    }

    fn invalidated(&self, _: &Method, url: &Url, _: &HeaderMap) -> Vec<String> {
        let whole = without_query(url);
        let root = whole.len() - url.path().len();
        let mut tags = vec![trimmed(&whole).to_owned()];
        let mut rest = trimmed(&whole);
        while let Some(parent) = rest.rfind('/').filter(|slash| *slash >= root) {
            rest = &rest[..parent];
            tags.push(rest.to_owned());
        }
        tags
    }
}

/// `/a/` and `/a` are the same place.
pub(crate) fn trimmed(url: &str) -> &str {
    url.strip_suffix('/').unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_invalidates_its_resource_and_all_parents() {
        let url = |text: &str| Url::parse(text).unwrap();
        let none = HeaderMap::new();
        assert_eq!(
            PathTags.invalidated(&Method::PATCH, &url("http://h:81/issues/42?x=/y#z"), &none),
            ["http://h:81/issues/42", "http://h:81/issues", "http://h:81"]
        );
        assert_eq!(PathTags.invalidated(&Method::POST, &url("http://h"), &none), ["http://h"]);
        assert_eq!(PathTags.carried(&url("http://h/issues/?page=2"), &none), ["http://h/issues"]);
        assert_eq!(PathTags.carried(&url("http://h/?a"), &none), ["http://h"]);
    }
}

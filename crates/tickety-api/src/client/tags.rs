//! Which answers a write makes wrong.

use http::{HeaderMap, Method};
use tickety_http::Tagging;
use url::Url;

/// Answers carry the names of the issues that they show, where the server says them, and otherwise what they all carry. A
/// batch makes wrong what shows its issues, and all that says nothing; where it isn't known what it did, everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tags;

/// Carried by all answers.
const ALL: &str = "all";

/// Carried by answers that may show anything.
const ANY: &str = "any";

/// The header in which the server names issues.
const HEADER: &str = "cache-tag";

impl Tagging for Tags {
    fn carried(&self, _: &Url, answer: &HeaderMap) -> Vec<String> {
        match names(answer) {
            Some(names) => names.chain([ALL.to_owned()]).collect(),
            None => vec![ANY.to_owned(), ALL.to_owned()],
        }
    }

    fn invalidated(&self, _: &Method, url: &Url, answer: &HeaderMap) -> Vec<String> {
        if !url.path().ends_with("/storage/batch") {
            return Vec::new();
        }
        match names(answer) {
            Some(names) => names.chain([ANY.to_owned()]).collect(),
            None => vec![ALL.to_owned()],
        }
    }
}

/// Returns the issues that an answer names.
fn names(answer: &HeaderMap) -> Option<impl Iterator<Item = String>> {
    let names = answer.get(HEADER)?.to_str().ok()?;
    Some(names.split(',').filter(|name| !name.is_empty()).map(|name| format!("issue {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        format!("http://h/api/v1{path}").parse().unwrap()
    }

    fn naming(names: &'static str) -> HeaderMap {
        [(HEADER.parse().unwrap(), http::HeaderValue::from_static(names))].into_iter().collect()
    }

    #[test]
    fn a_batch_makes_wrong_what_shows_its_issues_or_may() {
        let (post, none) = (Method::POST, HeaderMap::new());
        let wrong = Tags.invalidated(&post, &url("/storage/batch"), &naming("1-aaaa,2-bbbb"));
        let carried = |answer: &HeaderMap| Tags.carried(&url("/storage/issues?names=1"), answer);
        let hit = |answer: &HeaderMap| carried(answer).iter().any(|tag| wrong.contains(tag));
        assert!(hit(&naming("2-bbbb,3-cccc")) && hit(&none));
        assert!(!hit(&naming("3-cccc")));
        assert_eq!(Tags.invalidated(&post, &url("/storage/batch"), &none), [ALL]);
        assert!(carried(&naming("3-cccc")).contains(&ALL.to_owned()));
        assert!(Tags.invalidated(&post, &url("/storage/unreadable"), &none).is_empty());
    }
}

//! Under what an answer is stored: method and URL, the query in order.

use std::fmt;
use std::sync::Arc;

use http::Method;
use url::Url;

/// What answers are to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    Get,
    Head,
    /// GET with a `Range`, if the answer is a part.
    Part,
}

/// The key of the answers to a URL. Printed, it is the URL, which is what patterns are matched with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) of: Of,
    pub(crate) url: Arc<str>,
}

impl Key {
    /// Makes the key for the answers to a method and a URL.
    pub(crate) fn new(method: &Method, url: &Url, sorted: bool) -> Self {
        let of = if *method == Method::HEAD { Of::Head } else { Of::Get };
        Self { of, url: canonical(url, sorted).into() }
    }

    /// Returns the key of other answers to the URL.
    pub(crate) fn with(&self, of: Of) -> Self {
        Self { of, url: self.url.clone() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

/// The key of a request on its way: what its answer may depend on is part of it as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    pub(crate) url: Arc<str>,
    /// The fields that select among the answers, and their values.
    pub(crate) selecting: String,
}

impl fmt::Display for FlightKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

/// Prints a URL without its fragment, the parts of its query sorted by name. Parts of the same name keep their order.
pub(crate) fn canonical(url: &Url, sorted: bool) -> String {
    let whole = url.as_str();
    let whole = whole.split_once('#').map_or(whole, |(whole, _)| whole);
    let Some((path, query)) = whole.split_once('?').filter(|_| sorted) else { return whole.to_owned() };
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.sort_by_key(|part| part.split('=').next());
    format!("{path}?{}", parts.join("&"))
}

/// Prints a URL without its query and fragment.
pub(crate) fn without_query(url: &Url) -> String {
    let whole = url.as_str();
    whole[..whole.find(['?', '#']).unwrap_or(whole.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_query_makes_no_difference_and_its_values_do() {
        let key = |url: &str| canonical(&Url::parse(url).unwrap(), true);
        assert_eq!(key("http://h/a?b=2&a=1&b=1#part"), "http://h/a?a=1&b=2&b=1");
        assert_eq!(key("HTTP://H:80/a?b=2&a=1&b=1"), key("http://h/a?a=1&b=2&b=1"));
        assert_ne!(key("http://h/a?b=2&b=1"), key("http://h/a?b=1&b=2"));
        assert_ne!(key("http://h/a"), key("http://h/a?"));
        assert_eq!(canonical(&Url::parse("http://h/a?b&a#c").unwrap(), false), "http://h/a?b&a");
    }
}

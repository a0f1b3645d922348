//! Header fields: which are kept, how a 304 changes them, and how those that select an answer are compared.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::directives::{Directives, split_unquoted};

/// Fields that are for one connection, or for a proxy, and never stored or passed on (RFC 9110, section 7.6.1; RFC 9111,
/// section 3.1).
const OF_CONNECTION: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "warning",
];

/// Fields that describe the body that is there, which a 304 doesn't change (RFC 9111, section 3.2: the length; the others
/// say how the stored bytes are to be read).
const OF_BODY: [HeaderName; 3] = [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_RANGE];

/// Returns all values of a field, lines and lists alike, without empty ones.
pub(crate) fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok()).flat_map(|line| split_unquoted(line, ','))
}

/// Removes the fields that are for the connection alone, those that `Connection` lists included.
pub(crate) fn strip_connection(headers: &mut HeaderMap) {
    let listed: Vec<String> = members(headers, &header::CONNECTION).map(str::to_ascii_lowercase).collect();
    for name in OF_CONNECTION.into_iter().chain(listed.iter().map(String::as_str)) {
        headers.remove(name);
    }
}

/// Changes stored fields to what a 304, or the answer to a HEAD, says (RFC 9111, section 3.2).
pub(crate) fn update(stored: &mut HeaderMap, newer: &HeaderMap, withheld: &[HeaderName]) {
    for name in newer.keys().filter(|name| !OF_BODY.contains(name) && !withheld.contains(name)) {
        stored.remove(name);
        for value in newer.get_all(name) {
            stored.append(name, value.clone());
        }
    }
    // An age that the newer answer doesn't have is over.
    if !newer.contains_key(header::AGE) {
        stored.remove(header::AGE);
    }
}

/// Returns the fields of a request that an answer says it depends on, in lower case and order; `None` if it depends on
/// something else, too: `*`, or what is no name (RFC 9111, section 4.1).
pub(crate) fn nominated(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = members(headers, &header::VARY)
        .map(|name| if name == "*" { None } else { HeaderName::from_bytes(name.as_bytes()).ok() })
        .collect::<Option<Vec<_>>>()?;
    names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    names.dedup();
    Some(names)
}

/// Returns the values of the given fields of a request in one form each, so that what differs in spaces, lines, or, for
/// languages, codings and media types, in case and order, is the same (RFC 9111, section 4.1). Of those that say who asks only a
/// hash is kept: they are stored with the answer, on the disk, too.
pub(crate) fn selecting(names: &[HeaderName], request: &HeaderMap) -> HeaderMap {
    let mut values = HeaderMap::with_capacity(names.len());
    for name in names {
        if let Some(value) = normalised(name, request) {
            values.insert(name.clone(), if is_secret(name) { hashed(&value) } else { value });
        }
    }
    values
}

/// Whether the values of a field let somebody pass for who sent them.
fn is_secret(name: &HeaderName) -> bool {
    ["auth", "cookie", "token", "key", "secret", "session", "password"].iter().any(|word| name.as_str().contains(word))
}

fn hashed(value: &HeaderValue) -> HeaderValue {
    let hash = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
    let printed: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&printed).expect("hexadecimal digits are a value")
}

fn normalised(name: &HeaderName, request: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = request.get_all(name).into_iter();
    let (first, more) = (lines.next()?, lines.next().is_some());
    if !more && first.to_str().is_err() {
        return Some(first.clone());
    }
    let mut parts: Vec<String> = members(request, name).map(str::to_owned).collect();
    // The order of these is without meaning: weights say what is preferred (RFC 9110, section 12.5).
    if [header::ACCEPT_LANGUAGE, header::ACCEPT_ENCODING, header::ACCEPT, header::ACCEPT_CHARSET].contains(name) {
        for part in &mut parts {
            part.retain(|character| !character.is_ascii_whitespace());
            part.make_ascii_lowercase();
        }
        parts.sort_unstable();
    }
    HeaderValue::from_str(&parts.join(", ")).ok().or_else(|| Some(first.clone()))
}

/// Whether an answer in a language is what a request prefers: the answer's language has the highest weight of all that the
/// request names (RFC 9110, section 12.5.4).
pub(crate) fn prefers_language(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let mut languages = members(answer, &header::CONTENT_LANGUAGE);
    let (Some(language), None) = (languages.next(), languages.next()) else { return false };
    let mut weight = None;
    let mut highest = 0.0;
    for range in members(request, &header::ACCEPT_LANGUAGE) {
        let (name, parameters) = range.split_once(';').map_or((range, ""), |(name, rest)| (name.trim(), rest.trim()));
        let quality = parameters.strip_prefix("q=").map_or(Some(1.0), |quality| quality.trim().parse::<f32>().ok());
        let quality = quality.unwrap_or_default();
        if name.eq_ignore_ascii_case(language) {
            weight = Some(quality);
        } else if quality > highest {
            highest = quality;
        }
    }
    weight.is_some_and(|weight| weight > highest)
}

/// Whether one of several entity tags is a stored one, by the weak comparison (RFC 9110, section 8.8.3.2).
pub(crate) fn matches_tag(headers: &HeaderMap, stored: Option<&HeaderValue>) -> bool {
    let mut asked = headers.get_all(header::IF_NONE_MATCH).iter();
    if headers.get_all(header::IF_NONE_MATCH).iter().any(|line| line.as_bytes().trim_ascii() == b"*") {
        return true;
    }
    let Some(stored) = stored else { return false };
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    let stored = opaque(&text(stored));
    asked.any(|line| split_unquoted(&text(line), ',').any(|tag| opaque(tag) == stored))
}

/// Returns the directives of a request: those of `Pragma` if there is no `Cache-Control` (RFC 9111, section 5.4).
pub(crate) fn request_directives(headers: &HeaderMap) -> Directives {
    if headers.contains_key(header::CACHE_CONTROL) {
        return Directives::parse(headers.get_all(header::CACHE_CONTROL));
    }
    let mut directives = Directives::default();
    if members(headers, &header::PRAGMA).any(|member| member.eq_ignore_ascii_case("no-cache")) {
        directives.set("no-cache", None);
    }
    directives
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_is_for_the_connection_is_not_kept() {
        let mut kept =
            headers(&[("connection", "a, B"), ("a", "1"), ("b", "2"), ("te", "x"), ("c", "3"), ("warning", "w")]);
        strip_connection(&mut kept);
        assert_eq!(kept, headers(&[("c", "3")]));
    }

    #[test]
    fn a_newer_answer_replaces_all_lines_of_a_field_but_not_those_of_the_body() {
        let mut kept = headers(&[("a", "1"), ("a", "2"), ("b", "3"), ("content-length", "5"), ("age", "9")]);
        update(&mut kept, &headers(&[("a", "4"), ("c", "5"), ("c", "6"), ("content-length", "0")]), &[]);
        assert_eq!(kept, headers(&[("a", "4"), ("b", "3"), ("content-length", "5"), ("c", "5"), ("c", "6")]));
    }

    #[test]
    fn selecting_fields_are_compared_in_one_form() {
        let one = |fields: &[(&'static str, &'static str)], name: HeaderName| selecting(&[name], &headers(fields));
        let foo = HeaderName::from_static("foo");
        assert_eq!(one(&[("foo", "1,2")], foo.clone()), one(&[("foo", " 1 "), ("foo", "2")], foo.clone()));
        assert_ne!(one(&[("foo", "1,2")], foo.clone()), one(&[("foo", "2,1")], foo));
        let language = header::ACCEPT_LANGUAGE;
        assert_eq!(
            one(&[("accept-language", "en, de ; q=0.5")], language.clone()),
            one(&[("accept-language", "De;q=0.5,eN")], language)
        );
    }

    #[test]
    fn a_star_anywhere_among_the_nominated_fields_matches_nothing() {
        assert_eq!(nominated(&headers(&[("vary", "B, a"), ("vary", "b")])).unwrap(), ["a", "b"]);
        for star in ["*", "*, *", ", *", "foo, *"] {
            assert_eq!(nominated(&headers(&[("vary", star)])), None, "{star}");
        }
    }
}

//! `Cache-Control` and its like, as lists of directives (RFC 9111, section 5.2).

use std::time::Duration;

use http::HeaderValue;

/// The largest number of seconds that is told apart (RFC 9111, section 1.2.2).
pub(crate) const LARGEST: u64 = 1 << 31;

/// The directives of a message, names in lower case, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives(Vec<(String, Option<String>)>);

impl Directives {
    /// Reads all lines of a field. What isn't a directive is passed over.
    pub(crate) fn parse<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut directives = Vec::new();
        for line in lines {
            for part in split_unquoted(&String::from_utf8_lossy(line.as_bytes()), ',') {
                let (name, value) = match part.split_once('=') {
                    Some((name, value)) => (name, Some(unquoted(value))),
                    None => (part, None),
                };
                if !name.is_empty() && name.bytes().all(is_token) {
                    directives.push((name.to_ascii_lowercase(), value));
                }
            }
        }
        Self(directives)
    }

    /// Reads a targeted field, which is a dictionary of structured values (RFC 9213, section 2.1; RFC 8941, section 3.2);
    /// `None` if it isn't one, and is to be ignored. The last of several values counts.
    pub(crate) fn parse_dictionary<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Option<Self> {
        let mut directives: Vec<(String, Option<String>)> = Vec::new();
        for line in lines {
            for member in split_unquoted(line.to_str().ok()?, ',') {
                let item = split_unquoted(member, ';').next()?;
                let (name, value) = match item.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (item, None),
                };
                let first = name.bytes().next()?;
                let rest = name.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || b"0123456789_-.*".contains(&byte) || byte.is_ascii_digit()
                });
                if !(first.is_ascii_lowercase() || first == b'*')
                    || !rest
                    || !value.is_none_or(|value| is_value(name, value))
                {
                    return None;
                }
                directives.retain(|(known, _)| known != name);
                if value != Some("?0") {
                    directives.push((name.to_owned(), value.filter(|value| *value != "?1").map(unquoted)));
                }
            }
        }
        (!directives.is_empty()).then_some(Self(directives))
    }

    /// Whether there is a directive of a name, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Whether there is a directive without a value: for all, and not for some fields.
    pub(crate) fn has_bare(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && value.as_deref().is_none_or(str::is_empty))
    }

    /// Returns the fields that directives of a name list.
    pub(crate) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.0.iter().filter(move |(known, _)| known == name).filter_map(|(_, value)| value.as_deref());
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|field| !field.is_empty())
    }

    /// Returns a time in seconds: of several the first (RFC 9111, section 4.2.1), nothing of what is no number, and
    /// no more than [`LARGEST`].
    pub(crate) fn seconds(&self, name: &str) -> Option<Duration> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.as_deref().and_then(seconds).unwrap_or_default())
    }

    /// Removes all directives of a name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Sets a directive.
    pub(crate) fn set(&mut self, name: &str, value: Option<Duration>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.map(|time| time.as_secs().to_string())));
    }

    /// Prints the directives of some names, each once, those with a time as a plain number.
    pub(crate) fn print(&self, plain: &[&str], timed: &[&str]) -> Option<HeaderValue> {
        let mut printed: Vec<String> =
            plain.iter().filter(|name| self.has(name)).map(|name| (*name).to_owned()).collect();
        for name in timed {
            if let Some(time) = self.seconds(name) {
                printed.push(format!("{name}={}", time.as_secs()));
            }
        }
        if printed.is_empty() { None } else { HeaderValue::from_str(&printed.join(", ")).ok() }
    }
}

/// Reads a number of seconds: digits and nothing else.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(text.parse().unwrap_or(LARGEST).min(LARGEST)))
}

/// Splits at a character that doesn't stand in quotes, and takes the spaces off.
pub(crate) fn split_unquoted(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |character| {
        if escaped {
            escaped = false;
            return false;
        }
        match character {
            '"' => quoted = !quoted,
            '\\' if quoted => escaped = true,
            _ => {}
        }
        character == at && !quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// Takes the quotes off a value, if it has any. What only begins with one stays as it is, and so does a space, which makes
/// a number none.
fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(value) => value.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a structured value is one that a directive may have: times are integers, the others flags or texts.
fn is_value(name: &str, value: &str) -> bool {
    let timed = ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"].contains(&name);
    let integer = seconds(value).is_some() || value.strip_prefix('-').is_some_and(|value| seconds(value).is_some());
    let token = value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*')
        && value.bytes().all(|byte| is_token(byte) || byte == b':' || byte == b'/');
    let text = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    integer || !timed && (["?0", "?1"].contains(&value) || token || text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Directives {
        Directives::parse([&HeaderValue::from_str(text).unwrap()])
    }

    #[test]
    fn names_have_no_case_and_quotes_hide_commas() {
        let directives = parse("MaX-aGe=\"60\", No-Cache=\"a, max-age=3\", , foo bar, x=\"\\\",y\"");
        assert_eq!(directives.seconds("max-age"), Some(Duration::from_secs(60)));
        assert_eq!(directives.fields("no-cache").collect::<Vec<_>>(), ["a", "max-age=3"]);
        assert!(!directives.has_bare("no-cache") && !directives.has("y") && !directives.has("foo bar"));
    }

    #[test]
    fn what_is_no_number_is_no_time_and_what_is_too_large_is_the_largest() {
        for invalid in ["max-age=-1", "max-age=1.0", "max-age= 1", "max-age='1'", "max-age", "max-age=a1", "max-age="] {
            assert_eq!(parse(invalid).seconds("max-age"), Some(Duration::ZERO), "{invalid}");
        }
        assert_eq!(parse("max-age =1").seconds("max-age"), None);
        for large in ["max-age=2147483649", "max-age=99999999999999999999999"] {
            assert_eq!(parse(large).seconds("max-age"), Some(Duration::from_secs(LARGEST)));
        }
        assert_eq!(parse("max-age=1, max-age=2").seconds("max-age"), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_targeted_field_that_is_no_dictionary_is_ignored() {
        let parse = |text: &str| Directives::parse_dictionary([&HeaderValue::from_str(text).unwrap()]);
        for invalid in ["max-age=10000, &&&&&", "max-age=\"10000\"", "max-age =100", "max-age= 100", "", "MaX-aGe=3600"]
        {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
        let directives = parse("foobar, max-age=3600;x=1, private=?0, max-age=10").unwrap();
        assert_eq!(directives.seconds("max-age"), Some(Duration::from_secs(10)));
        assert!(directives.has("foobar") && !directives.has("private"));
    }
}

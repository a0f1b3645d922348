//! What a text loses when it becomes part of an issue.

use serde::{Deserialize, Serialize};

/// White space at the ends of a text of several lines and the form of its line breaks: an issue has none
/// of the first and plain ones of the second.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Form {
    /// The line breaks before the text.
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
    /// The white space behind it.
    #[serde(skip_serializing_if = "String::is_empty")]
    behind: String,
    /// Whether its lines end with a carriage return and a line feed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    crlf: bool,
}

impl Form {
    /// Takes the form of a text; `None` for one that an issue holds as it is. An error says what can't be
    /// given back.
    pub(super) fn of(text: &str) -> Result<Option<Self>, &'static str> {
        let rest = text.trim_start_matches(['\r', '\n']);
        let inner = rest.trim_end();
        let (before, behind) = (&text[..text.len() - rest.len()], &rest[inner.len()..]);
        let pairs = inner.matches("\r\n").count();
        let returns = inner.matches('\r').count();
        if returns > pairs || (pairs > 0 && inner.matches('\n').count() > pairs) {
            return Err("line breaks of several kinds became plain ones");
        }
        let form = Self { before: before.to_owned(), behind: behind.to_owned(), crlf: pairs > 0 };
        Ok(Some(form).filter(|form| *form != Self::default()))
    }

    /// Returns a text as it was before it became part of an issue.
    pub(super) fn put_on(&self, text: &str) -> String {
        let text = if self.crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        format!("{}{text}{}", self.before, self.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_off_can_be_put_on_again() {
        for (text, inner) in
            [("a\n\nb\n", "a\n\nb"), ("\n\r\n  a \t\n ", "  a"), ("a\r\nb\r\n", "a\nb"), ("a \u{a0}", "a")]
        {
            let form = Form::of(text).unwrap().unwrap();
            assert_eq!(form.put_on(inner), text);
        }
        assert_eq!(Form::of("  a\nb"), Ok(None));
        assert!(Form::of("a\r\nb\nc").is_err() && Form::of("a\rb").is_err());
    }
}

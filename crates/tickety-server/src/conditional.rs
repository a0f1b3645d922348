//! Conditions that requests put on what is there: `If-Match` and `If-None-Match` (RFC 9110, 13.1).
//!
//! The tag of a representation is a hash of its bytes, and strong: two answers with the same tag are the same byte for byte. A
//! compressed one has the same tag with `-gzip` at its end, which means the same thing in a condition.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use tickety_engine::requests;

/// What a tag of compressed bytes ends with.
pub(crate) const GZIP: &str = "-gzip";

/// Returns the tag of a representation, in its quotation marks.
pub(crate) fn tag_of(bytes: &[u8]) -> HeaderValue {
    let digest = u128::from_be_bytes(requests::digest([bytes]));
    HeaderValue::try_from(format!("\"{digest:032x}\"")).expect("digits are plain letters")
}

/// What a condition names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// Whatever is there: `*`.
    Anything,
    /// What has one of these tags.
    Tags(Vec<Tag>),
}

/// A tag in a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tag {
    is_weak: bool,
    /// Without what tells compressed bytes.
    text: String,
    is_compressed: bool,
}

impl Named {
    /// Reads a condition, if the request has it. What is no tag names nothing.
    pub(crate) fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        let mut tags = Vec::new();
        for value in values {
            let Ok(text) = value.to_str() else { continue };
            if text.trim() == "*" {
                return Some(Self::Anything);
            }
            collect(text, &mut tags);
        }
        Some(Self::Tags(tags))
    }

    /// Whether it names what has this tag. Where `strong`, a weak tag names nothing.
    pub(crate) fn names(&self, tag: &HeaderValue, strong: bool) -> bool {
        match self {
            Self::Anything => true,
            Self::Tags(tags) => tags.iter().any(|named| !(strong && named.is_weak) && named.text.as_bytes() == tag),
        }
    }

    /// Returns the tag of the form that it names of what has this tag, if it names one: of the bytes, or of the compressed
    /// ones.
    pub(crate) fn form(&self, tag: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::Anything => Some(tag.clone()),
            Self::Tags(tags) => {
                let named = tags.iter().find(|named| named.text.as_bytes() == tag)?;
                if named.is_compressed { compressed(tag) } else { Some(tag.clone()) }
            }
        }
    }
}

/// Reads tags with commas between them. What isn't one ends the list.
fn collect(text: &str, tags: &mut Vec<Tag>) {
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let is_weak = rest.starts_with("W/");
        let Some(opaque) = rest.trim_start_matches("W/").strip_prefix('"') else { return };
        let Some((opaque, after)) = opaque.split_once('"') else { return };
        let plain = opaque.strip_suffix(GZIP);
        let text = format!("\"{}\"", plain.unwrap_or(opaque));
        tags.push(Tag { is_weak, text, is_compressed: plain.is_some() });
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
}

/// Returns the tag of the compressed form of what has this tag; `None` for a weak one, which both forms have.
pub(crate) fn compressed(tag: &HeaderValue) -> Option<HeaderValue> {
    let text = tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    HeaderValue::try_from(format!("\"{text}{GZIP}\"")).ok()
}

/// The conditions of a request that writes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Preconditions {
    pub(crate) matching: Option<Named>,
    pub(crate) none_matching: Option<Named>,
}

impl Preconditions {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let read = |name| Named::read(headers, &name);
        Self { matching: read(header::IF_MATCH), none_matching: read(header::IF_NONE_MATCH) }
    }

    /// Whether there is nothing to compare.
    pub(crate) fn is_empty(&self) -> bool {
        self.matching.is_none() && self.none_matching.is_none()
    }

    /// Whether what has this tag may be written.
    pub(crate) fn allow(&self, tag: &HeaderValue) -> bool {
        self.matching.as_ref().is_none_or(|named| named.names(tag, true))
            && self.none_matching.as_ref().is_none_or(|named| !named.names(tag, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, tag: &str, strong: bool) -> bool {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(text).unwrap())]);
        Named::read(&headers, &header::IF_MATCH).unwrap().names(&HeaderValue::from_str(tag).unwrap(), strong)
    }

    #[test]
    fn a_condition_names_what_it_lists() {
        for text in ["\"a\"", "*", "\"b\", \"a\"", "\"b\",\"a\"", "W/\"b\" , \"a-gzip\"", "\"a,b\", \"a\""] {
            assert!(named(text, "\"a\"", true), "{text}");
        }
        for text in ["\"b\"", "a", "", "\"a", "W/\"a\"", "\"a-br\"", "x, \"a\""] {
            assert!(!named(text, "\"a\"", true), "{text}");
        }
        assert!(named("W/\"a\"", "\"a\"", false), "for reading, weak is good enough");
    }

    #[test]
    fn bytes_have_a_tag_and_their_compressed_form_another() {
        let tag = tag_of(b"{}");
        assert_eq!(tag, tag_of(b"{}"));
        assert_ne!(tag, tag_of(b"[]"));
        let zipped = compressed(&tag).unwrap();
        assert!(zipped.to_str().unwrap().ends_with("-gzip\""));
        assert!(named(zipped.to_str().unwrap(), tag.to_str().unwrap(), true));
    }
}

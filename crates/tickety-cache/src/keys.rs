//! Canonical keys: one key for a question however it is asked, and never one for two.
//!
//! ```
//! use tickety_cache::keys::Question;
//!
//! let one = Question::new("tickety", "search").keywords([" Cache", "ttl"]).filter("priority", 3).limit(10).key();
//! let other = Question::new("tickety", "search").limit(10).filter("priority", 3_u8).keywords(["TTL", "cache"]).key();
//! assert_eq!(one, other);
//! assert_eq!(one.as_str(), "tickety:search?k=cache,ttl&f.priority=i3&n=10");
//! ```
//!
//! Keys are printable, so [`Cache::invalidate_pattern`](crate::Cache::invalidate_pattern) can choose by namespace
//! (`tickety:*`) and operation (`tickety:search\?*`).

mod value;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use self::value::Value;

/// A question to be asked of a source, as it is being put together.
///
/// Keywords are trimmed and lower-cased; empty ones are dropped. Keywords, filters and fields have no order, and each
/// counts once. The order of sort keys counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Question {
    namespace: String,
    operation: String,
    keywords: BTreeSet<String>,
    filters: BTreeMap<String, BTreeSet<Value>>,
    sort: Vec<String>,
    limit: Option<u64>,
    offset: Option<Value>,
    fields: BTreeSet<String>,
}

impl Question {
    /// Starts a question: whom it belongs to, and what is done.
    pub fn new(namespace: impl Into<String>, operation: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), operation: operation.into(), ..Self::default() }
    }

    /// Adds a keyword.
    pub fn keyword(mut self, keyword: impl AsRef<str>) -> Self {
        let keyword = keyword.as_ref().trim().to_lowercase();
        if !keyword.is_empty() {
            self.keywords.insert(keyword);
        }
        self
    }

    /// Adds keywords.
    pub fn keywords<T: AsRef<str>>(self, keywords: impl IntoIterator<Item = T>) -> Self {
        keywords.into_iter().fold(self, |question, keyword| question.keyword(keyword))
    }

    /// Adds a filter. Of the same name there may be several, with different values.
    pub fn filter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.filters.entry(name.into()).or_default().insert(value.into());
        self
    }

    /// Adds a sort key, after those there are.
    pub fn sort(mut self, by: impl Into<String>) -> Self {
        self.sort.push(by.into());
        self
    }

    /// Sets how many answers are wanted.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets where the answers begin: a number or a cursor.
    pub fn offset(mut self, offset: impl Into<Value>) -> Self {
        self.offset = Some(offset.into());
        self
    }

    /// Adds a field that is wanted.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.fields.insert(name.into());
        self
    }

    /// Adds fields that are wanted.
    pub fn fields<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.fields.extend(names.into_iter().map(Into::into));
        self
    }

    /// Returns the key of the question.
    #[must_use]
    pub fn key(&self) -> CanonicalKey {
        let Self { namespace, operation, keywords, filters, sort, limit, offset, fields } = self;
        let mut parts = Vec::new();
        let list = |name: &str, texts: &mut dyn Iterator<Item = &String>| {
            let texts: Vec<String> = texts.map(|text| escaped(text)).collect();
            (!texts.is_empty()).then(|| format!("{name}={}", texts.join(",")))
        };
        parts.extend(list("k", &mut keywords.iter()));
        for (name, values) in filters {
            let values: Vec<&str> = values.iter().map(Value::as_str).collect();
            parts.push(format!("f.{}={}", escaped(name), values.join(",")));
        }
        parts.extend(list("s", &mut sort.iter()));
        parts.extend(limit.map(|limit| format!("n={limit}")));
        parts.extend(offset.as_ref().map(|offset| format!("o={}", offset.as_str())));
        parts.extend(list("c", &mut fields.iter()));
        CanonicalKey(format!("{}:{}?{}", escaped(namespace), escaped(operation), parts.join("&")))
    }
}

/// Escapes what separates the parts of a key, so that a text can't be taken for several. An empty text
/// is written as `%`, or else a list of one would look like a list of none.
fn escaped(text: &str) -> String {
    const SEPARATORS: &str = "%:?&=,[]{}";
    if text.is_empty() {
        return "%".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if SEPARATORS.contains(character) || character.is_control() || character.is_whitespace() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                escaped.push_str(&format!("%{byte:02x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The key of a [`Question`]: text without spaces and control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalKey(String);

impl CanonicalKey {
    /// Returns the key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for CanonicalKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for CanonicalKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<CanonicalKey> for String {
    fn from(key: CanonicalKey) -> Self {
        key.0
    }
}

//! What the readers of front matter make: keys with values, each knowing its place in the file.

use std::borrow::Cow;
use std::ops::Range;

/// A key with its value.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry<'a> {
    /// The key.
    pub(super) key: Cow<'a, str>,
    /// Where the key stands, quotes included.
    pub(super) key_span: Range<usize>,
    /// Where the colon behind the key ends.
    pub(super) value_start: usize,
    /// The value.
    pub(super) value: Value<'a>,
}

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'a> {
    /// One text, number, date or nothing.
    Scalar(Scalar<'a>),
    /// Items.
    List(List<'a>),
    /// Keys with values.
    Map(Map<'a>),
}

impl Value<'_> {
    /// Returns where the value begins.
    pub(super) fn start(&self) -> usize {
        match self {
            Self::Scalar(scalar) => scalar.span.start,
            Self::List(list) => list.start,
            Self::Map(map) => map.start,
        }
    }
}

/// Several values in order.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct List<'a> {
    /// Where the list begins.
    pub(super) start: usize,
    /// Whether it is written with `-`, and not in brackets.
    pub(super) block: bool,
    /// The items.
    pub(super) items: Vec<Value<'a>>,
}

/// Several keys with values in order.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Map<'a> {
    /// Where the first key begins.
    pub(super) start: usize,
    /// Whether it has a line for each key, and is not in braces.
    pub(super) block: bool,
    /// The keys with their values.
    pub(super) entries: Vec<Entry<'a>>,
}

/// A text as YAML has it before types are read into it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scalar<'a> {
    /// The text.
    pub(super) text: Cow<'a, str>,
    /// How it is written.
    pub(super) style: Style,
    /// Where it stands, quotes included. Near its `|` for a block.
    pub(super) span: Range<usize>,
}

impl Scalar<'_> {
    /// Whether this is YAML's nothing.
    pub(super) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    /// Whether there is no text at all.
    pub(super) fn is_empty(&self) -> bool {
        self.style == Style::Plain && self.text.is_empty()
    }
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// As lines below a `|` or `>`.
    Block,
}

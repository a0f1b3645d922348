//! The exact form of domain types on the wire: what the storage trait takes and gives, without loss, both ways.
//!
//! The documents of `--json` and of the resources for people are made for reading; they leave out what can be derived,
//! and a date among the custom fields is a text like others. What is here is made for a program that has the same types at
//! the other end, and stands under `/storage`. Each type is taken apart and put together by naming all its fields, so that a new
//! field of the domain doesn't compile until it has a place here.

mod answer;
mod batch;
mod error;
mod event;
mod history;
mod issue;
mod operation;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use answer::{Checked, Freshness, Graph, GraphNode, HeldLink, IssueText, Page, RecordProblem, Stats, Summary};
pub use batch::{
    Asked, Batch, BatchMode, ChangedIssue, Failure, Identity, OperationOutcome, Outcome, Preview, RequestKey,
};
pub use error::{Answered, Contested, ErrorDocument, Refusal, StorageFailure};
pub use event::{Event, EventPage, EventStats, FieldChange, FieldState, Happening};
pub use history::{Commit, History, Step};
pub use issue::{
    Category, ClosedElsewhere, Closure, Comment, Derived, FieldDef, FieldType, FieldValue, Issue, Link, LinkEnd,
    LinkTarget, Schema, StatusDef, StoredIssue,
};
pub use operation::{Change, Draft, DraftComment, DraftLink, Expected, Operation, Target};

/// A domain type that has an exact form on the wire.
pub trait Exact: Sized {
    /// That form.
    type Wire: Serialize + DeserializeOwned;

    /// Writes it.
    fn to_wire(&self) -> Self::Wire;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// If a text in it isn't what it should be.
    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed>;
}

/// A document that isn't what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(what: &str, text: impl fmt::Display) -> Self {
        Self(format!("`{text}` is no {what}"))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Converts a struct both ways, field by field.
macro_rules! exact_struct {
    ($domain:ty as $wire:ident { $($field:ident),* $(,)? }) => {
        impl $crate::exact::Exact for $domain {
            type Wire = $wire;

            fn to_wire(&self) -> $wire {
                let Self { $($field),* } = self;
                $wire { $($field: $crate::exact::Exact::to_wire($field)),* }
            }

            fn from_wire(wire: $wire) -> Result<Self, $crate::exact::Malformed> {
                let $wire { $($field),* } = wire;
                Ok(Self { $($field: $crate::exact::Exact::from_wire($field)?),* })
            }
        }
    };
}

/// Converts an enum both ways, variant by variant.
macro_rules! exact_enum {
    ($domain:ty as $wire:ident {
        $($variant:ident $(( $($part:ident),* ))? $({ $($field:ident),* })?),* $(,)?
    }) => {
        impl $crate::exact::Exact for $domain {
            type Wire = $wire;

            fn to_wire(&self) -> $wire {
                match self {
                    $(Self::$variant $(( $($part),* ))? $({ $($field),* })? => $wire::$variant
                        $(( $($crate::exact::Exact::to_wire($part)),* ))?
                        $({ $($field: $crate::exact::Exact::to_wire($field)),* })?,)*
                }
            }

            fn from_wire(wire: $wire) -> Result<Self, $crate::exact::Malformed> {
                Ok(match wire {
                    $($wire::$variant $(( $($part),* ))? $({ $($field),* })? => Self::$variant
                        $(( $($crate::exact::Exact::from_wire($part)?),* ))?
                        $({ $($field: $crate::exact::Exact::from_wire($field)?),* })?,)*
                })
            }
        }
    };
}

pub(crate) use {exact_enum, exact_struct};

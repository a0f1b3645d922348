//! Plain values, and what holds several.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use tickety_core::event::ExternalOutcome;
use tickety_core::graph::Relation;
use tickety_core::ident::{IssueId, IssueKey, IssueName, IssueNumber, IssueSelector, Version};
use tickety_core::issue::{CloseReason, CommentId, Kind, LinkKind, Minutes, Priority, Status};
use tickety_core::query::{Cursor, FieldName};
use tickety_core::schema::{Category, Decimal};
use tickety_store::storage::{Effect, FreshnessMode};
use tickety_store::{EventCursor, GroupId};

use super::{Exact, Malformed};

macro_rules! plain {
    ($($type:ty),*) => {
        $(impl Exact for $type {
            type Wire = Self;

            fn to_wire(&self) -> Self {
                self.clone()
            }

            fn from_wire(wire: Self) -> Result<Self, Malformed> {
                Ok(wire)
            }
        })*
    };
}

plain!(bool, u32, u64, usize, String);

/// What is a text on the wire.
macro_rules! texts {
    ($($type:ty, $what:literal, $read:expr;)*) => {
        $(impl Exact for $type {
            type Wire = String;

            fn to_wire(&self) -> String {
                self.to_string()
            }

            fn from_wire(wire: String) -> Result<Self, Malformed> {
                let read: fn(&str) -> Option<$type> = $read;
                read(&wire).ok_or_else(|| Malformed::new($what, wire))
            }
        })*
    };
}

texts! {
    Timestamp, "time", |text| text.parse().ok();
    Date, "date", |text| text.parse().ok();
    IssueId, "id", |text| text.parse().ok();
    IssueKey, "name of one issue", key;
    IssueName, "name of an issue", |text| IssueName::parse(text, "").ok();
    IssueSelector, "name or id of an issue", |text| IssueSelector::parse(text, "").ok();
    CommentId, "id of a comment", |text| Some(CommentId::new(text.parse::<IssueId>().ok()?.uuid()));
    Version, "version", |text| text.parse().ok();
    Status, "status", |text| Some(Status::new(text));
    Kind, "kind", |text| Some(Kind::new(text));
    Priority, "priority", |text| text.parse().ok();
    CloseReason, "reason to close", |text| text.parse().ok();
    Relation, "relation", |text| text.parse().ok();
    // As a text, since not every program reads the last digits of a number.
    Decimal, "number", |text| text.parse().ok();
    Cursor, "cursor", |text| text.parse().ok();
    FieldName, "field", |text| text.parse().ok();
    FreshnessMode, "freshness", |text| text.parse().ok();
    EventCursor, "cursor of events", |text| text.parse().ok();
    GroupId, "group of events", |text| Some(GroupId::new(text.to_owned()));
}

fn key(text: &str) -> Option<IssueKey> {
    let IssueName { number, suffix } = IssueName::parse(text, "").ok()?;
    Some(IssueKey { number, suffix: suffix? })
}

/// What is a word of a list on the wire.
macro_rules! words {
    ($($type:ty, $what:literal, $all:expr;)*) => {
        $(impl Exact for $type {
            type Wire = String;

            fn to_wire(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_wire(wire: String) -> Result<Self, Malformed> {
                let found = $all.into_iter().find(|known| known.as_str() == wire);
                found.ok_or_else(|| Malformed::new($what, wire))
            }
        })*
    };
}

words! {
    Effect, "effect", [Self::Created, Self::Updated, Self::Unchanged, Self::Deleted];
    ExternalOutcome, "outcome", Self::ALL;
    LinkKind, "kind of link", Self::ALL;
    Category, "category", Self::ALL;
}

impl Exact for IssueNumber {
    type Wire = u32;

    fn to_wire(&self) -> u32 {
        self.get()
    }

    fn from_wire(wire: u32) -> Result<Self, Malformed> {
        Self::new(wire).ok_or_else(|| Malformed::new("number of an issue", wire))
    }
}

impl Exact for Minutes {
    type Wire = u32;

    fn to_wire(&self) -> u32 {
        self.0
    }

    fn from_wire(wire: u32) -> Result<Self, Malformed> {
        Ok(Self(wire))
    }
}

impl<T: Exact> Exact for Option<T> {
    type Wire = Option<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.as_ref().map(T::to_wire)
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        wire.map(T::from_wire).transpose()
    }
}

impl<T: Exact> Exact for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.iter().map(T::to_wire).collect()
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        wire.into_iter().map(T::from_wire).collect()
    }
}

impl<T: Exact + Ord> Exact for BTreeSet<T> {
    type Wire = Vec<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.iter().map(T::to_wire).collect()
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        wire.into_iter().map(T::from_wire).collect()
    }
}

impl<K: Exact<Wire = String> + Ord, V: Exact> Exact for BTreeMap<K, V> {
    type Wire = BTreeMap<String, V::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.iter().map(|(key, value)| (key.to_wire(), value.to_wire())).collect()
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        wire.into_iter().map(|(key, value)| Ok((K::from_wire(key)?, V::from_wire(value)?))).collect()
    }
}

impl<T: Exact> Exact for Box<T> {
    type Wire = Box<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        Box::new(self.as_ref().to_wire())
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, Malformed> {
        T::from_wire(*wire).map(Box::new)
    }
}

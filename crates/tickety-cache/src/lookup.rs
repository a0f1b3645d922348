//! What a lookup says.

use std::time::Duration;

/// The answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<V> {
    /// A value within its fresh time.
    Fresh {
        /// The value.
        value: V,
        /// How long ago it was stored or, if its entry said so, made.
        age: Duration,
    },
    /// A value past its fresh time but not past its time to live or, from a load that failed, past both.
    Stale {
        /// The value.
        value: V,
        /// How long ago it was stored or made.
        age: Duration,
    },
    /// It is known that there is no such thing.
    Negative {
        /// How long ago that was found.
        age: Duration,
    },
    /// The cache knows nothing.
    Absent,
}

impl<V> Lookup<V> {
    /// Returns the value, fresh or stale.
    pub fn into_value(self) -> Option<V> {
        match self {
            Self::Fresh { value, .. } | Self::Stale { value, .. } => Some(value),
            Self::Negative { .. } | Self::Absent => None,
        }
    }

    /// Returns a reference to the value, fresh or stale.
    pub fn value(&self) -> Option<&V> {
        match self {
            Self::Fresh { value, .. } | Self::Stale { value, .. } => Some(value),
            Self::Negative { .. } | Self::Absent => None,
        }
    }

    /// Returns the age of what was found.
    pub fn age(&self) -> Option<Duration> {
        match self {
            Self::Fresh { age, .. } | Self::Stale { age, .. } | Self::Negative { age } => Some(*age),
            Self::Absent => None,
        }
    }

    /// Whether the value is fresh.
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh { .. })
    }

    /// Whether the value is stale.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }

    /// Whether it is known that there is no such thing.
    pub fn is_negative(&self) -> bool {
        matches!(self, Self::Negative { .. })
    }
}

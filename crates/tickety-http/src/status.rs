//! What the cache did for an answer, as `Cache-Status` says it (RFC 9211).

use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// Why a request went to the origin (RFC 9211, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forward {
    /// The cache is not asked about such requests.
    Bypass,
    /// The method's meaning is to be asked of the origin.
    Method,
    /// Nothing was stored for the URL.
    UriMiss,
    /// What was stored for the URL was selected by other fields.
    VaryMiss,
    /// What was stored was fresh, but the request demanded more.
    Request,
    /// What was stored was stale.
    Stale,
    /// Not all of what was asked for was stored.
    Partial,
}

impl Forward {
    fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

/// What the cache did for an answer. Printed, it is a member of the field `Cache-Status`, without the cache's name.
///
/// ```
/// use tickety_http::{CacheStatus, Forward};
///
/// let mut status = CacheStatus::default();
/// status.forward = Some(Forward::UriMiss);
/// status.stored = true;
/// assert_eq!(status.to_string(), "fwd=uri-miss; stored");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// Whether it came from the cache, without the origin being asked.
    pub hit: bool,
    /// Why the origin was asked.
    pub forward: Option<Forward>,
    /// What the origin answered, if that isn't the status of the answer.
    pub forward_status: Option<StatusCode>,
    /// Whether a stored answer was served since the origin said that it is still right.
    pub revalidated: bool,
    /// Whether it was past its freshness when it was served.
    pub stale: bool,
    /// Whether it has been stored.
    pub stored: bool,
    /// Whether the request of somebody else brought it.
    pub collapsed: bool,
    /// How old it is, if it comes from the cache or was validated.
    pub age: Option<Duration>,
    /// How long it will be fresh, negative if it isn't, in seconds; `None` if it isn't stored.
    pub ttl: Option<i64>,
    /// More, for people: a word of RFC 9211 or this crate.
    pub detail: Option<&'static str>,
}

impl CacheStatus {
    pub(crate) fn forwarded(why: Forward) -> Self {
        Self { forward: Some(why), ..Self::default() }
    }
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        if self.hit {
            parts.push("hit".to_owned());
        }
        if let Some(why) = self.forward {
            parts.push(format!("fwd={}", why.name()));
        }
        if let Some(status) = self.forward_status {
            parts.push(format!("fwd-status={}", status.as_u16()));
        }
        if let Some(ttl) = self.ttl {
            parts.push(format!("ttl={ttl}"));
        }
        if self.stored {
            parts.push("stored".to_owned());
        }
        if self.collapsed {
            parts.push("collapsed".to_owned());
        }
        if let Some(detail) = self.detail {
            parts.push(format!("detail={detail}"));
        }
        formatter.write_str(&parts.join("; "))
    }
}

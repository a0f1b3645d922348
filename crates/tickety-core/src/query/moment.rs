//! Who asks, when and where.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The circumstances of a question: `today`, `7d` and `me` mean something only in them.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    /// The time of asking.
    pub now: Timestamp,
    /// Where days begin.
    pub zone: TimeZone,
    /// Who `me` is; unknown to nobody in particular.
    pub me: Option<String>,
}

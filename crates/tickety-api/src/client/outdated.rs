//! How old an answer is that was given without the server.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// That an answer came from the cache, because the server couldn't be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outdated {
    /// When the server said last that it is so.
    pub as_of: Timestamp,
    /// How long ago that was when it was given.
    pub age: Duration,
    /// The project that couldn't be reached.
    pub url: String,
    /// Why it couldn't be.
    pub reason: String,
}

impl fmt::Display for Outdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { as_of: _, age, url, reason } = self;
        write!(f, "as of {} ago: cannot reach {url}: {reason}", about(*age))
    }
}

/// Writes a length of time as people say it: in the largest unit that it has two of.
fn about(time: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let seconds = time.as_secs();
    let (unit, length) = UNITS.into_iter().find(|(_, length)| seconds >= 2 * length).unwrap_or(("second", 1));
    let count = seconds / length;
    if count == 1 { format!("{count} {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_people_tell_it() {
        for (seconds, told) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (300, "5 minutes"),
            (7_199, "119 minutes"),
            (7_200, "2 hours"),
            (259_200, "3 days"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), told);
        }
    }
}

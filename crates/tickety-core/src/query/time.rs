//! Times in queries as text.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use super::ast::{TimeSpec, TimeUnit};

/// What a time has to look like, for errors.
pub(super) const EXPECTED: &str =
    "write 2026-10-01, 2026-10, 2026-10-01T12:00:00Z, today, 7d (ago) or +7d (from now), with min, h, d, w, mo or y";

impl TimeUnit {
    /// All units, from the shortest to the longest.
    pub const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// Returns the short name queries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mo",
            Self::Year => "y",
        }
    }

    /// Reads a short or whole name. A bare `m` is neither minutes nor months.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "min" | "mins" | "minute" | "minutes" => Some(Self::Minute),
            "h" | "hour" | "hours" => Some(Self::Hour),
            "d" | "day" | "days" => Some(Self::Day),
            "w" | "week" | "weeks" => Some(Self::Week),
            "mo" | "month" | "months" => Some(Self::Month),
            "y" | "year" | "years" => Some(Self::Year),
            _ => None,
        }
    }
}

impl fmt::Display for TimeSpec {
    /// Writes the time as queries have it: `2026-10-01`, `today`, `7d` for a week ago, `+7d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => date.fmt(f),
            Self::Instant(time) => time.fmt(f),
            Self::Today(-1) => f.write_str("yesterday"),
            Self::Today(0) => f.write_str("today"),
            Self::Today(1) => f.write_str("tomorrow"),
            Self::Today(amount) => Self::Offset(*amount, TimeUnit::Day).fmt(f),
            Self::Offset(amount, unit) => {
                let sign = if *amount > 0 { "+" } else { "" };
                write!(f, "{sign}{}{}", amount.unsigned_abs(), unit.as_str())
            }
        }
    }
}

impl TimeSpec {
    /// Returns the one spelling of times that mean the same at every moment.
    pub(super) fn canonical(self) -> Self {
        match self {
            Self::Offset(amount @ -1..=1, TimeUnit::Day) => Self::Today(amount),
            Self::Today(amount) if !(-1..=1).contains(&amount) => Self::Offset(amount, TimeUnit::Day),
            other => other,
        }
    }

    /// Compares two times where that needs no moment.
    pub(super) fn is_surely_after(self, other: Self) -> bool {
        match (self, other) {
            (Self::Day(left), Self::Day(right)) => left > right,
            (Self::Instant(left), Self::Instant(right)) => left > right,
            (Self::Offset(left, unit), Self::Offset(right, other)) if unit == other => left > right,
            _ => match (self.minutes(), other.minutes(), self.days(), other.days()) {
                (Some(left), Some(right), ..) => left > right,
                (_, _, Some((first, _)), Some((_, last))) => first > last,
                _ => false,
            },
        }
    }

    /// Returns how many minutes from now it is, for one that is exact.
    fn minutes(self) -> Option<i64> {
        match self {
            Self::Offset(amount, TimeUnit::Minute) => Some(amount.into()),
            Self::Offset(amount, TimeUnit::Hour) => Some(60 * i64::from(amount)),
            _ => None,
        }
    }

    /// Returns between how many days from now it is at the least and at the most, for one that depends on now.
    fn days(self) -> Option<(i64, i64)> {
        let (amount, unit) = match self {
            Self::Today(amount) => (amount, TimeUnit::Day),
            Self::Offset(amount, unit) => (amount, unit),
            Self::Day(_) | Self::Instant(_) => return None,
        };
        let amount = i64::from(amount);
        let (short, long) = match unit {
            TimeUnit::Day => (1, 1),
            TimeUnit::Week => (7, 7),
            TimeUnit::Month => (28, 31),
            TimeUnit::Year => (365, 366),
            // The day depends on the time of day, and some days have an hour more or less.
            TimeUnit::Minute | TimeUnit::Hour => {
                let days = self.minutes()?.div_euclid(24 * 60);
                return Some((days - 1, days + 2));
            }
        };
        Some(((short * amount).min(long * amount), (short * amount).max(long * amount)))
    }
}

/// Reads a time: the first and the last that is meant, which differ for a month or a year.
pub(super) fn parse(text: &str) -> Option<(TimeSpec, TimeSpec)> {
    let folded = text.trim().to_ascii_lowercase();
    let once = |spec: TimeSpec| Some((spec.canonical(), spec.canonical()));
    match folded.as_str() {
        "today" => return once(TimeSpec::Today(0)),
        "yesterday" => return once(TimeSpec::Today(-1)),
        "tomorrow" => return once(TimeSpec::Today(1)),
        "now" => return once(TimeSpec::Offset(0, TimeUnit::Minute)),
        _ => {}
    }
    if let Some(days) = parse_days(&folded) {
        return Some(days);
    }
    if let Some(offset) = parse_offset(&folded) {
        return once(offset);
    }
    // A time of day alone decides nothing: an instant names its zone.
    let time: Timestamp = folded.contains('t').then(|| folded.to_ascii_uppercase().parse().ok())??;
    once(TimeSpec::Instant(time))
}

/// Reads `2026`, `2026-10` or `2026-10-01`.
fn parse_days(text: &str) -> Option<(TimeSpec, TimeSpec)> {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let year: i16 = digits(parts[0], 4).then(|| parts[0].parse().ok())??;
    let number = |part: &str| -> Option<i8> { digits(part, 2).then(|| part.parse().ok())? };
    let (first, last) = match parts[1..] {
        [] => (Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?),
        [month] => {
            let first = Date::new(year, number(month)?, 1).ok()?;
            (first, first.last_of_month())
        }
        [month, day] => {
            let date = Date::new(year, number(month)?, number(day)?).ok()?;
            (date, date)
        }
        _ => return None,
    };
    Some((TimeSpec::Day(first), TimeSpec::Day(last)))
}

/// Reads `7d`, `-7d` or `+7d`.
fn parse_offset(text: &str) -> Option<TimeSpec> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-').unwrap_or(text)),
    };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = rest.split_at(length);
    let amount: i64 = digits.parse().ok()?;
    let amount = i32::try_from(sign * amount).ok()?;
    Some(TimeSpec::Offset(amount, TimeUnit::parse(unit)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        let (first, last) = parse(text)?;
        Some(if first == last { first.to_string() } else { format!("{first}..{last}") })
    }

    #[test]
    fn times_are_read_in_every_spelling() {
        for (text, expected) in [
            ("2026-10-01", "2026-10-01"),
            ("2026-02", "2026-02-01..2026-02-28"),
            ("2026", "2026-01-01..2026-12-31"),
            ("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00Z"),
            ("2026-10-01t12:00z", "2026-10-01T12:00:00Z"),
            ("Today", "today"),
            ("0d", "today"),
            ("1day", "yesterday"),
            ("+1d", "tomorrow"),
            ("now", "0min"),
            ("-7d", "7d"),
            ("7days", "7d"),
            ("+2mo", "+2mo"),
            ("-2147483648y", "2147483648y"),
        ] {
            assert_eq!(printed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_later_at_every_moment_is_known() {
        let is_after = |left: &str, right: &str| parse(left).unwrap().0.is_surely_after(parse(right).unwrap().0);
        for (later, earlier) in [
            ("+1w", "today"),
            ("today", "1d"),
            ("tomorrow", "today"),
            ("1d", "1w"),
            ("+2mo", "+4w"),
            ("+1y", "+11mo"),
            ("1h", "90min"),
            ("+2h", "5d"),
            ("+9d", "+2h"),
            ("2026-10-02", "2026-10-01"),
        ] {
            assert!(is_after(later, earlier) && !is_after(earlier, later), "{later} {earlier}");
        }
        for (one, other) in [("+1mo", "+30d"), ("today", "2h"), ("today", "2026-10-01"), ("4w", "1mo"), ("0d", "now")] {
            assert!(!is_after(one, other) && !is_after(other, one), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "d",
            "7",
            "7m",
            "7x",
            "--7d",
            "+-7d",
            "2026-13",
            "2026-02-30",
            "26-10-01",
            "2026-1-1",
            "20261001",
            "2026-10-01T12:00",
            "12:00",
            "t",
            "2147483649d",
            "99999999999999999999d",
            "2026-10-01-02",
        ] {
            assert_eq!(printed(text), None, "{text}");
        }
    }
}

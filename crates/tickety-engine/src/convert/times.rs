//! Times, days and durations as other trackers write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::parse as strptime;
use jiff::tz::TimeZone;

/// A time that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Read {
    pub(super) time: Timestamp,
    /// Whether no zone was written with it: it was read as UTC.
    pub(super) zoneless: bool,
}

/// With an offset or in UTC; what Jira, browsers and taskwarrior write.
const WITH_ZONE: [&str; 5] = [
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%a %b %d %Y %H:%M:%S GMT%z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %Y %z",
];

/// Without a zone; what Jira writes in CSV.
const WITHOUT_ZONE: [&str; 5] =
    ["%d/%b/%y %I:%M %p", "%d/%b/%Y %I:%M %p", "%d/%b/%y %H:%M", "%d/%b/%Y %H:%M:%S", "%d %b %Y %H:%M"];

/// Days alone.
const DAYS: [&str; 3] = ["%d/%b/%y", "%d/%b/%Y", "%Y/%m/%d"];

/// Reads a time in any form that can't be mistaken.
pub(super) fn time(text: &str) -> Option<Read> {
    let text = text.trim();
    let zoned = |time| Some(Read { time, zoneless: false });
    if let Ok(time) = text.parse::<Timestamp>() {
        return zoned(time);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Seconds since 1970, or milliseconds.
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            9..=10 => Timestamp::from_second(number).ok().and_then(zoned),
            12..=13 => Timestamp::from_millisecond(number).ok().and_then(zoned),
            _ => None,
        };
    }
    if let Some(time) = text.strip_suffix('Z').and_then(|rest| DateTime::strptime("%Y%m%dT%H%M%S", rest).ok()) {
        return time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp()).and_then(zoned);
    }
    // What stands in brackets behind names the zone once more.
    let plain = text.split_once(" (").map_or(text, |(before, _)| before);
    if let Some(time) = WITH_ZONE.iter().find_map(|form| strptime(form, plain).ok()?.to_timestamp().ok()) {
        return zoned(time);
    }
    let civil = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| WITHOUT_ZONE.iter().find_map(|form| strptime(form, text).ok()?.to_datetime().ok()))
        .or_else(|| DAYS.iter().find_map(|form| Some(strptime(form, text).ok()?.to_date().ok()?.at(0, 0, 0, 0))))?;
    let time = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Read { time, zoneless: true })
}

/// Reads a day: as it is written, whatever the zone, or that of a time in UTC.
pub(super) fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    if let Some(day) = text.get(..10).and_then(|day| day.parse::<Date>().ok()) {
        return Some(day);
    }
    Some(time(text)?.time.to_zoned(TimeZone::UTC).date())
}

/// Reads a duration with units, as `1h 30m`, `PT1H30M` or `1:30`, in seconds; a number has `unit` seconds.
pub(super) fn seconds(text: &str, unit: f64) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    if let Ok(number) = text.parse::<f64>() {
        return Some(number * unit).filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
    }
    if let Some((hours, minutes)) = text.split_once(':') {
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        return (minutes < 60).then(|| f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0);
    }
    let text = text.strip_prefix('p').map_or(text.clone(), |rest| rest.replace('t', ""));
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let behind = rest[end..].trim_start();
        let word_end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        // Days and weeks have as many hours as somebody works: which, nobody says.
        let unit = match &behind[..word_end] {
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            _ => return None,
        };
        total += number * unit;
        rest = behind[word_end..].trim_start_matches([' ', ',']);
    }
    Some(total).filter(|_| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_trackers_write_them() {
        for (text, time, zoneless) in [
            ("2026-01-05T10:11:12.5Z", "2026-01-05T10:11:12.5Z", false),
            ("2026-01-05T10:11:12.000+0200", "2026-01-05T08:11:12Z", false),
            ("Fri Oct 02 2026 17:00:00 GMT+0000 (GMT+00:00)", "2026-10-02T17:00:00Z", false),
            ("20260105T101112Z", "2026-01-05T10:11:12Z", false),
            ("1767607872", "2026-01-05T10:11:12Z", false),
            ("1767607872000", "2026-01-05T10:11:12Z", false),
            ("05/Jan/26 10:11 AM", "2026-01-05T10:11:00Z", true),
            ("05/Jan/2026 1:11 PM", "2026-01-05T13:11:00Z", true),
            ("2026-01-05 10:11", "2026-01-05T10:11:00Z", true),
            ("2026-01-05 10:11:12", "2026-01-05T10:11:12Z", true),
            ("2026-01-05T10:11:12.123456", "2026-01-05T10:11:12.123456Z", true),
            ("2026-01-05", "2026-01-05T00:00:00Z", true),
            ("05/Jan/26", "2026-01-05T00:00:00Z", true),
        ] {
            assert_eq!(super::time(text), Some(Read { time: time.parse().unwrap(), zoneless }), "{text}");
        }
        for text in ["", "soon", "01/02/2026", "12", "2026-13-01", "99999999999999999999"] {
            assert_eq!(super::time(text), None, "{text}");
        }
        assert_eq!(day("2026-01-05T23:30:00-05:00").unwrap().to_string(), "2026-01-05");
        assert_eq!(day("Thu Jun 25 2026 23:00:00 GMT+0000 (GMT+00:00)").unwrap().to_string(), "2026-06-25");
    }

    #[test]
    fn durations_have_units() {
        for (text, found) in [
            ("90", Some(5400.0)),
            ("1h 30m", Some(5400.0)),
            ("PT1H30M", Some(5400.0)),
            ("1:30", Some(5400.0)),
            ("1.5 hours", Some(5400.0)),
            ("45s", Some(45.0)),
            ("2d", None),
            ("-3", None),
            ("nan", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(text, 60.0), found, "{text}");
        }
    }
}

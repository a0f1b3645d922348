//! Times as people say them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Says how long ago, or in how long: `just now`, `5m ago`, `3d ago`, `in 2w`.
pub fn relative(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    match (length(seconds.abs()), seconds < 0) {
        (None, _) => "just now".to_owned(),
        (Some(length), false) => format!("{length} ago"),
        (Some(length), true) => format!("in {length}"),
    }
}

fn length(seconds: i64) -> Option<String> {
    Some(match seconds {
        ..MINUTE => return None,
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        _ => days(seconds / DAY),
    })
}

fn days(days: i64) -> String {
    match days {
        ..14 => format!("{days}d"),
        14..60 => format!("{}w", days / 7),
        60..730 => format!("{}mo", days * 12 / 365),
        _ => format!("{}y", days / 365),
    }
}

/// Says when a day is, seen from today: `today`, `tomorrow`, `in 9d`, `2w ago`.
pub fn relative_day(today: Date, day: Date) -> String {
    let distance = today.until((Unit::Day, day)).map_or(0, |span| i64::from(span.get_days()));
    match distance {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        -1 => "yesterday".to_owned(),
        2.. => format!("in {}", days(distance)),
        _ => format!("{} ago", days(-distance)),
    }
}

/// Writes a time to the minute in a time zone: `2026-11-21 14:05`.
pub fn local(time: Timestamp, zone: &TimeZone) -> String {
    let local = time.to_zoned(zone.clone());
    format!("{} {:02}:{:02}", local.date(), local.hour(), local.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_the_distance() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
        let said = |seconds: i64| relative(now, Timestamp::from_second(now.as_second() - seconds).expect("a time"));
        let expected = [
            (0, "just now"),
            (59, "just now"),
            (60, "1m ago"),
            (3_599, "59m ago"),
            (2 * HOUR, "2h ago"),
            (13 * DAY, "13d ago"),
            (14 * DAY, "2w ago"),
            (60 * DAY, "1mo ago"),
            (364 * DAY, "11mo ago"),
            (800 * DAY, "2y ago"),
            (-3 * DAY, "in 3d"),
        ];
        for (seconds, text) in expected {
            assert_eq!(said(seconds), text, "{seconds} s");
        }
    }

    #[test]
    fn days_are_counted_on_the_calendar() {
        let day = |text: &str| text.parse::<Date>().expect("a date");
        let today = day("2026-11-21");
        for (date, text) in [
            ("2026-11-21", "today"),
            ("2026-11-22", "tomorrow"),
            ("2026-11-20", "yesterday"),
            ("2026-12-01", "in 10d"),
            ("2026-10-01", "7w ago"),
            ("2028-11-21", "in 2y"),
        ] {
            assert_eq!(relative_day(today, day(date)), text, "{date}");
        }
    }
}

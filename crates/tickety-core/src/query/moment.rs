//! When and by whom a query is asked, and what its relative parts mean then.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::ast::{Bounds, CustomTest, NameField, TimeSpec, TimeUnit};
use crate::issue::FieldValue;
use crate::text::compose;

/// The circumstances in which a query is asked: what `today` and `me` mean.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    /// The time it is.
    pub now: Timestamp,
    /// The time zone of who asks: where days begin.
    pub zone: TimeZone,
    /// Who asks; `assignee:me` finds nothing where nobody is known.
    pub me: Option<String>,
}

impl Moment {
    /// Returns the day it is where the question is asked.
    pub fn today(&self) -> Date {
        self.date_of(self.now)
    }

    fn date_of(&self, time: Timestamp) -> Date {
        time.to_zoned(self.zone.clone()).date()
    }

    /// Returns the names that `values` stand for in a field, folded by [`fold_name`] and with `me`
    /// replaced where the field holds people: an issue fits that has one of them. Empty if no issue
    /// can fit.
    pub fn resolve_names(&self, field: NameField, values: &[String]) -> Vec<String> {
        let resolve = |value: &String| match fold_name(value) {
            name if field.holds_people() && means_me(&name) => self.me.as_deref().map(fold_name),
            name => Some(name),
        };
        values.iter().filter_map(resolve).collect()
    }
}

impl NameField {
    /// Whether the values are people, so that `me` is one of them.
    pub fn holds_people(self) -> bool {
        match self {
            Self::Assignee | Self::Reporter | Self::Commenter => true,
            Self::Label | Self::Milestone | Self::Reference => false,
        }
    }
}

/// Whether a name means who asks: `me` or, as GitHub writes it, `@me`.
pub fn means_me(name: &str) -> bool {
    name.strip_prefix('@').unwrap_or(name).eq_ignore_ascii_case("me")
}

/// Folds a name for comparison: names that differ only in case, or in how accents are written, are the same.
pub fn fold_name(name: &str) -> String {
    compose(Cow::Owned(name.to_lowercase())).into_owned()
}

/// Returns a time as queries compare it and as orders and cursors hold it: in whole microseconds
/// since 1970, rounded towards 1970.
pub fn microseconds(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// Returns a date as queries compare it and as orders and cursors hold it: in days since
/// 1970-01-01.
pub fn days(date: Date) -> i64 {
    let since_year_zero = |date: Date| {
        let years = i64::from(date.year()) - 1;
        365 * years + years.div_euclid(4) - years.div_euclid(100)
            + years.div_euclid(400)
            + i64::from(date.day_of_year())
    };
    since_year_zero(date) - 719_163
}

/// A half-open range of times in [`microseconds`] or of dates in [`days`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// The first value inside; open to the past where absent.
    pub from: Option<i64>,
    /// The first value beyond; open to the future where absent.
    pub until: Option<i64>,
}

impl Interval {
    /// Whether a value lies inside.
    pub fn contains(self, value: i64) -> bool {
        self.from.is_none_or(|from| from <= value) && self.until.is_none_or(|until| value < until)
    }
}

impl Bounds<TimeSpec> {
    /// Returns the times that are meant, in [`microseconds`].
    pub fn resolve_times(&self, moment: &Moment) -> Interval {
        self.resolve(|spec| spec.times(moment))
    }

    /// Returns the days that are meant, in [`days`]. An instant stands for the day it falls on
    /// where the question is asked.
    pub fn resolve_dates(&self, moment: &Moment) -> Interval {
        self.resolve(|spec| {
            let day = days(spec.date(moment));
            (day, day + 1)
        })
    }

    /// A bound stands for everything from its first value to the one after its last.
    fn resolve(&self, extent: impl Fn(TimeSpec) -> (i64, i64)) -> Interval {
        let edge = |bound: Option<(TimeSpec, bool)>, at_start: bool| {
            bound.map(|(spec, inclusive)| {
                let (start, end) = extent(spec);
                if inclusive == at_start { start } else { end }
            })
        };
        Interval { from: edge(self.from, true), until: edge(self.to, false) }
    }
}

impl CustomTest {
    /// Returns the test that is meant, which depends on no moment any more.
    pub fn resolve(&self, moment: &Moment) -> Cow<'_, Self> {
        match self {
            Self::Is(_) | Self::Within(_) => Cow::Borrowed(self),
            Self::During(bounds) => Cow::Owned(Self::Within(bounds.map(|spec| FieldValue::Date(spec.date(moment))))),
        }
    }
}

impl TimeSpec {
    /// Returns the first microsecond that is meant, and the one after the last.
    fn times(self, moment: &Moment) -> (i64, i64) {
        let instant = match self {
            Self::Instant(time) => Some(time),
            Self::Offset(amount, TimeUnit::Hour) => Some(shift(moment.now, amount, 3600)),
            Self::Offset(amount, TimeUnit::Minute) => Some(shift(moment.now, amount, 60)),
            _ => None,
        };
        if let Some(time) = instant {
            let at = microseconds(time);
            return (at, at + 1);
        }
        let date = self.date(moment);
        let end = date.tomorrow().ok().and_then(|next| day_start(next, &moment.zone));
        // The first and the last days of the calendar have no times.
        let (first, last) = match date.year() < 0 {
            true => (i64::MIN, microseconds(Timestamp::MIN)),
            false => (microseconds(Timestamp::MAX) + 1, i64::MAX),
        };
        (day_start(date, &moment.zone).unwrap_or(first), end.unwrap_or(last))
    }

    /// Returns the day that is meant, or on which the instant falls that is meant.
    fn date(self, moment: &Moment) -> Date {
        let from_today = |amount: i32, span: Result<Span, jiff::Error>| match span {
            Ok(span) => moment.today().saturating_add(span),
            Err(_) if amount < 0 => Date::MIN,
            Err(_) => Date::MAX,
        };
        match self {
            Self::Day(date) => date,
            Self::Instant(time) => moment.date_of(time),
            Self::Today(amount) => from_today(amount, Span::new().try_days(amount)),
            Self::Offset(amount, unit) => match unit {
                TimeUnit::Minute => moment.date_of(shift(moment.now, amount, 60)),
                TimeUnit::Hour => moment.date_of(shift(moment.now, amount, 3600)),
                TimeUnit::Day => from_today(amount, Span::new().try_days(amount)),
                TimeUnit::Week => from_today(amount, Span::new().try_weeks(amount)),
                TimeUnit::Month => from_today(amount, Span::new().try_months(amount)),
                TimeUnit::Year => from_today(amount, Span::new().try_years(amount)),
            },
        }
    }
}

/// Returns the time that is some units of so many seconds away, or the end of time.
fn shift(now: Timestamp, amount: i32, seconds: i64) -> Timestamp {
    let end = if amount < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let moved = now.as_second() + i64::from(amount) * seconds;
    Timestamp::new(moved, now.subsec_nanosecond()).unwrap_or(end)
}

/// Returns when a day begins; `None` for a day at either end of the calendar.
fn day_start(date: Date, zone: &TimeZone) -> Option<i64> {
    date.to_zoned(zone.clone()).ok().map(|start| microseconds(start.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: &str) -> Moment {
        let now = "2026-11-21T02:48:57.5Z".parse().unwrap();
        let zone = match zone.strip_suffix('h') {
            Some(hours) => TimeZone::fixed(jiff::tz::offset(hours.parse().unwrap())),
            None => TimeZone::posix(zone).unwrap(),
        };
        Moment { now, zone, me: Some("Ann".to_owned()) }
    }

    fn only(spec: TimeSpec) -> Bounds<TimeSpec> {
        Bounds { from: Some((spec, true)), to: Some((spec, true)) }
    }

    fn interval(from: &str, until: &str) -> Interval {
        let at = |text: &str| Some(microseconds(text.parse().unwrap()));
        Interval { from: at(from), until: at(until) }
    }

    #[test]
    fn days_count_from_1970() {
        for (date, count) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017), ("2026-11-21", 20_778)] {
            assert_eq!(days(date.parse().unwrap()), count, "{date}");
        }
        assert_eq!(days(Date::MAX), 2_932_896);
        assert_eq!(days(Date::MIN), -4_371_587);
    }

    #[test]
    fn a_day_is_the_whole_day_of_who_asks() {
        let day = only(TimeSpec::Day("2026-10-01".parse().unwrap()));
        let there = day.resolve_times(&moment("2h"));
        assert_eq!(there, interval("2026-09-30T22:00:00Z", "2026-10-01T22:00:00Z"));
        let today = only(TimeSpec::Today(0));
        assert_eq!(today.resolve_times(&moment("-5h")), interval("2026-11-20T05:00:00Z", "2026-11-21T05:00:00Z"));
    }

    #[test]
    fn a_day_may_have_more_or_less_than_a_day() {
        let berlin = moment("CET-1CEST,M3.5.0,M10.5.0/3");
        let day = |date: &str| only(TimeSpec::Day(date.parse().unwrap())).resolve_times(&berlin);
        assert_eq!(day("2026-10-25"), interval("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        assert_eq!(day("2026-03-29"), interval("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
    }

    #[test]
    fn exclusive_bounds_leave_the_whole_day_out() {
        let day = TimeSpec::Day("2026-10-01".parse().unwrap());
        let bounds = |from, to| Bounds { from, to }.resolve_dates(&moment("0h"));
        let first = days("2026-10-01".parse().unwrap());
        assert_eq!(bounds(Some((day, false)), None), Interval { from: Some(first + 1), until: None });
        assert_eq!(bounds(Some((day, true)), None), Interval { from: Some(first), until: None });
        assert_eq!(bounds(None, Some((day, false))), Interval { from: None, until: Some(first) });
        assert_eq!(bounds(None, Some((day, true))), Interval { from: None, until: Some(first + 1) });
    }

    #[test]
    fn hours_are_instants_and_longer_units_are_days() {
        let moment = moment("0h");
        let times = |amount, unit| only(TimeSpec::Offset(amount, unit)).resolve_times(&moment);
        assert_eq!(times(-2, TimeUnit::Hour), interval("2026-11-21T00:48:57.5Z", "2026-11-21T00:48:57.500001Z"));
        assert_eq!(times(1, TimeUnit::Day), interval("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"));
        assert_eq!(times(-9, TimeUnit::Month), interval("2026-02-21T00:00:00Z", "2026-02-22T00:00:00Z"));
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_error() {
        let moment = moment("0h");
        for unit in [TimeUnit::Minute, TimeUnit::Hour, TimeUnit::Day, TimeUnit::Week, TimeUnit::Month, TimeUnit::Year] {
            for amount in [i32::MIN, i32::MAX] {
                let bounds = only(TimeSpec::Offset(amount, unit));
                let (times, dates) = (bounds.resolve_times(&moment), bounds.resolve_dates(&moment));
                assert!(times.from < times.until && dates.from < dates.until, "{amount} {unit:?}");
            }
        }
        let (long_ago, far_ahead) =
            (TimeSpec::Offset(-99_999, TimeUnit::Year), TimeSpec::Offset(99_999, TimeUnit::Year));
        let today = microseconds(moment.now);
        for (bounds, expected) in [
            (Bounds { from: Some((long_ago, false)), to: None }, true),
            (Bounds { from: None, to: Some((long_ago, true)) }, false),
            (Bounds { from: None, to: Some((far_ahead, false)) }, true),
            (Bounds { from: Some((far_ahead, true)), to: None }, false),
        ] {
            for zone in ["0h", "14h", "-12h"] {
                assert_eq!(bounds.resolve_times(&self::moment(zone)).contains(today), expected, "{bounds:?} {zone}");
            }
        }
        let last = Bounds { from: Some((TimeSpec::Day(Date::MAX), false)), to: None };
        assert!(!last.resolve_dates(&moment).contains(days(Date::MAX)));
        assert!(!last.resolve_times(&moment).contains(microseconds(Timestamp::MAX)));
    }

    #[test]
    fn me_is_who_asks_where_people_are_meant() {
        for me in ["me", "@me", "@Me"] {
            let values = [me.to_owned(), "BOB".to_owned()];
            let mut moment = moment("0h");
            assert_eq!(moment.resolve_names(NameField::Assignee, &values), ["ann", "bob"]);
            assert_eq!(moment.resolve_names(NameField::Label, &values), [&me.to_lowercase(), "bob"]);
            moment.me = None;
            assert_eq!(moment.resolve_names(NameField::Reporter, &values), ["bob"]);
        }
    }
}

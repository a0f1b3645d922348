//! What an origin with a clock of its own, or with none, can't be made to say over a connection.

use super::*;

const START: SystemTime = SystemTime::UNIX_EPOCH;

fn rules() -> Rules {
    Rules {
        shared: false,
        heuristic: 0.1,
        heuristic_limit: Duration::from_secs(86_400),
        default_ttl: Duration::ZERO,
        cookies: true,
        targeted: Vec::new(),
    }
}

fn after(seconds: u64) -> SystemTime {
    START + Duration::from_secs(1_772_366_400 + seconds)
}

fn headers(fields: &[(&'static str, String)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse::<HeaderValue>().unwrap())).collect()
}

/// Judges an answer that was asked for at 0 and came at `received`.
fn terms(rules: &Rules, fields: &[(&'static str, String)], received: u64) -> Option<Terms> {
    let asked = Asked::new(&HeaderMap::new());
    rules.terms(&asked, StatusCode::OK, &headers(fields), after(0), after(received))
}

fn date(seconds: u64) -> String {
    print_date(after(seconds)).to_str().unwrap().to_owned()
}

fn is_fresh(terms: &Terms, at: u64) -> bool {
    matches!(terms.judge(&Asked::new(&HeaderMap::new()), after(at)), Judged::Fresh)
}

#[test]
fn an_answer_without_a_date_or_with_none_that_is_one_came_when_it_came() {
    for date_field in [None, Some("foo".to_owned()), Some(String::new())] {
        let mut fields = vec![("expires", date(60))];
        fields.extend(date_field.map(|value| ("date", value)));
        let terms = terms(&rules(), &fields, 0).unwrap();
        assert!(is_fresh(&terms, 59) && !is_fresh(&terms, 60));
    }
}

#[test]
fn a_clock_that_goes_wrong_makes_nothing_fresher_or_staler() {
    for skew in [0, 7_200] {
        // The origin's clock is two hours ahead, then this one's.
        for (origin, here) in [(skew, 0), (0, skew)] {
            let fields = [("date", date(origin)), ("expires", date(origin + 60))];
            let asked = Asked::new(&HeaderMap::new());
            let terms = rules().terms(&asked, StatusCode::OK, &headers(&fields), after(here), after(here)).unwrap();
            assert!(is_fresh(&terms, here + 59) && !is_fresh(&terms, here + 60));
        }
    }
    // This clock is put back: nothing is older than it was, and nothing overflows.
    let terms = terms(&rules(), &[("cache-control", "max-age=60".to_owned())], 0).unwrap();
    assert!(matches!(terms.judge(&Asked::new(&HeaderMap::new()), START), Judged::Fresh));
    assert_eq!(terms.age(START), Duration::ZERO);
}

#[test]
fn the_time_that_an_answer_was_on_its_way_is_part_of_its_age() {
    let fields = [("cache-control", "max-age=60".to_owned()), ("age", "10".to_owned())];
    let terms = terms(&rules(), &fields, 20).unwrap();
    assert_eq!(terms.age(after(20)), Duration::from_secs(30));
    assert!(is_fresh(&terms, 49) && !is_fresh(&terms, 50));
}

#[test]
fn the_largest_numbers_overflow_nothing() {
    let most = u64::MAX.to_string();
    let all = format!("max-age={most}, s-maxage={most}, stale-while-revalidate={most}, stale-if-error={most}");
    let fields = [("cache-control", all), ("age", most), ("expires", "Fri, 31 Dec 9999 23:59:59 GMT".to_owned())];
    for shared in [false, true] {
        let terms = terms(&Rules { shared, ..rules() }, &fields, 5).unwrap();
        let mut request = HeaderMap::new();
        let demands = format!("max-age={0}, min-fresh={0}, max-stale={0}", u128::MAX);
        request.insert(header::CACHE_CONTROL, demands.parse().unwrap());
        for now in [START, after(0), after(1 << 40)] {
            drop(terms.judge(&Asked::new(&request), now));
            assert!(terms.age(now) >= Duration::from_secs(1 << 31));
            assert!(terms.staleness(now) <= terms.age(now));
        }
    }
    for date in ["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let date = date.to_owned();
        let fields =
            [("date", date.clone()), ("last-modified", date.clone()), ("expires", date), ("etag", "x".to_owned())];
        drop(terms(&rules(), &fields, 0));
    }
}

#[test]
fn a_targeted_field_stands_above_the_others_and_is_ignored_if_it_is_none() {
    let rules = Rules { shared: true, targeted: vec![HeaderName::from_static("cdn-cache-control")], ..rules() };
    let judged = |targeted: &str, general: &str| {
        let fields =
            [("cdn-cache-control", targeted.to_owned()), ("cache-control", general.to_owned()), ("expires", date(600))];
        terms(&rules, &fields, 0).map(|terms| terms.lifetime.as_secs())
    };
    assert_eq!(judged("max-age=60", "no-store"), Some(60));
    assert_eq!(judged("max-age=60", "max-age=1"), Some(60));
    assert_eq!(judged("max-age=0", "max-age=60"), Some(0));
    for forbids in ["no-store", "private"] {
        assert_eq!(judged(forbids, "max-age=60"), None);
    }
    assert_eq!(judged("max-age=\"60\"", "max-age=1"), Some(1));
    assert_eq!(judged("max-age=60, &&&&", "no-store"), None);
}

#[test]
fn a_guess_is_limited_and_can_be_turned_off() {
    let fields = |seconds: u64| [("date", date(1_000_000)), ("last-modified", date(1_000_000 - seconds))];
    let lifetime = |rules: &Rules, seconds| terms(rules, &fields(seconds), 0).unwrap().lifetime.as_secs();
    assert_eq!(lifetime(&rules(), 1_000), 100);
    assert_eq!(lifetime(&rules(), 1_000_000), 86_400);
    assert_eq!(lifetime(&Rules { heuristic: 0.0, ..rules() }, 1_000), 0);
    assert_eq!(lifetime(&Rules { heuristic: 0.5, heuristic_limit: Duration::from_secs(9), ..rules() }, 1_000), 9);
}

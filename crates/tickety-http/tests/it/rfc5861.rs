//! RFC 5861: serving what is stale while it is validated, and if that fails.

use std::time::Duration;

use tickety_http::Retry;

use crate::origin::Answer;
use crate::table::{Is, row};
use crate::world::{World, date, until};

const TAG: &str = "\"1\"";
const HANGS_UP: u16 = 0;

#[tokio::test]
async fn stale_while_revalidate() {
    let stale = |name| row(name).cc("max-age=60, stale-while-revalidate=30").says("etag", TAG);
    stale("3 while fresh").later(59).is(Is::Hit).await;
    stale("3 within the time").later(89).is(Is::Stale).await;
    stale("3 after it").later(90).is(Is::Validated).await;
    stale("3 not if more is demanded").later(70).then("cache-control", "max-age=100").is(Is::Validated).await;
    stale("3 nor a freshness").later(70).then("cache-control", "min-fresh=1").is(Is::Validated).await;
    let forbidden = |cc: &str| row("3 not if it must be validated").cc(cc).says("etag", TAG).later(70);
    forbidden("max-age=60, stale-while-revalidate=30, must-revalidate").is(Is::Validated).await;
    forbidden("s-maxage=60, stale-while-revalidate=30").shared().is(Is::Validated).await;
    forbidden("no-cache, stale-while-revalidate=300").is(Is::Validated).await;
}

#[tokio::test]
async fn what_is_served_stale_is_validated_once_in_the_background() {
    let world = World::new().await;
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=600"), ("etag", TAG)];
    world.answers("/a", &fields, "old");
    assert_eq!(world.text("/a").await, "old");
    world.pass(61);
    world.answers("/a", &fields, "new");
    world.origin.asked();
    world.origin.close();
    for _ in 0..50 {
        let response = world.get("/a").await;
        assert!(response.cache().stale && response.cache().hit);
        assert_eq!(response.text().await.unwrap(), "old");
    }
    world.origin.open();
    until(|| world.client.stats().stored == 2).await;
    let asked = world.origin.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].field("if-none-match"), Some(TAG));
    let response = world.get("/a").await;
    assert!(!response.cache().stale);
    assert_eq!(response.text().await.unwrap(), "new");
    assert_eq!(world.client.stats().stale_serves, 50);
}

/// Stores an answer, lets it become stale, and asks again while the origin fails.
async fn fails(cc: &str, asked: &[(&str, &str)], later: u64, failure: u16, allowed: bool) -> Option<String> {
    let longest = Duration::from_secs(if allowed { 1_000 } else { 0 });
    let world = World::of(|builder| builder.shared().stale_if_error(longest)).await;
    let now = date(&world.clock, 0);
    world.answers("/a", &[("cache-control", cc), ("date", &now)], "old");
    assert_eq!(world.text("/a").await, "old");
    world.pass(later);
    world.origin.answers("/a", [Answer::new(failure, &[], "failed")]);
    let request = asked.iter().fold(world.start("/a"), |request, (name, value)| request.header(name, value));
    let response = request.send().await.ok()?;
    assert_eq!(response.cache().stale, response.cache().detail == Some("stale-if-error"));
    if response.cache().stale {
        assert_eq!(response.header("age"), Some(later.to_string().as_str()));
        assert_eq!(response.header("warning"), None, "RFC 9111, section 5.5");
    }
    response.text().await.ok()
}

#[tokio::test]
async fn stale_if_error() {
    let old = Some("old".to_owned());
    for failure in [500, 502, 503, 504, HANGS_UP] {
        let failed = if failure == HANGS_UP { None } else { Some("failed".to_owned()) };
        let cc = "max-age=60, stale-if-error=30";
        assert_eq!(fails(cc, &[], 89, failure, false).await, old, "4 within the time: {failure}");
        assert_eq!(fails(cc, &[], 90, failure, false).await, failed, "4 after it: {failure}");
        let asked = [("cache-control", "stale-if-error=20")];
        assert_eq!(fails("max-age=60", &asked, 79, failure, false).await, old, "4 if asked for: {failure}");
        assert_eq!(fails("max-age=60", &asked, 80, failure, false).await, failed, "4 and no longer: {failure}");
        assert_eq!(fails("max-age=60", &[], 61, failure, false).await, failed, "4 not if nobody says so: {failure}");
        assert_eq!(fails("max-age=60", &[], 61, failure, true).await, old, "9111, 4.2.4 the client says so: {failure}");
        for forbids in ["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"] {
            let cc = format!("max-age=60, stale-if-error=600, {forbids}");
            assert_eq!(fails(&cc, &[], 61, failure, true).await, failed, "9111, 4.2.4 {forbids}: {failure}");
        }
    }
    for error in [501, 404, 403] {
        let cc = "max-age=60, stale-if-error=30";
        assert_eq!(fails(cc, &[], 61, error, false).await, Some("failed".to_owned()), "4 other errors: {error}");
    }
}

#[tokio::test]
async fn an_origin_is_tried_again_before_something_stale_is_served() {
    let world = World::of(|builder| builder.retry(Retry::times(3))).await;
    world.answers("/a", &[("cache-control", "max-age=1, stale-if-error=600")], "old");
    world.text("/a").await;
    world.pass(2);
    world.origin.asked();
    world.origin.answers("/a", [Answer::new(503, &[], "")]);
    assert_eq!(world.text("/a").await, "old");
    assert_eq!(world.origin.count(), 4);
    assert_eq!(world.client.stats().retries, 3);
}

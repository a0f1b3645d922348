//! Trying again.

use std::time::Duration;

use http::Method;
use tickety_http::{Clock as _, Retry};

use crate::origin::{Answer, BREAKS_OFF};
use crate::world::{World, date};

async fn world() -> World {
    World::of(|builder| builder.retry(Retry::times(3))).await
}

/// Returns how often a request was sent, and how long was waited between.
async fn tries(world: &World, method: Method, key: Option<&str>) -> (usize, Duration) {
    let before = world.clock.passed();
    world.origin.asked();
    let mut request = world.client.request(method, &world.origin.at("/a"));
    if let Some(key) = key {
        request = request.idempotency_key(key);
    }
    drop(request.send().await);
    (world.origin.count(), world.clock.passed() - before)
}

#[tokio::test]
async fn what_may_be_done_twice_is_tried_again() {
    for failure in [0, 408, 425, 429, 502, 503, 504] {
        let world = world().await;
        world.origin.answers("/a", [Answer::new(failure, &[], "")]);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
            let (count, waited) = tries(&world, method.clone(), None).await;
            assert_eq!(count, 4, "{method} {failure}");
            // 100, 200 and 400 ms, less up to half of each.
            assert!(waited > Duration::from_millis(350) && waited <= Duration::from_millis(700), "{waited:?}");
        }
        for method in [Method::POST, Method::PATCH] {
            assert_eq!(tries(&world, method.clone(), None).await, (1, Duration::ZERO), "{method} {failure}");
            assert_eq!(tries(&world, method, Some("k")).await.0, 4, "{failure}");
        }
        assert_eq!(world.client.stats().retries, 7 * 3);
    }
}

#[tokio::test]
async fn other_answers_are_final() {
    for status in [200, 304, 400, 404, 409, 500, 501] {
        let world = world().await;
        world.origin.answers("/a", [Answer::new(status, &[], "")]);
        assert_eq!(tries(&world, Method::GET, None).await, (1, Duration::ZERO), "{status}");
    }
}

#[tokio::test]
async fn an_answer_ends_it() {
    let world = world().await;
    let answers = [503, 0, 200].map(|status| Answer::new(status, &[], "text"));
    world.origin.answers("/a", answers);
    assert_eq!(world.text("/a").await, "text");
    assert_eq!(world.origin.count(), 3);
    assert_eq!(world.client.stats().failures, 0);
}

#[tokio::test]
async fn retry_after_is_heeded_and_not_for_ever() {
    let world = world().await;
    let later = |value: &str| [Answer::new(503, &[("retry-after", value)], ""), Answer::new(200, &[], "")];
    world.origin.answers("/a", later("7"));
    assert_eq!(tries(&world, Method::GET, None).await, (2, Duration::from_secs(7)));
    world.origin.answers("/a", later(&date(&world.clock, 20)));
    let (count, waited) = tries(&world, Method::GET, None).await;
    assert_eq!(count, 2);
    assert!(waited > Duration::from_secs(18) && waited <= Duration::from_secs(20), "{waited:?}");
    world.origin.answers("/a", later("31"));
    assert_eq!(tries(&world, Method::GET, None).await, (1, Duration::ZERO));
}

#[tokio::test]
async fn where_there_is_no_connection_nothing_was_sent() {
    let world = world().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = world.client.post(&format!("http://{nobody}/")).body("x").send().await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout());
    assert_eq!(error.to_string(), format!("could not get an answer to POST http://{nobody}/, tried 4 times"));
    assert_eq!((world.client.stats().retries, world.client.stats().failures), (3, 1));
    assert_eq!(world.client.stats().invalidations, 0);
}

#[tokio::test]
async fn the_longest_wait_is_kept() {
    let retry = Retry::times(12).waits(Duration::from_secs(1), Duration::from_secs(4));
    let world = World::of(|builder| builder.retry(retry)).await;
    world.origin.answers("/a", [Answer::new(0, &[], "")]);
    let start = world.clock.now();
    let (count, waited) = tries(&world, Method::GET, None).await;
    assert_eq!(count, 13);
    assert!(waited <= Duration::from_secs(1 + 2 + 10 * 4) && waited > Duration::from_secs(21), "{waited:?}");
    assert!(world.clock.now() > start);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_and_never_stored() {
    let fields = [("cache-control", "max-age=60, stale-if-error=60")];
    let broken = || Answer::new(BREAKS_OFF, &fields, "te");
    let world = world().await;
    world.origin.answers("/a", [broken(), broken(), Answer::new(200, &fields, "text")]);
    assert_eq!(world.text("/a").await, "text");
    assert_eq!(world.origin.asked().len(), 3);
    let stats = world.client.stats();
    assert_eq!((stats.retries, stats.misses, stats.failures), (2, 1, 0));

    world.pass(61);
    world.origin.answers("/a", [broken()]);
    assert_eq!(world.text("/a").await, "text", "RFC 5861, section 4");
    assert_eq!(world.origin.asked().len(), 4);

    world.origin.answers("/b", [broken()]);
    let error = world.start("/b").send().await.unwrap_err().to_string();
    // It depends on how the bytes are cut if its fields have come.
    let (read, get) = ("could not read the answer to GET ", "could not get an answer to GET ");
    assert!(error.starts_with(read) || error.starts_with(get), "{error}");
    assert_eq!(world.origin.asked().len(), 4);
    world.origin.answers("/b", [Answer::new(200, &fields, "whole")]);
    assert_eq!(world.text("/b").await, "whole");
}

//! Sizes, parts, conditions, redirects, and what a caller can say of a call.

use std::time::Duration;

use http::{Method, StatusCode};
use tickety_http::{Error, Forward};

use crate::origin::Answer;
use crate::world::World;

const FRESH: [(&str, &str); 1] = [("cache-control", "max-age=600")];

#[tokio::test]
async fn a_body_that_is_too_large_is_passed_on_and_not_stored() {
    let world = World::of(|builder| builder.largest_body(1_000)).await;
    for (path, length, hit) in [("/fits", 1_000, true), ("/large", 1_001, false)] {
        let body = "x".repeat(length);
        world.answers(path, &FRESH, &body);
        assert_eq!(world.text(path).await, body);
        let again = world.get(path).await;
        assert_eq!(again.cache().hit, hit);
        assert_eq!(again.whole().is_some(), hit);
        assert_eq!(again.text().await.unwrap(), body);
    }
}

#[tokio::test]
async fn what_is_stored_stays_within_its_bytes() {
    let world = World::of(|builder| builder.capacity(100_000)).await;
    for number in 0..100 {
        let path = format!("/{number}");
        world.answers(&path, &FRESH, &"x".repeat(2_000));
        world.text(&path).await;
    }
    let stats = world.client.stats();
    assert!(stats.bytes <= 100_000 && stats.entries > 20, "{stats:?}");
    assert_eq!(stats.entries + stats.evicted, 100);
}

#[tokio::test]
async fn without_capacity_nothing_is_stored() {
    let world = World::of(|builder| builder.capacity(0)).await;
    world.answers("/a", &FRESH, "text");
    for _ in 0..3 {
        let response = world.get("/a").await;
        assert!(!response.cache().stored && !response.cache().hit);
    }
    assert_eq!(world.origin.count(), 3);
}

#[tokio::test]
async fn variants_of_a_url_are_bounded() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "max-age=600"), ("vary", "a")], "x");
    for number in 0..40 {
        world.start("/a").header("a", &number.to_string()).send().await.unwrap();
    }
    world.origin.asked();
    for number in (0..40).rev() {
        world.start("/a").only_if_cached().header("a", &number.to_string()).send().await.unwrap();
    }
    assert_eq!(world.client.stats().hits, 32);
}

#[tokio::test]
async fn parts_are_cut_out_of_what_is_stored() {
    let world = World::new().await;
    let fields = [("cache-control", "max-age=600"), ("etag", "\"1\"")];
    world.answers("/a", &fields, "0123456789");
    world.text("/a").await;
    world.origin.asked();
    for (range, part, told) in
        [("bytes=0-1", "01", "bytes 0-1/10"), ("bytes=7-", "789", "bytes 7-9/10"), ("bytes=-2", "89", "bytes 8-9/10")]
    {
        let response = world.start("/a").header("range", range).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.header("content-range"), Some(told));
        assert_eq!(response.header("content-length"), Some(part.len().to_string().as_str()));
        assert_eq!(response.text().await.unwrap(), part);
    }
    let same = world.start("/a").header("range", "bytes=0-0").header("if-range", "\"1\"").send().await.unwrap();
    assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
    let other = world.start("/a").header("range", "bytes=0-0").header("if-range", "\"2\"").send().await.unwrap();
    assert_eq!((other.status(), other.text().await.unwrap().len()), (StatusCode::OK, 10));
    assert_eq!(world.origin.count(), 0);

    // Several parts are the origin's business.
    let several = world.start("/a").header("range", "bytes=0-1,3-4").send().await.unwrap();
    assert_eq!(several.cache().forward, Some(Forward::Partial));
    assert_eq!(world.origin.count(), 1);
}

#[tokio::test]
async fn a_part_is_stored_and_serves_what_it_holds() {
    let world = World::new().await;
    let ask = async |range: &str| {
        let response = world.start("/a").header("range", range).send().await.unwrap();
        (response.status().as_u16(), response.cache().hit, response.text().await.unwrap())
    };
    let part = [FRESH[0], ("content-range", "bytes 4-8/9"), ("etag", "\"1\"")];
    world.origin.answers("/a", [Answer::new(206, &part, "45678")]);
    assert_eq!(ask("bytes=4-8").await, (206, false, "45678".to_owned()));
    assert_eq!(ask("bytes=5-6").await, (206, true, "56".to_owned()));
    assert_eq!(ask("bytes=-2").await, (206, true, "78".to_owned()));
    world.origin.asked();

    // It is not the whole, nor is what it doesn't hold.
    world.origin.answers("/a", [Answer::new(416, &FRESH, "no")]);
    assert_eq!(ask("bytes=3-6").await, (416, false, "no".to_owned()));
    assert_eq!(ask("bytes=3-6").await.0, 416);
    assert_eq!(ask("lines=1-2").await.0, 416);
    let other = world.start("/a").header("range", "bytes=5-6").header("if-range", "\"2\"").send().await.unwrap();
    assert_eq!(other.status().as_u16(), 416);
    let fields = [FRESH[0], ("etag", "\"2\"")];
    world.answers("/a", &fields, "0123456789");
    assert_eq!(world.text("/a").await, "0123456789");
    assert_eq!(world.origin.asked().len(), 5);

    // What is stored whole comes first, and a write invalidates both.
    assert_eq!(ask("bytes=8-9").await, (206, true, "89".to_owned()));
    world.client.put(&world.origin.at("/a")).send().await.unwrap();
    assert!(!ask("bytes=4-5").await.1);
}

#[tokio::test]
async fn who_has_an_answer_gets_a_304() {
    let world = World::new().await;
    let modified = "Sun, 01 Feb 2026 12:00:00 GMT";
    let fields = [FRESH[0], ("etag", "W/\"1\""), ("last-modified", modified), ("content-type", "text/plain")];
    world.answers("/a", &fields, "text");
    world.text("/a").await;
    world.origin.asked();
    let ask = async |name: &str, value: &str| world.start("/a").header(name, value).send().await.unwrap();
    for (name, value) in [
        ("if-none-match", "\"1\""),
        ("if-none-match", "\"0\", W/\"1\""),
        ("if-none-match", "*"),
        ("if-modified-since", modified),
        ("if-modified-since", "Monday, 02-Feb-26 12:00:00 GMT"),
    ] {
        let response = ask(name, value).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{name}: {value}");
        assert_eq!(response.header("etag"), Some("W/\"1\""));
        assert!(response.header("date").is_some() && response.header("content-type").is_none());
        assert!(response.bytes().await.unwrap().is_empty());
    }
    for (name, value) in [("if-none-match", "\"2\""), ("if-modified-since", "Sun, 01 Feb 2026 11:59:59 GMT")] {
        assert_eq!(ask(name, value).await.status(), StatusCode::OK, "{name}: {value}");
    }
    assert_eq!(world.origin.count(), 0);

    // What is validated is validated by the cache's own conditions, and then compared with the caller's.
    world.pass(601);
    world.origin.answers("/a", [Answer::new(304, &fields, "")]);
    assert_eq!(ask("if-none-match", "\"1\"").await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(ask("if-none-match", "\"2\"").await.status(), StatusCode::OK);
    assert_eq!(world.origin.asked()[0].field("if-none-match"), Some("W/\"1\""));
    // Where nothing is stored they are the origin's business.
    world.origin.answers("/b", [Answer::new(304, &fields, "")]);
    let passed = world.start("/b").header("if-none-match", "\"9\"").send().await.unwrap();
    assert_eq!(passed.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(world.origin.asked()[0].field("if-none-match"), Some("\"9\""));
}

#[tokio::test]
async fn a_304_changes_fields_and_keeps_the_others() {
    let world = World::new().await;
    let old = [("cache-control", "max-age=1"), ("etag", "\"1\""), ("a", "1"), ("a", "2"), ("b", "3")];
    world.answers("/a", &old, "text");
    world.text("/a").await;
    world.pass(2);
    let newer = [FRESH[0], ("etag", "\"1\""), ("a", "4"), ("c", "5"), ("content-length", "0")];
    world.origin.answers("/a", [Answer::new(304, &newer, "")]);
    for _ in 0..2 {
        let response = world.get("/a").await;
        let values = |name: &str| response.headers().get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            (values("a"), values("b"), values("c")),
            (vec!["4".parse().unwrap()], vec!["3".parse().unwrap()], vec!["5".parse().unwrap()])
        );
        assert_eq!(response.header("content-length"), Some("4"));
        assert_eq!(response.text().await.unwrap(), "text");
    }
    assert_eq!(world.origin.count(), 2);
}

#[tokio::test]
async fn a_304_about_something_else_is_not_believed() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "max-age=1"), ("etag", "\"1\"")], "old");
    world.text("/a").await;
    world.pass(2);
    world.origin.asked();
    let answers = [Answer::new(304, &[("etag", "\"2\"")], ""), Answer::new(200, &[("etag", "\"2\"")], "new")];
    world.origin.answers("/a", answers);
    assert_eq!(world.text("/a").await, "new");
    let asked = world.origin.asked();
    assert_eq!(asked.iter().map(|asked| asked.field("if-none-match")).collect::<Vec<_>>(), [Some("\"1\""), None]);
}

#[tokio::test]
async fn head_is_answered_by_what_get_has_stored_and_freshens_or_drops_it() {
    let world = World::new().await;
    let fields = |tag| [("cache-control", "max-age=60"), ("etag", tag)];
    let head = async || world.client.head(&world.origin.at("/a")).send().await.unwrap();
    world.answers("/a", &fields("\"1\""), "text");
    world.text("/a").await;
    let hit = head().await;
    assert!(hit.cache().hit && hit.header("content-length") == Some("4"));
    assert!(hit.bytes().await.unwrap().is_empty());
    world.pass(61);
    assert!(!head().await.cache().hit);
    assert!(world.get("/a").await.cache().hit, "section 4.3.5: the same representation");
    world.pass(61);
    world.answers("/a", &fields("\"2\""), "other");
    assert!(!head().await.cache().hit);
    assert!(head().await.cache().hit, "the answer to HEAD is stored, too");
    assert_eq!(world.text("/a").await, "other");
    assert_eq!(
        world.origin.asked().iter().map(|asked| asked.method.clone()).collect::<Vec<_>>(),
        ["GET", "HEAD", "HEAD", "GET"]
    );
}

#[tokio::test]
async fn an_answer_to_the_conditions_of_a_head_leaves_what_is_stored() {
    for status in [304, 429] {
        let world = World::new().await;
        world.answers("/a", &[("cache-control", "max-age=60"), ("etag", "\"1\"")], "text");
        world.text("/a").await;
        world.pass(61);
        world.origin.answers("/a", [Answer::new(status, &[("etag", "\"1\"")], "")]);
        let head = world.client.head(&world.origin.at("/a")).header("if-none-match", "\"1\"");
        assert_eq!(head.send().await.unwrap().status().as_u16(), status);
        assert_eq!(world.client.stats().entries, 1, "{status}");
    }
}

#[tokio::test]
async fn the_order_of_a_query_makes_no_difference_unless_it_shall() {
    for sorted in [true, false] {
        let world = World::of(|builder| builder.sorted_query(sorted)).await;
        world.answers("/a", &FRESH, "text");
        world.text("/a?b=1&a=2").await;
        world.text("/a?a=2&b=1").await;
        assert_eq!(world.origin.asked()[0].path, "/a?b=1&a=2", "what is sent is what was asked for");
        assert_eq!(world.client.stats().hits, u64::from(sorted));
    }
}

#[tokio::test]
async fn a_call_can_keep_the_cache_out_of_it_or_ask_nothing_else() {
    let world = World::new().await;
    world.answers("/a", &FRESH, "old");
    let nothing = world.start("/a").only_if_cached().send().await.unwrap();
    assert_eq!(nothing.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(world.origin.count(), 0);
    world.start("/a").no_store().send().await.unwrap();
    assert_eq!(world.client.stats().stored, 0);
    world.text("/a").await;
    world.answers("/a", &FRESH, "new");
    assert_eq!(world.start("/a").no_store().send().await.unwrap().text().await.unwrap(), "new");
    assert_eq!(world.text("/a").await, "old");
    assert_eq!(world.start("/a").no_cache().send().await.unwrap().text().await.unwrap(), "new");
    assert_eq!(world.start("/a").only_if_cached().send().await.unwrap().text().await.unwrap(), "new");
    world.pass(700);
    assert_eq!(world.start("/a").only_if_cached().send().await.unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    let stale = world.start("/a").only_if_cached().max_stale(Duration::from_secs(101)).send().await.unwrap();
    assert!(stale.cache().stale && stale.cache().hit);
    assert!(world.start("/a").any_stale().send().await.unwrap().cache().stale);
    assert_eq!(world.client.stats().bypassed, 2);
}

#[tokio::test]
async fn what_says_nothing_is_fresh_for_as_long_as_the_client_says() {
    let world = World::of(|builder| builder.default_ttl(Duration::from_secs(60))).await;
    world.answers("/a", &[], "text");
    world.origin.answers("/b", [Answer::new(500, &[], "text")]);
    for path in ["/a", "/b"] {
        world.text(path).await;
        world.pass(59);
        world.text(path).await;
    }
    assert_eq!(world.origin.asked().len(), 3, "an error is not guessed about");
    world.text("/a").await;
    assert_eq!(world.origin.count(), 1);
}

#[tokio::test]
async fn redirects_are_followed_through_the_cache_and_leave_names_behind() {
    let world = World::new().await;
    let other = World::new().await;
    let elsewhere = other.origin.at("/end");
    world.origin.answers("/start", [Answer::new(301, &[FRESH[0], ("location", "/next")], "")]);
    world.origin.answers("/next", [Answer::new(307, &[("location", &elsewhere)], "")]);
    other.answers("/end", &FRESH, "text");
    for asked in [2, 1] {
        let response = world.start("/start").header("authorization", "secret").send().await.unwrap();
        assert_eq!(response.url().as_str(), elsewhere);
        assert_eq!(response.text().await.unwrap(), "text");
        assert_eq!(world.origin.asked().len(), asked, "a permanent redirect is stored");
    }
    assert_eq!(other.origin.asked().iter().map(|asked| asked.field("authorization")).collect::<Vec<_>>(), [None]);

    world.origin.answers("/post", [Answer::new(303, &[("location", "/got")], "")]);
    world.answers("/got", &[], "got");
    let posted = world.client.request(Method::POST, &world.origin.at("/post")).body("x").send().await.unwrap();
    assert_eq!(posted.text().await.unwrap(), "got");
    world.origin.answers("/loop", [Answer::new(302, &[("location", "/loop")], "")]);
    let error = world.start("/loop").send().await.unwrap_err();
    assert!(matches!(error, Error::Redirects { limit: 10, .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_request_is_told_before_anything_is_sent() {
    let world = World::new().await;
    for (url, part) in [
        ("/path", "relative URL without a base"),
        ("ftp://h/", "its scheme is `ftp`; use http or https"),
        ("http://name:password@h/", "use the field `Authorization`"),
    ] {
        let error = world.client.get(url).send().await.unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("password@"), "{error}");
    }
    let error = world.start("/a").header("a", "line\nline").send().await.unwrap_err();
    assert!(matches!(error, Error::Field { .. }));
    assert_eq!(world.client.stats().requests, 0);
}

#[tokio::test]
async fn connections_are_used_again() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "no-store")], "text");
    for _ in 0..20 {
        world.text("/a").await;
    }
    assert_eq!((world.origin.count(), world.origin.connections()), (20, 1));
}

#[tokio::test]
async fn a_time_that_is_exceeded_is_told() {
    let time = Duration::from_millis(30);
    let world = World::of(|builder| builder.timeout(time)).await;
    world.origin.close();
    assert!(world.start("/a").send().await.unwrap_err().is_timeout());
    let patient = World::new().await;
    patient.origin.close();
    assert!(patient.start("/a").timeout(time).send().await.unwrap_err().is_timeout());
    let silent = World::of(|builder| builder.read_timeout(time)).await;
    silent.origin.close();
    assert!(silent.start("/a").send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn an_origin_that_doesnt_speak_tls_is_an_error_that_says_so() {
    let world = World::new().await;
    let url = world.origin.at("/a").replace("http://", "https://");
    let error = world.client.get(&url).send().await.unwrap_err();
    assert!(matches!(error, Error::Send { .. } | Error::Build(_)), "{error:?}");
    assert_eq!(world.origin.count(), 0);
}

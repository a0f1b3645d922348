//! What writes and callers make invalid (RFC 9111, section 4.4).

use http::{HeaderMap, Method};
use tickety_http::Tagging;
use url::Url;

use crate::origin::Answer;
use crate::world::{World, until};

const PATHS: [&str; 6] = ["/issues/42", "/issues/42?f=a", "/issues/43", "/issues?page=2", "/issues/42/notes", "/"];

/// Stores all paths, writes, and returns those that have to be asked for again.
async fn gone_after(world: &World, method: Method, path: &str) -> Vec<&'static str> {
    for path in PATHS {
        world.answers(path, &[("cache-control", "max-age=600")], path);
        world.text(path).await;
    }
    let request = world.client.request(method, &world.origin.at(path)).body("x");
    request.send().await.unwrap().bytes().await.unwrap();
    world.origin.asked();
    let mut gone = Vec::new();
    for path in PATHS {
        world.text(path).await;
        gone.extend(world.origin.asked().first().map(|_| path));
    }
    gone
}

#[tokio::test]
async fn a_write_invalidates_its_resource_its_parents_and_their_collections() {
    for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST, Method::from_bytes(b"M-SEARCH").unwrap()] {
        let world = World::new().await;
        let gone = gone_after(&world, method.clone(), "/issues/42").await;
        assert_eq!(gone, ["/issues/42", "/issues/42?f=a", "/issues?page=2", "/"], "{method}");
        assert_eq!(world.client.stats().invalidations, 1);
    }
}

#[tokio::test]
async fn a_safe_method_or_one_that_failed_invalidates_nothing() {
    let world = World::new().await;
    assert!(gone_after(&world, Method::OPTIONS, "/issues/42").await.is_empty());
    for status in [400, 404, 409, 500, 503] {
        world.origin.answers("/issues/42/close", [Answer::new(status, &[], "")]);
        assert!(gone_after(&world, Method::POST, "/issues/42/close").await.is_empty(), "{status}");
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_invalidates() {
    let world = World::new().await;
    world.origin.answers("/issues/43/close", [Answer::new(0, &[], "")]);
    for path in PATHS {
        world.answers(path, &[("cache-control", "max-age=600")], path);
        world.text(path).await;
    }
    world.client.post(&world.origin.at("/issues/43/close")).send().await.unwrap_err();
    world.origin.asked();
    world.text("/issues/43").await;
    world.text("/issues/42").await;
    assert_eq!(world.origin.asked().iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(), ["/issues/43"]);
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_or_a_gateway_answers_invalidates() {
    let world = World::new().await;
    world.answers("/issues/43/close", &[], "");
    world.answers("/issues/43", &[("cache-control", "max-age=600")], "before");
    world.text("/issues/43").await;
    world.origin.close_to("POST");
    let request = world.client.post(&world.origin.at("/issues/43/close"));
    let writing = tokio::spawn(async move { request.send().await });
    until(|| world.origin.count() == 2).await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    world.origin.open();
    world.answers("/issues/43", &[("cache-control", "max-age=600")], "after");
    assert_eq!(world.text("/issues/43").await, "after");
    for status in [502, 504] {
        let world = World::new().await;
        world.origin.answers("/issues/42/close", [Answer::new(status, &[], "")]);
        let gone = gone_after(&world, Method::POST, "/issues/42/close").await;
        assert!(gone.contains(&"/issues/42"), "{status}");
    }
}

#[tokio::test]
async fn what_an_answer_names_is_invalid_too_if_it_is_of_the_same_origin() {
    for field in ["location", "content-location"] {
        let world = World::new().await;
        world.origin.answers("/new", [Answer::new(201, &[(field, "/issues/43")], "")]);
        let gone = gone_after(&world, Method::POST, "/new").await;
        assert_eq!(gone, ["/issues/43", "/issues?page=2", "/"], "{field}");

        let (world, other) = (World::new().await, World::new().await);
        let elsewhere = other.origin.at("/issues/43");
        let here = format!("{}/issues/43", world.origin.url.replace("127.0.0.1", "localhost"));
        for place in [elsewhere, here] {
            world.origin.answers("/new", [Answer::new(201, &[(field, &place)], "")]);
            assert_eq!(gone_after(&world, Method::POST, "/new").await, ["/"], "{field}: {place}");
        }
    }
}

#[tokio::test]
async fn what_is_read_while_it_is_written_is_not_stored_nor_given_to_who_asks_after_that() {
    for path in ["/a", "/", "/?page=2"] {
        let world = World::new().await;
        world.answers("/a", &[], "");
        world.answers(path, &[("cache-control", "max-age=600")], "before");
        world.origin.close_to("GET");
        let read = |world: &World| {
            let request = world.start(path);
            tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() })
        };
        let early = read(&world);
        until(|| world.origin.count() == 1).await;
        // The origin has read what it had, and has not answered yet.
        world.client.put(&world.origin.at("/a")).send().await.unwrap();
        world.answers(path, &[("cache-control", "max-age=600")], "after");
        let late = read(&world);
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        world.origin.open();
        assert_eq!(early.await.unwrap(), "before");
        assert_eq!(late.await.unwrap(), "after", "{path}");
        assert_eq!(world.text(path).await, "after");
    }
}

#[tokio::test]
async fn a_url_a_pattern_a_tag_or_everything_is_invalidated_by_hand() {
    let world = World::new().await;
    let fill = async || {
        for path in PATHS {
            world.answers(path, &[("cache-control", "max-age=600")], path);
            world.text(path).await;
        }
        world.origin.asked();
    };
    let asked = async || {
        for path in PATHS {
            world.text(path).await;
        }
        world.origin.asked().len()
    };
    fill().await;
    assert!(world.client.invalidate(&world.origin.at("/issues/42?f=a")).unwrap());
    assert!(!world.client.invalidate(&world.origin.at("/issues/42?f=b")).unwrap());
    assert_eq!(asked().await, 1);
    assert_eq!(world.client.invalidate_pattern("*/issues/4[0-9]"), 2);
    assert_eq!(asked().await, 2);
    world.client.invalidate_tag(&world.origin.at("/issues/42"));
    assert_eq!(asked().await, 2);
    world.client.clear();
    assert_eq!(world.client.stats().entries, 0);
    assert_eq!(asked().await, PATHS.len());
}

/// Tags named by the origin.
#[derive(Debug)]
struct Named;

impl Tagging for Named {
    fn carried(&self, _: &Url, answer: &HeaderMap) -> Vec<String> {
        answer.get("cache-tag").and_then(|tag| tag.to_str().ok()).into_iter().map(str::to_owned).collect()
    }

    fn invalidated(&self, _: &Method, url: &Url, answer: &HeaderMap) -> Vec<String> {
        self.carried(url, answer)
    }
}

#[tokio::test]
async fn which_tags_are_invalidated_is_up_to_the_client() {
    let world = World::of(|builder| builder.tagging(Named)).await;
    for (path, tag) in [("/a", "x"), ("/b", "x"), ("/c", "y")] {
        world.answers(path, &[("cache-control", "max-age=600"), ("cache-tag", tag)], path);
        world.text(path).await;
    }
    world.answers("/write", &[("cache-tag", "x")], "");
    world.client.post(&world.origin.at("/write")).send().await.unwrap();
    world.origin.asked();
    for path in ["/a", "/b", "/c"] {
        world.text(path).await;
    }
    assert_eq!(world.origin.asked().len(), 2);
}

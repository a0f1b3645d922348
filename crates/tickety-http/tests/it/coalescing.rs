//! One request for all who ask at the same time.

use http::StatusCode;
use tickety_http::{Client, batch_map};

use crate::origin::Answer;
use crate::world::{World, until};

/// Starts so many requests for a path.
fn start(world: &World, path: &str, callers: usize) -> Vec<tokio::task::JoinHandle<(StatusCode, String, bool)>> {
    (0..callers)
        .map(|_| {
            let (client, url) = (world.client.clone(), world.origin.at(path));
            tokio::spawn(async move {
                let response = client.get(&url).send().await.unwrap();
                let (status, collapsed) = (response.status(), response.cache().collapsed);
                (status, response.text().await.unwrap(), collapsed)
            })
        })
        .collect()
}

/// Lets all tasks go as far as they get.
async fn settle() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_hundred_callers_make_one_request() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "max-age=60")], "text");
    world.origin.close();
    let callers = start(&world, "/a", 100);
    until(|| world.origin.count() == 1).await;
    settle().await;
    world.origin.open();
    let mut collapsed = 0;
    for caller in callers {
        let (_, text, others) = caller.await.unwrap();
        assert_eq!(text, "text");
        collapsed += u64::from(others);
    }
    assert_eq!(world.origin.count(), 1);
    let stats = world.client.stats();
    assert_eq!((stats.requests, stats.misses, stats.coalesced, collapsed), (1, 1, 99, 99));
}

#[tokio::test]
async fn an_answer_for_one_caller_is_given_to_no_other() {
    for fields in [&[("cache-control", "no-store")][..], &[("cache-control", "no-cache")], &[("vary", "*")], &[]] {
        let world = World::new().await;
        let answers = (0..10).map(|number| Answer::new(200, fields, &number.to_string()));
        world.origin.answers("/a", answers);
        world.origin.close();
        let callers = start(&world, "/a", 10);
        until(|| world.origin.count() == 1).await;
        settle().await;
        world.origin.open();
        let mut texts = Vec::new();
        for caller in callers {
            texts.push(caller.await.unwrap().1);
        }
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 10, "{fields:?}");
        assert_eq!(world.client.stats().coalesced, 0);

        // It is known now, and nobody waits for another.
        world.origin.asked();
        world.origin.close();
        let callers = start(&world, "/a", 5);
        until(|| world.origin.count() == 5).await;
        world.origin.open();
        batch_map(callers, 5, async |caller| caller.await.unwrap()).await;
    }
}

#[tokio::test]
async fn an_answer_selected_by_other_fields_is_not_given() {
    let world = World::new().await;
    let languages = ["de", "en"].map(|text| Answer::new(200, &[("cache-control", "max-age=60"), ("vary", "a")], text));
    world.origin.answers("/a", languages);
    world.origin.close();
    let ask = |value: &'static str| {
        let (client, url): (Client, _) = (world.client.clone(), world.origin.at("/a"));
        tokio::spawn(async move { client.get(&url).header("a", value).send().await.unwrap().text().await.unwrap() })
    };
    let first = ask("1");
    until(|| world.origin.count() == 1).await;
    let second = ask("2");
    settle().await;
    world.origin.open();
    assert_eq!(first.await.unwrap(), "de");
    assert_eq!(second.await.unwrap(), "en");
    let asked: Vec<_> = world.origin.asked().iter().map(|asked| asked.field("a").unwrap().to_owned()).collect();
    assert_eq!(asked, ["1", "2"]);
}

#[tokio::test]
async fn callers_with_different_names_dont_wait_for_each_other() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "max-age=60")], "text");
    world.origin.close();
    let callers: Vec<_> = ["x", "y"]
        .map(|name| {
            let request = world.start("/a").header("authorization", name);
            tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() })
        })
        .into();
    until(|| world.origin.count() == 2).await;
    world.origin.open();
    batch_map(callers, 2, async |caller| caller.await.unwrap()).await;
}

#[tokio::test]
async fn a_caller_that_is_dropped_doesnt_end_the_request_of_the_others() {
    let world = World::new().await;
    world.answers("/a", &[("cache-control", "max-age=60")], "text");
    world.origin.close();
    let leader = start(&world, "/a", 1).remove(0);
    until(|| world.origin.count() == 1).await;
    let callers = start(&world, "/a", 10);
    settle().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    world.origin.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().1, "text");
    }
    assert_eq!(world.origin.count(), 1);
}

#[tokio::test]
async fn all_who_wait_for_a_request_that_fails_are_told_and_the_next_asks_again() {
    let world = World::new().await;
    world.origin.answers("/a", [Answer::new(0, &[], ""), Answer::new(200, &[("cache-control", "max-age=9")], "text")]);
    world.origin.close();
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let request = world.start("/a");
            tokio::spawn(async move { request.send().await.unwrap_err().to_string() })
        })
        .collect();
    until(|| world.origin.count() == 1).await;
    settle().await;
    world.origin.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), format!("could not get an answer to GET {}", world.origin.at("/a")));
    }
    assert_eq!(world.origin.count(), 1);
    assert_eq!(world.client.stats().failures, 1);
    assert_eq!(world.text("/a").await, "text");
}

#[tokio::test]
async fn a_stale_answer_is_validated_once_for_all() {
    let world = World::new().await;
    let fields = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
    world.answers("/a", &fields, "text");
    world.text("/a").await;
    world.pass(61);
    world.origin.asked();
    world.origin.answers("/a", [Answer::new(304, &fields, "")]);
    world.origin.close();
    let callers = start(&world, "/a", 50);
    until(|| world.origin.count() == 1).await;
    settle().await;
    world.origin.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap().1, "text");
    }
    assert_eq!(world.origin.count(), 1);
    assert_eq!(world.client.stats().revalidations, 1);
}

#[tokio::test]
async fn many_are_done_some_at_a_time_and_in_their_order() {
    let (now, most) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let done = batch_map(0..100, 7, async |number: u32| {
        now.set(now.get() + 1);
        most.set(most.get().max(now.get()));
        for _ in 0..=number % 5 {
            tokio::task::yield_now().await;
        }
        now.set(now.get() - 1);
        number
    })
    .await;
    assert_eq!(done, (0..100).collect::<Vec<_>>());
    assert_eq!(most.get(), 7);
    assert!(batch_map(Vec::<u32>::new(), 0, async |number| number).await.is_empty());
}

//! Events as they happen.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tickety_core::operation::{Draft, Operation};
use tickety_engine::events::{EventBus, WAITING};
use tickety_server::{Closing, Project};
use tickety_store::{Batch, EventLog as _, IssueStorage as _, MemoryStore, Position};
use tower::ServiceExt as _;

use crate::world::server;

struct Streams {
    store: Arc<MemoryStore>,
    bus: Arc<EventBus>,
    closing: Closing,
    router: Router,
}

/// What a client has read so far.
struct Client {
    body: BodyDataStream,
    text: String,
}

/// A message: its id, its event and its data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Message {
    id: String,
    event: String,
    data: String,
}

impl Streams {
    async fn new() -> Self {
        let store = Arc::<MemoryStore>::default();
        let bus = Arc::new(EventBus::start(Arc::clone(&store) as _).await.unwrap());
        let closing = Closing::default();
        let project = Project::new("main", Arc::clone(&store) as _, Arc::clone(&store) as _).unwrap();
        let project = project.bus(Arc::clone(&bus)).closing(closing.clone());
        Self { router: server().project(Arc::new(project)).router(), store, bus, closing }
    }

    async fn create(&self, titles: std::ops::Range<usize>) {
        for title in titles {
            let operations = vec![Operation::Create(Box::new(Draft::new(title.to_string())))];
            self.store.apply(Batch::new(operations, None, Timestamp::UNIX_EPOCH)).await.unwrap();
        }
        self.bus.look().await.unwrap();
    }

    async fn follow(&self, query: &str, last_event_id: Option<&str>) -> Client {
        let mut request = Request::get(format!("/api/v1/events/stream{query}")).header("host", "localhost");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Client { body: response.into_body().into_data_stream(), text: String::new() }
    }
}

impl Client {
    /// Waits for the next message with data; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut message = Message::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => message.id = id.to_owned(),
                        Some(("event", event)) => message.event = event.to_owned(),
                        Some(("data", data)) => message.data = data.to_owned(),
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                if !message.data.is_empty() {
                    return Some(message);
                }
            }
            self.text.push_str(std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap());
        }
    }

    /// Waits for the title of an issue that was made.
    async fn title(&mut self) -> String {
        let message = self.next().await.unwrap();
        let data: serde_json::Value = serde_json::from_str(&message.data).unwrap();
        assert_eq!(data["cursor"], message.id.as_str());
        data["title"].as_str().unwrap_or_else(|| panic!("{data}")).to_owned()
    }
}

#[tokio::test]
async fn a_client_hears_what_comes_and_reads_on_where_it_was() {
    let streams = Streams::new().await;
    streams.create(0..2).await;
    let mut client = streams.follow("", None).await;
    streams.create(2..4).await;
    assert_eq!(client.title().await, "2");
    let seen = client.next().await.unwrap();
    drop(client);
    streams.create(4..6).await;
    let mut client = streams.follow("?since=start", Some(&seen.id)).await;
    streams.create(6..7).await;
    assert_eq!([client.title().await, client.title().await, client.title().await], ["4", "5", "6"]);
    let mut client = streams.follow("?since=start", None).await;
    assert_eq!(client.title().await, "0");
}

#[tokio::test]
async fn who_reads_late_misses_nothing_and_gets_nothing_twice() {
    let streams = Streams::new().await;
    let mut client = streams.follow("", None).await;
    let all = 3 * WAITING;
    // More than the bus keeps for anybody; some of it between the reading of pages.
    streams.create(0..2 * WAITING).await;
    for number in 0..all {
        if number == WAITING / 2 {
            streams.create(2 * WAITING..all).await;
        }
        assert_eq!(client.title().await, number.to_string());
    }
}

#[tokio::test]
async fn a_cursor_that_is_too_old_is_gone_and_the_rest_is_told() {
    let streams = Streams::new().await;
    streams.create(0..1).await;
    let kept = usize::try_from(streams.store.event_stats().await.unwrap().keeps_events).unwrap();
    let first = streams.store.events(Position::Oldest, 1).await.unwrap().next.to_string();
    streams.create(1..kept + 10).await;
    let mut client = streams.follow("", Some(&first)).await;
    let gone = client.next().await.unwrap();
    assert_eq!(gone.event, "gone");
    let data: serde_json::Value = serde_json::from_str(&gone.data).unwrap();
    assert_eq!((&data["cursor"], &data["oldest"]), (&first.as_str().into(), &gone.id.as_str().into()));
    assert_eq!(client.title().await, "10");
}

#[tokio::test]
async fn types_hide_the_others_but_not_how_far_one_has_come() {
    let streams = Streams::new().await;
    let mut client = streams.follow("?types=comment.added,issue.deleted", None).await;
    streams.create(0..3).await;
    let key = streams.store.events(Position::Last(1), 1).await.unwrap().events[0].event.issue().unwrap();
    let operations = vec![Operation::Delete { target: key.into(), expected: None }];
    streams.store.apply(Batch::new(operations, None, Timestamp::UNIX_EPOCH)).await.unwrap();
    streams.bus.look().await.unwrap();
    assert!(client.next().await.unwrap().data.contains("issue.deleted"));
}

#[tokio::test(start_paused = true)]
async fn types_that_hide_what_happens_hide_no_heartbeat() {
    let streams = Streams::new().await;
    let mut client = streams.follow("?types=comment.added", None).await;
    let begun = client.body.next().await.unwrap().unwrap();
    assert!(begun.starts_with(b"retry: "), "{begun:?}");
    let mut last = Vec::new();
    for number in 0..3 {
        // Sooner than a heartbeat is due after the last one, and later than after what was hidden.
        let ten = Duration::from_secs(10);
        assert!(tokio::time::timeout(ten, client.body.next()).await.is_err(), "it is too early");
        streams.create(number..number + 1).await;
        let beat = tokio::time::timeout(ten, client.body.next()).await.expect("it comes in time").unwrap().unwrap();
        let cursor = streams.store.events(Position::Newest, 0).await.unwrap().next;
        assert_eq!(beat, format!(":\nid: {cursor}\n\n"));
        last.push(cursor);
    }
    last.dedup();
    assert_eq!(last.len(), 3, "it says how far one has come");
}

#[tokio::test]
async fn streams_end_with_the_server() {
    let streams = Streams::new().await;
    let mut client = streams.follow("", None).await;
    streams.closing.begin();
    assert_eq!(client.next().await, None);
    drop(client);
    // Whoever is gone is counted no more once somebody asks.
    while streams.bus.subscribers() > 0 {
        tokio::task::yield_now().await;
    }
}

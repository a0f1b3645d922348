//! Answers that clients may give again without asking.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use pollster::block_on;
use tickety_api::client::{ManualClock, Remote, RemoteOptions};
use tickety_core::ident::IssueNumber;
use tickety_core::operation::{Change, Draft, Operation};
use tickety_server::operations::{Operations, routes};
use tickety_server::{Closing, Project};
use tickety_store::{Batch, IssueStorage as _, MemoryStore};
use tower::ServiceExt as _;

use crate::remote::world::{Served, now};
use crate::world::{JSON, World, server, telling};

const AGE: Duration = Duration::from_secs(5);

fn project() -> Arc<Project> {
    let store = Arc::<MemoryStore>::default();
    Arc::new(Project::new("main", Arc::clone(&store) as _, store).unwrap())
}

#[tokio::test]
async fn only_what_was_read_may_be_given_again() {
    let health =
        routes(Operations { version: "1", projects: Vec::new(), closing: Closing::default(), metrics: Arc::default() });
    let world = World::with(server().project(telling().await).merge(health).max_age(AGE));
    world.create(&["One", "Two"]).await;
    for path in ["/issues/1", "/issues", "/stats", "/schema", "/events", "/search?q=one", "/storage/issues?names=1"] {
        let path = format!("/api/v1{path}");
        let answer = world.get(&path).await;
        assert_eq!(answer.header("cache-control"), "private, max-age=5, must-revalidate", "{path}");
        assert!(!answer.header("etag").is_empty(), "{path}");
        let named = format!("if-none-match: {}", answer.header("etag"));
        let again = world.send(Method::GET, &path, &[&named], "").await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        assert_eq!(again.header("cache-control"), answer.header("cache-control"), "{path}");
    }
    let others = [
        (Method::POST, "/api/v1/issues", r#"{"title": "Three"}"#, 201),
        (Method::PATCH, "/api/v1/issues/1", r#"{"priority": "high"}"#, 200),
        (Method::POST, "/api/v1/batch/get", r#"{"issues": ["1"]}"#, 200),
        (Method::POST, "/api/v1/issues/1/close", r#"{"version": "x"}"#, 400),
        (Method::GET, "/api/v1/issues/77", "", 404),
        (Method::GET, "/api/v1/issues?q=lable:x", "", 400),
        (Method::GET, "/nowhere", "", 404),
        (Method::GET, "/health", "", 200),
        (Method::GET, "/health/live", "", 200),
        (Method::GET, "/session", "", 200),
    ];
    for (method, path, body, status) in others {
        let answer = world.send(method.clone(), path, &[JSON], body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(["", "no-store"].contains(&answer.header("cache-control")), "{method} {path}");
    }
    let stream = Request::get("/api/v1/events/stream").header("host", "localhost").body(Body::empty()).unwrap();
    let stream = world.router().oneshot(stream).await.unwrap();
    assert_eq!(stream.headers()[header::CACHE_CONTROL], "no-store");
}

fn number(number: u32) -> IssueNumber {
    IssueNumber::new(number).unwrap()
}

fn write(remote: &Remote, operation: Operation) {
    block_on(remote.apply(Batch::new(vec![operation], None, now()))).unwrap();
}

fn retitled(title: &str) -> Operation {
    let changes = vec![Change::Title(title.to_owned())];
    Operation::Update { target: number(1).into(), expected: None, changes }
}

fn title(remote: &Remote) -> String {
    block_on(remote.get(number(1).into())).unwrap().issue.title
}

#[test]
fn for_so_long_a_client_asks_again_only_for_what_it_has_changed_itself() {
    let served = Served::of(server().project(project()).max_age(AGE));
    let clock = Arc::new(ManualClock::new());
    let remote = served.remote_with(RemoteOptions { clock: Some(Arc::clone(&clock) as _), ..served.options() });
    let other = served.remote();
    write(&remote, Operation::Create(Box::new(Draft::new("One"))));
    assert_eq!(title(&remote), "One");
    served.taken();

    write(&other, retitled("Uno"));
    served.taken();
    clock.advance(AGE / 2);
    assert_eq!((title(&remote), served.taken()), ("One".to_owned(), (0, vec![])));
    clock.advance(AGE);
    assert_eq!((title(&remote), served.taken()), ("Uno".to_owned(), (1, vec![200])));
    clock.advance(AGE * 2);
    assert_eq!((title(&remote), served.taken()), ("Uno".to_owned(), (1, vec![304])));

    write(&remote, retitled("Ein"));
    served.taken();
    assert_eq!((title(&remote), served.taken()), ("Ein".to_owned(), (1, vec![200])));
    assert_eq!((title(&remote), served.taken()), ("Ein".to_owned(), (0, vec![])));
}

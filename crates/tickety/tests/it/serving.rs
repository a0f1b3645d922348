//! A server: the program as other programs meet it.

#![expect(clippy::disallowed_methods, reason = "talks to a program that goes on running")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod ending;
mod guarding;
mod health;
mod metrics;
mod process;
mod syncing;

use std::fs;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tickety_testkit::TestEnv;

use crate::{home, json, small_home};
pub(crate) use process::Server;

/// Returns the file of an issue.
fn record(env: &TestEnv, number: &str) -> String {
    let is_it = |path: &String| path.contains(&format!("/{number}-")) && !path.contains('_');
    env.files().into_keys().find(is_it).expect("the issue has a file")
}

#[test]
fn an_edit_in_an_editor_is_an_event_by_itself_and_in_every_answer_after() {
    for options in [&["--freshness", "shards"][..], &["--freshness", "verify"], &["--poll"]] {
        let env = small_home();
        let server = Server::start(&env, options);
        let titles = |server: &Server| -> Vec<Value> {
            let listed = server.get("/api/v1/issues?q=is:any&fields=title&sort=number").json();
            listed["data"]["issues"].as_array().unwrap().iter().map(|issue| issue["title"].clone()).collect()
        };
        assert!(titles(&server).contains(&"Slow cache".into()));
        let mut events = server.follow("", None);
        let path = record(&env, "000001");
        // In place: the directory doesn't show it.
        fs::write(env.work().join(&path), env.read(&path).replace("Slow cache", "Fast cache")).unwrap();
        let event = events.next().json();
        assert_eq!((&event["type"], &event["outcome"]), (&"external.changed".into(), &"edited".into()), "{options:?}");
        assert_eq!(event["fields"][0]["after"], "Fast cache");
        assert!(titles(&server).contains(&"Fast cache".into()), "{options:?}");
        // By the command line, which has the index up to date already.
        env.ok(&["new", "Another"]);
        assert_eq!(events.next().json()["type"], "issue.created");
        assert!(titles(&server).contains(&"Another".into()), "{options:?}");
        // As git does it.
        fs::remove_file(env.work().join(&path)).unwrap();
        assert_eq!(events.next().json()["outcome"], "vanished");
        assert!(!titles(&server).contains(&"Fast cache".into()), "{options:?}");
    }
}

#[test]
fn a_client_that_comes_back_hears_what_it_missed_once() {
    let env = home();
    let server = Server::start(&env, &[]);
    let mut events = server.follow("", None);
    server.create("one");
    let seen = events.next();
    assert_eq!(seen.json()["title"], "one");
    drop(events);
    server.create("two");
    assert_eq!(server.end(), 0);
    env.ok(&["new", "three"]);
    let server = Server::start(&env, &[]);
    let mut events = server.follow("", Some(&seen.id));
    server.create("four");
    for title in ["two", "three", "four"] {
        assert_eq!(events.next().json()["title"], title);
    }
    let mut events = server.follow("?since=0000000000000001-5", None);
    let gone = events.next();
    assert_eq!((gone.event.as_str(), &gone.json()["cursor"]), ("gone", &"0000000000000001-5".into()));
    assert_eq!(events.next().json()["title"], "one");
}

#[test]
fn a_signal_amid_writes_loses_nothing_that_was_acknowledged() {
    const WRITERS: usize = 4;
    let env = home();
    let server = Server::start(&env, &[]);
    let acknowledged = AtomicUsize::new(0);
    let titles: Vec<String> = std::thread::scope(|scope| {
        let server = &server;
        let write = |writer: usize| {
            let (client, acknowledged) = (**server, &acknowledged);
            move || {
                let mut titles = Vec::new();
                for number in 0.. {
                    let title = format!("{writer}.{number}");
                    match client.try_post("/api/v1/issues", &json!({ "title": title })) {
                        Some(answer) if answer.status == 201 => titles.push(title),
                        // It takes no more, or ended before it answered.
                        _ => return titles,
                    }
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                titles
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(write(writer))).collect();
        while acknowledged.load(Ordering::Relaxed) < 5 * WRITERS {
            std::thread::yield_now();
        }
        server.terminate();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(server.wait(), 0);
    let listed = json(&env, &["list", "is:any", "--fields", "title", "-n", "100000", "--json"]);
    let kept: Vec<&str> =
        listed["data"]["issues"].as_array().unwrap().iter().map(|issue| issue["title"].as_str().unwrap()).collect();
    for title in &titles {
        assert_eq!(kept.iter().filter(|kept| *kept == title).count(), 1, "{title}");
    }
    assert_eq!(env.run(&["doctor"]).status, 0);
}

#[test]
fn a_server_that_ends_ends_its_streams_and_says_so() {
    let env = home();
    let server = Server::start(&env, &[]);
    let mut events = server.follow("", None);
    server.terminate();
    assert_eq!(events.rest(), "", "nothing but the beginning");
    assert_eq!(server.wait(), 0);
    assert!(server.log().contains("ended"), "{}", server.log());
}

#[test]
fn a_head_that_never_ends_is_given_up() {
    let env = home();
    let server = Server::start(&env, &["--idle-timeout", "1"]);
    for begun in ["", "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = server.connect();
        stream.write_all(begun.as_bytes()).unwrap();
        let mut said = String::new();
        // The stream fails where nobody ends it.
        stream.read_to_string(&mut said).unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    // A connection that is used lives on.
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
        let mut said = [0; 12];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"HTTP/1.1 200");
        let mut rest = vec![0; 4096];
        let read = stream.read(&mut rest).unwrap();
        assert!(String::from_utf8_lossy(&rest[..read]).contains("live"));
    }
}

#[test]
fn projects_share_nothing() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    for folder in ["web", "api"] {
        fs::create_dir(env.work().join(folder)).unwrap();
        env.ok(&["-C", folder, "init"]);
    }
    let server = Server::start(&env, &["--project", "web=web", "--project", "api=api"]);
    let mut events = server.follow_at("/api/v1/projects/api/events/stream", None);
    assert_eq!(server.post("/api/v1/projects/web/issues", &json!({ "title": "Theirs" })).status, 201);
    assert_eq!(server.post("/api/v1/projects/api/issues", &json!({ "title": "Ours" })).status, 201);
    assert_eq!(events.next().json()["title"], "Ours");
    for (path, title) in [("", "Theirs"), ("/projects/web", "Theirs"), ("/projects/api", "Ours")] {
        let listed = server.get(&format!("/api/v1{path}/issues?fields=title")).json();
        assert_eq!((&listed["data"]["total"], &listed["data"]["issues"][0]["title"]), (&1.into(), &title.into()));
    }
    assert_eq!(server.get("/health").json()["projects"], json!({ "api": "healthy", "web": "healthy" }));
    // What breaks one leaves the other alone.
    fs::rename(env.work().join("web/.tickety"), env.work().join("gone")).unwrap();
    assert_eq!(server.get("/api/v1/projects/api/issues").status, 200);
    let health = health::until(|| server.get("/health").json(), |health| health["projects"]["web"] != "healthy");
    assert_eq!((&health["projects"]["api"], &health["projects"]["web"]), (&"healthy".into(), &"unhealthy".into()));
}

#[test]
fn what_cannot_be_served_is_refused_before_anything_begins() {
    let env = home();
    let refused = |arguments: &[&str]| {
        let output = env.run(arguments);
        assert_eq!(output.stdout, "", "{output}");
        (output.status, output.stderr.lines().next().unwrap_or_default().to_owned())
    };
    let (status, said) = refused(&["serve", "--bind", "0.0.0.0"]);
    assert!(status == 2 && said.contains("other machines could ask, and there is no token"), "{said}");
    let (status, said) = refused(&["serve", "--project", "a=.", "--project", "b=."]);
    assert!(status == 2 && said.contains("have the same home"), "{said}");
    let (status, said) = refused(&["serve", "--project", "a=nowhere"]);
    assert!(status != 0 && said.contains("the project a"), "{said}");
    let (status, said) = refused(&["serve", "--project", "A B=."]);
    assert!(status == 2 && said.contains("A B=."), "{said}");
    let (status, said) = refused(&["serve", "--log", "loud"]);
    assert!(status == 2 && said.contains("loud"), "{said}");
    let (status, said) = refused(&["serve", "--sync", "60s"]);
    assert!(status == 11 && said.contains("--sync"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (status, said) = refused(&["serve", "--port", &port]);
    assert!(status == 14 && said.contains("could not listen"), "{said}");
}

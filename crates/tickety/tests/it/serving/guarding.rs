//! Who is answered by a server that runs.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use super::process::Server;
use crate::{home, json};

/// Sends the head of a request as it is, and returns the status and all that is answered; nothing where the connection is
/// closed at once.
fn send(server: &Server, head: &str) -> (u16, String) {
    let mut stream = server.connect();
    // What is refused early may not be read to its end.
    stream.write_all(head.as_bytes()).ok();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).ok();
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}

fn get(server: &Server, path: &str, headers: &str) -> u16 {
    let host = server.address;
    send(server, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")).0
}

#[test]
fn other_machines_are_answered_with_tokens_alone() {
    let env = home();
    for arguments in
        [&["--bind", "0.0.0.0"][..], &["--bind", "::"], &["--require-token"], &["--allow-host", "x.example.org"]]
    {
        let refused = env.run(&[&["serve", "--port", "0"][..], arguments].concat());
        assert_eq!(refused.status, 2, "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("tickety token create"), "{}", refused.stderr);
    }
    let token = json(&env, &["token", "create", "ci", "--scope", "write", "--json"])["data"]["token"].clone();
    let server = Server::start(&env, &["--bind", "0.0.0.0"]);
    let ask = |headers: &str| {
        send(&server, &format!("GET /api/v1/issues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
            .0
    };
    assert_eq!(ask(""), 401);
    assert_eq!(ask(&format!("Authorization: Bearer {}\r\n", token.as_str().unwrap())), 200);
}

#[test]
fn a_token_that_is_revoked_is_good_for_nothing_within_a_second() {
    let env = home();
    let token = env.ok(&["token", "create", "ci", "--user", "Robot", "--expires", "90d"]);
    let header = format!("Authorization: Bearer {}\r\n", token.trim());
    let server = Server::start(&env, &["--require-token"]);
    assert_eq!((get(&server, "/api/v1/issues", ""), get(&server, "/api/v1/issues", &header)), (401, 200));
    assert_eq!(get(&server, "/health/details", &header), 403);
    let (used, list) = (Instant::now(), || json(&env, &["token", "list", "--json"]));
    let mut listed = list();
    while listed["data"]["tokens"][0]["last_used"].is_null() {
        assert!(used.elapsed() < Duration::from_secs(10), "it isn't written when it was used: {listed}");
        listed = list();
    }
    assert_eq!(listed["data"]["tokens"][0]["user"], "Robot");
    assert!(!listed.to_string().contains(token.trim()));
    env.ok(&["token", "revoke", "ci"]);
    let revoked = Instant::now();
    while get(&server, "/api/v1/issues", &header) == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(10), "it is good still");
    }
    let another = env.ok(&["token", "create", "other"]);
    let made = Instant::now();
    while get(&server, "/api/v1/issues", &format!("Authorization: Bearer {}\r\n", another.trim())) != 200 {
        assert!(made.elapsed() < Duration::from_secs(10), "nobody knows it");
    }
}

#[test]
fn what_is_kept_of_a_token_is_no_token_and_is_read_by_its_owner_alone() {
    let env = home();
    let token = env.ok(&["token", "create", "ci"]);
    let found = json(&env, &["token", "list", "--json"]);
    assert_eq!(found["data"]["tokens"][0]["scope"], "read");
    let path = ["local", ""].map(|part| env.work().join(".tickety").join(part).join("tokens.json"));
    let path =
        path.into_iter().chain([env.work().join(".git/tickety/tokens.json")]).find(|path| path.exists()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(token.trim()) && text.contains(found["data"]["tokens"][0]["id"].as_str().unwrap()));
    assert_eq!(env.run(&["token", "create", "ci"]).status, 2);
    assert_eq!(env.run(&["token", "revoke", "nobody"]).status, 2);
    fs::write(&path, text.replacen("\"read\"", "\"admin\"", 1)).unwrap();
    for arguments in [&["token", "list"][..], &["token", "create", "x"], &["serve", "--port", "0"]] {
        assert_eq!(env.run(arguments).status, 13, "{arguments:?}");
    }
}

#[test]
fn heads_that_say_two_things_and_heads_without_end_are_refused() {
    let env = home();
    let server = Server::start(&env, &[]);
    let host = server.address;
    for (head, expected) in [
        (format!("GET /page HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 404),
        ("GET /health HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n".to_owned(), 403),
        (format!("GET /health HTTP/1.1\r\nHost: {host}\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n"), 403),
        (format!("GET http://evil.example.com/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), 403),
        ("GET /health HTTP/1.0\r\nConnection: close\r\n\r\n".to_owned(), 403),
        (format!("GET /health HTTP/1.1\r\nHost: {host}\r\nX-Bad : 1\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET /health HTTP/1.1\r\nHost: {host}\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20)), 431),
        (format!("GET /health HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X-Many: 1\r\n".repeat(200)), 431),
    ] {
        let (status, text) = send(&server, &head);
        // A connection that is reset has lost the answer.
        assert!(status == expected || status == 0 && expected == 431, "{expected}: {text}");
    }
    assert_eq!(get(&server, "/health", ""), 200);
}

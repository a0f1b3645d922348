//! Tokens, proxies and how often one may ask.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use tickety_server::Policy;
use tickety_server::guard::access::Scope;
use tickety_server::guard::rates::Rate;
use tickety_server::guard::token::{Secret, SecretKind};
use tower::ServiceExt as _;

use super::{Gate, bearer, lines, problem, request};

#[tokio::test]
async fn without_a_token_nothing_is_told_but_that_the_server_lives() {
    let gate = Gate::closed();
    for line in &lines() {
        let expected = match line.as_str() {
            "GET /health/live" | "GET /health/ready" => 200,
            _ => 401,
        };
        for headers in [&[][..], &["authorization: Basic YWRtaW46YWRtaW4="], &["authorization: Bearer x"]] {
            // Each from an address of its own, so that nobody fails too often.
            let answer = Gate::closed().ask(line, headers).await;
            assert_eq!(answer.status, expected, "{line} {headers:?}");
            if expected == 401 {
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{line}");
            }
        }
    }
    let nobody = gate.ask("GET /api/v1/issues?token=x&access_token=y", &[]).await;
    assert_eq!(nobody.problem(), problem(401, "unauthenticated"));
}

#[tokio::test]
async fn a_token_is_good_for_its_scope() {
    let gate = Gate::of(|policy| Policy { open: false, rate: None, ..policy });
    let tokens = Scope::ALL.map(|scope| (scope, bearer(&gate.tokens.make(scope.as_str(), scope, None))));
    for line in &lines() {
        let least = match line.as_str() {
            "GET /health/details" => Scope::Admin,
            "POST /session" | "DELETE /session" => Scope::Read,
            // There is nothing.
            "POST /nothing" => Scope::Read,
            line if line.ends_with("/cache/clear") => Scope::Admin,
            line if line.ends_with("/batch/get") || line.ends_with("/storage/unreadable") => Scope::Read,
            line if ["GET ", "HEAD ", "OPTIONS ", "TRACE "].iter().any(|method| line.starts_with(method)) => {
                Scope::Read
            }
            _ => Scope::Write,
        };
        for (scope, token) in &tokens {
            let answer = gate.ask(line, &[token]).await;
            let is_refused = answer.status == 403;
            assert_eq!(is_refused, *scope < least, "{line} {scope}");
            if is_refused {
                assert_eq!(answer.problem(), problem(403, "forbidden"), "{line} {scope}");
            }
        }
    }
}

#[tokio::test]
async fn who_writes_is_who_the_token_says() {
    let gate = Gate::closed();
    let token = bearer(&gate.tokens.make("ci", Scope::Write, None));
    let mut made = request("127.0.0.1:1", "POST /api/v1/issues", &[&token, "x-remote-user: root"]);
    *made.body_mut() = Body::from(r#"{"title": "One"}"#);
    let response = gate.router.clone().oneshot(made).await.unwrap();
    assert_eq!(response.status(), 201);
    let issue = gate.ask("GET /api/v1/issues/1", &[&token]).await.json();
    assert_eq!(issue["data"]["issues"][0]["reporter"], "user of ci", "{issue}");
}

#[tokio::test]
async fn a_token_of_one_project_finds_no_other() {
    let gate = Gate::closed();
    let [main, other] = ["main", "other"].map(|name| bearer(&gate.tokens.make(name, Scope::Admin, Some(name))));
    for (line, of_main, of_other) in [
        ("GET /api/v1/issues", 200, 404),
        ("GET /api/v1/projects/main/issues", 200, 404),
        ("GET /api/v1/projects/other/issues", 404, 200),
        ("GET /api/v1/projects/nobody/issues", 404, 404),
        ("GET /metrics", 200, 404),
        ("GET /health/details", 200, 404),
        ("GET /page", 200, 404),
        ("GET /session", 200, 200),
    ] {
        let found = [gate.ask(line, &[&main]).await.status, gate.ask(line, &[&other]).await.status];
        assert_eq!(found, [of_main, of_other], "{line}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_even_where_none_is_asked_for() {
    let gate = Gate::open();
    let wrong = Secret::generate(SecretKind::Token).unwrap();
    let answer = gate.ask("GET /page", &[&bearer(wrong.reveal())]).await;
    assert_eq!(answer.problem(), problem(401, "unauthenticated"));
    assert!(!String::from_utf8(answer.body).unwrap().contains(wrong.reveal()));
    let token = bearer(&gate.tokens.make("t", Scope::Read, None));
    assert_eq!(gate.ask("POST /written", &[&token]).await.status, 403);
    assert_eq!(gate.ask("POST /written", &[]).await.status, 200);
    assert_eq!(gate.ask("POST /written", &[&token, &token]).await.status, 401);
}

#[tokio::test]
async fn tokens_that_cannot_be_looked_up_are_no_good() {
    let gate = Gate::closed();
    let token = bearer(&gate.tokens.make("t", Scope::Admin, None));
    *gate.tokens.damaged.lock().unwrap() = true;
    assert_eq!(gate.ask("GET /page", &[&token]).await.problem(), problem(503, "busy"));
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_others_are_not() {
    let gate = Gate::closed();
    let good = bearer(&gate.tokens.make("t", Scope::Read, None));
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let wrong = bearer(Secret::generate(SecretKind::Token).unwrap().reveal());
        statuses.push(gate.ask_from("9.9.9.9:1", "GET /page", &[&wrong]).await.status.as_u16());
    }
    assert_eq!(statuses, [&[401; 10][..], &[429; 2]].concat());
    let wrong = bearer("tky_x");
    let late = gate.ask_from("9.9.9.9:2", "GET /page", &[&wrong]).await;
    assert_eq!((late.problem(), late.header("retry-after")), (problem(429, "rate_limited"), "6"));
    assert_eq!(gate.ask_from("9.9.9.10:1", "GET /page", &[&wrong]).await.status, 401);
    // Who has a token isn't kept out by somebody who hasn't, behind the same address.
    assert_eq!(gate.ask_from("9.9.9.9:1", "GET /page", &[&good]).await.status, 200);
    gate.pass_seconds(6);
    assert_eq!(gate.ask_from("9.9.9.9:1", "GET /page", &[&wrong]).await.status, 401);
    assert_eq!(gate.ask_from("9.9.9.9:1", "GET /page", &[&wrong]).await.status, 429);
    // An address of version 6 is one of 2^64 that somebody has.
    for last in 0..10 {
        gate.ask_from(&format!("[2001:db8::{last:x}]:1"), "GET /page", &[&wrong]).await;
    }
    assert_eq!(gate.ask_from("[2001:db8::ffff]:1", "GET /page", &[&wrong]).await.status, 429);
}

#[tokio::test]
async fn one_token_may_ask_so_often() {
    let gate = Gate::of(|policy| Policy { open: false, rate: Some(Rate::per_second(1)), ..policy });
    let token = bearer(&gate.tokens.make("t", Scope::Read, None));
    let first = gate.ask("GET /page", &[&token]).await;
    assert_eq!(first.header("ratelimit-policy"), r#""default";q=10;w=10"#);
    assert_eq!(first.header("ratelimit"), r#""default";r=9;t=1"#);
    for _ in 0..9 {
        assert_eq!(gate.ask("GET /page", &[&token]).await.status, 200);
    }
    let late = gate.ask("GET /page", &[&token]).await;
    assert_eq!((late.problem(), late.header("retry-after")), (problem(429, "rate_limited"), "1"));
    let other = bearer(&gate.tokens.make("o", Scope::Read, None));
    assert_eq!(gate.ask("GET /page", &[&other]).await.status, 200);
    gate.pass_seconds(1);
    assert_eq!(gate.ask("GET /page", &[&token]).await.status, 200);
    // By the address where everybody may ask, as for health.
    for _ in 0..10 {
        assert_eq!(gate.ask_from("9.9.9.9:1", "GET /health/live", &[]).await.status, 200);
    }
    assert_eq!(gate.ask_from("9.9.9.9:1", "GET /health/live", &[]).await.status, 429);
}

#[tokio::test]
async fn this_machine_may_ask_as_often_as_it_likes() {
    let gate = Gate::of(|policy| Policy { rate: Some(Rate::per_second(1)), ..policy });
    for _ in 0..100 {
        let answer = gate.ask("GET /page", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn a_proxy_that_nobody_has_named_opens_nothing() {
    let gate = Gate::open();
    for header in [
        "x-forwarded-for: 127.0.0.1",
        "forwarded: for=127.0.0.1",
        "x-real-ip: ::1",
        "x-forwarded-host: localhost",
        "x-forwarded-proto: http",
        "x-forwarded-server: proxy",
        "x-forwarded-port: 80",
        "via: 1.1 x",
        "cf-connecting-ip: 127.0.0.1",
        "true-client-ip: 127.0.0.1",
    ] {
        assert_eq!(gate.ask("GET /page", &[header]).await.problem(), problem(401, "unauthenticated"), "{header}");
    }
    let token = bearer(&gate.tokens.make("t", Scope::Read, None));
    assert_eq!(gate.ask("GET /page", &[&token, "x-forwarded-for: 1.1.1.1"]).await.status, 200);
}

#[tokio::test]
async fn a_user_is_whom_a_proxy_of_the_list_names() {
    let gate = Gate::of(|mut policy| {
        policy.proxies.trusted = vec!["10.0.0.0/8".parse().unwrap()];
        policy.proxies.user_header = Some("x-remote-user".parse().unwrap());
        Policy { open: false, ..policy }
    });
    let user = "x-remote-user: ann";
    let answer = gate.ask_from("10.0.0.1:1", "GET /session", &[user]).await.json();
    assert_eq!((&answer["data"]["user"], &answer["data"]["scope"]), (&"ann".into(), &"write".into()));
    for peer in ["127.0.0.1:1", "11.0.0.1:1", "[::1]:1"] {
        let spoofed = gate.ask_from(peer, "GET /session", &[user, "x-forwarded-for: 10.0.0.1"]).await;
        assert_eq!(spoofed.problem(), problem(403, "forbidden"), "{peer}");
    }
    assert_eq!(gate.ask_from("10.0.0.1:1", "GET /session", &[]).await.status, 401);
    assert_eq!(gate.ask_from("10.0.0.1:1", "GET /session", &[user, user]).await.status, 403);
    assert_eq!(gate.ask_from("10.0.0.1:1", "POST /api/v1/cache/clear", &[user]).await.status, 403);
    // The address that fails is the client's, not the proxy's.
    let wrong = bearer("tky_x");
    for (client, expected) in [("6.6.6.6", 429), ("6.6.6.7", 401)] {
        for _ in 0..10 {
            gate.ask_from("10.0.0.1:1", "GET /page", &[&wrong, "x-forwarded-for: 1.2.3.4, 6.6.6.6"]).await;
        }
        let forwarded = format!("x-forwarded-for: {client}");
        assert_eq!(gate.ask_from("10.0.0.1:1", "GET /page", &[&wrong, &forwarded]).await.status, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn who_follows_the_events_hears_no_more_when_the_token_is_revoked() {
    let gate = Gate::closed();
    let token = bearer(&gate.tokens.make("t", Scope::Read, None));
    let begun = gate.router.clone().oneshot(request("127.0.0.1:1", "GET /follow", &[&token])).await.unwrap();
    assert_eq!(begun.status(), 200);
    let mut body: BodyDataStream = begun.into_body().into_data_stream();
    let minute = std::time::Duration::from_secs(60);
    assert!(tokio::time::timeout(minute, body.next()).await.is_err(), "it goes on");
    gate.tokens.revoke("t");
    let second = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(second, body.next()).await.unwrap().is_none(), "it has ended");
}

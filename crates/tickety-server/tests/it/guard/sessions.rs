//! Sessions of pages.

use std::time::Duration;

use futures_util::StreamExt as _;
use tickety_server::Policy;
use tickety_server::guard::access::Scope;
use tower::ServiceExt as _;

use super::{Gate, bearer, problem, request};
use crate::world::Answer;

const OWN: &str = "origin: http://localhost:7420";

/// Returns the cookie that an answer sets, as a request sends it.
fn cookie(answer: &Answer) -> String {
    format!("cookie: {}", answer.header("set-cookie").split(';').next().unwrap())
}

async fn begin(gate: &Gate, scope: Scope) -> String {
    let token = bearer(&gate.tokens.make("page", scope, None));
    let begun = gate.ask("POST /session", &[&token, OWN]).await;
    assert_eq!(begun.status, 201);
    cookie(&begun)
}

#[tokio::test]
async fn a_page_gets_a_cookie_for_a_token_that_no_script_reads_and_no_other_site_sends() {
    let gate = Gate::closed();
    let token = gate.tokens.make("page", Scope::Write, None);
    let begun = gate.ask("POST /session", &[&bearer(&token), OWN]).await;
    let set = begun.header("set-cookie").to_owned();
    assert!(set.starts_with("tickety_session=tks_"), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"), "{set}");
    assert!(!set.contains(&token) && !set.contains("Secure") && !set.contains("Domain"));
    let cookie = cookie(&begun);
    let who = gate.ask("GET /session", &[&cookie]).await.json();
    assert_eq!((&who["data"]["user"], &who["data"]["session"]), (&"user of page".into(), &true.into()));
    assert_eq!(gate.ask("GET /api/v1/issues", &[&format!("cookie: a=b; {}; c=d", &cookie[8..])]).await.status, 200);
    assert_eq!(gate.ask("GET /api/v1/issues", &[&bearer(&cookie[24..])]).await.status, 401);
}

#[tokio::test]
async fn with_a_cookie_only_pages_of_the_server_write() {
    let gate = Gate::of(|mut policy| {
        policy.allowed.origins.push("https://board.example.org".parse().unwrap());
        Policy { open: false, ..policy }
    });
    let cookie = begin(&gate, Scope::Write).await;
    assert_eq!(gate.ask("POST /written", &[&cookie, OWN]).await.status, 200);
    for origin in
        [&[][..], &["origin: https://board.example.org"], &["origin: https://evil.example.com"], &["origin: null"]]
    {
        let answer = gate.ask("POST /written", &[&[cookie.as_str()], origin].concat()).await;
        assert_eq!(answer.problem(), problem(403, "foreign_origin"), "{origin:?}");
    }
    assert_eq!(gate.ask("DELETE /session", &[&cookie]).await.status, 403);
    assert_eq!(gate.ask("POST /api/v1/cache/clear", &[&cookie, OWN]).await.problem(), problem(403, "forbidden"));
}

#[tokio::test]
async fn a_session_that_was_ended_is_worth_nothing() {
    let gate = Gate::closed();
    let cookie = begin(&gate, Scope::Read).await;
    let ended = gate.ask("DELETE /session", &[&cookie, OWN]).await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").starts_with("tickety_session=; Path=/; Max-Age=0"));
    assert_eq!(gate.ask("GET /page", &[&cookie]).await.problem(), problem(401, "unauthenticated"));
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_with_time() {
    let gate = Gate::closed();
    let cookie = begin(&gate, Scope::Read).await;
    gate.tokens.revoke("page");
    assert_eq!(gate.ask("GET /page", &[&cookie]).await.status, 401);
    let cookie = begin(&gate, Scope::Read).await;
    for _ in 0..23 {
        gate.pass_seconds(7 * 3600);
        assert_eq!(gate.ask("GET /page", &[&cookie]).await.status, 200);
    }
    gate.pass_seconds(7 * 3600);
    assert_eq!(gate.ask("GET /page", &[&cookie]).await.status, 401, "a week is over");
    let cookie = begin(&gate, Scope::Read).await;
    gate.pass_seconds(8 * 3600);
    assert_eq!(gate.ask("GET /page", &[&cookie]).await.status, 401, "nobody has used it");
}

#[tokio::test]
async fn nobody_gets_a_session_that_somebody_else_has_chosen() {
    let gate = Gate::closed();
    let planted = begin(&gate, Scope::Read).await;
    let token = bearer(&gate.tokens.make("victim", Scope::Admin, None));
    let begun = gate.ask("POST /session", &[&token, &planted, OWN]).await;
    assert_ne!(cookie(&begun), planted);
    assert_eq!(gate.ask("GET /page", &[&planted]).await.status, 401);
    // A cookie alone begins none.
    assert_eq!(gate.ask("POST /session", &[&cookie(&begun), OWN]).await.problem(), problem(401, "unauthenticated"));
    let invented = "cookie: tickety_session=tks_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_eq!(gate.ask("GET /page", &[invented]).await.status, 401);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_for_tls_alone() {
    let gate = Gate::of(|mut policy| {
        policy.proxies.trusted = vec!["10.0.0.1".parse().unwrap()];
        Policy { open: false, ..policy }
    });
    let token = bearer(&gate.tokens.make("page", Scope::Read, None));
    let own = "origin: https://localhost:7420";
    for (peer, is_secure) in [("10.0.0.1:1", true), ("10.0.0.2:1", false)] {
        let begun = gate.ask_from(peer, "POST /session", &[&token, own, "x-forwarded-proto: https"]).await;
        let set = begun.header("set-cookie");
        assert_eq!((set.starts_with("__Host-"), set.ends_with("; Secure")), (is_secure, is_secure), "{peer}: {set}");
        assert_eq!(gate.ask("GET /page", &[&cookie(&begun)]).await.status, 200);
    }
}

#[tokio::test]
async fn over_tls_no_cookie_counts_that_somebody_else_can_set() {
    let gate = Gate::of(|mut policy| {
        policy.proxies.trusted = vec!["10.0.0.1".parse().unwrap()];
        Policy { open: false, ..policy }
    });
    let planted = begin(&gate, Scope::Admin).await;
    let planted = planted.strip_prefix("cookie: ").unwrap();
    let https = ["x-forwarded-proto: https", "origin: https://localhost:7420"];
    let ask =
        async |line: &str, header: &str| gate.ask_from("10.0.0.1:1", line, &[&https[..], &[header]].concat()).await;
    assert_eq!(ask("GET /session", &format!("cookie: {planted}")).await.status, 401);
    let own = cookie(&ask("POST /session", &bearer(&gate.tokens.make("own", Scope::Read, None))).await);
    let both = format!("cookie: {planted}; {}", own.strip_prefix("cookie: ").unwrap());
    assert_eq!(ask("GET /session", &both).await.json()["data"]["user"], "user of own");
    // Where it ends, both are gone, and so is what both stood for.
    let ended = ask("DELETE /session", &both).await;
    let expired: Vec<&str> = ended.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap()).collect();
    let gone = "Path=/; Max-Age=0; HttpOnly; SameSite=Strict";
    assert_eq!(expired, [format!("tickety_session=; {gone}"), format!("__Host-tickety_session=; {gone}; Secure")]);
    assert_eq!(ask("GET /session", &own).await.status, 401);
    assert_eq!(gate.ask("GET /session", &[&format!("cookie: {planted}")]).await.status, 401);
}

#[tokio::test]
async fn cookies_that_are_no_session_keep_none_from_being_seen() {
    let gate = Gate::closed();
    let cookie = begin(&gate, Scope::Read).await;
    let junk = "tickety_session=x; __Host-tickety_session=y; ".repeat(10);
    let cookie = format!("cookie: {junk}{}", cookie.strip_prefix("cookie: ").unwrap());
    assert_eq!(gate.ask("GET /session", &[&cookie]).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn who_follows_the_events_hears_no_more_when_the_session_ends() {
    let gate = Gate::closed();
    let (minute, second) = (Duration::from_secs(60), Duration::from_secs(1));
    for by_hand in [true, false] {
        let cookie = begin(&gate, Scope::Read).await;
        let begun = gate.router.clone().oneshot(request("127.0.0.1:1", "GET /follow", &[&cookie])).await.unwrap();
        assert_eq!(begun.status(), 200);
        let mut body = begun.into_body().into_data_stream();
        gate.pass_seconds(7 * 3_600);
        assert!(tokio::time::timeout(minute, body.next()).await.is_err(), "it goes on");
        match by_hand {
            true => assert_eq!(gate.ask("DELETE /session", &[&cookie, OWN]).await.status, 204),
            // Following isn't using.
            false => gate.pass_seconds(3_600),
        }
        assert!(tokio::time::timeout(second, body.next()).await.unwrap().is_none(), "it has ended");
    }
}

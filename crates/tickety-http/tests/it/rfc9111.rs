//! RFC 9111, paragraph by paragraph.

use crate::table::{Is, row};

const TAG: &str = "\"1\"";

#[tokio::test]
async fn freshness() {
    row("4.2 what is younger than its lifetime is fresh").cc("max-age=60").later(59).is(Is::Hit).await;
    row("4.2 what is as old as its lifetime is not").cc("max-age=60").later(60).is(Is::Miss).await;
    row("4.2.1 max-age stands above Expires").cc("max-age=60").says("expires", "{+600}").later(61).is(Is::Miss).await;
    row("4.2.1 and below").cc("max-age=60").says("expires", "{-600}").later(59).is(Is::Hit).await;
    row("4.2.1 Expires counts from Date").says("expires", "{+60}").later(59).is(Is::Hit).await;
    row("4.2.1 and not from now").says("date", "{+400}").says("expires", "{+300}").is(Is::Miss).await;
    row("4.2.1 of several values the first").cc("max-age=60, max-age=1").later(59).is(Is::Hit).await;
    row("4.2.1 what is no number is no time").cc("max-age=60x").is(Is::Miss).await;
    row("4.2.1 nor is what is negative").cc("max-age=-60").is(Is::Miss).await;
    row("1.2.2 what is too large is the largest").cc("max-age=99999999999999999999").later(9_999).is(Is::Hit).await;
    row("5.3 what is no date is in the past").says("expires", "0").is(Is::Miss).await;
    row("5.3 Expires may be a date of RFC 850")
        .says("expires", "Thursday, 18-Aug-50 02:01:18 GMT")
        .later(9)
        .is(Is::Hit)
        .await;
    row("5.2 names have no case").cc("MaX-AgE=60").later(59).is(Is::Hit).await;
    row("5.2 values may be quoted").cc("max-age=\"60\"").later(59).is(Is::Hit).await;
    row("5.2 what is quoted is no directive").cc("x=\"max-age=60\", max-age=1").later(2).is(Is::Miss).await;
    row("5.2.3 unknown directives are passed over").cc("foo, max-age=60, bar=1").later(59).is(Is::Hit).await;
}

#[tokio::test]
async fn guessed_freshness() {
    row("4.2.2 a tenth of the time since it was modified").says("last-modified", "{-1000}").later(99).is(Is::Hit).await;
    row("4.2.2 and no more").says("last-modified", "{-1000}").later(100).is(Is::Validated).await;
    row("4.2.2 a day at most").says("last-modified", "{-99999999}").later(86_400).is(Is::Validated).await;
    row("4.2.2 not where it is said").cc("max-age=1").says("last-modified", "{-1000}").later(2).is(Is::Validated).await;
    row("4.2.2 not without a date to guess by").is(Is::Miss).await;
    for status in [203, 300, 301, 308, 404, 405, 410, 414, 501] {
        row("4.2.2 these statuses").status(status).says("last-modified", "{-1000}").is(Is::Hit).await;
    }
    for status in [201, 202, 302, 307, 400, 403, 500, 502, 503, 504, 599] {
        row("4.2.2 and not others").status(status).says("last-modified", "{-1000}").is(Is::Miss).await;
    }
    row("4.2.2 but if marked").status(599).cc("public").says("last-modified", "{-1000}").is(Is::Hit).await;
}

#[tokio::test]
async fn age() {
    row("4.2.3 the age it comes with counts").cc("max-age=60").says("age", "50").later(9).is(Is::Hit).await;
    row("4.2.3 with what passes here").cc("max-age=60").says("age", "50").later(10).is(Is::Miss).await;
    row("4.2.3 against Expires, too").says("expires", "{+60}").says("age", "61").is(Is::Miss).await;
    row("5.1 of several the first").cc("max-age=60").says("age", "0, 70").is(Is::Hit).await;
    row("5.1 also on lines").cc("max-age=60").says("age", "70").says("age", "0").is(Is::Miss).await;
    row("5.1 what is no number is ignored").cc("max-age=60").says("age", "7200.0").is(Is::Hit).await;
    row("5.1 nor what is negative").cc("max-age=60").says("age", "-1").is(Is::Hit).await;
    row("1.2.2 the largest age is old").cc("max-age=60").says("age", "18446744073709551616").is(Is::Miss).await;
}

#[tokio::test]
async fn storing() {
    row("3 any final status that says for how long").status(599).cc("max-age=60").is(Is::Hit).await;
    row("3 errors too").status(500).cc("max-age=60").is(Is::Hit).await;
    row("3 answers without a body").status(204).cc("max-age=60").is(Is::Hit).await;
    row("3.3 but no part that doesn't say which it is")
        .status(206)
        .cc("max-age=60")
        .with("range", "bytes=0-1")
        .is(Is::Miss)
        .await;
    row("5.2.2.5 no-store").cc("no-store, max-age=60").is(Is::Miss).await;
    row("5.2.2.5 in any case").cc("nO-StOrE, max-age=60").says("expires", "{+60}").is(Is::Miss).await;
    row("5.2.2.3 must-understand of a known status").cc("no-store, must-understand, max-age=60").is(Is::Hit).await;
    row("5.2.2.3 and of another").status(599).cc("must-understand, max-age=60").is(Is::Miss).await;
    row("5.2.2.7 private in a private cache").cc("private, max-age=60").is(Is::Hit).await;
    row("5.2.2.7 private in a shared one").shared().cc("private, max-age=60").is(Is::Miss).await;
    row("5.2.2.7 private fields in a shared one").shared().cc("private=\"x\", max-age=60").is(Is::Hit).await;
    row("7.3 cookies in a private cache").cc("max-age=60").says("set-cookie", "a=b").is(Is::Hit).await;
    row("7.3 not in a shared one unless asked for")
        .shared()
        .cc("max-age=60")
        .says("set-cookie", "a=b")
        .is(Is::Miss)
        .await;
    row("5.4 Pragma in an answer says nothing").cc("max-age=60").says("pragma", "no-cache").is(Is::Hit).await;
}

#[tokio::test]
async fn authorization() {
    let asked = |name| row(name).shared().with("authorization", "Basic x");
    asked("3.5 not in a shared cache").cc("max-age=60").is(Is::Miss).await;
    asked("3.5 but if public").cc("public, max-age=60").is(Is::Hit).await;
    asked("3.5 or must-revalidate").cc("must-revalidate, max-age=60").is(Is::Hit).await;
    asked("3.5 or s-maxage").cc("s-maxage=60").is(Is::Hit).await;
    asked("3.5 proxy-revalidate isn't named").cc("proxy-revalidate, max-age=60").is(Is::Miss).await;
    row("3.5 in a private cache").with("authorization", "Basic x").cc("max-age=60").is(Is::Hit).await;
    row("(ours) for the same name").asks("authorization", "Basic x").cc("max-age=60").is(Is::Miss).await;
    row("(ours) and no other")
        .asks("authorization", "x")
        .then("authorization", "y")
        .cc("max-age=60")
        .is(Is::Miss)
        .await;
}

#[tokio::test]
async fn validation() {
    row("4.3.1 by a tag").cc("max-age=1").says("etag", TAG).later(2).is(Is::Validated).await;
    row("4.3.1 by a weak tag").cc("max-age=1").says("etag", "W/\"1\"").later(2).is(Is::Validated).await;
    row("4.3.1 by a date").cc("max-age=1").says("last-modified", "{-60}").later(2).is(Is::Validated).await;
    row("5.2.2.4 no-cache is always validated").cc("no-cache, max-age=60").says("etag", TAG).is(Is::Validated).await;
    row("5.2.2.4 or not used").cc("No-Cache, max-age=60").is(Is::Miss).await;
    row("5.2.2.4 of fields is about these").cc("no-cache=\"x, y\", max-age=60").says("x", "1").is(Is::Hit).await;
    row("5.2.2.2 must-revalidate while fresh").cc("must-revalidate, max-age=60").says("etag", TAG).is(Is::Hit).await;
    let row = |directives: &str| row("5.2.2.2, 5.2.2.8, 5.2.2.10 and then").cc(directives).says("etag", TAG).later(61);
    row("must-revalidate, max-age=60").then("cache-control", "max-stale").is(Is::Validated).await;
    row("proxy-revalidate, max-age=60").shared().then("cache-control", "max-stale=60").is(Is::Validated).await;
    row("proxy-revalidate, max-age=60").then("cache-control", "max-stale=60").is(Is::Stale).await;
    row("s-maxage=60").shared().then("cache-control", "max-stale").is(Is::Validated).await;
    row("no-cache").then("cache-control", "max-stale").is(Is::Validated).await;
}

#[tokio::test]
async fn shared_directives() {
    row("5.2.2.10 s-maxage stands above").shared().cc("max-age=1, s-maxage=60").later(59).is(Is::Hit).await;
    row("5.2.2.10 and below").shared().cc("max-age=60, s-maxage=1").later(2).is(Is::Miss).await;
    row("5.2.2.10 and above Expires").shared().cc("s-maxage=60").says("expires", "{-60}").later(59).is(Is::Hit).await;
    row("5.2.2.10 but not in a private cache").cc("max-age=1, s-maxage=60").later(2).is(Is::Miss).await;
    row("5.2.2.8 proxy-revalidate while fresh").shared().cc("proxy-revalidate, max-age=60").is(Is::Hit).await;
    row("RFC 8246 immutable while fresh").cc("immutable, max-age=60").says("etag", TAG).later(59).is(Is::Hit).await;
    row("RFC 8246 and then").cc("immutable, max-age=60").says("etag", TAG).later(60).is(Is::Validated).await;
    row("RFC 8246 makes nothing fresh").cc("immutable").says("etag", TAG).is(Is::Validated).await;
}

#[tokio::test]
async fn directives_of_requests() {
    let fresh = |name| row(name).cc("max-age=60").says("etag", TAG);
    fresh("5.2.1.1 max-age").later(30).then("cache-control", "max-age=29").is(Is::Validated).await;
    fresh("5.2.1.1 max-age").later(30).then("cache-control", "max-age=30").is(Is::Hit).await;
    fresh("5.2.1.1 max-age=0").then("cache-control", "max-age=0").later(1).is(Is::Validated).await;
    fresh("5.2.1.2 max-stale").later(70).then("cache-control", "max-stale=10").is(Is::Stale).await;
    fresh("5.2.1.2 max-stale").later(70).then("cache-control", "max-stale=9").is(Is::Validated).await;
    fresh("5.2.1.2 any").later(7_000).then("cache-control", "max-stale").is(Is::Stale).await;
    fresh("5.2.1.3 min-fresh").later(30).then("cache-control", "min-fresh=30").is(Is::Hit).await;
    fresh("5.2.1.3 min-fresh").later(30).then("cache-control", "min-fresh=31").is(Is::Validated).await;
    fresh("5.2.1.4 no-cache").then("cache-control", "no-cache").is(Is::Validated).await;
    fresh("5.2.1.5 no-store").then("cache-control", "no-store").is(Is::Miss).await;
    row("5.2.1.5 no-store").cc("max-age=60").asks("cache-control", "no-store").is(Is::Miss).await;
    fresh("5.2.1.7 only-if-cached").then("cache-control", "only-if-cached").is(Is::Hit).await;
    fresh("5.2.1.7 only-if-cached").later(60).then("cache-control", "only-if-cached").is(Is::Nothing).await;
    fresh("5.4 Pragma").then("pragma", "no-cache").is(Is::Validated).await;
    fresh("5.4 Pragma beside Cache-Control").then("pragma", "no-cache").then("cache-control", "x").is(Is::Hit).await;
    fresh("5.4 another Pragma").then("pragma", "x").is(Is::Hit).await;
}

#[tokio::test]
async fn selecting_fields() {
    let by = |name| row(name).cc("max-age=60").says("vary", "a");
    by("4.1 the same").with("a", "1").is(Is::Hit).await;
    by("4.1 another").asks("a", "1").then("a", "2").is(Is::Miss).await;
    by("4.1 none, then one").then("a", "1").is(Is::Miss).await;
    by("4.1 one, then none").asks("a", "1").is(Is::Miss).await;
    by("4.1 none twice").is(Is::Hit).await;
    row("4.1 one of two").cc("max-age=60").says("vary", "a, B").with("a", "1").then("b", "2").is(Is::Miss).await;
    row("4.1 two lines").cc("max-age=60").says("vary", "a").says("vary", "b").then("b", "2").is(Is::Miss).await;
    row("4.1 others don't matter").cc("max-age=60").says("vary", "a").asks("c", "1").then("c", "2").is(Is::Hit).await;
    row("4.1 spaces don't matter")
        .cc("max-age=60")
        .says("vary", "a")
        .asks("a", "1,2")
        .then("a", " 1 , 2")
        .is(Is::Hit)
        .await;
    for star in ["*", "a, *", ", *"] {
        row("4.1 * never matches").cc("max-age=60").says("vary", star).says("etag", TAG).is(Is::Miss).await;
    }
    let language = |name| row(name).cc("max-age=60").says("vary", "accept-language").asks("accept-language", "en, de");
    language("4.1 the order of languages").then("accept-language", "DE,en").is(Is::Hit).await;
    language("4.1 their weights").then("accept-language", "de, en;q=0.5").is(Is::Miss).await;
    let german = language("9110, 12.5.4 what is preferred").says("content-language", "de");
    german.then("accept-language", "fr;q=0.5, de").is(Is::Hit).await;
}

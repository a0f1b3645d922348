//! A client with a clock that stands still, and an origin.

use std::time::{Duration, SystemTime};

use tickety_http::{Builder, Client, Clock as _, ManualClock, RequestBuilder, Response, Retry};

use crate::origin::{Answer, Origin};

pub(crate) struct World {
    pub(crate) origin: Origin,
    pub(crate) client: Client,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(|builder| builder).await
    }

    pub(crate) async fn of(build: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = ManualClock::new();
        let builder = Client::builder().clock(clock.clone()).retry(Retry::never());
        Self { origin: Origin::start().await, client: build(builder).build().unwrap(), clock }
    }

    /// Says how a path is answered.
    pub(crate) fn answers(&self, path: &str, fields: &[(&str, &str)], body: &str) {
        self.origin.answers(path, [Answer::new(200, fields, body)]);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn start(&self, path: &str) -> RequestBuilder {
        self.client.get(&self.origin.at(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.start(path).send().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }
}

/// Returns a time after that of a clock as a date.
pub(crate) fn date(clock: &ManualClock, seconds: i64) -> String {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let time: SystemTime = if seconds < 0 { clock.now() - by } else { clock.now() + by };
    httpdate::fmt_http_date(time)
}

/// Waits until something holds that other tasks bring about, and no longer than these could ever take.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let bound = tokio::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(tokio::time::Instant::now() < bound, "what was waited for didn't come");
        tokio::task::yield_now().await;
    }
}

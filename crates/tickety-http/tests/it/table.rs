//! Rows of the tables: what is answered and asked, and what becomes of it.

use std::time::Duration;

use crate::origin::Answer;
use crate::world::{World, date};

/// What the last request of a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    /// The cache answers, and the origin is not asked.
    Hit,
    /// The cache answers with what is stale, and the origin is not asked before that.
    Stale,
    /// The origin is asked if what is stored is right, and it is.
    Validated,
    /// The origin is asked, and its answer is served.
    Miss,
    /// Nobody is asked and nothing is served: 504.
    Nothing,
}

/// A row: a request is answered, time passes, the request is made again.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: &'static str,
    shared: bool,
    status: u16,
    answer: Vec<(&'static str, String)>,
    first: Vec<(&'static str, &'static str)>,
    wait: u64,
    second: Vec<(&'static str, &'static str)>,
}

/// Starts a row: the paragraph and what it says.
pub(crate) fn row(name: &'static str) -> Row {
    let (answer, first, second) = (Vec::new(), Vec::new(), Vec::new());
    Row { name, shared: false, status: 200, answer, first, wait: 0, second }
}

impl Row {
    /// For a shared cache.
    pub(crate) fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A field of the answer. `{+60}` and `{-60}` stand for the date so many seconds from now.
    pub(crate) fn says(mut self, name: &'static str, value: &str) -> Self {
        self.answer.push((name, value.to_owned()));
        self
    }

    pub(crate) fn cc(self, value: &str) -> Self {
        self.says("cache-control", value)
    }

    /// A field of the first request.
    pub(crate) fn asks(mut self, name: &'static str, value: &'static str) -> Self {
        self.first.push((name, value));
        self
    }

    /// Seconds between the requests.
    pub(crate) fn later(mut self, seconds: u64) -> Self {
        self.wait = seconds;
        self
    }

    /// A field of the second request.
    pub(crate) fn then(mut self, name: &'static str, value: &'static str) -> Self {
        self.second.push((name, value));
        self
    }

    /// Both requests have a field.
    pub(crate) fn with(self, name: &'static str, value: &'static str) -> Self {
        self.asks(name, value).then(name, value)
    }

    pub(crate) async fn is(self, expected: Is) {
        let world = World::of(|builder| if self.shared { builder.shared() } else { builder }).await;
        let fields: Vec<(&str, String)> =
            self.answer.iter().map(|(name, value)| (*name, dated(&world, value))).collect();
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let now = date(&world.clock, 0);
        if !fields.iter().any(|(name, _)| *name == "date") {
            fields.push(("date", &now));
        }
        let validated = Answer::new(304, &fields, "");
        let ask = async |fields: &[(&'static str, &'static str)]| {
            let request = fields.iter().fold(world.start("/row"), |request, (name, value)| request.header(name, value));
            request.send().await.unwrap()
        };

        world.origin.answers("/row", [Answer::new(self.status, &fields, "first")]);
        let first = ask(&self.first).await;
        assert_eq!(first.status().as_u16(), self.status, "{}", self.name);
        first.bytes().await.unwrap();
        assert_eq!(world.origin.asked().len(), 1, "{}", self.name);

        world.clock.advance(Duration::from_secs(self.wait));
        let conditions = ["etag", "last-modified"].iter().any(|name| fields.iter().any(|(known, _)| known == name));
        let again = Answer::new(self.status, &fields, "second");
        world.origin.answers("/row", [if conditions { validated } else { again }]);
        let second = ask(&self.second).await;
        let (status, told) = (second.status().as_u16(), second.cache().clone());
        let body = second.text().await.unwrap();
        let asked = world.origin.asked();
        let is = match (told.hit, told.revalidated, asked.as_slice()) {
            (true, false, []) if !told.stale => Is::Hit,
            (true, false, _) if told.stale => Is::Stale,
            (false, true, [only]) => {
                assert!(only.field("if-none-match").or(only.field("if-modified-since")).is_some(), "{}", self.name);
                Is::Validated
            }
            (false, false, []) if status == 504 => Is::Nothing,
            (false, false, [_]) => Is::Miss,
            _ => panic!("{}: {told} after {} requests", self.name, asked.len()),
        };
        assert_eq!(is, expected, "{}: {told}", self.name);
        if [Is::Hit, Is::Stale, Is::Validated].contains(&is) {
            assert_eq!(
                (status, body.as_str()),
                (self.status, if self.status == 204 { "" } else { "first" }),
                "{}",
                self.name
            );
        }
    }
}

/// Replaces `{+60}` by a date.
fn dated(world: &World, value: &str) -> String {
    let Some((before, rest)) = value.split_once('{') else { return value.to_owned() };
    let (seconds, after) = rest.split_once('}').unwrap();
    format!("{before}{}{after}", date(&world.clock, seconds.parse().unwrap()))
}

//! Reads, writes, edits by others, and time, at random: no answer is staler than its origin allows, and nobody reads less than
//! what they have written.

use std::collections::HashMap;

use crate::origin::Answer;
use crate::world::World;

/// What is true of a path.
#[derive(Default)]
struct Truth {
    /// When each version began to be current, in seconds.
    since: Vec<u64>,
    /// How long the last answers may be served, their staleness included.
    longest: u64,
    /// The last version that this client wrote, or saw written to something below.
    written: usize,
}

const PATHS: [&str; 4] = ["/a", "/a/b", "/a/b?c", "/d"];

/// Directives, and how long what they are said of may be served.
const TERMS: [(&str, u64); 6] = [
    ("max-age=10", 10),
    ("max-age=5, must-revalidate", 5),
    ("max-age=3, stale-while-revalidate=4", 7),
    ("no-cache", 0),
    ("no-store", 0),
    ("max-age=0", 0),
];

struct Model {
    world: World,
    now: u64,
    truths: HashMap<&'static str, Truth>,
    random: fastrand::Rng,
}

impl Model {
    /// Makes a new version of a path current.
    fn edit(&mut self, path: &'static str) {
        let (cc, longest) = TERMS[self.random.usize(..TERMS.len())];
        let truth = self.truths.entry(path).or_default();
        truth.since.push(self.now);
        truth.longest = truth.longest.max(longest);
        let version = truth.since.len() - 1;
        let tag = format!("\"{version}\"");
        let fields = [("cache-control", cc), ("etag", tag.as_str())];
        let fields = if self.random.bool() { &fields[..] } else { &fields[..1] };
        self.world.origin.answers(path, [Answer::new(200, fields, &version.to_string())]);
    }

    async fn read(&mut self, path: &'static str) {
        let request = self.world.start(path);
        let (request, demands) = match self.random.u32(..8) {
            0 => (request.no_cache(), true),
            1 => (request.no_store(), true),
            _ => (request, false),
        };
        let version: usize = request.send().await.unwrap().text().await.unwrap().parse().unwrap();
        let truth = &self.truths[path];
        let ended = truth.since.get(version + 1).copied().unwrap_or(u64::MAX);
        let allowed = if demands { 0 } else { truth.longest };
        assert!(ended.saturating_add(allowed) > self.now || ended == self.now, "{path} v{version} at {}", self.now);
        assert!(version >= truth.written, "{path} v{version} is older than what was written, v{}", truth.written);
    }

    async fn write(&mut self, path: &'static str) {
        self.edit(path);
        let written = self.world.client.put(&self.world.origin.at(path)).send().await.unwrap();
        assert!(written.status().is_success());
        let whole = path.split('?').next().unwrap();
        for (other, truth) in &mut self.truths {
            let other = other.split('?').next().unwrap();
            if whole == other || whole.starts_with(&format!("{other}/")) {
                truth.written = truth.since.len() - 1;
            }
        }
    }
}

#[tokio::test]
async fn no_answer_is_staler_than_allowed_and_what_was_written_is_read() {
    for seed in 0..12 {
        let mut model = Model {
            world: World::of(|builder| builder.capacity(20_000)).await,
            now: 0,
            truths: HashMap::new(),
            random: fastrand::Rng::with_seed(seed),
        };
        PATHS.into_iter().for_each(|path| model.edit(path));
        for _ in 0..400 {
            let path = PATHS[model.random.usize(..PATHS.len())];
            match model.random.u32(..10) {
                0 => model.edit(path),
                1 => model.write(path).await,
                2 | 3 => {
                    let seconds = model.random.u64(1..4);
                    model.now += seconds;
                    model.world.pass(seconds);
                }
                _ => model.read(path).await,
            }
        }
        let stats = model.world.client.stats();
        assert!(stats.hits > 20 && stats.misses > 20, "{stats:?}");
    }
}

//! Sample issues: those of a software project that never was.
//!
//! [`Sample`] makes any number of them from a seed, one at a time, so that demonstrations,
//! benchmarks and tests work on data with the shape of real repositories: texts of realistic
//! length with lists and code, names used as unevenly as people use them, three quarters closed, links without
//! circles, two years of time. The same seed, number and time always give the same issues, ids included.
//!
//! They use the statuses, kinds and field types of the default schema.

mod text;
mod words;

use std::collections::{BTreeSet, VecDeque};

use fastrand::Rng;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tickety_core::ident::IssueId;
use tickety_core::issue::{CloseReason, Closure, CommentId, FieldValue, Kind, LinkKind, Minutes, Priority, Status};
use tickety_core::operation::{Draft, DraftComment, Operation, Target};
use uuid::{Builder, Uuid};

/// How far back the issues go.
const SPAN: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// How many issues back a link reaches.
const WINDOW: usize = 200;

/// Makes sample issues, the oldest first. Links lead to earlier issues of the same batch, by
/// their place in it.
#[derive(Clone, Debug)]
pub struct Sample {
    rng: Rng,
    now: Timestamp,
    total: u32,
    made: u32,
    batch: usize,
    /// Those a link can lead to, the newest last.
    recent: VecDeque<Recent>,
    labels: Uneven,
    people: Uneven,
}

#[derive(Clone, Copy, Debug)]
struct Recent {
    place: usize,
    is_open: bool,
    is_epic: bool,
}

impl Sample {
    /// Makes that many issues in one batch, created in the two years before `now`.
    pub fn new(seed: u64, issues: u32, now: Timestamp) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            now,
            total: issues,
            made: 0,
            batch: usize::MAX,
            recent: VecDeque::with_capacity(WINDOW),
            labels: Uneven::new(words::LABELS.len()),
            people: Uneven::new(words::PEOPLE.len()),
        }
    }

    /// Says after how many issues a new batch begins, which no link of an earlier one crosses: memory
    /// then holds one batch, whatever the number of issues.
    pub fn in_batches_of(self, batch: usize) -> Self {
        Self { batch: batch.max(1), ..self }
    }

    /// Makes the batches, as operations.
    pub fn batches(mut self) -> impl Iterator<Item = Vec<Operation>> {
        let batch = self.batch;
        std::iter::from_fn(move || {
            let operations: Vec<_> =
                self.by_ref().take(batch).map(|draft| Operation::Create(Box::new(draft))).collect();
            (!operations.is_empty()).then_some(operations)
        })
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.f64() < probability
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn person(&mut self) -> String {
        words::PEOPLE[self.people.pick(&mut self.rng)].to_owned()
    }

    /// Draws from a normal distribution, well enough: the sum of twelve even draws (Irwin-Hall).
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.rng.f64()).sum::<f64>() - 6.0
    }

    fn id(&mut self, at: Timestamp) -> Uuid {
        let bits = self.rng.u128(..).to_le_bytes();
        let bits: &[u8; 10] = bits[..10].try_into().expect("ten bytes of sixteen");
        Builder::from_unix_timestamp_millis(u64::try_from(at.as_millisecond()).unwrap_or(0), bits).into_uuid()
    }

    /// Draws a time after `start`: soon, mostly, and never after `now`.
    fn later(&mut self, start: Timestamp, typical_days: f64) -> Timestamp {
        let days = typical_days * (1.1 * self.normal()).exp();
        let passed = SignedDuration::from_secs((days * 86_400.0) as i64);
        let end = start.saturating_add(passed).unwrap_or(self.now);
        if end <= self.now {
            return end;
        }
        // Too late: somewhere in what is left.
        let left = self.now.duration_since(start).as_secs().max(1);
        start.saturating_add(SignedDuration::from_secs(self.rng.i64(0..left))).unwrap_or(self.now)
    }

    fn created(&mut self) -> Timestamp {
        let slot = SPAN.as_secs_f64() / f64::from(self.total.max(1));
        let since_start = slot * (f64::from(self.made) + self.rng.f64() * 0.9);
        let before_now = SPAN - SignedDuration::from_secs(since_start as i64);
        self.now.saturating_sub(before_now).unwrap_or(self.now).max(Timestamp::UNIX_EPOCH)
    }

    fn make(&mut self) -> Draft {
        let place = self.made as usize % self.batch;
        if place == 0 {
            self.recent.clear();
        }
        let created = self.created();
        let age = 1.0 - f64::from(self.made) / f64::from(self.total.max(1));
        // Old issues are closed more often; over all ages this comes to three quarters.
        let is_closed = self.rng.f64() < (0.457 + 0.6 * age).min(0.97);
        let kind = self.kind();
        let topic = text::Topic::draw(&mut self.rng);
        let mut draft = Draft {
            id: Some(IssueId::new(self.id(created))),
            title: text::title(&mut self.rng, kind, &topic),
            priority: self.priority(),
            kind: Some(Kind::new(kind)),
            reporter: Some(self.person()),
            milestone: self.milestone(created),
            created: Some(created),
            ..Draft::default()
        };
        draft.body = self.body(kind, &topic);
        self.label(&mut draft, &topic);
        let ended = if is_closed { self.close(&mut draft, created, &topic) } else { self.now };
        if !is_closed && self.chance(0.16) {
            draft.status = Some(Status::new("in-progress"));
        }
        self.assign(&mut draft, is_closed);
        self.plan(&mut draft, created, is_closed);
        self.comment(&mut draft, created, ended, &topic);
        self.link(&mut draft, is_closed);
        let said = draft.comments.iter().filter_map(|comment| comment.created).max();
        let last = if is_closed { Some(ended) } else { None };
        let edited = if self.chance(0.4) { Some(self.later(created, 3.0)) } else { None };
        draft.imported_updated = [Some(created), said, last, edited].into_iter().flatten().max();

        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { place, is_open: !is_closed, is_epic: kind == "epic" });
        self.made += 1;
        draft
    }

    fn kind(&mut self) -> &'static str {
        match self.rng.u8(..100) {
            0..34 => "bug",
            34..56 => "feature",
            56..84 => "task",
            84..96 => "chore",
            _ => "epic",
        }
    }

    fn priority(&mut self) -> Priority {
        match self.rng.u8(..100) {
            0..3 => Priority::Critical,
            3..20 => Priority::High,
            20..74 => Priority::Medium,
            74..94 => Priority::Low,
            _ => Priority::Lowest,
        }
    }

    fn milestone(&mut self, created: Timestamp) -> Option<String> {
        if !self.chance(0.55) {
            return None;
        }
        let quarter = SPAN.as_secs() / 8;
        let past = self.now.duration_since(created).as_secs().clamp(0, SPAN.as_secs() - 1);
        let release = 8 - past / quarter + self.rng.i64(0..2);
        Some(format!("1.{release}"))
    }

    /// Makes a body: a median of one kilobyte, some much longer, a few empty.
    fn body(&mut self, kind: &str, topic: &text::Topic) -> String {
        if self.chance(0.04) {
            return String::new();
        }
        let length = (1_000.0 * (0.75 * self.normal()).exp()).clamp(60.0, 14_000.0);
        text::body(&mut self.rng, kind, topic, length as usize)
    }

    fn label(&mut self, draft: &mut Draft, topic: &text::Topic) {
        let count = match self.rng.u8(..100) {
            0..30 => 0,
            30..72 => 1,
            72..93 => 2,
            _ => 3,
        };
        if count > 0 && self.chance(0.4) {
            draft.labels.insert(topic.area().to_owned());
        }
        while draft.labels.len() < count {
            draft.labels.insert(words::LABELS[self.labels.pick(&mut self.rng)].to_owned());
        }
    }

    fn close(&mut self, draft: &mut Draft, created: Timestamp, topic: &text::Topic) -> Timestamp {
        let at = self.later(created, 6.0);
        let reason = match self.rng.u8(..100) {
            0..86 => CloseReason::Completed,
            86..96 => CloseReason::Cancelled,
            _ => CloseReason::Duplicate,
        };
        let note = if self.chance(0.6) { Some(text::note(&mut self.rng, reason, topic)) } else { None };
        draft.status = Some(Status::new("closed"));
        draft.closure = Some(Closure { at: Some(at), reason, note });
        at
    }

    fn assign(&mut self, draft: &mut Draft, is_closed: bool) {
        let begun = is_closed || draft.status.is_some();
        if self.chance(if begun { 0.85 } else { 0.3 }) {
            let person = self.person();
            draft.assignees.insert(person);
            if self.chance(0.06) {
                let person = self.person();
                draft.assignees.insert(person);
            }
        }
    }

    fn plan(&mut self, draft: &mut Draft, created: Timestamp, is_closed: bool) {
        if self.chance(if is_closed { 0.06 } else { 0.18 }) {
            let days = self.rng.i64(7..150);
            draft.due = Some(day_after(created, days));
        }
        if self.chance(0.3) {
            let estimate = self.pick(&[30, 60, 120, 120, 240, 240, 480, 480, 960, 2_400]);
            draft.estimate = Some(Minutes(estimate));
            if is_closed && self.chance(0.6) {
                let spent = f64::from(estimate) * (0.6 * self.normal()).exp();
                draft.spent = Some(Minutes((spent as u32 / 5 * 5).max(5)));
            }
        }
        if draft.kind.as_ref().is_some_and(|kind| kind.as_str() == "bug") && self.chance(0.3) {
            let severity = self.pick(&["s1", "s2", "s2", "s3", "s3", "s3", "s4"]);
            draft.fields.insert("severity".to_owned(), FieldValue::Text(severity.to_owned()));
        }
        if self.chance(0.04) {
            let thread = self.rng.u32(1_000..90_000);
            draft.references.insert(format!("https://forum.example.org/t/{thread}"));
        }
    }

    /// Adds comments: most issues have none, a few have many, about 0.35 on average.
    fn comment(&mut self, draft: &mut Draft, created: Timestamp, ended: Timestamp, topic: &text::Topic) {
        if !self.chance(0.18) {
            return;
        }
        let mut at = created;
        loop {
            let left = ended.duration_since(at).as_secs().max(2);
            at = at.saturating_add(SignedDuration::from_secs(self.rng.i64(1..left))).unwrap_or(ended);
            let length = (240.0 * (0.8 * self.normal()).exp()).clamp(20.0, 4_000.0) as usize;
            draft.comments.push(DraftComment {
                id: Some(CommentId::new(self.id(at))),
                author: Some(self.person()),
                created: Some(at),
                body: text::comment(&mut self.rng, topic, length),
            });
            if !self.chance(0.48) {
                return;
            }
        }
    }

    fn link(&mut self, draft: &mut Draft, is_closed: bool) {
        let mut linked: BTreeSet<usize> = BTreeSet::new();
        let duplicate = draft.closure.as_ref().is_some_and(|closure| closure.reason == CloseReason::Duplicate);
        let chances = [
            (LinkKind::DuplicateOf, if duplicate { 0.9 } else { 0.0 }),
            (LinkKind::Parent, 0.3),
            (LinkKind::BlockedBy, 0.16),
            (LinkKind::BlockedBy, 0.06),
            (LinkKind::DiscoveredFrom, 0.05),
            (LinkKind::Relates, 0.06),
        ];
        for (kind, probability) in chances {
            if !self.chance(probability) || self.recent.is_empty() {
                continue;
            }
            // A closed issue waits for nothing and belongs to anything; an open one to an open epic,
            // and waits mostly for what is done.
            let waits_for_open = !is_closed && self.chance(0.45);
            let fits = |other: &Recent| match kind {
                LinkKind::Parent => other.is_epic && (is_closed || other.is_open),
                LinkKind::BlockedBy => other.is_open == waits_for_open,
                LinkKind::DuplicateOf | LinkKind::Relates | LinkKind::DiscoveredFrom => true,
            };
            let start = self.rng.usize(..self.recent.len());
            let found = (0..self.recent.len())
                .map(|step| self.recent[(start + step) % self.recent.len()])
                .find(|other| fits(other) && !linked.contains(&other.place));
            if let Some(other) = found {
                linked.insert(other.place);
                draft.links.push((kind, Target::Created(other.place)));
            }
        }
    }
}

impl Iterator for Sample {
    type Item = Draft;

    fn next(&mut self) -> Option<Draft> {
        (self.made < self.total).then(|| self.make())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.total - self.made) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Sample {}

fn day_after(time: Timestamp, days: i64) -> Date {
    let day = time.to_zoned(TimeZone::UTC).date();
    day.saturating_add(jiff::Span::new().days(days))
}

/// Picks places as unevenly as names are used: the second half as often as the first, the third
/// a third as often (Zipf's law).
#[derive(Clone, Debug)]
struct Uneven {
    up_to: Vec<f64>,
}

impl Uneven {
    fn new(places: usize) -> Self {
        let mut sum = 0.0;
        let up_to = (1..=places)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { up_to }
    }

    fn pick(&self, rng: &mut Rng) -> usize {
        let drawn = rng.f64() * self.up_to.last().copied().unwrap_or(0.0);
        self.up_to.partition_point(|bound| *bound <= drawn).min(self.up_to.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn sample(issues: u32) -> Sample {
        Sample::new(7, issues, "2026-11-21T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_same_seed_gives_the_same_issues() {
        assert!(sample(300).eq(sample(300)));
        let other = Sample::new(8, 300, "2026-11-21T12:00:00Z".parse().unwrap());
        assert!(!sample(300).eq(other));
    }

    #[test]
    fn three_quarters_are_closed_and_texts_have_the_length_of_real_ones() {
        let issues: Vec<Draft> = sample(4_000).collect();
        let share = |count: usize| count as f64 / issues.len() as f64;
        let closed = share(issues.iter().filter(|draft| draft.closure.is_some()).count());
        assert!((0.72..0.78).contains(&closed), "{closed} closed");
        let comments = share(issues.iter().map(|draft| draft.comments.len()).sum());
        assert!((0.3..0.4).contains(&comments), "{comments} comments");
        let mut lengths: Vec<usize> = issues.iter().map(|draft| draft.body.len()).collect();
        lengths.sort_unstable();
        let median = lengths[lengths.len() / 2];
        assert!((800..1_300).contains(&median), "median {median}");
        assert!(lengths[lengths.len() - 1] > 6_000);
    }

    #[test]
    fn names_are_used_unevenly() {
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for draft in sample(4_000) {
            for person in draft.assignees {
                *uses.entry(person).or_default() += 1;
            }
        }
        let (most, least) = (uses.values().max().unwrap(), uses.values().min().unwrap());
        assert!(*most > 8 * *least, "{most} against {least}");
        assert!(uses.len() > 15);
    }

    #[test]
    fn times_lie_in_two_years_and_in_order() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut before = now.saturating_sub(SPAN).unwrap();
        for draft in sample(1_000) {
            let created = draft.created.unwrap();
            assert!(created >= before && created <= now);
            before = created;
            let closed = draft.closure.and_then(|closure| closure.at);
            for time in
                draft.comments.iter().filter_map(|comment| comment.created).chain(closed).chain(draft.imported_updated)
            {
                assert!(time >= created && time <= now, "{time} of {created}");
            }
        }
    }

    #[test]
    fn links_stay_in_their_batch_and_lead_back() {
        let mut kinds: BTreeMap<LinkKind, usize> = BTreeMap::new();
        for batch in sample(2_500).in_batches_of(1_000).batches() {
            assert!(batch.len() <= 1_000);
            for (place, operation) in batch.iter().enumerate() {
                let Operation::Create(draft) = operation else { panic!("a sample only creates") };
                for (kind, target) in &draft.links {
                    let Target::Created(other) = target else { panic!("a sample links to itself") };
                    assert!(*other < place);
                    *kinds.entry(*kind).or_default() += 1;
                }
            }
        }
        assert_eq!(kinds.len(), LinkKind::ALL.len(), "{kinds:?}");
        assert!(kinds[&LinkKind::BlockedBy] > 250 && kinds[&LinkKind::Parent] > 250, "{kinds:?}");
    }
}

//! The layer that caches over a repository whose files others change as well.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use tickety_cache::ManualClock;
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_core::issue::{CloseReason, LinkKind};
use tickety_core::operation::{Change, Draft, Operation};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_engine::layers::{CacheSettings, CachedIssueStorage, InstrumentedIssueStorage, OperationKind};
use tickety_store::{Batch, FreshnessMode, IssueStorage, StorageError, StoredIssue};

use super::home::Home;

const SECOND: Duration = Duration::from_secs(1);

fn moment() -> Moment {
    Moment { now: "2026-06-01T12:00:00Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC, me: None }
}

fn number(number: u32) -> IssueSelector {
    IssueNumber::new(number).unwrap().into()
}

fn get(store: &dyn IssueStorage, wanted: impl Into<IssueSelector>) -> Result<StoredIssue, StorageError> {
    block_on(store.get(wanted.into()))
}

fn list(store: &dyn IssueStorage, text: &str) -> Vec<String> {
    let query = Query::parse(text, &Schema::default()).unwrap();
    block_on(store.list(&query, &moment())).unwrap().issues.into_iter().map(|issue| issue.title).collect()
}

fn count(store: &dyn IssueStorage, text: &str) -> u64 {
    block_on(store.count(&Query::parse(text, &Schema::default()).unwrap(), &moment())).unwrap()
}

fn apply(store: &dyn IssueStorage, operations: Vec<Operation>) {
    block_on(store.apply(Batch::new(operations, None, moment().now))).unwrap();
}

fn update(wanted: u32, change: Change) -> Operation {
    Operation::Update { target: number(wanted).into(), expected: None, changes: vec![change] }
}

/// Makes a home with issues of these titles.
fn home(titles: &[&str]) -> Home {
    let home = Home::new();
    let drafts = titles.iter().map(|title| Operation::Create(Box::new(Draft::new(*title)))).collect();
    apply(&home.open(None), drafts);
    home
}

fn edit(home: &Home, place: usize, from: &str, to: &str) {
    let path = &home.records()[place];
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

fn cached(store: impl IssueStorage + 'static, clock: &Arc<ManualClock>) -> CachedIssueStorage {
    CachedIssueStorage::with_clock(Arc::new(store), CacheSettings::default(), clock.clone())
}

#[test]
fn a_write_drops_what_it_makes_wrong_and_nothing_else() {
    let home = home(&["one", "two", "three"]);
    let counted = Arc::new(InstrumentedIssueStorage::new(Arc::new(home.open(None))));
    let layer = CachedIssueStorage::new(counted.clone(), CacheSettings::default());
    let lists = ["is:open", "label:x", "is:blocked", "priority:high", "two", "has:blocks"];
    let asked_for = || {
        let asks = |text: &&str| {
            counted.reset();
            list(&layer, text);
            let counted = counted.snapshot();
            counted[&OperationKind::List].latency.count + counted[&OperationKind::Search].latency.count > 0
        };
        lists.into_iter().filter(asks).collect::<Vec<_>>()
    };
    // The first look finds the files as new as they are, so that nothing is kept of its answer.
    list(&layer, "is:any");
    assert_eq!(asked_for(), lists);
    assert_eq!(asked_for(), [""; 0]);
    apply(&layer, vec![update(1, Change::AddLabel("x".to_owned()))]);
    assert_eq!(asked_for(), ["is:open", "label:x"]);
    apply(&layer, vec![update(1, Change::AddLink { kind: LinkKind::BlockedBy, target: number(2).into() })]);
    assert_eq!(asked_for(), ["is:open", "label:x", "is:blocked", "has:blocks"]);
}

/// None of the issues is in memory, so what they were is known from what the store tells of the difference.
#[test]
fn an_edit_from_outside_drops_what_it_can_change_and_nothing_else() {
    let home = home(&["one", "two", "three"]);
    let other = home.open(None);
    let link = Change::AddLink { kind: LinkKind::BlockedBy, target: number(2).into() };
    apply(&other, vec![update(1, link), update(3, Change::AddLabel("x".to_owned()))]);
    let clock = Arc::new(ManualClock::new());
    clock.advance(SECOND);
    let counted = Arc::new(InstrumentedIssueStorage::new(Arc::new(home.open(Some(FreshnessMode::Verify)))));
    let layer = CachedIssueStorage::with_clock(counted.clone(), CacheSettings::default(), clock.clone());
    let lists = ["is:open", "is:open limit:1", "label:x", "is:blocked", "is:ready limit:1", "tre", "has:blocks"];
    let asked_for = || {
        clock.advance(SECOND);
        let asks = |text: &&str| {
            counted.reset();
            list(&layer, text);
            let counted = counted.snapshot();
            counted[&OperationKind::List].latency.count + counted[&OperationKind::Search].latency.count > 0
        };
        lists.into_iter().filter(asks).collect::<Vec<_>>()
    };
    list(&layer, "is:any");
    assert_eq!(asked_for(), lists);
    assert_eq!(asked_for(), [""; 0]);
    edit(&home, 0, "title: one", "title: uno");
    assert_eq!(asked_for(), ["is:open", "is:blocked"]);
    edit(&home, 2, "title: three", "title: tre");
    assert_eq!(asked_for(), ["is:open", "is:open limit:1", "label:x", "is:ready limit:1", "tre"]);
    layer.clear();
    asked_for();
    apply(&other, vec![update(2, Change::Close { reason: CloseReason::Completed, note: None })]);
    let left = ["is:open", "is:open limit:1", "is:blocked", "is:ready limit:1", "has:blocks"];
    assert_eq!(asked_for(), left, "a dependent shows as well");
    apply(&other, vec![Operation::Create(Box::new(Draft::new("four")))]);
    assert_eq!(asked_for(), ["is:open", "is:open limit:1", "is:ready limit:1"]);
}

#[test]
fn what_is_missing_from_memory_is_asked_for_at_once() {
    let home = home(&["one", "two", "three"]);
    let counted = Arc::new(InstrumentedIssueStorage::new(Arc::new(home.open(None))));
    let layer = CachedIssueStorage::new(counted.clone(), CacheSettings::default());
    get(&layer, number(2)).unwrap();
    let wanted: Vec<IssueSelector> = [1, 2, 9, 3].map(number).to_vec();
    for asked in [2, 3] {
        let found = block_on(layer.get_many(&wanted));
        let titles: Vec<Option<&str>> =
            found.iter().map(|found| found.as_ref().ok().map(|stored| stored.issue.title.as_str())).collect();
        assert_eq!(titles, [Some("one"), Some("two"), None, Some("three")]);
        let reads = counted.snapshot()[&OperationKind::Read].latency.count;
        assert_eq!(reads, asked, "what isn't there is asked for again");
    }
}

#[test]
fn files_are_looked_at_once_for_all_answers_of_a_second() {
    let home = home(&["one", "two", "three"]);
    let store = Arc::new(home.open(Some(FreshnessMode::Verify)));
    let clock = Arc::new(ManualClock::new());
    let counted = Arc::new(InstrumentedIssueStorage::new(store.clone()));
    let layer = CachedIssueStorage::with_clock(counted.clone(), CacheSettings::default(), clock.clone());
    let looks = || {
        let before = store.effort().looked_at;
        for text in ["is:open", "one", "updated:>2h", "label:x"] {
            list(&layer, text);
            count(&layer, text);
        }
        store.effort().looked_at - before
    };
    assert_eq!(looks(), 3);
    assert_eq!(looks(), 0);
    clock.advance(SECOND);
    assert_eq!(looks(), 3);
    let lists = counted.snapshot()[&OperationKind::List].latency.count;
    assert_eq!(lists, 6 + 2 + 2, "what depends on the minute is asked for every time, and all of it is counted");
    edit(&home, 0, "title: one", "title: uno");
    assert_eq!(list(&layer, "uno"), [""; 0], "nothing was looked at");
    clock.advance(SECOND);
    assert_eq!(list(&layer, "uno"), ["uno"]);
    edit(&home, 1, "title: two", "title: due");
    apply(&layer, vec![update(3, Change::Title("tre".to_owned()))]);
    assert_eq!(list(&layer, "tre"), ["tre"], "what is written here is seen at once");
}

#[test]
fn an_issue_is_not_looked_at_where_all_files_were() {
    let home = home(&["one", "two", "three"]);
    let store = Arc::new(home.open(Some(FreshnessMode::Verify)));
    let clock = Arc::new(ManualClock::new());
    let layer = CachedIssueStorage::with_clock(store.clone(), CacheSettings::default(), clock.clone());
    let looks = |wanted| {
        let before = store.effort().looked_at;
        let title = get(&layer, number(wanted)).unwrap().issue.title;
        (title, store.effort().looked_at - before)
    };
    list(&layer, "is:open");
    assert_eq!(looks(1), ("one".to_owned(), 0));
    edit(&home, 1, "title: two", "title: due");
    assert_eq!(looks(2).0, "due", "what isn't as the index knows it is read as it is");
    assert_eq!(list(&layer, "due"), ["due"]);
    clock.advance(SECOND);
    assert!(looks(3).1 > 0);
}

#[test]
fn a_write_through_the_layer_takes_little_more_than_one_without() {
    let home = home(&["one", "two", "three"]);
    let store = Arc::new(home.open(Some(FreshnessMode::Verify)));
    let layer = CachedIssueStorage::new(store.clone(), CacheSettings::default());
    let statements = |through: &dyn IssueStorage, label: &str| {
        let before = store.effort().statements;
        apply(through, vec![update(1, Change::AddLabel(label.to_owned()))]);
        store.effort().statements - before
    };
    list(&layer, "is:open");
    apply(&*store, vec![update(1, Change::AddLabel("a".to_owned()))]);
    let alone = statements(&*store, "b");
    list(&layer, "is:open");
    let through = statements(&layer, "c");
    assert!(through <= alone + 10, "{through} and {alone} statements");
    let before = store.effort().statements;
    assert!(get(&layer, number(1)).unwrap().issue.labels.contains("c"));
    assert_eq!(store.effort().statements - before, 0, "what was written is in memory");
}

/// The lower layer learns of an edit by reading the issue; the upper one, which keeps that issue too, must not
/// take it for what the issue was before.
#[test]
fn a_layer_above_learns_of_a_change_that_the_one_below_has_read_past() {
    let home = home(&["one", "two"]);
    let clock = Arc::new(ManualClock::new());
    let upper = cached(cached(home.open(None), &clock), &clock);
    assert_eq!(list(&upper, "is:open"), ["two", "one"]);
    edit(&home, 0, "title: one", "title: uno");
    assert_eq!(get(&upper, number(1)).unwrap().issue.title, "uno");
    clock.advance(SECOND);
    assert_eq!(list(&upper, "is:open"), ["two", "uno"]);
}

#[test]
fn an_old_number_is_looked_up_every_time() {
    let home = home(&["one"]);
    let bare = home.open(None);
    bare.renumber(&[(number(1), IssueNumber::new(5))], (None, moment().now)).unwrap();
    let clock = Arc::new(ManualClock::new());
    let layer = cached(home.open(None), &clock);
    assert_eq!(get(&layer, number(1)).unwrap().issue.number.get(), 5);
    let record = &home.records()[0];
    let name = record.file_name().unwrap().to_string_lossy().replace("000005", "000007");
    fs::copy(record, record.with_file_name(name)).unwrap();
    assert_eq!(list(&layer, "").len(), 2);
    clock.advance(SECOND);
    assert_eq!(get(&layer, number(1)).unwrap_err().to_string(), get(&bare, number(1)).unwrap_err().to_string());
}

#[test]
fn an_id_that_a_copy_has_too_is_ambiguous() {
    let home = home(&["one"]);
    let clock = Arc::new(ManualClock::new());
    let layer = cached(home.open(None), &clock);
    let id = IssueSelector::Id(get(&layer, number(1)).unwrap().issue.id);
    assert_eq!(get(&layer, id).unwrap().issue.number.get(), 1);
    let record = &home.records()[0];
    let name = record.file_name().unwrap().to_string_lossy().replace("000001", "000007");
    fs::copy(record, record.with_file_name(name)).unwrap();
    clock.advance(SECOND);
    assert_eq!(list(&layer, "").len(), 2);
    assert!(matches!(get(&layer, id), Err(StorageError::Ambiguous { .. })));
}

/// A store that trusts its index answers lists from it, and an issue from its file, which may be ahead.
#[test]
fn over_a_trusted_index_an_issue_says_nothing_of_what_lists_knew() {
    let home = home(&["one", "two"]);
    let clock = Arc::new(ManualClock::new());
    let layer = cached(home.open(Some(FreshnessMode::Trust)), &clock);
    assert_eq!([count(&layer, "one"), count(&layer, "uno")], [1, 0]);
    edit(&home, 0, "title: one", "title: uno");
    assert_eq!(get(&layer, number(1)).unwrap().issue.title, "uno");
    clock.advance(SECOND);
    assert_eq!([count(&layer, "one"), count(&layer, "uno")], [1, 0], "nothing was looked at");
    assert_eq!(count(&home.open(Some(FreshnessMode::Verify)), "uno"), 1);
    clock.advance(SECOND);
    assert_eq!([count(&layer, "one"), count(&layer, "uno")], [0, 1]);
}

#[test]
fn long_texts_take_the_room_of_several_issues() {
    let home = home(&["one", "two", "three", "four", "five", "six", "seven", "eight"]);
    let long = Change::Body("text ".repeat(20_000));
    apply(&home.open(None), (1..=8).map(|number| update(number, long.clone())).collect());
    let counted = Arc::new(InstrumentedIssueStorage::new(Arc::new(home.open(None))));
    let layer = CachedIssueStorage::new(counted.clone(), CacheSettings { issues: 24, ..CacheSettings::default() });
    for _ in 0..2 {
        for wanted in 1..=8 {
            get(&layer, number(wanted)).unwrap();
        }
    }
    let read = counted.snapshot()[&OperationKind::Read].latency.count;
    assert!(read >= 13, "at most three of eight are kept at a time, but {read} were read");
}

//! The log of events: what is in it, once each, and what a reader who was away is told.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use pollster::block_on;
use tickety_core::event::{Event, ExternalOutcome};
use tickety_core::issue::{CloseReason, Priority};
use tickety_core::operation::{Change, DraftComment, FieldState, Operation};
use tickety_core::query::FieldName;
use tickety_store::repo::{RepoOptions, RepoStore};
use tickety_store::{EventCursor, EventLog as _, EventPage, FreshnessMode, Position, StorageError};

use crate::home::{Home, apply, create, get, list, number, update};

fn page(store: &RepoStore, from: Position) -> EventPage {
    block_on(store.events(from, usize::MAX)).unwrap()
}

fn names(page: &EventPage) -> Vec<&'static str> {
    page.events.iter().map(|logged| logged.event.event_type().as_str()).collect()
}

#[test]
fn a_write_is_a_group_with_its_actor_and_time() {
    let home = Home::with(&["one"]);
    let changes = vec![
        Change::Priority(Priority::High),
        Change::AddComment(DraftComment::new("said")),
        Change::Close { reason: CloseReason::Completed, note: None },
    ];
    home.apply(vec![update(number(1), changes), create("two")]).unwrap();
    let page = page(&home.open(), Position::Oldest);
    let expected = ["issue.created", "issue.closed", "comment.added", "issue.created", "batch.committed"];
    assert_eq!(names(&page), expected);
    let groups: Vec<&str> = page.events.iter().map(|logged| logged.group.as_str()).collect();
    assert!(groups[0] != groups[1] && groups[1..].iter().all(|group| *group == groups[1]), "{groups:?}");
    let last = &page.events[4];
    assert_eq!((last.actor.as_deref(), last.time.as_second()), (Some("ann"), 1_790_000_000));
    assert_eq!(last.event, Event::BatchCommitted { created: 1, updated: 1, deleted: 0 });
    let Event::IssueClosed { issue, fields, .. } = &page.events[1].event else { panic!("{:?}", page.events[1]) };
    assert_eq!(*issue, home.key(1));
    let priority = fields.iter().find(|change| change.field == FieldName::Priority).unwrap();
    let value = |text: &str| FieldState::Value(text.to_owned());
    assert_eq!((&priority.before, &priority.after), (&value("medium"), &value("high")));
}

#[test]
fn what_is_refused_or_changes_nothing_is_no_event() {
    let home = Home::with(&["one"]);
    let before = page(&home.open(), Position::Oldest);
    home.apply(vec![create("two"), update(number(9), vec![])]).unwrap_err();
    home.apply(vec![update(number(1), vec![Change::Title("one".to_owned())])]).unwrap();
    assert_eq!(page(&home.open(), Position::Oldest), before);
}

#[test]
fn one_reads_on_from_a_cursor() {
    let home = Home::with(&["one"]);
    let store = home.open();
    let first = page(&store, Position::Oldest);
    assert_eq!(page(&store, Position::After(first.next)).events, []);
    assert_eq!(page(&store, Position::Newest).next, first.next);
    for title in ["two", "three", "four"] {
        home.apply(vec![create(title)]).unwrap();
    }
    let two = block_on(store.events(Position::After(first.next), 2)).unwrap();
    assert_eq!((two.events.len(), two.more), (2, true));
    let rest = block_on(store.events(Position::After(two.next), 2)).unwrap();
    assert_eq!((rest.events.len(), rest.more), (1, false));
    assert_eq!(rest.next, page(&store, Position::Newest).next);
}

#[test]
fn a_cursor_of_another_log_or_of_the_future_is_gone() {
    let home = Home::with(&["one"]);
    let store = home.open();
    let EventCursor { epoch, sequence } = page(&store, Position::Newest).next;
    let cursors = [EventCursor { epoch: epoch ^ 1, sequence }, EventCursor { epoch, sequence: sequence + 1 }];
    for cursor in cursors {
        let gone = block_on(store.events(Position::After(cursor), 9)).unwrap_err();
        assert!(matches!(gone, StorageError::EventsGone { cursor: told, .. } if told == cursor), "{gone}");
    }
    fs::remove_dir_all(home.state().join("events")).unwrap();
    home.apply(vec![create("two")]).unwrap();
    let gone = block_on(store.events(Position::After(EventCursor { epoch, sequence }), 9));
    assert!(matches!(gone, Err(StorageError::EventsGone { .. })), "{gone:?}");
}

#[test]
fn who_asked_before_anything_happened_reads_on() {
    let home = Home::new();
    let nothing = page(&home.open(), Position::Newest);
    home.apply(vec![create("one")]).unwrap();
    assert_eq!(names(&page(&home.open(), Position::After(nothing.next))), ["issue.created"]);
}

#[test]
fn an_edit_from_outside_is_one_event_however_many_notice_it() {
    let home = Home::with(&["one", "two"]);
    let stores: Vec<RepoStore> = (0..4).map(|_| home.open_with(Some(FreshnessMode::Verify))).collect();
    stores.iter().for_each(|store| drop(list(store, "")));
    let before = page(&stores[0], Position::Newest).next;
    home.edit(1, "title: one", "title: uno");
    home.edit(1, "priority: medium", "priority: high");
    thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| list(store, ""));
        }
    });
    let page = page(&home.open(), Position::After(before));
    let [only] = &page.events[..] else { panic!("{page:?}") };
    let Event::ExternalChanged { issue, outcome, fields } = &only.event else { panic!("{only:?}") };
    assert_eq!((*issue, *outcome, &only.actor), (home.key(1), ExternalOutcome::Edited, &None));
    let value = |text: &str| FieldState::Value(text.to_owned());
    let told: Vec<_> = fields.iter().map(|change| (&change.field, &change.before, &change.after)).collect();
    let expected =
        [(&FieldName::Title, &value("one"), &value("uno")), (&FieldName::Priority, &value("medium"), &value("high"))];
    assert_eq!(told, expected);
}

#[test]
fn what_the_index_only_knows_by_its_hash_is_told_as_changed() {
    let home = Home::with(&["one", "two"]);
    home.apply(vec![update(number(1), vec![Change::Field { key: "size".to_owned(), value: None }])]).unwrap();
    list(&home.open(), "");
    let before = page(&home.open(), Position::Newest).next;
    home.edit(1, "\nblocked-by:\n", &format!("\nblocked-by:\n  - \"{}\"\n", home.key(2)));
    home.edit(1, "references:\n", "references:\n  - gh:7\n");
    let text = fs::read_to_string(home.record(1)).unwrap();
    fs::write(home.record(1), format!("{text}\nA body.\n")).unwrap();
    let page = page(&home.open(), Position::After(before));
    let [only] = &page.events[..] else { panic!("{page:?}") };
    let Event::ExternalChanged { fields, .. } = &only.event else { panic!("{only:?}") };
    let told: Vec<String> = fields.iter().map(|change| change.field.to_string()).collect();
    assert_eq!(told, ["reference", "link", "body"]);
    assert_eq!(fields[2].before, FieldState::Unknown);
    assert_eq!(fields[2].after, FieldState::Value("A body.".to_owned()));
}

#[test]
fn records_that_come_and_go_are_told() {
    let home = Home::with(&["one", "two"]);
    list(&home.open(), "");
    let before = page(&home.open(), Position::Newest).next;
    let (path, bytes) = (home.record(2), fs::read(home.record(2)).unwrap());
    fs::remove_file(&path).unwrap();
    list(&home.open(), "");
    fs::write(&path, bytes).unwrap();
    list(&home.open(), "");
    fs::write(&path, "<<<<<<<").unwrap();
    let page = page(&home.open(), Position::After(before));
    let told: Vec<ExternalOutcome> = page
        .events
        .iter()
        .map(|logged| match &logged.event {
            Event::ExternalChanged { outcome, .. } => *outcome,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [ExternalOutcome::Vanished, ExternalOutcome::Appeared, ExternalOutcome::Vanished]);
}

#[test]
fn what_tickety_writes_is_never_taken_for_an_edit_from_outside() {
    let home = Home::with(&["one"]);
    let reader = home.open_with(Some(FreshnessMode::Verify));
    for round in 0..20 {
        home.apply(vec![create("more"), update(number(1), vec![Change::Title(format!("t{round}"))])]).unwrap();
        list(&reader, "");
        // Even where the index was lost.
        if round == 10 {
            fs::remove_file(home.state().join("index.db")).unwrap();
        }
    }
    let told = page(&home.open(), Position::Oldest);
    assert!(names(&told).iter().all(|name| *name != "external.changed"), "{:?}", names(&told));
    assert_eq!(told.events.len(), 1 + 20 * 3);
}

#[test]
fn writers_beside_each_other_leave_one_group_each() {
    let home = Home::with(&["one"]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|_| drop(home.apply(vec![create("more")]).unwrap())));
            scope.spawn(|| (0..10).for_each(|_| drop(list(&home.open(), ""))));
        }
    });
    let page = page(&home.open(), Position::Oldest);
    let groups: BTreeSet<_> = page.events.iter().map(|logged| &logged.group).collect();
    let issues: BTreeSet<_> = page.events.iter().map(|logged| logged.event.issue()).collect();
    assert_eq!((page.events.len(), groups.len(), issues.len()), (41, 41, 41));
    let sequences: Vec<u64> = page.events.iter().map(|logged| logged.cursor.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody_and_is_made_up_for() {
    let home = Home::with(&["one"]);
    let events = home.state().join("events");
    let aside = home.state().join("aside");
    fs::rename(&events, &aside).unwrap();
    fs::write(&events, "in the way").unwrap();
    home.apply(vec![create("two")]).unwrap();
    home.edit(1, "title: one", "title: uno");
    assert_eq!(get(&home.open(), 1).unwrap().issue.title, "uno");
    fs::remove_file(&events).unwrap();
    fs::rename(&aside, &events).unwrap();
    home.apply(vec![create("three")]).unwrap();
    let told = page(&home.open(), Position::Oldest);
    assert_eq!(names(&told), ["issue.created"; 3]);
}

#[test]
fn a_renumbered_issue_tells_both_numbers() {
    let home = Home::with(&["one"]);
    let before = page(&home.open(), Position::Newest).next;
    let old = home.key(1);
    let now = jiff::Timestamp::UNIX_EPOCH;
    home.open().renumber(&[(number(1), tickety_core::IssueNumber::new(7))], (Some("ann"), now)).unwrap();
    let page = page(&home.open(), Position::After(before));
    let Event::IssueUpdated { issue, fields } = &page.events[0].event else { panic!("{page:?}") };
    assert_eq!((issue.number.get(), &fields[0].before), (7, &FieldState::Value(old.to_string())));
}

#[test]
fn a_checkpoint_loses_no_event() {
    let home = Home::with(&["one"]);
    let store = home.open();
    apply(&store, vec![create("two")]).unwrap();
    home.checkpoint(&store);
    fs::remove_file(home.state().join("journal")).unwrap();
    let told = page(&RepoStore::open(home.path(), RepoOptions::default()).unwrap(), Position::Oldest);
    assert_eq!(names(&told), ["issue.created"; 2]);
}

#[test]
fn stats_count_what_can_be_read() {
    let home = Home::with(&["one", "two"]);
    home.apply(vec![Operation::Delete { target: number(2).into(), expected: None }]).unwrap();
    let log = home.state().join("events/log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("issue.created", "issue.creAted", 1)).unwrap();
    let store = home.open();
    let stats = block_on(store.event_stats()).unwrap();
    assert_eq!((stats.events, stats.groups, stats.damaged), (3, 2, 1));
    let page = page(&store, Position::Oldest);
    assert_eq!((page.events.len(), page.damaged), (3, 1));
    assert!(block_on(store.events(Position::After(page.next), 1)).unwrap().events.is_empty());
}

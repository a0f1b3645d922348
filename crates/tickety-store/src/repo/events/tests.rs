use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use pollster::block_on;
use tempfile::TempDir;
use tickety_core::event::Event;
use tickety_core::operation::{Draft, Operation};
use tickety_core::query::{Moment, Query};

use super::log::STRIDE;
use super::*;
use crate::repo::os::fault;
use crate::repo::{RepoOptions, init};
use crate::storage::{Batch, BatchMode, IssueStorage as _, Request};

fn home() -> TempDir {
    fault::revive();
    fault::fail_syncs(false);
    fault::set_boot(1);
    let dir = tempfile::tempdir().unwrap();
    init(dir.path(), "T").unwrap();
    dir
}

fn open(home: &TempDir) -> RepoStore {
    RepoStore::open(home.path(), RepoOptions { lock_wait: Duration::ZERO, ..RepoOptions::default() }).unwrap()
}

fn create(home: &TempDir, titles: &[&str]) -> Result<(), StorageError> {
    let operations = titles.iter().map(|title| Operation::Create(Box::new(Draft::new(*title)))).collect();
    block_on(open(home).apply(Batch::new(operations, None, Timestamp::UNIX_EPOCH))).map(drop)
}

fn told(home: &TempDir, from: Position) -> EventPage {
    block_on(open(home).events(from, MAX_EVENTS)).unwrap()
}

/// The titles of the issues that were made, in the order of the events.
fn titles(page: &EventPage) -> Vec<String> {
    let made = page.events.iter().map(|logged| match &logged.event {
        Event::IssueCreated { title, .. } => Some(title.clone()),
        Event::BatchCommitted { .. } => None,
        other => panic!("{other:?}"),
    });
    made.flatten().collect()
}

fn listed(home: &TempDir) -> Vec<String> {
    let moment = Moment { now: Timestamp::UNIX_EPOCH, zone: jiff::tz::TimeZone::UTC, me: None };
    let query = Query::parse("sort:number-asc", &Schema::default()).unwrap();
    let page = block_on(open(home).list(&query, &moment)).unwrap();
    page.issues.into_iter().map(|issue| issue.title).collect()
}

#[test]
fn a_writer_that_dies_anywhere_leaves_one_group_for_what_it_wrote() {
    let mut died = 0;
    for steps in 0.. {
        for restart in [false, true] {
            let home = home();
            create(&home, &["one"]).unwrap();
            let cursor = told(&home, Position::Newest).next;
            fault::die_after(steps);
            let written = create(&home, &["two", "three"]);
            died += usize::from(fault::revive());
            if restart {
                fault::set_boot(2);
            }
            assert!(titles(&told(&home, Position::After(cursor))).len() != 1, "half a group after {steps} steps");
            create(&home, &["four"]).unwrap();
            let told = told(&home, Position::Oldest);
            assert_eq!(titles(&told), listed(&home), "after {steps} steps");
            assert!(written.is_err() || titles(&told).len() == 4, "after {steps} steps");
            if !restart && written.is_ok() && died < 2 * steps as usize {
                assert!(died > 20, "{died}");
                return;
            }
        }
    }
}

#[test]
fn a_request_whose_writer_died_is_done_once() {
    let request = || Request::new("key", [1; 16]).unwrap();
    let send = |home: &TempDir| {
        let operations = vec![Operation::Create(Box::new(Draft::new("once")))];
        let batch = Batch::new(operations, None, Timestamp::UNIX_EPOCH).once(Some(request()));
        block_on(open(home).submit(batch, BatchMode::Atomic))
    };
    for steps in 0.. {
        for restart in [false, true] {
            let home = home();
            create(&home, &["before"]).unwrap();
            fault::die_after(steps);
            let first = send(&home);
            let died = fault::revive();
            if restart {
                fault::set_boot(2);
                // Nothing but the journal was synced.
                let _ = fs::remove_dir_all(open(&home).layout().requests());
            }
            let again = send(&home).unwrap();
            assert_eq!(listed(&home), ["before", "once"], "after {steps} steps");
            if let Ok(first) = first {
                assert_eq!((again.outcomes, again.replayed), (first.outcomes, true), "after {steps} steps");
                if restart && !died {
                    return;
                }
            }
        }
    }
}

#[test]
fn only_so_many_requests_are_remembered() {
    let home = home();
    for number in 0..8 {
        let operations = vec![Operation::Create(Box::new(Draft::new("one")))];
        let request = Request::new(&number.to_string(), [0; 16]).unwrap();
        let batch = Batch::new(operations, None, Timestamp::UNIX_EPOCH).once(Some(request));
        let store = open(&home);
        block_on(store.submit(batch, BatchMode::Atomic)).unwrap();
        store.maintain(Timestamp::from_second(3600).unwrap()).unwrap();
    }
    let kept = fs::read_dir(open(&home).layout().requests()).unwrap().count();
    assert_eq!(kept, requests::REMEMBERED);
    let recalled = |key| block_on(open(&home).recall(&Request::new(key, [0; 16]).unwrap())).unwrap().is_some();
    assert!(recalled("7") && !recalled("0"));
}

#[test]
fn what_a_power_cut_took_from_the_log_is_told_again_under_other_numbers() {
    let home = home();
    create(&home, &["one"]).unwrap();
    let log = current(&home);
    let durable = fs::read(&log).unwrap();
    create(&home, &["two"]).unwrap();
    let seen = told(&home, Position::Newest).next;
    fs::write(&log, &durable[..durable.len() - 1]).unwrap();
    fault::set_boot(2);
    let again = told(&home, Position::After(seen));
    assert!(again.next.sequence > STRIDE, "{:?}", again.next);
    assert_eq!(titles(&again), ["one", "two"]);
    assert_eq!(titles(&told(&home, Position::Oldest)), ["one", "two"]);
}

fn current(home: &TempDir) -> std::path::PathBuf {
    open(home).layout().events().join("log")
}

#[test]
fn half_a_line_is_cut_off_and_its_number_is_not_given_again() {
    let home = home();
    create(&home, &["one"]).unwrap();
    let log = current(&home);
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("{text}0123456789abcdef {{\"sequ")).unwrap();
    let page = told(&home, Position::Oldest);
    assert_eq!((titles(&page), page.damaged), (vec!["one".to_owned()], 0));
    create(&home, &["two"]).unwrap();
    let page = told(&home, Position::After(page.next));
    assert_eq!((titles(&page), page.next.sequence, page.damaged), (vec!["two".to_owned()], STRIDE, 0));
}

#[test]
fn a_log_whose_beginning_is_lost_is_put_aside() {
    let home = home();
    create(&home, &["one"]).unwrap();
    let cursor = told(&home, Position::Newest).next;
    let log = current(&home);
    fs::write(&log, "no log").unwrap();
    create(&home, &["two"]).unwrap();
    assert_eq!(fs::read_to_string(log.with_extension("damaged-1")).unwrap(), "no log");
    assert!(block_on(open(&home).events(Position::After(cursor), 1)).is_err());
    // What the journal has is told again.
    assert_eq!(titles(&told(&home, Position::Oldest)), ["one", "two"]);
}

#[test]
fn a_log_is_read_across_its_files_and_keeps_what_it_promises() {
    let home = home();
    let long = "x".repeat(900);
    let mut cursor = told(&home, Position::Newest).next;
    let first = {
        create(&home, &["first"]).unwrap();
        told(&home, Position::Newest).next
    };
    for round in 0..60 {
        create(&home, &[&*format!("{round} {long}"), "b", "c"]).unwrap();
        let page = told(&home, Position::After(cursor));
        assert_eq!(page.events.len(), if round == 0 { 5 } else { 4 }, "round {round}");
        cursor = page.next;
    }
    let kept = told(&home, Position::Oldest).events.len() as u64;
    assert!((KEPT_EVENTS..KEPT_EVENTS * 2).contains(&kept), "{kept}");
    let gone = block_on(open(&home).events(Position::After(first), 1)).unwrap_err();
    let StorageError::EventsGone { oldest, .. } = gone else { panic!("{gone}") };
    assert_eq!(told(&home, Position::After(oldest)).events.len() as u64, kept);
    let last = told(&home, Position::Last(50));
    assert_eq!(
        (last.events.len(), &last.events),
        (50, &told(&home, Position::Oldest).events[kept as usize - 50..].to_vec())
    );
    assert_eq!(told(&home, Position::Last(1_000_000)).events.len() as u64, kept);
    assert_eq!(told(&home, Position::Last(0)), told(&home, Position::Newest));
    let stats = block_on(open(&home).event_stats()).unwrap();
    assert_eq!((stats.events, stats.groups, stats.damaged), (kept, kept / 4, 0));
}

#[test]
fn a_process_that_died_between_two_files_keeps_nobody_from_anything() {
    let home = home();
    create(&home, &["one"]).unwrap();
    let log = current(&home);
    let header = fs::read_to_string(&log).unwrap().lines().next().unwrap().to_owned();
    let next: line::Header = line::read(header.as_bytes()).unwrap();
    let transaction = Some(told(&home, Position::Oldest).events[0].group.to_string());
    let mut text = String::new();
    line::push(&mut text, &line::Header { first: 2, transaction, ..next });
    fs::write(crate::repo::state::unfinished(&log), text).unwrap();
    // As it is between the two renames.
    fs::rename(&log, log.with_file_name(format!("{:020}.1.log", 1))).unwrap();
    assert_eq!(titles(&told(&home, Position::Oldest)), ["one"]);
    create(&home, &["two"]).unwrap();
    assert_eq!(titles(&told(&home, Position::Oldest)), ["one", "two"]);
}

#[test]
fn events_behind_a_file_that_can_not_be_read_are_not_told_as_if_none_were_missing() {
    let home = home();
    let files = || log::full_files_of(&open(&home).layout);
    while files().len() < 3 {
        create(&home, &["one"]).unwrap();
    }
    let begun = told(&home, Position::Oldest).events[0].cursor;
    fs::write(&files()[1], "no log").unwrap();
    let gone = block_on(open(&home).events(Position::After(begun), 1)).unwrap_err();
    assert!(matches!(gone, StorageError::EventsGone { .. }), "{gone}");
    let findings = open(&home).doctor(false).unwrap();
    assert_eq!(findings.iter().map(|found| found.check.as_str()).collect::<Vec<_>>(), ["events"], "{findings:?}");
}

/// Replaces the log by events that an issue was deleted, with these numbers.
fn replace_log(home: &TempDir, first: u64, numbers: &[u64]) {
    let mut text = String::new();
    line::push(&mut text, &line::Header { events: line::FORMAT, epoch: 7, first, transaction: None });
    for number in numbers {
        let issue = "1-k3f9";
        let event = serde_json::json!({"type": "issue.deleted", "issue": issue, "title": number.to_string()});
        let at = Timestamp::UNIX_EPOCH;
        let (sequence, group) = (*number, format!("g{number}"));
        line::push(&mut text, &line::Line { sequence, group, place: 1, of: 1, after: None, at, actor: None, event });
    }
    let directory = open(home).layout.events();
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("log"), text).unwrap();
}

#[test]
fn no_number_is_too_high_to_go_on() {
    for (first, numbers) in [(1, &[1, u64::MAX][..]), (u64::MAX, &[u64::MAX]), (1, &[0]), (0, &[1])] {
        let home = home();
        replace_log(&home, first, numbers);
        for position in [Position::Oldest, Position::Newest, Position::Last(1)] {
            block_on(open(&home).events(position, 10)).unwrap();
        }
        fs::write(open(&home).layout.events().join("0.18446744073709551615.log"), "").unwrap();
        create(&home, &["one"]).unwrap();
        let page = told(&home, Position::Last(1));
        assert_eq!(titles(&page), ["one"]);
        assert!(page.next.sequence < u64::MAX / 2);
    }
}

#[test]
fn a_number_that_was_told_before_is_damage() {
    let home = home();
    replace_log(&home, 1, &[1, 2, 2, 1, 3]);
    let page = told(&home, Position::Oldest);
    let numbers: Vec<u64> = page.events.iter().map(|event| event.cursor.sequence).collect();
    assert_eq!((numbers, page.damaged), (vec![1, 2, 3], 2));
}

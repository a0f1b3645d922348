use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use pollster::block_on;
use tempfile::TempDir;
use tickety_core::event::EventType;
use tickety_core::operation::{Draft, Operation};

use super::*;
use crate::events::Position;
use crate::repo::store::RepoOptions;
use crate::storage::{Batch, IssueStorage as _};

/// Whatever takes longer has failed.
const BOUND: Duration = Duration::from_secs(60);

fn home() -> (TempDir, Arc<RepoStore>) {
    let temp = tempfile::tempdir().unwrap();
    crate::repo::init(temp.path(), "TIK").unwrap();
    let options = RepoOptions { freshness: Some(FreshnessMode::Shards), ..RepoOptions::default() };
    let store = Arc::new(RepoStore::open(temp.path(), options).unwrap());
    (temp, store)
}

fn create(store: &RepoStore, title: &str) -> std::path::PathBuf {
    let operations = vec![Operation::Create(Box::new(Draft::new(title.to_owned())))];
    let outcome = block_on(store.apply(Batch::new(operations, None, store.now()))).unwrap();
    store.layout().root.join(&outcome.outcomes[0].path)
}

fn start(store: &Arc<RepoStore>, poll: bool) -> (Watcher, Receiver<Looked>) {
    let (sender, looks) = channel();
    let watcher = Watcher::start(Arc::clone(store), poll, move |looked| {
        sender.send(looked).ok();
    })
    .unwrap();
    assert!(looks.recv_timeout(BOUND).unwrap().whole, "it begins with a look at everything");
    (watcher, looks)
}

/// Waits until the log tells of so many changes from outside.
fn wait_for(store: &Arc<RepoStore>, looks: &Receiver<Looked>, count: usize) {
    let log = Arc::clone(store).told();
    loop {
        let events = block_on(log.events(Position::Oldest, 1000)).unwrap().events;
        let outside = events.iter().filter(|logged| logged.event.event_type() == EventType::ExternalChanged).count();
        if outside >= count {
            assert_eq!(outside, count);
            return;
        }
        looks.recv_timeout(BOUND).expect("the watcher looks");
    }
}

#[test]
fn an_edit_in_place_is_noticed_although_directories_do_not_show_it() {
    for poll in [false, true] {
        let (_temp, store) = home();
        let path = create(&store, "before");
        let (watcher, looks) = start(&store, poll);
        assert_eq!(watcher.status().mode, if poll { WatchMode::Polling } else { WatchMode::Notices });
        assert_eq!(watcher.status().reason.is_some(), poll);
        let text = fs::read_to_string(&path).unwrap().replace("before", "after!");
        fs::write(&path, text).unwrap();
        wait_for(&store, &looks, 1);
    }
}

#[test]
fn what_polling_finds_may_have_waited_since_the_look_before() {
    let (_temp, store) = home();
    let path = create(&store, "before");
    let (watcher, looks) = start(&store, true);
    assert!(watcher.status().waiting.is_some(), "nobody knows what has changed since");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("before", "after!")).unwrap();
    let found = std::iter::from_fn(|| looks.recv_timeout(BOUND).ok()).find(|looked| looked.lag.is_some());
    assert!(found.expect("it is found").whole);
}

#[test]
fn directories_that_come_later_are_watched() {
    let (_temp, store) = home();
    let (_watcher, looks) = start(&store, false);
    assert!(!store.layout().issues.join("000").exists());
    let path = create(&store, "before");
    // What it writes itself is no change from outside. Once it has been looked at, the directory is watched.
    while !looks.recv_timeout(BOUND).unwrap().whole {}
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("before", "after!")).unwrap();
    wait_for(&store, &looks, 1);
}

#[test]
fn what_a_watcher_waits_for_it_no_longer_does_when_dropped() {
    let (_temp, store) = home();
    let (watcher, looks) = start(&store, false);
    drop(watcher);
    while looks.try_recv().is_ok() {}
    assert!(looks.recv().is_err(), "the thread is gone");
    assert_eq!(Arc::strong_count(&store), 1);
}

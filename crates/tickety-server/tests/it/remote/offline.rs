//! Answers from the cache: confirmed by the server, or given without it.

use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use tickety_api::ErrorCode;
use tickety_api::client::{ManualClock, Remote, RemoteOptions};
use tickety_core::ident::IssueNumber;
use tickety_core::issue::LinkKind;
use tickety_core::operation::{Change, Draft, Operation};
use tickety_core::query::{Moment, Query};

use tickety_server::guard::Policy;
use tickety_server::{Project, Server};
use tickety_store::{Batch, EventLog as _, IssueStorage as _, MemoryStore, Position, StorageError};

use super::world::{Served, now};

fn number(number: u32) -> IssueNumber {
    IssueNumber::new(number).unwrap()
}

fn write(remote: &Remote, operations: Vec<Operation>) {
    block_on(remote.apply(Batch::new(operations, None, now()))).unwrap();
}

fn made(titles: &[&str]) -> Vec<Operation> {
    titles.iter().map(|title| Operation::Create(Box::new(Draft::new(*title)))).collect()
}

fn retitled(issue: u32, title: &str) -> Operation {
    let changes = vec![Change::Title(title.to_owned())];
    Operation::Update { target: number(issue).into(), expected: None, changes }
}

fn title(remote: &Remote, issue: u32) -> Result<String, StorageError> {
    Ok(block_on(remote.get(number(issue).into()))?.issue.title)
}

fn moment() -> Moment {
    Moment { now: now(), zone: jiff::tz::TimeZone::UTC, me: None }
}

fn count_listed(remote: &Remote) -> Result<usize, StorageError> {
    Ok(block_on(remote.list(&Query::default(), &moment()))?.issues.len())
}

#[test]
fn what_is_known_is_only_confirmed() {
    let served = Served::memory();
    let remote = served.remote();
    write(&remote, made(&["One"]));
    served.taken();
    for _ in 0..3 {
        assert_eq!(title(&remote, 1).unwrap(), "One");
        assert_eq!(count_listed(&remote).unwrap(), 1);
    }
    assert_eq!(served.taken(), (6, vec![200, 200, 304, 304, 304, 304]));
    assert_eq!(remote.outdated(), None);
}

#[test]
fn what_others_wrote_is_seen_at_once() {
    let served = Served::memory();
    let (remote, other) = (served.remote(), served.remote());
    write(&remote, made(&["One"]));
    assert_eq!(title(&remote, 1).unwrap(), "One");
    write(&other, vec![retitled(1, "Uno")]);
    assert_eq!(title(&remote, 1).unwrap(), "Uno");
}

#[test]
fn without_the_server_answers_are_given_from_the_cache_with_their_age() {
    let mut served = Served::memory();
    let clock = Arc::new(ManualClock::new());
    let remote = served.remote_with(RemoteOptions { clock: Some(Arc::clone(&clock) as _), ..served.options() });
    write(&remote, made(&["One", "Two"]));
    assert_eq!((title(&remote, 1).unwrap(), count_listed(&remote).unwrap()), ("One".to_owned(), 2));
    let log = block_on(remote.events(Position::Oldest, 10)).unwrap();
    let asked = jiff::Timestamp::try_from(tickety_api::client::Clock::now(&*clock)).unwrap();
    clock.advance(Duration::from_secs(300));
    served.stop();
    served.taken();
    assert_eq!((title(&remote, 1).unwrap(), count_listed(&remote).unwrap()), ("One".to_owned(), 2));
    assert_eq!(block_on(remote.events(Position::Oldest, 10)).unwrap(), log);
    let outdated = remote.take_outdated().unwrap();
    assert_eq!((outdated.url.as_str(), outdated.as_of), (served.url().as_str(), asked));
    let told = outdated.to_string();
    assert!(told.starts_with(&format!("as of 5 minutes ago: cannot reach {}: ", served.url())), "{told}");
    assert_eq!(remote.outdated(), None);
    // What was never asked for isn't known.
    let unknown = title(&remote, 2).unwrap_err();
    assert!(matches!(&unknown, StorageError::Unreachable { url, .. } if *url == served.url()), "{unknown}");
    assert_eq!((ErrorCode::from(&unknown).exit_status(), served.taken().0), (19, 0));
    // It is asked again when some time has passed.
    served.start();
    clock.advance(Duration::from_secs(6));
    remote.take_outdated();
    assert_eq!(title(&remote, 1).unwrap(), "One");
    assert_eq!((remote.outdated(), served.taken()), (None, (1, vec![304])));
}

#[test]
fn a_server_that_hangs_is_waited_for_no_longer_than_an_answer_is_worth() {
    let mut served = Served::memory();
    let patience = Duration::from_millis(50);
    let remote = served.remote_with(RemoteOptions { patience, ..served.options() });
    write(&remote, made(&["One"]));
    assert_eq!(title(&remote, 1).unwrap(), "One");
    served.stop();
    // It takes connections, and nobody answers.
    let address = served.url().trim_start_matches("http://").to_owned();
    let _hanging = std::net::TcpListener::bind(address).unwrap();
    assert_eq!(title(&remote, 1).unwrap(), "One");
    assert!(remote.outdated().is_some_and(|outdated| outdated.reason == "it did not answer in time"));
}

#[test]
fn without_the_server_nothing_is_written() {
    let mut served = Served::memory();
    let remote = served.remote();
    write(&remote, made(&["One"]));
    assert_eq!(title(&remote, 1).unwrap(), "One");
    served.stop();
    let refused = block_on(remote.apply(Batch::new(vec![retitled(1, "Uno")], None, now()))).unwrap_err();
    assert!(matches!(refused, StorageError::Unreachable { .. }), "{refused}");
    assert_eq!(title(&remote, 1).unwrap(), "One");
}

#[test]
fn who_does_not_want_old_answers_gets_none() {
    let mut served = Served::memory();
    let remote = served.remote_with(RemoteOptions { offline: false, ..served.options() });
    write(&remote, made(&["One"]));
    assert_eq!(title(&remote, 1).unwrap(), "One");
    served.stop();
    assert!(matches!(title(&remote, 1), Err(StorageError::Unreachable { .. })));
    assert_eq!(remote.outdated(), None);
}

#[test]
fn a_write_makes_forget_what_shows_its_issues_and_keeps_the_others() {
    let mut served = Served::memory();
    let remote = served.remote();
    write(&remote, made(&["One", "Two", "Three"]));
    let link = Change::AddLink { kind: LinkKind::BlockedBy, target: number(1).into() };
    write(&remote, vec![Operation::Update { target: number(2).into(), expected: None, changes: vec![link] }]);
    for issue in [1, 2, 3] {
        title(&remote, issue).unwrap();
    }
    assert_eq!(count_listed(&remote).unwrap(), 3);
    write(&remote, vec![retitled(1, "Uno")]);
    served.stop();
    assert_eq!(title(&remote, 3).unwrap(), "Three");
    // Two shows the title of One, and a list may show anything.
    assert!(title(&remote, 1).is_err() && title(&remote, 2).is_err() && count_listed(&remote).is_err());
}

#[test]
fn the_next_process_starts_with_what_this_one_knew() {
    let mut served = Served::memory();
    let folder = tempfile::tempdir().unwrap();
    let options = || RemoteOptions { cache: Some(folder.path().to_owned()), ..served.options() };
    let first = served.remote_with(options());
    write(&first, made(&["One"]));
    assert_eq!(title(&first, 1).unwrap(), "One");
    drop(first);
    served.taken();
    let second = served.remote_with(options());
    assert_eq!((title(&second, 1).unwrap(), served.taken()), ("One".to_owned(), (1, vec![304])));
    let stranger = RemoteOptions { token: Some("tky_x".to_owned()), ..options() };
    drop(second);
    served.stop();
    let third = served.remote_with(RemoteOptions { cache: Some(folder.path().to_owned()), ..served.options() });
    assert_eq!(title(&third, 1).unwrap(), "One");
    assert!(third.outdated().is_some());
    // Nobody gets what was told to somebody else.
    assert!(title(&served.remote_with(stranger), 1).is_err());
    #[cfg(unix)]
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = std::os::unix::fs::MetadataExt::mode(&entry.unwrap().metadata().unwrap());
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn a_refusal_is_never_covered_up() {
    let store = Arc::<MemoryStore>::default();
    let project = || Arc::new(Project::new("main", Arc::clone(&store) as _, Arc::clone(&store) as _).unwrap());
    let open = Served::of(Server::new(now).project(project()));
    let folder = tempfile::tempdir().unwrap();
    let options = || RemoteOptions { cache: Some(folder.path().to_owned()), ..open.options() };
    let remote = open.remote_with(options());
    write(&remote, made(&["One"]));
    assert_eq!(title(&remote, 1).unwrap(), "One");
    drop(remote);
    let closed =
        open.replaced_by(Server::new(now).project(project()).policy(Policy { open: false, ..Policy::default() }));
    let remote = Remote::new(options_at(&closed, folder.path())).unwrap();
    let refused = title(&remote, 1).unwrap_err();
    assert!(matches!(&refused, StorageError::Remote { code, .. } if code == "unauthenticated"), "{refused}");
    assert_eq!((ErrorCode::from(&refused).exit_status(), remote.outdated()), (18, None));
    // An issue that is gone is gone, whatever it was.
    let other = Served::over(Arc::clone(&store) as _, Arc::clone(&store) as _);
    let remote = other.remote();
    assert_eq!(title(&remote, 1).unwrap(), "One");
    block_on(store.apply(Batch::new(
        vec![Operation::Delete { target: number(1).into(), expected: None }],
        None,
        now(),
    )))
    .unwrap();
    assert!(matches!(title(&remote, 1), Err(StorageError::NotFound { .. })));
}

fn options_at(served: &Served, folder: &std::path::Path) -> RemoteOptions {
    RemoteOptions { cache: Some(folder.to_owned()), ..served.options() }
}

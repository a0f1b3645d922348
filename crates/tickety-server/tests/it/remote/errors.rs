//! What is wrong is the same at both ends.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pollster::block_on;
use tickety_api::ErrorCode;
use tickety_api::client::{Remote, RemoteOptions};
use tickety_core::ident::{IssueId, IssueKey, IssueNumber, IssueSelector, Version};
use tickety_core::issue::{Kind, LinkKind, PartParseError, Status};
use tickety_core::operation::{ContestedField, FieldState, OperationError};
use tickety_core::query::FieldName;
use tickety_store::{EventCursor, MemoryStore, RecordProblem, StorageError};

use super::world::Served;

fn key() -> IssueKey {
    let number = IssueNumber::new(42).unwrap();
    IssueKey { number, suffix: id().suffix() }
}

fn id() -> IssueId {
    "01a200d8-3742-7220-a839-7b1dcdaf6e78".parse().unwrap()
}

fn refused(source: OperationError) -> StorageError {
    StorageError::Refused { index: 3, source }
}

/// An error of every sort that is about issues and requests, and some about places.
fn errors() -> Vec<StorageError> {
    let selector = IssueSelector::from(key());
    let (expected, actual) = (Version::new([1; 16]), Version::new([2; 16]));
    let cursor = EventCursor { epoch: 7, sequence: 9 };
    let (word, texts) = (|text: &str| text.to_owned(), |text: &str| vec![text.to_owned()]);
    let state = |text: &str| FieldState::Value(text.to_owned());
    let field = ContestedField {
        field: FieldName::Title,
        base: FieldState::Absent,
        ours: state("a"),
        theirs: FieldState::List(texts("b")),
    };
    let source = PartParseError::FieldValue { text: word("x"), expected: word("a number") };
    vec![
        StorageError::NotFound { selector },
        StorageError::NotFound { selector: IssueSelector::Id(id()) },
        StorageError::Ambiguous { selector, candidates: vec![(key(), word("One"))] },
        StorageError::Unreadable { problem: RecordProblem { path: word("a.md"), line: Some(3), message: word("bad") } },
        StorageError::Conflict { key: key(), expected, actual },
        StorageError::FieldConflict { key: key(), fields: vec![field] },
        StorageError::Git { message: word("git says no") },
        StorageError::NumbersExhausted { count: 2 },
        StorageError::BatchTooLarge { count: 3, limit: 2 },
        StorageError::NumberTaken { number: key().number, key: key() },
        StorageError::LastNumber { number: key().number },
        StorageError::BadCursor,
        StorageError::EventsGone { cursor, oldest: EventCursor { sequence: 11, ..cursor } },
        StorageError::KeyReused { key: word("k"), at: super::world::now() },
        StorageError::RefusedBefore { message: word("no") },
        StorageError::Interrupted,
        StorageError::Locked { message: word("held by 7") },
        refused(OperationError::Text { what: "the title", problem: word("is empty") }),
        refused(OperationError::TooMany { what: "custom fields", limit: 200 }),
        refused(OperationError::UnknownStatus { status: Status::new("x"), known: texts("open") }),
        refused(OperationError::UnknownKind { kind: Kind::new("x"), known: texts("bug") }),
        refused(OperationError::ClosureOfOpen { status: Status::new("open") }),
        refused(OperationError::NotClosed { issue: key() }),
        refused(OperationError::FieldKey { key: word("A") }),
        refused(OperationError::FieldValue { key: word("n"), source }),
        refused(OperationError::SelfLink { issue: key() }),
        refused(OperationError::Cycle { kind: LinkKind::Parent, walk: vec![key(), key()] }),
        refused(OperationError::IdTaken { id: id() }),
        refused(OperationError::NotCreated { index: 1 }),
        refused(OperationError::NeedsFailed { index: 1, reason: word("no") }),
        refused(OperationError::NoTarget { selector }),
        refused(OperationError::AmbiguousTarget { selector, candidates: vec![key()] }),
    ]
}

/// Errors that are about the place where the issues lie: told in words.
fn errors_of_places() -> Vec<StorageError> {
    let io = || std::io::Error::other("not today");
    vec![
        StorageError::HomeReadOnly { path: "x".into(), source: io() },
        StorageError::StateReadOnly { path: "x".into(), source: io() },
        StorageError::NoSpace { action: "write", path: "x".into() },
        StorageError::Damaged { path: "x".into(), message: "bad".into() },
        StorageError::Overtaken { path: "x".into() },
        StorageError::Pending { path: "x".into(), message: "full".into(), is_full: true },
        StorageError::HomeMoved { path: "x".into() },
        StorageError::Io { action: "read", path: "x".into(), source: io() },
    ]
}

/// A log that fails.
struct Failing(Mutex<Vec<StorageError>>);

#[async_trait]
impl tickety_store::EventLog for Failing {
    async fn events(&self, _: tickety_store::Position, _: usize) -> Result<tickety_store::EventPage, StorageError> {
        Err(self.0.lock().unwrap().pop().unwrap())
    }

    async fn event_stats(&self) -> Result<tickety_store::EventStats, StorageError> {
        Err(self.0.lock().unwrap().pop().unwrap())
    }
}

fn over_http(errors: Vec<StorageError>) -> Vec<StorageError> {
    let count = errors.len();
    let failing = Arc::new(Failing(Mutex::new(errors.into_iter().rev().collect())));
    let served = Served::over(Arc::<MemoryStore>::default(), failing);
    let remote = served.remote_with(RemoteOptions { retries: 0, ..served.options() });
    (0..count).map(|_| block_on(tickety_store::EventLog::event_stats(&remote)).unwrap_err()).collect()
}

#[test]
fn errors_about_issues_and_requests_come_back_as_they_were() {
    for (sent, got) in errors().into_iter().zip(over_http(errors())) {
        assert_eq!(format!("{got:?}"), format!("{sent:?}"));
    }
}

#[test]
fn errors_about_places_keep_code_text_and_exit_status() {
    for (sent, got) in errors_of_places().into_iter().zip(over_http(errors_of_places())) {
        assert!(matches!(got, StorageError::Remote { .. }), "{got:?}");
        assert_eq!((ErrorCode::from(&got), got.to_string()), (ErrorCode::from(&sent), sent.to_string()));
    }
}

/// Answers one connection with these bytes, and returns its address.
fn stranger(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        assert!(stream.read(&mut head).unwrap() > 0);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    url
}

#[test]
fn what_is_no_tickety_is_told_so() {
    for (answer, code, says) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "unreachable", "answers with 404"),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi",
            "unreachable",
            "not as Tickety does",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            "internal",
            "isn't understood",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "unreachable", "answers with 502"),
    ] {
        let url = stranger(answer);
        let remote = Remote::new(RemoteOptions { retries: 0, ..RemoteOptions::new(&url) }).unwrap();
        let error = block_on(tickety_store::IssueStorage::problems(&remote)).unwrap_err();
        assert_eq!(ErrorCode::from(&error).as_str(), code, "{error}");
        assert!(error.to_string().contains(says) && error.to_string().contains(&url), "{error}");
    }
}

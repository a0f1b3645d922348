//! The log of events.

use std::fs;

use pollster::block_on;
use tempfile::TempDir;
use tickety_core::event::Event;
use tickety_core::operation::{Draft, Operation};
use tickety_store::repo::{RepoStore, fuzzing};
use tickety_store::{Batch, EventCursor, EventLog as _, FreshnessMode, IssueStorage as _, LoggedEvent, Position};

use super::{home, now};

/// What a line begins with that names the file which the lines behind it are in.
const FILE: u8 = b'@';

thread_local! {
    static TEMPLATE: TempDir = template();
}

/// Makes a home that has been used, so that opening a copy is quick.
fn template() -> TempDir {
    let folder = home::folder();
    home::init(folder.path());
    let store = home::open(folder.path(), FreshnessMode::Verify);
    create(&store, "there before").expect("an empty home takes writes");
    folder
}

fn create(store: &RepoStore, title: &str) -> Result<(), String> {
    let operation = Operation::Create(Box::new(Draft::new(title)));
    let written = block_on(store.apply(Batch::new(vec![operation], None, now())));
    written.map(drop).map_err(|error| error.to_string())
}

/// Opens a home that has these lines for a log, those of JSON with the right hash before them. They are told in order or
/// counted as damaged; what happens next is appended and told, and no cursor comes to mean another event.
pub fn event_log(bytes: &[u8]) {
    let folder = home::folder();
    TEMPLATE.with(|template| home::copy(template.path(), folder.path()));
    let store = home::open(folder.path(), FreshnessMode::Verify);
    let directory = store.layout().events();
    drop(fs::remove_dir_all(&directory));
    fs::create_dir_all(&directory).expect("the folder is writable");
    for (name, content) in files(bytes) {
        fs::write(directory.join(name), content).expect("the folder is writable");
    }
    drop(block_on(store.event_stats()));
    let before = read(&store, Position::Oldest);
    for position in [Position::Newest, Position::Last(2), Position::After(EventCursor { epoch: 7, sequence: 3 })] {
        drop(block_on(store.events(position, 10)));
    }
    if create(&store, "made now").is_err() {
        return;
    }
    let Ok((before, end)) = before else { return };
    match read(&store, Position::After(end)) {
        Ok((new, _)) => {
            assert!(new.iter().any(is_new), "what was written isn't told behind {end}");
            let (all, _) = read(&store, Position::Oldest).expect("a part can be read");
            for event in &before {
                if let Some(same) = all.iter().find(|same| same.cursor == event.cursor) {
                    assert_eq!(same, event, "a cursor came to mean another event");
                }
            }
        }
        Err(_) => {
            let (all, _) = read(&store, Position::Oldest).expect("what was written to can be read");
            assert!(all.iter().any(is_new), "what was written isn't told");
        }
    }
}

fn is_new(event: &LoggedEvent) -> bool {
    matches!(&event.event, Event::IssueCreated { title, .. } if title == "made now")
}

/// Reads page after page. What is told is in order.
fn read(store: &RepoStore, from: Position) -> Result<(Vec<LoggedEvent>, EventCursor), String> {
    let mut events: Vec<LoggedEvent> = Vec::new();
    let mut from = from;
    loop {
        let page = block_on(store.events(from, 3)).map_err(|error| error.to_string())?;
        for event in page.events {
            let last = events.last().map_or(0, |last| last.cursor.sequence);
            assert!(last < event.cursor.sequence, "{} comes after {last}", event.cursor.sequence);
            events.push(event);
        }
        if !page.more {
            return Ok((events, page.next));
        }
        assert_ne!(Position::After(page.next), from, "a page that leads nowhere");
        from = Position::After(page.next);
    }
}

/// Takes the input apart into files.
fn files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("log".to_owned(), Vec::new())];
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some((&FILE, name)) = content.split_first() {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
            if name.iter().all(is_plain) && name.first().is_some_and(u8::is_ascii_digit) && name.len() < 60 {
                files.push((String::from_utf8_lossy(name).into_owned(), Vec::new()));
                continue;
            }
        }
        let Some((_, file)) = files.last_mut() else { continue };
        if content.starts_with(b"{") && line.ends_with(b"\n") {
            file.extend(fuzzing::event_line(content));
        } else {
            file.extend_from_slice(line);
        }
    }
    files
}

//! The journal.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use pollster::block_on;
use tempfile::TempDir;
use tickety_core::operation::{Draft, Operation};
use tickety_core::query::Query;
use tickety_store::repo::files::HomeDir;
use tickety_store::repo::journal::{Journal, JournalError, JournalStatus, verify};
use tickety_store::repo::lock::{LockOptions, WriteLock};
use tickety_store::repo::recovery::{recover, salvage};
use tickety_store::repo::{Layout, fuzzing};
use tickety_store::{Batch, EventLog as _, FreshnessMode, IssueStorage as _, Position};

use super::{home, moment, now};

/// What separates the pages of an input: each part begins at a page.
const SEPARATOR: &[u8] = b"\n==\n";

/// What is done besides reading, by the bits of the last byte.
const AS_IT_IS: u8 = 1;
const WITHOUT_MARK: u8 = 2;
const WHOLE_STORE: u8 = 4;
const APPLIED: u8 = 0xf0;

/// Opens a home that has these bytes for a journal, with right sums unless the last byte says otherwise, and recovers.
/// It is refused or read; nothing outside the home changes; recovering again does nothing, and the home takes writes.
pub fn journal(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_last() else { return };
    let mut journal = Vec::new();
    for (place, part) in parts(bytes).into_iter().enumerate() {
        if place > 0 {
            journal.resize(journal.len().next_multiple_of(fuzzing::PAGE), 0);
        }
        journal.extend_from_slice(part);
    }
    let scene = Scene::new();
    if choice & AS_IT_IS == 0 {
        fuzzing::journal(&mut journal);
    }
    scene.write(&scene.layout.journal(), &journal);
    if choice & WITHOUT_MARK == 0 {
        let applied = u64::from((choice & APPLIED) >> 4) * fuzzing::PAGE as u64;
        scene.write(&scene.layout.journal_mark(), &fuzzing::mark(&journal, applied));
    }
    if choice & WHOLE_STORE == 0 {
        scene.recover()
    } else {
        scene.open()
    }
    scene.check_outside();
}

/// Cuts an input at its separators.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
        parts.push(&rest[..at]);
        rest = &rest[at + SEPARATOR.len()..];
    }
    parts.push(rest);
    parts
}

/// A home with two issues, a directory and a record that are links to outside of it, and what is there.
struct Scene {
    folder: TempDir,
    layout: Layout,
}

const ISSUE: &str = "---\ntitle: One\nid: 01a1fc01-c5a8-7c3e-9b1d-0000000a0602\ncreated: 2026-11-21T02:48:57Z\n---\n";

impl Scene {
    fn new() -> Self {
        let folder = home::folder();
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        for folder in [&root, &outside] {
            fs::create_dir(folder).expect("the folder is new");
        }
        home::init(&root);
        let layout = Layout::new(root, None);
        let scene = Self { folder, layout };
        let shard = scene.layout.issues.join("000");
        scene.write(&shard.join("000001-m1g2.md"), ISSUE.as_bytes());
        scene.write(&shard.join("000002-m1g2.md"), ISSUE.replace("One", "Two").as_bytes());
        scene.write(&outside.join("000003-m1g2.md"), b"outside");
        let links = symlink(&outside, scene.layout.issues.join("007"))
            .and_then(|()| symlink(outside.join("000003-m1g2.md"), shard.join("000003-m1g2.md")));
        links.expect("links can be made");
        scene
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        fs::create_dir_all(path.parent().expect("files lie in directories")).expect("the folder is writable");
        fs::write(path, bytes).expect("the folder is writable");
    }

    /// Recovers with the journal alone.
    fn recover(&self) {
        drop(verify(&self.layout));
        drop(JournalStatus::read(&self.layout));
        let home = HomeDir::open(&self.layout).expect("the home is there");
        let lock = WriteLock::acquire(&self.layout, &LockOptions::new("fuzz")).expect("nobody else writes");
        let recovered = Journal::open(&self.layout, &lock)
            .and_then(|mut journal| recover(&mut journal, &home).map(|report| (journal, report)));
        let mut journal = match recovered {
            Ok((journal, _)) => journal,
            Err(JournalError::Damaged { .. }) => {
                match salvage(&self.layout, &lock, &home) {
                    Ok(_) => {}
                    Err(error @ JournalError::Damaged { .. }) => panic!("it stands in the way for ever: {error}"),
                    Err(error) => return drop(error.to_string()),
                }
                Journal::open(&self.layout, &lock).expect("a damaged journal was put away")
            }
            Err(error) => return drop(error.to_string()),
        };
        let again = recover(&mut journal, &home).expect("what was recovered can be recovered");
        assert!(again.redone.is_empty(), "recovering again wrote {:?}", again.redone);
        let path = "issues/000/000004-m1g2.md".parse().expect("it is a path");
        let begun = journal.begin(&home, now()).and_then(|mut transaction| {
            transaction.put(&path, None, ISSUE.as_bytes())?;
            transaction.commit()
        });
        match begun {
            Ok(committed) => drop(journal.apply(&home, committed).expect("a new file can be written")),
            Err(error) => drop(error.to_string()),
        }
        journal.checkpoint(&home).expect("all is applied");
        assert!(!JournalStatus::read(&self.layout).expect("it was just written").needs_recovery);
    }

    /// Opens the home as a command does.
    fn open(&self) {
        let store = home::open(&self.layout.root, FreshnessMode::Verify);
        let moment = moment();
        let ask = || {
            drop(block_on(store.list(&Query::default(), &moment)));
            drop(block_on(store.events(Position::Oldest, 100)));
        };
        let write = |title: &str| {
            let operation = Operation::Create(Box::new(Draft::new(title)));
            block_on(store.apply(Batch::new(vec![operation], None, now())))
        };
        ask();
        if let Err(error) = write("written beside it") {
            drop(error.to_string());
        }
        drop(store.doctor(false));
        drop(store.doctor(true));
        ask();
    }

    /// Checks that nothing but the home was written.
    fn check_outside(&self) {
        let names = |path: &Path| {
            let entries = fs::read_dir(path).expect("the folder is there");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("it can be read").file_name()).collect();
            names.sort();
            names
        };
        let outside = self.folder.path().join("outside");
        assert_eq!(names(self.folder.path()), ["outside", "root"]);
        assert_eq!(names(&self.layout.root), [".tickety"]);
        assert_eq!(names(&outside), ["000003-m1g2.md"]);
        let content = fs::read(outside.join("000003-m1g2.md")).expect("it is still there");
        assert_eq!(content, b"outside");
    }
}

//! Opening what is there: an index, another's index, or something that is none.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;
use tickety_core::query::Query;
use tickety_core::query::arbitrary::schema;

use super::{built_at, fingerprint, moment, plain_issue, record};
use crate::repo::index::{FORMAT, Fingerprint, Index, IndexError, Opened, RebuildReason};

fn reason(path: &Path, fingerprint: &Fingerprint) -> Option<RebuildReason> {
    match Index::open(path, fingerprint).unwrap() {
        Opened::Ready(_) => None,
        Opened::Rebuild(reason) => Some(reason),
    }
}

fn ready(path: &Path) -> Index {
    match Index::open(path, &fingerprint()).unwrap() {
        Opened::Ready(index) => index,
        Opened::Rebuild(reason) => panic!("{reason:?}"),
    }
}

#[test]
fn an_index_serves_only_under_what_it_was_made_under() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    assert_eq!(reason(&path, &fingerprint()), Some(RebuildReason::Missing));
    drop(built_at(&path, &[plain_issue(1)]));
    assert_eq!(reason(&path, &fingerprint()), None);
    let rebooted = Fingerprint { boot: "another".to_owned(), ..fingerprint() };
    assert_eq!(reason(&path, &rebooted), Some(RebuildReason::Reboot));
    let mut configured = schema();
    configured.statuses.pop();
    assert_eq!(reason(&path, &Fingerprint::new(&configured, "boot")), Some(RebuildReason::Config));
    for (format, expected) in [
        (FORMAT - 1, RebuildReason::Older { format: FORMAT - 1 }),
        (FORMAT + 1, RebuildReason::Newer { format: FORMAT + 1 }),
    ] {
        Connection::open(&path).unwrap().execute("UPDATE meta SET format = ?1", [format]).unwrap();
        assert_eq!(reason(&path, &fingerprint()), Some(expected));
    }
}

#[test]
fn an_index_that_something_else_changed_is_made_again() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let spoil = || {
        // Where a text lies, which SQLite doesn't notice.
        let mut bytes = fs::read(&path).unwrap();
        let place = bytes.windows(7).position(|bytes| bytes == b"Issue 1").unwrap();
        bytes[place + 1] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    let mut index = built_at(&path, &[plain_issue(1)]);
    assert_eq!(reason(&path, &fingerprint()), None);
    let schema = schema();
    let mut written = index.write(&schema).unwrap();
    written.put_issue(&plain_issue(2), &record(&plain_issue(2))).unwrap();
    written.commit().unwrap();
    assert_eq!(reason(&path, &fingerprint()), None);
    drop(index.write(&schema).unwrap());
    assert_eq!(reason(&path, &fingerprint()), None);
    spoil();
    assert!(matches!(reason(&path, &fingerprint()), Some(RebuildReason::Damaged { .. })));
    // Who has it open doesn't cover it up.
    assert!(matches!(index.write(&schema), Err(IndexError::Damaged { .. })));
    // A note of an earlier transaction says nothing; what is shown has a sum of its own.
    fs::remove_file(temp.path().join("index.db-seal")).unwrap();
    let shown = ready(&path).list(&Query::default(), &moment());
    assert!(matches!(shown, Err(IndexError::Damaged { .. })), "{shown:?}");
}

#[test]
fn a_transaction_that_was_rolled_back_is_no_change_from_outside() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    drop(built_at(&path, &[plain_issue(1)]));
    // As a writer leaves it that is killed while it writes its pages out.
    let sound = fs::read(&path).unwrap();
    let killed = Connection::open(&path).unwrap();
    killed.execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE meta SET twins = 7; CREATE TABLE more (x);").unwrap();
    let many =
        "INSERT INTO more WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000) SELECT x FROM n";
    killed.execute_batch(many).unwrap();
    let [torn, journal] = ["index.db", "index.db-journal"].map(|name| fs::read(temp.path().join(name)).unwrap());
    assert_ne!(torn, sound);
    drop(killed);
    fs::write(temp.path().join("index.db-journal"), journal).unwrap();
    fs::write(&path, torn).unwrap();
    for _ in 0..2 {
        assert_eq!(reason(&path, &fingerprint()), None);
        assert_eq!(ready(&path).status().unwrap().issues, 1);
    }
}

#[test]
fn another_format_is_told_by_its_first_column_alone() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE meta (format, anything); INSERT INTO meta VALUES (99, 'else');").unwrap();
    assert_eq!(reason(&path, &fingerprint()), Some(RebuildReason::Newer { format: 99 }));
}

#[test]
fn what_is_no_index_is_replaced_by_one() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let foreign = |path: &Path| {
        let other = Connection::open(path).unwrap();
        other.execute_batch("CREATE TABLE bookmarks (url); INSERT INTO bookmarks VALUES ('x');").unwrap();
    };
    let cases: [&dyn Fn(&Path); 4] = [
        &|path| {
            fs::write(path, "not a database at all, but some text that is long enough to be looked at\n".repeat(20))
                .unwrap()
        },
        &|path| fs::write(path, "").unwrap(),
        &foreign,
        &|path| {
            drop(built_at(path, &[plain_issue(1)]));
            let length = fs::metadata(path).unwrap().len();
            fs::File::options().write(true).open(path).unwrap().set_len(length / 2).unwrap();
        },
    ];
    for (case, spoil) in cases.into_iter().enumerate() {
        let _ = fs::remove_file(&path);
        spoil(&path);
        let damaged = match Index::open(&path, &fingerprint()).unwrap() {
            Opened::Rebuild(RebuildReason::Damaged { .. }) => true,
            // Half a file may open; what is missing is met on the way.
            Opened::Ready(index) => {
                index.list(&Query::default(), &moment()).is_err_and(|error| error.is_cured_by_rebuild())
            }
            Opened::Rebuild(reason) => panic!("{case}: {reason:?}"),
        };
        assert!(damaged, "{case}");
        drop(built_at(&path, &[plain_issue(1)]));
        assert_eq!(ready(&path).list(&Query::default(), &moment()).unwrap().issues.len(), 1, "{case}");
    }
    let mut left: Vec<_> = fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["index.db", "index.db-seal"], "nothing unfinished is left behind");
}

#[test]
fn damage_anywhere_is_an_error_and_never_a_panic() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let issues: Vec<_> = (1..=60).map(plain_issue).collect();
    drop(built_at(&path, &issues));
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(509) {
        let mut bytes = whole.clone();
        let end = (at + 64).min(bytes.len());
        bytes[at..end].fill(0x5a);
        fs::write(&path, &bytes).unwrap();
        let Ok(Opened::Ready(mut index)) = Index::open(&path, &fingerprint()) else { continue };
        let ask = |index: &Index, text: &str| {
            let query = Query::parse(text, &schema()).unwrap();
            index.list(&query, &moment()).map(drop)
        };
        let answers = [
            ask(&index, "is:any"),
            ask(&index, "issue"),
            ask(&index, "sort:title"),
            index.stats(&Query::default(), &moment()).map(drop),
            index.all_files().map(drop),
            index.link_ends(issues[7].key()).map(drop),
            index.problems().map(drop),
        ];
        for answer in answers {
            let is_told =
                |error: &IndexError| error.is_cured_by_rebuild() || matches!(error, IndexError::Sqlite { .. });
            assert!(answer.as_ref().err().is_none_or(is_told), "{at}: {answer:?}");
        }
        let schema = schema();
        if let Ok(mut writer) = index.write(&schema) {
            let _ = writer.put_issue(&plain_issue(7), &record(&plain_issue(7)));
            let _ = writer.commit();
        }
    }
}

#[test]
fn a_builder_that_is_dropped_leaves_the_old_index() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let old = built_at(&path, &[plain_issue(1)]);
    let mut builder = Index::build(&path, &schema(), &fingerprint()).unwrap();
    builder.put_issue(&plain_issue(2), &record(&plain_issue(2))).unwrap();
    drop(builder);
    assert_eq!(ready(&path).differences(&old, 5).unwrap(), []);
    // With what is noted of it.
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
}

#[test]
fn a_journal_left_by_a_killed_writer_is_not_taken_for_the_new_files() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let mut index = built_at(&path, &[plain_issue(1)]);
    // So few pages fit that some are written before the end.
    index.connection.pragma_update(None, "cache_size", 8).unwrap();
    let schema = schema();
    let mut writer = index.write(&schema).unwrap();
    (2..400).for_each(|number| writer.put_issue(&plain_issue(number), &record(&plain_issue(number))).unwrap());
    // As if killed in the middle: the file and its journal as they are on disk now.
    let killed = temp.path().join("killed");
    fs::create_dir(&killed).unwrap();
    let (copy, journal) = (killed.join("index.db"), killed.join("index.db-journal"));
    fs::copy(&path, &copy).unwrap();
    fs::copy(temp.path().join("index.db-journal"), &journal).unwrap();
    drop(writer);
    let (torn, hot) = (fs::read(&copy).unwrap(), fs::read(&journal).unwrap());
    assert_ne!(torn, fs::read(&path).unwrap());

    let rolled_back = ready(&copy);
    assert_eq!(rolled_back.differences(&index, 5).unwrap(), [], "whoever opens it next rolls it back");
    drop(rolled_back);

    fs::write(&copy, &torn).unwrap();
    fs::write(&journal, &hot).unwrap();
    drop(built_at(&copy, &[plain_issue(1), plain_issue(2)]));
    assert!(!journal.exists());
    assert_eq!(ready(&copy).list(&Query::default(), &moment()).unwrap().issues.len(), 2);
}

#[test]
fn an_index_that_cant_be_written_still_answers() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    drop(built_at(&path, &[plain_issue(1)]));
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let mut index = ready(&path);
    assert_eq!(index.list(&Query::default(), &moment()).unwrap().issues.len(), 1);
    // The superuser writes what is read-only.
    if index.is_read_only() {
        let schema = schema();
        let refused = index.write(&schema).map(drop).unwrap_err();
        assert!(matches!(refused, IndexError::ReadOnly { .. }), "{refused}");
    }
}

#[test]
fn a_writer_learns_that_the_index_was_replaced() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let mut old = built_at(&path, &[plain_issue(1)]);
    drop(built_at(&path, &[plain_issue(1), plain_issue(2)]));
    let schema = schema();
    let write = |index: &mut Index| -> Result<(), IndexError> {
        let mut writer = index.write(&schema)?;
        writer.put_issue(&plain_issue(3), &record(&plain_issue(3)))?;
        writer.commit().map(drop)
    };
    let refused = write(&mut old).unwrap_err();
    assert!(matches!(refused, IndexError::Replaced { .. }), "{refused}");
    write(&mut ready(&path)).unwrap();
    assert_eq!(ready(&path).list(&Query::default(), &moment()).unwrap().issues.len(), 3);
}

#[test]
fn a_reader_sees_whole_transactions_only() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("index.db");
    let mut index = built_at(&path, &[plain_issue(1)]);
    let reader = ready(&path);
    let schema = schema();
    let mut writer = index.write(&schema).unwrap();
    writer.put_issue(&plain_issue(2), &record(&plain_issue(2))).unwrap();
    assert_eq!(reader.list(&Query::default(), &moment()).unwrap().issues.len(), 1);
    writer.commit().unwrap();
    assert_eq!(reader.list(&Query::default(), &moment()).unwrap().issues.len(), 2);
    assert_eq!(reader.status().unwrap().generation, 2);
}

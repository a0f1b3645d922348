//! Issues that can't be read are neither missing nor made again.

#![expect(clippy::disallowed_methods, reason = "a test that root can't make runs in a process of somebody else")]

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pollster::block_on;
use tickety_core::IssueNumber;
use tickety_core::issue::LinkKind;
use tickety_core::operation::{Change, Draft, Operation};
use tickety_store::repo::Check;
use tickety_store::{FreshnessMode, Identity, IssueStorage as _, RecordProblem, StorageError};

use crate::home::{Home, get, list, number, titles, update};

const ID: &str = "0199a3b2-1111-7000-8000-000000000021";

/// Makes a home with an issue that another tracker knows, and one that it doesn't.
fn home() -> (Home, [Identity; 2]) {
    let home = Home::new();
    let draft = Draft { references: ["beads:bd-4".to_owned()].into(), ..Draft::new("known") };
    home.apply(vec![Operation::Create(Box::new(draft)), Operation::Create(Box::new(Draft::new("own")))]).unwrap();
    let own = get(&home.open(), 2).unwrap().issue.id;
    let known = Identity { id: ID.parse().unwrap(), reference: Some("beads:bd-4".to_owned()) };
    (home, [known, Identity { id: own, reference: None }])
}

fn find(home: &Home, wanted: &[Identity]) -> Result<Vec<Option<PathBuf>>, StorageError> {
    let path = |problem: RecordProblem| home.path().join(problem.path);
    let found = block_on(home.open().find_unreadable(wanted))?;
    Ok(found.into_iter().map(|problem| problem.map(path)).collect())
}

#[test]
fn a_damaged_record_is_found_by_its_name_and_by_what_stands_in_it() {
    let (home, wanted) = home();
    assert_eq!(find(&home, &wanted).unwrap(), [None, None]);
    let (known, own) = (home.record(1), home.record(2));
    home.edit(1, "title: known", "<<<<<<< ours\ntitle: known\n=======\ntitle: k\n>>>>>>> theirs");
    assert_eq!(find(&home, &wanted).unwrap(), [Some(known.clone()), None]);
    fs::write(&own, "").unwrap();
    assert_eq!(find(&home, &wanted).unwrap(), [Some(known.clone()), Some(own.clone())]);
    // Under another name, its id still stands in it.
    let name = own.file_name().unwrap().to_string_lossy().into_owned();
    let renamed = own.with_file_name(name.replace("000002", "000009").replace(&name[7..11], "zzzz"));
    fs::write(&own, format!("---\nid: {}\ntitle: own\n---\n", wanted[1].id)).unwrap();
    fs::rename(&own, &renamed).unwrap();
    assert_eq!(find(&home, &wanted).unwrap(), [Some(known), Some(renamed)]);
}

#[test]
fn where_nothing_can_be_told_nothing_is_said_to_be_missing() {
    let (home, wanted) = home();
    let record = home.record(1);
    fs::remove_file(&record).unwrap();
    symlink("elsewhere", &record).unwrap();
    assert!(
        matches!(find(&home, &wanted[..1]), Err(StorageError::Unreadable { problem }) if record.ends_with(&problem.path))
    );
    assert_eq!(find(&home, &wanted[1..]).unwrap(), [None], "its name would tell");
    let shard = record.parent().unwrap();
    fs::rename(shard, home.path().join("moved")).unwrap();
    symlink(home.path().join("moved"), shard).unwrap();
    assert!(
        matches!(find(&home, &wanted[1..]), Err(StorageError::Unreadable { problem }) if shard.ends_with(&problem.path))
    );
    let error = get(&home.open(), 2).unwrap_err();
    assert!(matches!(&error, StorageError::Unreadable { problem } if shard.ends_with(&problem.path)), "{error}");
}

#[test]
fn an_id_whose_record_is_damaged_is_taken() {
    let (home, wanted) = home();
    fs::write(home.record(2), "").unwrap();
    let again = Draft { id: Some(wanted[1].id), ..Draft::new("again") };
    let error = home.apply(vec![Operation::Create(Box::new(again))]).unwrap_err();
    assert!(matches!(error, StorageError::Unreadable { .. }), "{error}");
    assert_eq!(home.records().len(), 2);
}

#[test]
fn a_number_whose_record_is_damaged_is_taken() {
    let (home, _) = home();
    fs::write(home.record(2), "").unwrap();
    let renumbered = home.open().renumber(&[(number(1), IssueNumber::new(2))], (None, jiff::Timestamp::UNIX_EPOCH));
    assert!(matches!(renumbered, Err(StorageError::Unreadable { .. })), "{renumbered:?}");
    let draft = Draft { number: IssueNumber::new(2), ..Draft::new("other") };
    let outcome = home.apply(vec![Operation::Create(Box::new(draft))]).unwrap();
    assert_eq!(outcome.outcomes[0].key.number.get(), 3);
    assert_eq!((titles(&home.open(), ""), list(&home.open(), "").problems), (vec!["other".into(), "known".into()], 1));
}

#[test]
fn what_hides_records_is_counted_wherever_problems_are() {
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let (home, _) = home();
        let counts = |home: &Home| {
            let store = home.open_with(Some(mode));
            let page = list(&store, "");
            let problems = block_on(store.problems()).unwrap();
            assert_eq!(problems.len(), page.problems as usize, "{mode}: {problems:?}");
            assert_eq!(store.index_status().unwrap().status.problems, u64::from(page.problems), "{mode}");
            assert_eq!(store.verify_index().unwrap(), [], "{mode}");
            (page.issues.len(), problems.len())
        };
        assert_eq!(counts(&home), (2, 0), "{mode}");
        // A record that never was one, a comment of the other issue, and what is none by its name.
        let record = home.record(1);
        let shard = record.parent().unwrap().to_owned();
        symlink(&record, shard.join("000007-0000.md")).unwrap();
        fs::create_dir(shard.join(format!("{}_20261101T120000Z-0011.md", record.file_stem().unwrap().display())))
            .unwrap();
        fs::write(shard.join("notes.txt"), "mine").unwrap();
        assert_eq!(counts(&home), (2, 2), "{mode}");
        fs::remove_file(shard.join("000007-0000.md")).unwrap();
        assert_eq!(counts(&home), (2, 1), "{mode}");
        // A directory of records that is none hides them all, and is one problem.
        let aside = home.path().join("aside");
        fs::rename(&shard, &aside).unwrap();
        symlink(&aside, &shard).unwrap();
        assert_eq!(counts(&home), (0, 1), "{mode}");
        home.open().rebuild().unwrap();
        assert_eq!(counts(&home), (0, 1), "{mode}");
        fs::remove_file(&shard).unwrap();
        fs::rename(&aside, &shard).unwrap();
        assert_eq!(counts(&home), (2, 1), "{mode}");
    }
}

#[test]
fn a_record_in_the_wrong_directory_hides_its_issue_and_is_looked_for_only_once_that_is_missed() {
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let (home, wanted) = home();
        let link = Change::AddLink { kind: LinkKind::BlockedBy, target: number(1).into() };
        home.apply(vec![update(number(2), vec![link])]).unwrap();
        let open = || home.open_with(Some(mode));
        assert_eq!(titles(&open(), "is:ready"), ["known"], "{mode}");
        let record = home.record(1);
        let elsewhere = record.parent().unwrap().with_file_name("004").join(record.file_name().unwrap());
        fs::create_dir(elsewhere.parent().unwrap()).unwrap();
        fs::rename(&record, &elsewhere).unwrap();
        let named = |result: Result<_, StorageError>| match result.map(|_: tickety_store::StoredIssue| ()) {
            Err(StorageError::Unreadable { problem }) => elsewhere.ends_with(problem.path),
            other => panic!("{mode}: {other:?}"),
        };
        assert!(named(get(&open(), 1)));
        let edited = home.apply(vec![update(number(1), vec![Change::Title("x".into())])]);
        assert!(matches!(edited, Err(StorageError::Unreadable { .. })), "{mode}: {edited:?}");
        let problems = |query| {
            let page = list(&open(), query);
            assert_eq!(open().verify_index().unwrap(), [], "{mode}");
            (page.issues.len(), page.problems)
        };
        assert_eq!(problems(""), (1, 1), "{mode}");
        assert_eq!(problems("is:ready"), (0, 1), "what it blocks still waits, {mode}");
        assert_eq!(find(&home, &wanted).unwrap(), [Some(elsewhere.clone()), None]);
        assert!(named(get(&open(), 1)));
        open().rebuild().unwrap();
        assert_eq!(problems("is:ready"), (0, 1), "{mode}");
        fs::rename(&elsewhere, &record).unwrap();
        assert_eq!(get(&open(), 1).unwrap().issue.title, "known");
        assert_eq!(problems("is:ready"), (1, 0), "{mode}");
    }
}

#[test]
fn a_record_that_went_from_the_wrong_directory_is_forgotten() {
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let (home, _) = home();
        let open = || home.open_with(Some(mode));
        let record = home.record(1);
        let own = record.parent().unwrap();
        let stray = own.join("004001-k3f9.md");
        fs::copy(&record, &stray).unwrap();
        // A look at the names alone doesn't pass it over.
        get(&open(), 2).unwrap();
        assert_eq!(list(&open(), "").problems, 1, "{mode}");
        fs::remove_file(&stray).unwrap();
        get(&open(), 2).unwrap();
        assert!(matches!(get(&open(), 4001), Err(StorageError::NotFound { .. })), "{mode}");
        assert_eq!(list(&open(), "").problems, 0, "{mode}");
        assert_eq!(open().verify_index().unwrap(), [], "{mode}");
    }
}

#[test]
fn the_index_is_the_same_brought_up_to_date_and_made_afresh_once_a_file_is_too_large() {
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let (home, _) = home();
        assert_eq!(titles(&home.open_with(Some(mode)), "").len(), 2);
        let record = home.record(1);
        fs::write(&record, vec![b'a'; 5_000_000]).unwrap();
        // Only an entry that comes or goes shows in the directory.
        fs::write(record.with_file_name("notes.txt"), "mine").unwrap();
        let _ = get(&home.open_with(Some(mode)), 1).unwrap_err();
        assert_eq!(list(&home.open_with(Some(mode)), "").problems, 1, "{mode}");
        assert_eq!(home.open_with(Some(mode)).verify_index().unwrap(), [], "{mode}");
    }
}

/// Runs a test in a process of its own as the user that owns nothing; `None` where that isn't called for, since
/// whoever runs it isn't root. Fails where nobody may not run this program.
fn run_as_nobody(test: &str) -> Option<io::Result<()>> {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("TMPDIR", folder.path()).uid(NOBODY).gid(NOBODY);
    let ran = command.output().map(|output| {
        let said = String::from_utf8_lossy(&output.stdout);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}{told}");
    });
    Some(ran)
}

#[test]
fn a_directory_that_may_not_be_listed_hides_no_others() {
    match run_as_nobody("unreadable::a_directory_that_may_not_be_listed_hides_no_others") {
        None => {}
        Some(Ok(())) => return,
        Some(Err(error)) => {
            eprintln!("skipped: root may list every directory, and nobody may not run this program: {error}");
            return;
        }
    }
    let lock = |shard: &Path, mode| fs::set_permissions(shard, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let (home, _) = home();
        let shard = home.record(1).parent().unwrap().to_owned();
        let other = shard.with_file_name("002");
        fs::create_dir(&other).unwrap();
        lock(&other, 0o000);
        if fs::read_dir(&other).is_ok() {
            eprintln!("skipped: this user may list every directory");
            return;
        }
        let counts = || {
            let store = home.open_with(Some(mode));
            let page = list(&store, "");
            assert_eq!(store.verify_index().unwrap(), [], "{mode}");
            (page.issues.len(), page.problems)
        };
        assert_eq!(counts(), (2, 1), "{mode}");
        let findings = home.open().doctor(false).unwrap();
        assert_eq!(findings.iter().map(|finding| finding.check).collect::<Vec<_>>(), [Check::Stray], "{findings:?}");
        // One that the index knows.
        lock(&shard, 0o000);
        assert_eq!(counts(), (0, 2), "{mode}");
        let error = get(&home.open_with(Some(mode)), 2).unwrap_err();
        assert!(matches!(&error, StorageError::Unreadable { problem } if shard.ends_with(&problem.path)), "{error}");
        lock(&shard, 0o755);
        lock(&other, 0o755);
        assert_eq!(counts(), (2, 0), "{mode}");
    }
}

#[test]
fn a_write_to_a_directory_that_may_not_be_searched_says_that_it_can_t_be_written() {
    match run_as_nobody("unreadable::a_write_to_a_directory_that_may_not_be_searched_says_that_it_can_t_be_written") {
        None => {}
        Some(Ok(())) => return,
        Some(Err(error)) => {
            eprintln!("skipped: root may search every directory, and nobody may not run this program: {error}");
            return;
        }
    }
    let (home, _) = home();
    let shard = home.record(1).parent().unwrap().to_owned();
    for (folder, mode) in [(&*shard, 0o000), (&*shard, 0o555), (shard.parent().unwrap(), 0o000)] {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        let made = home.apply(vec![Operation::Create(Box::new(Draft::new("new")))]);
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(made, Err(StorageError::HomeReadOnly { .. })), "{mode:o} {made:?}");
    }
    // What may not be searched is no home without a configuration.
    let folder = home.path().join(".tickety");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).unwrap();
    let opened = crate::home::open_at(home.path(), None);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(opened, Err(StorageError::Io { .. })), "{opened:?}");
}

#[test]
fn the_doctor_reports_a_state_that_can_not_be_read() {
    match run_as_nobody("unreadable::the_doctor_reports_a_state_that_can_not_be_read") {
        None => {}
        Some(Ok(())) => return,
        Some(Err(error)) => {
            eprintln!("skipped: root may read every file, and nobody may not run this program: {error}");
            return;
        }
    }
    let (home, _) = home();
    for (name, check) in [("journal", Check::Journal), ("journal.mark", Check::Journal), ("events/log", Check::Events)]
    {
        let path = home.state().join(name);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o000);
        for fix in [false, true] {
            let found = home.open().doctor(fix).unwrap();
            assert!(found.iter().any(|finding| finding.check == check), "{name} {fix}: {found:?}");
        }
        mode(0o644);
        assert_eq!(home.open().doctor(false).unwrap(), [], "{name}");
    }
}

/// Makes a home where issue 2 waits for issue 1.
fn waiting_home() -> Home {
    let home = Home::new();
    let blocked = Change::AddLink { kind: LinkKind::BlockedBy, target: number(1).into() };
    home.apply(["first", "waits"].map(|title| Operation::Create(Box::new(Draft::new(title)))).into()).unwrap();
    home.apply(vec![Operation::Update { target: number(2).into(), expected: None, changes: vec![blocked] }]).unwrap();
    home
}

#[test]
fn a_mended_record_is_seen_by_whoever_names_its_issue() {
    let rename = |home: &Home| {
        let changes = vec![Change::Title("renamed".to_owned())];
        home.apply(vec![Operation::Update { target: number(1).into(), expected: None, changes }]).map(drop)
    };
    let show = |home: &Home| get(&home.open(), 1).map(drop);
    let waits = |home: &Home| {
        let found = get(&home.open(), 2).unwrap().derived.links.into_iter().all(|end| end.target.is_some());
        found.then_some(()).ok_or(StorageError::NotFound { selector: number(1) })
    };
    type Look<'a> = &'a dyn Fn(&Home) -> Result<(), StorageError>;
    for look in [&show as Look<'_>, &rename, &waits] {
        let home = waiting_home();
        let record = home.record(1);
        let bytes = fs::read(&record).unwrap();
        fs::write(&record, "<<<<<<< ours\n").unwrap();
        look(&home).unwrap_err();
        fs::write(&record, bytes).unwrap();
        look(&home).unwrap();
        assert_eq!(home.open().verify_index().unwrap(), []);
    }
}

#[test]
fn a_blocker_that_cannot_be_read_blocks() {
    let home = waiting_home();
    let ready = || titles(&home.open(), "is:ready");
    let record = home.record(1);
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, "<<<<<<< ours\n").unwrap();
    assert_eq!((ready(), titles(&home.open(), "is:blocked")), (vec![], vec!["waits".to_owned()]));
    assert_eq!(home.open().verify_index().unwrap(), []);
    home.open().rebuild().unwrap();
    assert_eq!(ready(), Vec::<String>::new());
    fs::write(&record, text.replace("status: open", "status: closed\nreason: completed")).unwrap();
    assert_eq!(ready(), ["waits"]);
    fs::remove_file(&record).unwrap();
    assert_eq!(ready(), ["waits"], "a blocker that is gone blocks nothing");
    assert_eq!(home.open().verify_index().unwrap(), []);
}

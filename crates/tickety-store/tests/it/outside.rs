//! Edits by others are seen, and what can't be read hides nothing.

#![expect(clippy::disallowed_methods, reason = "a pipe is made, and git is the other program that edits")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use pollster::block_on;
use tickety_core::issue::LinkKind;
use tickety_core::operation::{Change, Draft, Operation};
use tickety_store::repo::lock::{LockOptions, WriteLock};
use tickety_store::repo::{Check, Remedy};
use tickety_store::{Effect, FreshnessMode, IssueStorage as _, Look, StorageError};

use crate::home::{Home, apply, create, get, list, moment, number, open_at, titles, update};

#[test]
fn an_edit_in_place_is_seen_by_a_verified_list() {
    let home = Home::with(&["one", "two"]);
    let store = home.open();
    assert_eq!(titles(&store, ""), ["two", "one"]);
    home.edit(1, "title: one", "title: uno");
    assert_eq!(titles(&store, ""), ["two", "uno"]);
    assert_eq!(titles(&home.open(), "uno"), ["uno"]);
    assert_eq!(titles(&home.open(), "one"), [""; 0]);
}

#[test]
fn an_edit_of_one_size_with_its_time_put_back_is_seen() {
    let home = Home::with(&["one"]);
    let store = home.open();
    for (from, to) in [("one", "two"), ("two", "six"), ("six", "ten")] {
        assert_eq!(titles(&store, ""), [from]);
        let modified = fs::metadata(home.record(1)).unwrap().modified().unwrap();
        home.edit(1, from, to);
        File::options().write(true).open(home.record(1)).unwrap().set_modified(modified).unwrap();
        assert_eq!(titles(&store, ""), [to]);
    }
}

#[test]
fn a_verified_list_that_finds_nothing_new_reads_no_file() {
    let home = Home::with(&["one", "two"]);
    // Written long enough ago that the state of the files proves their content.
    for path in home.records() {
        let past = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
    }
    let store = home.open();
    list(&store, "");
    let page = list(&store, "");
    assert_eq!((page.freshness.mode, page.freshness.checked, page.freshness.changed), (FreshnessMode::Verify, 2, 0));
}

#[test]
fn the_stamp_stays_while_only_states_of_files_change() {
    let home = Home::with(&["one", "two"]);
    let store = home.open();
    let stamp = |look| block_on(store.stamp(look)).unwrap().unwrap().stamp;
    list(&store, "");
    let first = stamp(Look::List(&[]));
    let text = fs::read(home.record(1)).unwrap();
    fs::write(home.record(1), &text).unwrap();
    let key = get(&store, 1).unwrap().issue.key();
    assert_eq!([stamp(Look::Issue { key, ends: &[] }), stamp(Look::List(&[]))], [first; 2]);
    home.edit(1, "title: one", "title: uno");
    assert_ne!(stamp(Look::List(&[])), first);
}

#[test]
fn a_store_that_does_not_look_answers_from_the_state_of_its_stamp() {
    let home = Home::with(&["one", "two"]);
    let store = std::sync::Arc::new(home.open_with(Some(FreshnessMode::Verify)));
    let unlooking = store.clone().without_looking().unwrap();
    let query = tickety_core::Query::parse("", &tickety_core::Schema::default()).unwrap();
    let moment = moment();
    let titles = || {
        let page = block_on(unlooking.list(&query, &moment)).unwrap();
        page.issues.into_iter().map(|issue| issue.title).collect::<Vec<_>>()
    };
    list(&store, "");
    home.edit(1, "title: one", "title: uno");
    assert_eq!(titles(), ["two", "one"]);
    let stamp = |store: &dyn tickety_store::IssueStorage, look| block_on(store.stamp(look)).unwrap().unwrap().stamp;
    let before = stamp(&*unlooking, Look::Nothing);
    assert_ne!(stamp(&*unlooking, Look::List(&[])), before);
    assert_eq!(titles(), ["two", "uno"]);
    assert_eq!(stamp(&*unlooking, Look::Nothing), stamp(&*store, Look::Nothing));
}

#[test]
fn files_that_come_go_and_move_are_seen_by_every_mode_but_trust() {
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let home = Home::with(&["one", "two"]);
        let store = home.open_with(Some(mode));
        assert_eq!(titles(&store, ""), ["two", "one"]);
        fs::remove_file(home.record(2)).unwrap();
        assert_eq!(titles(&store, ""), ["one"], "{mode}");
        assert!(matches!(get(&store, 2), Err(StorageError::NotFound { .. })));
        let path = home.record(1);
        let name = path.file_name().unwrap().to_string_lossy().replace("000001", "000007");
        fs::rename(&path, path.with_file_name(name)).unwrap();
        assert_eq!(get(&store, 7).unwrap().issue.title, "one", "{mode}");
        assert_eq!(list(&store, "").issues[0].key.number.get(), 7);
        let trusting = home.open_with(Some(FreshnessMode::Trust));
        fs::remove_file(home.record(7)).unwrap();
        assert_eq!(titles(&trusting, ""), ["one"]);
    }
}

#[test]
fn show_sees_edits_of_its_own_file_and_of_its_link_ends_in_every_mode_but_trust() {
    let home = Home::with(&["waiting", "blocker"]);
    let link = Change::AddLink { kind: LinkKind::BlockedBy, target: number(2).into() };
    home.apply(vec![update(number(1), vec![link])]).unwrap();
    for mode in [FreshnessMode::Verify, FreshnessMode::Shards] {
        let store = home.open_with(Some(mode));
        assert!(get(&store, 1).unwrap().derived.is_blocked());
        home.edit(2, "status: open", "status: closed");
        assert!(!get(&store, 1).unwrap().derived.is_blocked(), "{mode}");
        home.edit(2, "status: closed", "status: open");
        home.edit(1, "title: waiting", "title: expecting");
        let shown = get(&store, 1).unwrap();
        assert_eq!((shown.issue.title.as_str(), shown.derived.is_blocked()), ("expecting", true), "{mode}");
        home.edit(1, "title: expecting", "title: waiting");
    }
}

#[test]
fn a_comment_written_by_hand_is_part_of_the_issue() {
    let home = Home::with(&["one"]);
    let record = home.record(1);
    let stem = record.file_stem().unwrap().to_string_lossy().into_owned();
    let id = "0199a3b2-1111-7000-8000-000000000021";
    let path = record.with_file_name(format!("{stem}_20261101T120000Z-0011.md"));
    fs::write(&path, format!("---\nid: {id}\nauthor: bo\ncreated: 2026-11-01T12:00:00Z\n---\n\nby hand\n")).unwrap();
    let store = home.open();
    let comments = get(&store, 1).unwrap().issue.comments;
    assert_eq!((comments.len(), comments[0].body.as_str()), (1, "by hand"));
    assert_eq!(titles(&store, "comment:hand"), ["one"]);
}

#[test]
fn an_unreadable_record_is_reported_kept_and_hides_nothing() {
    let home = Home::with(&["good", "bad"]);
    let original = fs::read_to_string(home.record(2)).unwrap();
    let deep = format!("---\nx: {}1\n---\n", "[".repeat(10_000));
    let aliases = "---\na: &a [x]\nb: *a\n---\n".to_owned();
    let twice = original.replace("title: bad", "title: bad\ntitle: worse");
    let markers = original.replace("title: bad", "<<<<<<< HEAD\ntitle: bad\n=======\ntitle: b\n>>>>>>> other");
    let unclosed = original.replacen("---\n", "", 1).replacen("---\n", "", 1);
    let texts: [(&str, Vec<u8>); 7] = [
        ("deep nesting", deep.into_bytes()),
        ("aliases", aliases.into_bytes()),
        ("a key twice", twice.into_bytes()),
        ("merge markers", markers.into_bytes()),
        ("no closing line", format!("---\n{unclosed}").into_bytes()),
        ("bad UTF-8", [original.as_bytes(), b"\xff\xfe"].concat()),
        ("nothing", Vec::new()),
    ];
    let store = home.open();
    for (what, bytes) in texts {
        fs::write(home.record(2), &bytes).unwrap();
        let page = list(&store, "");
        let found: Vec<&str> = page.issues.iter().map(|issue| issue.title.as_str()).collect();
        assert_eq!((found, page.problems), (vec!["good"], 1), "{what}");
        let error = get(&store, 2).unwrap_err();
        assert!(
            matches!(&error, StorageError::Unreadable { problem } if problem.path.contains("000002-")),
            "{what}: {error}"
        );
        let change = vec![Change::Title("lost".to_owned())];
        assert!(apply(&store, vec![update(number(2), change)]).is_err(), "{what}");
        assert_eq!(fs::read(home.record(2)).unwrap(), bytes, "{what}");
        assert_eq!(block_on(store.problems()).unwrap().len(), 1, "{what}");
    }
    fs::write(home.record(2), original).unwrap();
    assert_eq!((titles(&store, ""), list(&store, "").problems), (vec!["bad".to_owned(), "good".to_owned()], 0));
}

#[test]
fn what_is_no_file_is_never_opened() {
    let home = Home::with(&["good", "bad"]);
    let store = home.open();
    assert_eq!(list(&store, "").issues.len(), 2);
    let path = home.record(2);
    let secret = home.path().join("secret");
    fs::write(&secret, "---\ntitle: secret\n---\n").unwrap();
    let replacements: [(&str, &dyn Fn()); 3] = [
        ("link", &|| symlink(&secret, &path).unwrap()),
        ("pipe", &|| assert!(Command::new("mkfifo").arg(&path).status().unwrap().success())),
        ("directory", &|| fs::create_dir(&path).unwrap()),
    ];
    for (what, replace) in replacements {
        let _ = fs::remove_file(&path);
        replace();
        assert_eq!(titles(&store, ""), ["good"], "{what}");
        let problems = block_on(store.problems()).unwrap();
        assert_eq!(problems.len(), 1, "{what}: {problems:?}");
        let error = get(&store, 2).unwrap_err();
        assert!(matches!(error, StorageError::Unreadable { .. }), "{what}: {error}");
    }
}

#[test]
fn a_record_of_a_hundred_megabytes_is_refused_by_its_size() {
    let home = Home::with(&["good", "huge"]);
    File::options().write(true).open(home.record(2)).unwrap().set_len(100 << 20).unwrap();
    let store = home.open();
    let page = list(&store, "");
    assert_eq!((page.issues.len(), page.problems), (1, 1));
    assert!(get(&store, 2).unwrap_err().to_string().contains("limit"));
}

#[test]
fn comments_without_their_issue_are_known_and_not_read_again() {
    for (mode, damage) in [FreshnessMode::Verify, FreshnessMode::Shards].into_iter().zip([None, Some("no comment")]) {
        let home = Home::with(&["one", "two"]);
        let said = || Change::AddComment(tickety_core::operation::DraftComment::new("said"));
        home.apply(vec![update(number(1), vec![said()]), update(number(2), vec![said()])]).unwrap();
        if let Some(damage) = damage {
            let is_comment = |path: &std::path::PathBuf| path.to_string_lossy().contains('_');
            fs::write(home.records().into_iter().find(is_comment).unwrap(), damage).unwrap();
        }
        let open = || home.open_with(Some(mode));
        assert_eq!(titles(&open(), ""), ["two", "one"], "{mode}");
        fs::remove_file(home.record_of("000001-")).unwrap();
        assert_eq!(titles(&open(), ""), ["two"], "{mode}");
        assert_eq!(open().verify_index().unwrap(), [], "{mode}");
        let problems = list(&open(), "").problems;
        assert_eq!(open().rebuild().unwrap().status.problems, u64::from(problems), "{mode}");
        // What was written a moment ago is read again until it is old enough to tell.
        let settles = (0..10_000).any(|_| list(&open(), "").freshness.changed == 0);
        assert!(settles, "{mode}: read again before every answer");
        assert_eq!(open().verify_index().unwrap(), [], "{mode}");
        assert_eq!(open().doctor(false).unwrap().iter().filter(|found| found.check == Check::Index).count(), 0);
    }
}

#[test]
fn a_number_of_two_issues_is_ambiguous_and_its_names_are_not() {
    let home = Home::with(&["ours"]);
    let path = home.record(1);
    let theirs = fs::read_to_string(&path).unwrap().replace("ours", "theirs");
    let id = theirs.lines().find(|line| line.starts_with("id: ")).unwrap().to_owned();
    let theirs = theirs.replace(&id, "id: 0199a3b2-1111-7000-8000-000000000000");
    fs::write(path.with_file_name("000001-0000.md"), theirs).unwrap();
    let store = home.open();
    assert_eq!(list(&store, "").issues.len(), 2);
    match get(&store, 1).unwrap_err() {
        StorageError::Ambiguous { candidates, .. } => {
            assert_eq!(candidates.iter().map(|(_, title)| title.as_str()).collect::<Vec<_>>().len(), 2);
            for (key, title) in candidates {
                assert_eq!(block_on(store.get(key.into())).unwrap().issue.title, title);
            }
        }
        other => panic!("{other}"),
    }
    let findings = store.doctor(false).unwrap();
    assert!(findings.iter().any(|finding| finding.check == Check::Number), "{findings:?}");
}

#[test]
fn the_doctor_tells_a_copy_from_a_record_with_another_name() {
    let home = Home::with(&["one", "two"]);
    let (one, key) = (home.record(1), home.key(1));
    let copy = one.with_file_name("000001-zzzz.md");
    let told = || -> Vec<(Check, String, String)> {
        let findings = home.open().doctor(false).unwrap().into_iter();
        findings.map(|finding| (finding.check, finding.subject, finding.message)).collect()
    };
    let about =
        |message: &str| vec![(Check::Record, ".tickety/issues/000/000001-zzzz.md".to_owned(), message.to_owned())];
    fs::copy(&one, &copy).unwrap();
    let is_copy = format!("line 3: is a copy of {key} under another name: delete it; `tickety new` makes issues");
    assert_eq!(told(), about(&is_copy));
    fs::remove_file(&one).unwrap();
    let name = one.file_name().unwrap().display();
    assert_eq!(told(), about(&format!("line 3: is {key} under another name: rename it to {name}")));
    // As it says.
    fs::rename(copy, &one).unwrap();
    assert_eq!(told(), []);
}

#[test]
fn unknown_keys_survive_every_edit() {
    let home = Home::with(&["one"]);
    home.edit(1, "title: one", "x-team: [a, b] # ours\ntitle: one");
    home.apply(vec![update(number(1), vec![Change::Title("two".to_owned()), Change::AddLabel("l".to_owned())])])
        .unwrap();
    let text = fs::read_to_string(home.record(1)).unwrap();
    assert!(text.contains("x-team: [a, b] # ours\ntitle: two\n"), "{text}");
}

#[test]
fn a_missing_damaged_or_foreign_index_is_made_afresh() {
    let home = Home::with(&["one", "two"]);
    let index = home.state().join("index.db");
    let good = fs::read(&index).unwrap();
    let mut flipped = good.clone();
    flipped[100..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("text", b"not a database, by any means".to_vec()),
        ("cut", good[..good.len() / 2].to_vec()),
        ("flipped", flipped),
    ] {
        fs::write(&index, bytes).unwrap();
        assert_eq!(titles(&home.open(), ""), ["two", "one"], "{what}");
        assert_eq!(home.open().verify_index().unwrap(), [], "{what}");
    }
    fs::remove_file(&index).unwrap();
    assert_eq!(titles(&home.open_with(Some(FreshnessMode::Trust)), ""), ["two", "one"]);
}

#[test]
fn without_a_writable_state_reads_answer_and_writes_say_what_to_allow() {
    let home = Home::with(&["one"]);
    fs::remove_dir_all(home.state()).unwrap();
    fs::write(home.state(), "in the way").unwrap();
    let store = home.open();
    assert_eq!(titles(&store, ""), ["one"]);
    assert_eq!(get(&store, 1).unwrap().issue.title, "one");
    let error = apply(&store, vec![create("two")]).unwrap_err();
    assert!(error.to_string().contains(".tickety/local"), "{error}");
    assert_eq!(home.records().len(), 1);
}

#[test]
fn a_held_lock_names_its_holder_and_stops_no_reader() {
    let home = Home::with(&["one"]);
    let store = home.open();
    let _held = WriteLock::acquire(store.layout(), &LockOptions::new("tickety import")).unwrap();
    let options = tickety_store::repo::RepoOptions { lock_wait: Duration::ZERO, ..Default::default() };
    let waiting = tickety_store::repo::RepoStore::open(home.path(), options).unwrap();
    let error = apply(&waiting, vec![create("two")]).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(matches!(error, StorageError::Locked { .. }));
    assert!(error.to_string().contains(&pid) && error.to_string().contains("tickety import"), "{error}");
    assert_eq!(titles(&waiting, ""), ["one"]);
    fs::remove_file(home.state().join("index.db")).unwrap();
    let fresh = tickety_store::repo::RepoOptions { lock_wait: Duration::ZERO, ..Default::default() };
    assert_eq!(titles(&tickety_store::repo::RepoStore::open(home.path(), fresh).unwrap(), ""), ["one"]);
}

#[test]
fn a_renumbered_issue_keeps_its_links_comments_and_old_name() {
    let home = Home::with(&["moved", "holder"]);
    let key = home.key(1);
    home.edit(1, "title: moved", "x-kept: yes\ntitle: moved");
    let link = Change::AddLink { kind: LinkKind::BlockedBy, target: number(1).into() };
    let comment = Change::AddComment(tickety_core::operation::DraftComment::new("said"));
    home.apply(vec![update(number(2), vec![link]), update(number(1), vec![comment])]).unwrap();
    let store = home.open();
    let now = jiff::Timestamp::from_second(1_790_000_100).unwrap();
    let moved = store.renumber(&[(number(1), None)], (None, now)).unwrap();
    assert_eq!((moved[0].from, moved[0].to.number.get(), moved[0].relinked.len()), (key, 3, 1));
    for selector in [number(1), key.into(), number(3)] {
        let stored = block_on(store.get(selector)).unwrap();
        assert_eq!((stored.issue.key(), stored.issue.comments.len()), (moved[0].to, 1));
    }
    assert!(fs::read_to_string(home.record_of("000003-")).unwrap().contains("x-kept: yes\n"));
    assert_eq!(get(&store, 2).unwrap().derived.links[0].name, moved[0].to.into());
    let taken = store.renumber(&[(number(2), tickety_core::IssueNumber::new(3))], (None, now)).unwrap_err();
    assert!(matches!(taken, StorageError::NumberTaken { .. }), "{taken}");
    assert_eq!(store.verify_index().unwrap(), []);
}

#[test]
fn the_doctor_mends_what_is_derived_and_touches_no_record() {
    let home = Home::with(&["one", "two"]);
    home.edit(1, "blocked-by:", "blocked-by: [\"9-zzzz\"]");
    home.edit(2, "status: open", "status: someday");
    let leftover = home.record(1).with_file_name(".tmp-000001.md");
    fs::write(&leftover, "half").unwrap();
    fs::write(home.record(1).with_file_name("notes.txt"), "mine").unwrap();
    let before: Vec<Vec<u8>> = [1, 2].map(|number| fs::read(home.record(number)).unwrap()).into();
    let checks = |fix| -> Vec<(Check, Remedy)> {
        home.open().doctor(fix).unwrap().into_iter().map(|finding| (finding.check, finding.remedy)).collect()
    };
    let manual = [(Check::Stray, Remedy::Manual), (Check::Vocabulary, Remedy::Manual), (Check::Link, Remedy::Manual)];
    assert_eq!(checks(false), [&[(Check::Leftover, Remedy::Fixable)][..], &manual].concat());
    assert_eq!(checks(true), [&[(Check::Leftover, Remedy::Fixed)][..], &manual].concat());
    assert_eq!(checks(false), manual);
    assert!(!leftover.exists());
    assert_eq!([1, 2].map(|number| fs::read(home.record(number)).unwrap()).to_vec(), before);
}

#[test]
fn worktrees_of_a_clone_share_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("main");
    let git = |at: &std::path::Path, arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(at)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    fs::create_dir(&main).unwrap();
    git(&main, &["init", "-q"]);
    tickety_store::repo::init(&main, "TIK").unwrap();
    let store = open_at(&main, None).unwrap();
    apply(&store, vec![create("one")]).unwrap();
    assert_eq!(git(&main, &["status", "--porcelain", "-uall"]).lines().count(), 3);
    git(&main, &["add", "."]);
    git(&main, &["commit", "-qm", "issues"]);
    let linked = dir.path().join("linked");
    git(&main, &["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    fs::create_dir(linked.join("deep")).unwrap();
    let other = open_at(&linked.join("deep"), None).unwrap();
    let outcome = apply(&other, vec![create("two")]).unwrap();
    assert_eq!((outcome.outcomes[0].key.number.get(), outcome.outcomes[0].effect), (2, Effect::Created));
    assert_eq!(apply(&store, vec![create("three")]).unwrap().outcomes[0].key.number.get(), 3);
    assert_eq!(titles(&store, ""), ["three", "one"]);
    assert_eq!(titles(&other, ""), ["two", "one"]);
    // What git brings in is seen like any other edit.
    git(&linked, &["add", "."]);
    git(&linked, &["commit", "-qm", "two"]);
    git(&main, &["merge", "-q", "side"]);
    assert_eq!(titles(&store, ""), ["three", "two", "one"]);
}

impl Home {
    fn record_of(&self, prefix: &str) -> std::path::PathBuf {
        let mut found = self.records();
        found.retain(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(prefix) && !name.contains('_')
        });
        found.remove(0)
    }
}

#[test]
fn an_imported_issue_that_is_edited_by_hand_is_as_old_as_its_file() {
    let home = Home::new();
    let imported = "2026-01-02T00:00:00Z".parse().ok();
    let created = "2026-01-01T00:00:00Z".parse().ok();
    let draft = Draft { created, imported_updated: imported, ..Draft::new("imported") };
    home.apply(vec![Operation::Create(Box::new(draft))]).unwrap();
    let updated = || get(&home.open(), 1).unwrap().derived.updated;
    assert_eq!(Some(updated()), imported);
    home.edit(1, "priority: medium", "priority: high");
    let written = fs::metadata(home.record(1)).unwrap().modified().unwrap();
    assert_eq!(updated(), Timestamp::try_from(written).unwrap());
    assert_eq!(titles(&home.open(), "updated:<2026-02-01"), Vec::<String>::new());
    // Put back, it is as it was imported.
    home.edit(1, "priority: high", "priority: medium");
    assert_eq!(Some(updated()), imported);
}

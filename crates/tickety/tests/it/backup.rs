//! Backups and what comes back from them.

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use crate::{home, json, small_home};

/// Makes a folder beside the working one and returns its name.
fn folder(env: &TestEnv, name: &str) -> String {
    let folder = env.home().join(name);
    std::fs::create_dir(&folder).expect("it isn't there");
    folder.to_str().expect("it is UTF-8").to_owned()
}

#[test]
fn a_home_is_the_same_after_it_came_back() {
    let env = small_home();
    let told = env.ok(&["backup", "../backup.tar"]);
    assert!(told.starts_with("../backup.tar: 4 issues, 1 comment, "), "{told}");
    let other = folder(&env, "other");
    assert_snapshot!(env.run(&["-C", &other, "restore", "--from", "../backup.tar", "--dry-run"]), @"
    created .tickety/.gitignore
    created .tickety/config.toml
    created .tickety/issues/000/000001-3fqb.md
    created .tickety/issues/000/000001-3fqb_21261121T120600Z-0wj1.md
    created .tickety/issues/000/000002-xfy8.md
    created .tickety/issues/000/000003-vct6.md
    created .tickety/issues/000/000004-ns3m.md
    --- standard error
    would be restored in [ROOT]/home/other: 7 files written, 0 removed, 0 unchanged
    the log of events comes from the backup: cursors of before are gone
    ");
    assert_eq!(std::fs::read_dir(&other).expect("it is there").count(), 0);
    env.ok(&["-C", &other, "restore", "--from", "../backup.tar", "-q"]);
    let exported = |folder: &str| env.ok(&["-C", folder, "export", "jsonl"]);
    assert_eq!(exported(&other), exported("."));
    assert_eq!(env.run(&["-C", &other, "doctor"]).status, 0);
    // Once more, there is nothing to do.
    assert_snapshot!(env.run(&["-C", &other, "restore", "--from", "../backup.tar"]), @"
    --- standard error
    restored in [ROOT]/home/other: 0 files written, 0 removed, 7 unchanged
    ");
}

#[test]
fn what_a_restore_does_is_told_first() {
    let env = small_home();
    env.ok(&["backup", "../backup.tar"]);
    env.ok(&["edit", "3", "--title", "Measure it"]);
    env.ok(&["new", "five"]);
    let answer = json(&env, &["restore", "--from", "../backup.tar", "--dry-run", "--exact", "--json"]);
    let effects: Vec<&str> =
        answer["data"]["files"].as_array().expect("a list").iter().filter_map(|file| file["effect"].as_str()).collect();
    assert_eq!(effects, ["replaced", "removed"]);
    assert_eq!(answer["data"]["new_home"], false);
    assert_snapshot!(env.run(&["restore", "--from", "../backup.tar"]), @"
    replaced .tickety/issues/000/000003-vct6.md
    stays .tickety/issues/000/000005-nezz.md
    --- standard error
    restored in [ROOT]/work: 1 file written, 0 removed, 6 unchanged
    what was replaced or removed is kept in the state directory, in `kept`
    what the backup doesn't have stays; --exact removes it
    ");
    assert_eq!(env.run(&["show", "5"]).status, 0);
    assert!(env.ok(&["show", "3"]).contains("Measure the cache"));
}

#[test]
fn a_backup_is_a_tar_archive_and_replaces_no_file() {
    let env = small_home();
    env.ok(&["backup", "../backup.tar", "-q"]);
    let names = env.call_program("tar", &["-tf", "../backup.tar"]);
    assert_eq!(names.status, 0, "{names}");
    let names: Vec<&str> = names.stdout.lines().collect();
    assert_eq!((names[0], names[names.len() - 1]), ("home/config.toml", "manifest.json"));
    assert!(names.contains(&"state/events/log"), "{names:?}");
    env.write("../unpacked/none", "");
    let unpacked = env.call_program("tar", &["-xf", "../backup.tar", "-C", "../unpacked"]);
    assert_eq!(unpacked.status, 0, "{unpacked}");
    assert_eq!(env.read("../unpacked/home/config.toml"), env.read(".tickety/config.toml"));
    assert_snapshot!(env.run(&["backup", "../backup.tar"]), @"
    --- standard error
    error: there is a file ../backup.tar already
    hint: --force replaces it
    --- status 2
    ");
    assert_snapshot!(env.run(&["backup", ".tickety/backup.tar"]), @"
    --- standard error
    error: .tickety/backup.tar lies in [ROOT]/work/.tickety, which holds what Tickety writes itself
    hint: name a file outside of it
    --- status 2
    ");
    assert_snapshot!(env.run(&["backup", ".."]), @"
    --- standard error
    error: .. is a folder
    hint: name a file that isn't there yet
    --- status 2
    ");
    assert_eq!(env.run(&["backup", "../backup.tar", "--force"]).status, 0);
    assert_eq!(json(&env, &["backup", "--json"])["data"]["issues"], 4);
}

#[test]
fn what_is_no_backup_is_refused() {
    let env = small_home();
    env.ok(&["backup", "../backup.tar"]);
    let path = env.work().join("../backup.tar");
    let whole = std::fs::read(&path).expect("it was written");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("it can be written");
    let before = env.files();
    assert_snapshot!(env.run(&["restore", "--from", "../backup.tar"]), @"
    --- standard error
    error: ../backup.tar is no backup that Tickety made, or it is damaged or not all there
    hint: nothing was changed: take another copy of the backup
    --- status 15
    ");
    assert_snapshot!(env.run(&["restore", "--from", "../missing.tar"]), @"
    --- standard error
    error: could not open ../missing.tar: No such file or directory (os error 2)
    --- status 14
    ");
    assert_eq!(env.run(&["restore", "--from", "../backup.tar", "3"]).status, 2);
    assert_eq!(env.run(&["restore", "--exact"]).status, 2);
    assert_eq!(env.files(), before);
}

#[test]
fn what_is_removed_can_be_put_back_whoever_wrote_it() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init", "-q"]);
    env.ok(&["backup", "../empty.tar"]);
    env.ok(&["new", "One", "--body", "Text."]);
    env.ok(&["comment", "1", "Said."]);
    env.git(&["add", "--all"]);
    env.git(&["commit", "--quiet", "--message", "Issues"]);
    // A clone has written nothing of what it has.
    env.git(&["clone", "--quiet", ".", "../copy"]);
    let issues = || env.call(&["export", "json"]).within("../copy").run().stdout;
    let before = issues();
    for removal in [&["restore", "--from", "../empty.tar", "--exact"][..], &["delete", "1", "--yes"]] {
        let done = env.call(removal).within("../copy").run();
        assert_eq!(done.status, 0, "{done}");
        assert_ne!(issues(), before);
        let done = env.call(&["restore", "--deleted"]).within("../copy").run();
        assert_eq!(done.status, 0, "{done}");
        assert_eq!(issues(), before, "{removal:?}");
    }
}

#[test]
fn what_an_editor_wrote_is_what_comes_back_of_a_deleted_issue() {
    let env = home();
    env.ok(&["new", "One", "--body", "As it was written."]);
    let (path, text) = env.files().into_iter().find(|(path, _)| path.contains("000001-")).expect("1 exists");
    env.write(&path, text.replace("As it was written.", "As it was edited."));
    env.ok(&["delete", "1", "--yes"]);
    env.ok(&["restore", "--deleted"]);
    assert!(env.read(&path).contains("As it was edited."));
}

//! What stands where files of the state should: named, never waited for, never followed, and no loss.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use insta::assert_snapshot;
use tickety_testkit::{Output, TestEnv};

use crate::small_home;

const STATE: &str = ".tickety/local";

/// Puts something else in the place of a file, which lies beside it then.
fn replace(env: &TestEnv, name: &str, kind: &str) {
    let path = env.work().join(STATE).join(name);
    let aside = env.work().join("aside");
    if fs::rename(&path, &aside).is_err() {
        fs::write(&aside, "text").expect("it can be written");
    }
    match kind {
        "a named pipe" => rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a pipe"),
        "a directory" => fs::create_dir(&path).expect("a directory"),
        "a symbolic link" => symlink(&aside, &path).expect("a link"),
        "a socket" => drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket")),
        other => panic!("{other}"),
    }
}

fn aside_of(env: &TestEnv) -> Vec<u8> {
    fs::read(env.work().join("aside")).expect("it was put there")
}

fn remove(path: &Path) {
    fs::remove_file(path).or_else(|_| fs::remove_dir(path)).expect("it can be removed");
}

const KINDS: [&str; 4] = ["a named pipe", "a directory", "a symbolic link", "a socket"];

#[track_caller]
fn says(output: &Output, status: i32, name: &str, kind: &str) {
    let said = format!("{}{}", output.stdout, output.stderr);
    let found = format!("{name}: is {kind} where a file is expected: ");
    assert!(output.status == status && said.contains(&found), "{name} {kind}: {output}");
}

#[test]
fn what_writing_needs_is_named_and_reading_goes_on() {
    for name in ["lock", "journal", "journal.mark"] {
        for kind in KINDS {
            let env = small_home();
            let listed = env.ok(&["list"]);
            let files = env.files();
            replace(&env, name, kind);
            let aside = aside_of(&env);
            assert_eq!(env.ok(&["list"]), listed, "{name} {kind}");
            for command in [&["new", "t"][..], &["edit", "1", "--priority", "low"], &["index", "rebuild"]] {
                says(&env.run(command), 13, name, kind);
            }
            for command in [&["doctor"][..], &["doctor", "--fix"]] {
                says(&env.run(command), 1, name, kind);
            }
            assert_eq!(aside_of(&env), aside);
            fs::remove_file(env.work().join("aside")).expect("it was put there");
            assert_eq!(env.files(), files);
            // As the message says.
            remove(&env.work().join(STATE).join(name));
            env.ok(&["edit", "1", "--priority", "low"]);
            assert_eq!(env.run(&["doctor"]).status, 0);
        }
    }
}

#[test]
fn reading_goes_on_where_a_write_can_not_be_completed() {
    let env = small_home();
    let (shard, mark) = (env.work().join(".tickety/issues/001"), env.work().join(STATE).join("journal.mark"));
    env.ok(&["renumber", "2", "--to", "1000"]);
    // As if the writer had been killed before the last file, and its directory couldn't be written since.
    fs::remove_dir_all(&shard).expect("it was made");
    fs::remove_file(&mark).expect("it was written");
    fs::write(&shard, "text").expect("nothing is there");
    for command in [&["list"][..], &["show", "1"], &["search", "cache"], &["stats"], &["ready"]] {
        let output = env.run(command);
        assert_eq!(output.status, 0, "{output}");
        assert!(output.stderr.contains("is not as it was written last, and can't be completed"), "{output}");
    }
    let output = env.run(&["new", "t"]);
    assert!(output.status != 0 && !output.stderr.contains("the write is recorded"), "{output}");
    fs::remove_file(&shard).expect("it was put there");
    let output = env.run(&["list"]);
    assert!(output.stderr.is_empty() && output.stdout.contains("1000"), "{output}");
}

#[test]
fn without_the_counter_no_issue_is_made_and_all_else_works() {
    for kind in KINDS {
        let env = small_home();
        replace(&env, "counter", kind);
        says(&env.run(&["new", "t"]), 13, "counter", kind);
        env.ok(&["edit", "1", "--priority", "low"]);
        says(&env.run(&["doctor", "--fix"]), 1, "counter", kind);
        remove(&env.work().join(STATE).join("counter"));
        assert!(env.ok(&["new", "t"]).starts_with("5-"));
        assert_eq!(env.run(&["doctor"]).status, 0);
    }
}

#[test]
fn a_new_index_takes_the_place_of_what_is_none() {
    for name in ["index.db", "index.db-journal", "index.db-wal"] {
        for kind in KINDS {
            let env = small_home();
            let listed = env.ok(&["list"]);
            replace(&env, name, kind);
            let aside = aside_of(&env);
            says(&env.run(&["doctor"]), 1, name, kind);
            assert_eq!(env.ok(&["list"]), listed, "{name} {kind}");
            env.ok(&["edit", "1", "--title", "Quick cache"]);
            assert!(env.ok(&["list"]).contains("Quick cache"));
            let doctor = env.run(&["doctor", "--fix"]);
            if kind == "a directory" {
                // It may hold something.
                says(&doctor, 1, name, kind);
                says(&env.run(&["index", "rebuild"]), 13, name, kind);
                remove(&env.work().join(STATE).join(name));
            }
            assert_eq!(env.run(&["doctor"]).status, 0);
            assert_eq!(aside_of(&env), aside, "{name} {kind}");
        }
    }
}

#[test]
fn the_doctor_makes_the_index_afresh() {
    let env = small_home();
    replace(&env, "index.db", "a named pipe");
    assert_snapshot!(env.run(&["doctor"]), @"
    state [ROOT]/work/.tickety/local/index.db: is a named pipe where a file is expected: a new index takes its place [--fix mends this]
    --- standard error
    `tickety doctor --fix` mends 1 of these
    --- status 1
    ");
    assert_snapshot!(env.run(&["doctor", "--fix"]), @"state [ROOT]/work/.tickety/local/index.db: is a named pipe where a file is expected: a new index takes its place [fixed]");
    assert!(env.work().join(STATE).join("index.db").is_file());
    fs::create_dir(env.work().join(STATE).join(".tmp-index.db")).expect("nothing is there");
    assert_snapshot!(env.run(&["doctor"]), @"
    state [ROOT]/work/.tickety/local/.tmp-index.db: is a directory where a file is expected: move it elsewhere. Until then every command makes an index for itself
    --- status 1
    ");
}

#[test]
fn the_state_directory_is_one() {
    let env = small_home();
    let listed = env.ok(&["list"]);
    let state = env.work().join(STATE);
    fs::rename(&state, env.home().join("state")).expect("it can be moved");
    fs::write(&state, "text").expect("it can be written");
    assert_eq!(env.ok(&["list"]), listed);
    assert_snapshot!(env.run(&["new", "t"]), @"
    --- standard error
    error: [ROOT]/work/.tickety/local: is a file where a directory is expected: move it elsewhere
    hint: `tickety doctor` says what can be done about it
    --- status 13
    ");
    assert_snapshot!(env.run(&["doctor", "--fix"]), @"
    state [ROOT]/work/.tickety/local: is a file where a directory is expected: move it elsewhere. Until then nothing can be written
    --- status 1
    ");
    fs::remove_file(&state).expect("it was written");
    symlink(env.home().join("state"), &state).expect("a link");
    assert_eq!(env.ok(&["list"]), listed);
    assert_snapshot!(env.run(&["new", "t"]), @"
    --- standard error
    error: [ROOT]/work/.tickety/local: is a symbolic link where a directory is expected: put what it leads to in its place, links are not followed
    hint: `tickety doctor` says what can be done about it
    --- status 13
    ");
    fs::remove_file(&state).expect("it was written");
    fs::rename(env.home().join("state"), &state).expect("it can be moved");
    assert!(env.ok(&["new", "t"]).starts_with("5-"));
}

#[test]
fn a_pipe_in_place_of_a_file_of_git_is_not_waited_for() {
    for name in [".gitconfig", "../work/.git/refs/heads/other"] {
        let env =
            TestEnv::with_git(env!("CARGO_BIN_EXE_tickety")).starting("2026-06-01T12:00:00Z".parse().expect("a time"));
        env.ok(&["init"]);
        env.ok(&["new", "t"]);
        env.git(&["add", "-A"]);
        env.git(&["commit", "--quiet", "-m", "x"]);
        let path = env.home().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a pipe");
        fs::remove_file(env.work().join(".git/tickety/counter")).expect("it is there");
        assert_eq!(env.ok(&["list"]).lines().count(), 1, "{name}");
        assert!(env.ok(&["new", "u"]).starts_with("2-"), "{name}");
        let renumber = env.run(&["renumber", "--against", "main"]);
        let told = (renumber.status, renumber.stderr.contains("it is no file: move it elsewhere"));
        assert_eq!(told, (14, true), "{name}: {renumber}");
    }
}

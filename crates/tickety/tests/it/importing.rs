//! Import, export and the sample.

use std::path::Path;

use insta::assert_snapshot;

use crate::{home, json, small_home};

#[test]
fn an_export_imports_as_the_same_issues() {
    let env = small_home();
    let copy = home();
    for format in ["json", "jsonl"] {
        let exported = env.ok(&["export", format]);
        let imported = copy.call(&["import", format, "-"]).input(exported.clone()).run();
        assert_eq!(imported.status, 0, "{imported}");
        assert_eq!(copy.ok(&["export", format]), exported);
    }
}

#[test]
fn an_export_to_a_file_replaces_it_whole() {
    let env = small_home();
    env.write("out.jsonl", "old");
    env.ok(&["export", "jsonl", "label:cache", "--output", "out.jsonl"]);
    assert_eq!(env.read("out.jsonl").lines().filter(|line| line.contains("\"title\"")).count(), 1);
    assert!(env.files().keys().all(|name| !name.starts_with(".tmp-")));
    env.write("kept.jsonl", "old");
    assert_eq!(env.run(&["export", "jsonl", "lable:x", "--output", "kept.jsonl"]).status, 2);
    assert_eq!(env.read("kept.jsonl"), "old");
}

#[test]
fn an_export_that_fails_names_the_file_that_was_asked_for() {
    let env = small_home();
    env.write("long.md", "word ".repeat(40_000));
    env.ok(&["new", "long", "--body-file", "long.md"]);
    env.ok(&["list"]);
    env.write("out.jsonl", "old");
    // A limit on the size of files stands in for a disk that is full: 64 kB.
    let script = format!("trap '' XFSZ; ulimit -f 128; {} export jsonl -o out.jsonl", env!("CARGO_BIN_EXE_tickety"));
    let full = env.call_program("sh", &["-c", &script]);
    assert_snapshot!(full, @"
    --- standard error
    error: could not write out.jsonl: File too large (os error 27)
    --- status 14
    ");
    assert_eq!(env.read("out.jsonl"), "old");
    assert!(env.files().keys().all(|name| !name.starts_with(".tmp-")));
    assert_snapshot!(env.run(&["export", "jsonl", "-o", "/dev/full"]), @"
    --- standard error
    error: could not write /dev/full: No space left on device (os error 28)
    --- status 10
    ");
    assert_snapshot!(env.run(&["export", "jsonl", "-o", "absent/out.jsonl"]), @"
    --- standard error
    error: could not write absent/out.jsonl: No such file or directory (os error 2)
    --- status 14
    ");
    assert_snapshot!(env.run(&["export", "jsonl", "-o", ".tickety"]), @"
    --- standard error
    error: .tickety is a folder
    hint: --output takes a file
    --- status 2
    ");
}

#[test]
fn an_export_goes_through_links_and_into_pipes() {
    let env = small_home();
    env.write("real/out.jsonl", "old");
    std::os::unix::fs::symlink("real/out.jsonl", env.work().join("link.jsonl")).expect("a link can be made");
    let exported = env.ok(&["export", "jsonl"]);
    env.ok(&["export", "jsonl", "-o", "link.jsonl"]);
    assert_eq!(env.read("real/out.jsonl"), exported);
    assert!(env.work().join("link.jsonl").is_symlink());
    assert_eq!(env.ok(&["export", "jsonl", "-o", "-"]), exported);
    assert_eq!(env.ok(&["export", "jsonl", "-o", "/dev/stdout"]), exported);
}

#[test]
fn a_bad_file_is_reported_with_its_line_and_changes_nothing() {
    let env = small_home();
    let before = env.files();
    env.write("bad.jsonl", "{\"format\":\"other\",\"version\":1}\n");
    let output = env.run(&["import", "jsonl", "bad.jsonl"]);
    assert_eq!((output.status, output.stderr.contains("line 1")), (15, true), "{output}");
    assert_eq!(env.run(&["import", "jsonl", "absent"]).status, 14);
    assert_eq!(env.run(&["import", "jsonl", ".tickety"]).status, 15);
    assert_eq!(env.run(&["import", "csv", "bad.jsonl"]).status, 2);
    std::fs::remove_file(env.work().join("bad.jsonl")).expect("it was written");
    assert_eq!(env.files(), before);
}

#[test]
fn the_sample_shows_itself() {
    let env = home();
    let output = env.ok(&["demo", "--issues", "60", "--seed", "3", "--dir", "sample"]);
    for heading in
        ["$ tickety list", "$ tickety search", "$ tickety ready", "$ tickety graph", "60 sample issues lie in sample"]
    {
        assert!(output.contains(heading), "{heading}\n{output}");
    }
    assert_eq!(json(&env, &["list", "is:any", "--json", "-C", "sample"])["data"]["total"], 60);
    assert_eq!(env.run(&["demo", "--dir", "sample"]).status, 2, "the folder is not empty");
    assert_eq!(json(&env, &["list", "is:any", "--json"])["data"]["total"], 0);
}

/// The real file is not committed; `TICKETY_REAL_DATA` says where it lies.
#[test]
fn real_beads_are_imported_once() {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the data lies")]
    let Some(data) = std::env::var_os("TICKETY_REAL_DATA") else {
        eprintln!("skipped: TICKETY_REAL_DATA is not set");
        return;
    };
    let file = Path::new(&data).join("beads/beads_rust.issues.jsonl");
    let file = file.to_str().expect("a path of text");
    let env = home();
    let first = json(&env, &["import", "beads", file, "--json"]);
    assert_eq!((&first["data"]["created"], &first["data"]["not_importable"]), (&512.into(), &1.into()));
    let files = env.files();
    let second = json(&env, &["import", "beads", file, "--json"]);
    assert_eq!(second["data"]["unchanged"], 512);
    assert_eq!(env.files(), files, "a second import changes no byte");
    assert_eq!(env.run(&["doctor"]).status, 0);
}

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
fn a_file_of_nothing_but_tombstones_is_read() {
    let env = home();
    let tombstone = r#"{"id":"a-1","title":"t","status":"tombstone","deleted_by":"rowan"}"#;
    env.write("gone.jsonl", format!("{tombstone}\n"));
    let answer = env.ok(&["import", "beads", "gone.jsonl"]);
    assert!(answer.starts_with("1 records: 0 created, 0 updated, 0 unchanged, 1 not importable\n"), "{answer}");
    assert!(answer.contains("a tombstone: the issue was deleted by rowan"), "{answer}");
    env.write("gone.jsonl", format!("{tombstone}\nnothing\n"));
    assert_eq!(env.run(&["import", "beads", "gone.jsonl"]).status, 15);
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
    error: .tickety lies in [ROOT]/work/.tickety, which holds what Tickety writes itself
    hint: name a file outside of it
    --- status 2
    ");
}

#[test]
fn an_export_may_be_read_by_those_who_could_read_the_file_before() {
    use std::os::unix::fs::PermissionsExt;
    let env = small_home();
    for mode in [0o600, 0o640] {
        env.write("out.jsonl", "old");
        let path = env.work().join("out.jsonl");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("it is ours");
        env.ok(&["export", "jsonl", "-o", "out.jsonl"]);
        assert_ne!(env.read("out.jsonl"), "old");
        assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, mode);
    }
}

#[test]
fn an_export_leaves_the_home_alone() {
    let env = small_home();
    let before = env.files();
    assert_snapshot!(env.run(&["export", "json", "-o", ".tickety/config.toml"]), @"
    --- standard error
    error: .tickety/config.toml lies in [ROOT]/work/.tickety, which holds what Tickety writes itself
    hint: name a file outside of it
    --- status 2
    ");
    for path in [".tickety/issues/000/new.json", ".tickety/new.json", "./.tickety/../.tickety/.gitignore"] {
        assert_eq!(env.run(&["export", "json", "-o", path]).status, 2, "{path}");
    }
    let inside = env.call(&["export", "json", "-o", "config.toml"]).within(".tickety").run();
    assert_eq!(inside.status, 2, "{inside}");
    std::os::unix::fs::symlink(".tickety/config.toml", env.work().join("link.json")).expect("a link can be made");
    assert_eq!(env.run(&["export", "json", "-o", "link.json"]).status, 2);
    std::fs::remove_file(env.work().join("link.json")).expect("it was made");
    assert_eq!(env.files(), before);
}

#[test]
fn an_export_to_a_terminal_can_t_command_it_and_says_the_same() {
    let env = small_home();
    let (path, text) = env.files().into_iter().find(|(path, _)| path.contains("000001-")).expect("1 exists");
    env.write(&path, text.replace("Slow cache", "\"a \\u009b2J \\u202Eb\""));
    for format in ["json", "jsonl", "beads"] {
        let plain = env.run(&["export", format]).stdout;
        let shown = env.call(&["export", format]).terminal(80, 40).run().stdout;
        assert!(plain.contains('\u{202e}') && !shown.contains(['\u{9b}', '\u{202e}']), "{shown}");
        assert_eq!(shown.replace("\\u009b", "\u{9b}").replace("\\u202e", "\u{202e}"), plain);
    }
    let shown = env.call(&["show", "1", "--json"]).terminal(80, 40).run().stdout;
    assert!(shown.contains("a \\u009b2J \\u202eb"), "{shown}");
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

/// Leaves the markers of a conflict in the record of an issue, and puts the record of another away.
fn damage(env: &tickety_testkit::TestEnv) -> (std::path::PathBuf, String) {
    let mut names: Vec<String> = env.files().into_keys().filter(|name| name.contains("/000/00000")).collect();
    names.sort();
    let name = names.into_iter().find(|name| name.contains("/000002-")).expect("the issue is there");
    let text = env.read(&name);
    env.write(
        &name,
        text.replace("status: open", "<<<<<<< ours\nstatus: open\n=======\nstatus: closed\n>>>>>>> theirs"),
    );
    (env.work().join(name), text)
}

#[test]
fn an_export_leaves_out_what_cannot_be_read_and_says_so() {
    let env = small_home();
    let whole = env.ok(&["export", "jsonl"]);
    let (record, text) = damage(&env);
    let output = env.run(&["export", "jsonl"]);
    assert_eq!(output.status, 1, "{output}");
    assert_eq!(output.stdout.lines().count(), whole.lines().count() - 1);
    assert!(whole.lines().filter(|line| !line.contains("\"number\":2,")).eq(output.stdout.lines()), "{output}");
    assert!(output.stderr.starts_with("warning: .tickety/issues/000/000002-"), "{output}");
    let file = env.run(&["export", "jsonl", "-o", "out.jsonl"]);
    assert_eq!(
        (file.status, file.stderr.contains("3 issues written"), file.stderr.contains("000002-")),
        (1, true, true)
    );
    assert_eq!(env.read("out.jsonl"), output.stdout);
    for arguments in [&["export", "json", "--json"][..], &["export", "json", "--json", "-o", "out.json"]] {
        let output = env.run(arguments);
        let answer: serde_json::Value = serde_json::from_str(&output.stdout).expect("an answer in JSON");
        assert_eq!((output.status, output.stderr.as_str(), &answer["data"]["count"]), (1, "", &3.into()));
        assert_eq!(answer["meta"]["problems"][0]["line"], 7, "{answer}");
    }
    std::fs::write(record, text).expect("it can be written");
    assert_eq!(env.ok(&["export", "jsonl"]), whole);
}

#[test]
fn an_import_makes_no_second_issue_of_one_that_cannot_be_read() {
    let env = small_home();
    let whole = env.ok(&["export", "jsonl"]);
    env.write("all.jsonl", &whole);
    env.write("one.jsonl", whole.lines().find(|line| line.contains("\"number\":2,")).expect("it was exported"));
    damage(&env);
    let before = env.files();
    let imported = env.run(&["import", "jsonl", "all.jsonl"]);
    assert_eq!(imported.status, 0, "{imported}");
    assert!(
        imported.stdout.starts_with("4 records: 0 created, 0 updated, 3 unchanged, 1 not importable\n"),
        "{imported}"
    );
    assert!(
        imported
            .stdout
            .contains("unreadable: the issue is there, in a file that can't be read: .tickety/issues/000/000002-"),
        "{imported}"
    );
    let alone = env.run(&["import", "jsonl", "one.jsonl"]);
    assert_eq!((alone.status, alone.stderr.contains("/000002-")), (7, true), "{alone}");
    assert_eq!(env.files(), before);
}

#[test]
fn a_bad_file_is_reported_with_its_line_and_changes_nothing() {
    let env = small_home();
    let before = env.files();
    env.write("bad.jsonl", "{\"format\":\"other\",\"version\":1}\n");
    let output = env.run(&["import", "jsonl", "bad.jsonl"]);
    assert_eq!((output.status, output.stderr.contains("line 1")), (15, true), "{output}");
    assert_snapshot!(env.call(&["import", "jsonl", "-"]).input("{\"format\":\"other\",\"version\":1}\n").run(), @"
    --- standard error
    error: standard input: nothing was imported: line 1: the format is `other`, not `tickety`
    hint: `tickety import --help` lists the formats
    --- status 15
    ");
    assert_snapshot!(env.call(&["import", "jsonl", "-"]).input("x\n").run(), @"
    --- standard error
    error: standard input: nothing was imported: none of 1 records could be read; line 1: not JSON: expected value at column 1
    hint: is the file in another format? `tickety import --help` lists them
    --- status 15
    ");
    assert_eq!(env.run(&["import", "jsonl", "absent"]).status, 14);
    assert_eq!(env.run(&["import", "jsonl", ".tickety"]).status, 15);
    assert_eq!(env.run(&["import", "word", "bad.jsonl"]).status, 2);
    assert_eq!(env.run(&["import", "csv", "bad.jsonl", "--map", "nothing"]).status, 2);
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

#[test]
fn what_an_import_remembers_is_shown_to_programs_alone() {
    let env = home();
    env.write("a.jsonl", "{\"id\":\"a\",\"title\":\"A\",\"owner\":\"quay\",\"created_at\":\"2026-01-01T00:00:00Z\"}\n");
    env.ok(&["import", "beads", "a.jsonl"]);
    let shown = env.ok(&["show", "1"]);
    assert!(shown.contains("owner       quay\n") && !shown.contains("beads-import"), "{shown}");
    assert!(env.ok(&["list", "--fields", "fields"]).ends_with("\towner=quay\n"));
    let fields = &json(&env, &["show", "1", "--json"])["data"]["issues"][0]["fields"];
    assert!(fields["beads-import"].is_string() && fields["owner"] == "quay", "{fields}");
    // The editor doesn't show it and leaves it.
    let form = env.call(&["edit", "1"]).variable("EDITOR", "cat").run();
    assert!(form.stdout.contains("field.owner: quay") && !form.stdout.contains("beads-import"), "{form}");
    env.call(&["edit", "1"]).variable("EDITOR", "sed -i 's/^title:.*/title: B/'").run();
    assert!(env.ok(&["show", "1", "--json"]).contains("\"title\":\"B\""));
    assert!(env.ok(&["show", "1", "--json"]).contains("beads-import"));
}

#[test]
fn what_an_input_is_is_found_out_and_said() {
    let env = home();
    env.write("issues.csv", "Key,Summary,State\nL-1,Mend the bell,Doing\n");
    assert_snapshot!(env.run(&["import", "auto", "issues.csv", "--dry-run"]), @"
    1 records: 1 would be created, 0 would be updated, 0 unchanged, 0 not importable
    --- standard error
    issues.csv: taken for csv
    ");
    let piped = env.call(&["import", "auto", "-"]).input("[{\"number\":3,\"title\":\"A\",\"state\":\"open\"}]").run();
    assert!(piped.stdout.starts_with("1 records: 1 created") && piped.stderr.contains("taken for github"), "{piped}");
    env.write("notes.txt", "Nothing of the kind.\n");
    assert_snapshot!(env.run(&["import", "auto", "notes.txt"]), @"
    --- standard error
    error: notes.txt: it can't be told what this is: say the format
    hint: `tickety import --help` lists the formats
    --- status 15
    ");
    env.write("code/.tickets/nw-1.md", "---\nid: nw-1\nstatus: open\ndeps: []\n---\n# Ring it\n");
    assert!(env.ok(&["import", "auto", "code"]).starts_with("1 records: 1 created"));
    assert!(env.ok(&["import", "tk", "code/.tickets"]).starts_with("1 records: 0 created, 0 updated, 1 unchanged"));
    env.write("code/issues/0001-mend-it.md", "# Mend it\n");
    assert_snapshot!(env.run(&["import", "auto", "code"]), @"
    --- standard error
    error: code: it may be tk (code/.tickets: 1 of 1 files have `status`) or issues (code/issues: 1 of 1 names begin with a number or a ULID): say which
    hint: `tickety import --help` lists the formats
    --- status 15
    ");
    assert_eq!(env.run(&["import", "github", "code"]).status, 15);
    assert_eq!(json(&env, &["import", "issues", "code", "--json"])["data"]["issues"][0]["file"], "0001-mend-it.md");
}

#[test]
fn a_folder_of_pages_is_not_taken_for_issues() {
    let env = home();
    for name in ["about", "bells", "quay"] {
        env.write(&format!("site/{name}.md"), format!("---\ntitle: {name}\ndate: 2026-01-01\n---\nText.\n"));
        env.write(&format!("mixed/{name}.md"), "Just a note.\n");
    }
    env.write("mixed/one.md", "---\ntitle: One\nstatus: open\n---\nText.\n");
    assert_snapshot!(env.run(&["import", "auto", "site"]), @"
    --- standard error
    error: site: it can't be told what this is: say the format
    hint: `tickety import markdown site` makes an issue of every Markdown file; `tickety import --help` lists the formats
    --- status 15
    ");
    assert_eq!(env.run(&["import", "auto", "mixed"]).status, 15);
    assert!(env.ok(&["import", "markdown", "site", "--dry-run"]).starts_with("3 records: 3 would be created"));
}

#[test]
fn a_quote_that_is_never_closed_swallows_no_rows() {
    let env = home();
    env.write("q.csv", "id,title,status\n1,\"broken,open\n2,Two,open\n3,Three,closed\n");
    assert_snapshot!(env.run(&["import", "csv", "q.csv"]), @r#"
    --- standard error
    error: q.csv: nothing was imported: line 2: a quote `"` opens here and is never closed: the rows behind it would be part of the cell
    hint: `tickety import --help` lists the formats
    --- status 15
    "#);
    env.write("q.csv", "id,title,status\n1,\"a \"\"b\"\"\nc\",open\n2,Two \"2,open\n3,\"Three\nclosed");
    let refused = env.run(&["import", "csv", "q.csv"]);
    assert!(refused.status == 15 && refused.stderr.contains("line 5: a quote"), "{refused}");
    assert_eq!(json(&env, &["list", "is:any", "--json"])["data"]["total"], 0);
    env.write("q.csv", "id,title,status\n1,\"a \"\"b\"\" c\",open\n2,Two \"2,open\n3,\"Three\"");
    assert!(env.ok(&["import", "csv", "q.csv"]).starts_with("3 records: 3 created"));
}

#[test]
fn pull_requests_and_what_is_left_out_are_told() {
    let env = home();
    env.write(
        "github.json",
        "[{\"number\":1,\"title\":\"A\",\"state\":\"open\",\"node_id\":\"x\",\"weight\":2},
         {\"number\":2,\"title\":\"B\",\"pull_request\":{\"url\":\"x\"}}]",
    );
    assert_snapshot!(env.run(&["import", "github", "github.json", "--source", "harbour/bells"]), @"
    1 records: 1 created, 0 updated, 0 unchanged, 0 not importable
    1 pull requests passed over
    kept as custom fields: weight
    left out: node_id (--verbose says why)
    ");
    assert!(env.ok(&["show", "1"]).contains("github:harbour/bells#1"));
}

#[test]
fn a_folder_is_written_whole_and_read_back() {
    let env = small_home();
    let files = env.files();
    assert_snapshot!(env.run(&["export", "markdown", "-o", "out"]), @"
    --- standard error
    4 issues written to out
    ");
    assert_eq!(env.files().keys().filter(|path| path.starts_with("out/")).count(), 4);
    let again = env.run(&["export", "markdown", "-o", "out"]);
    assert_eq!((again.status, again.stderr.contains("not empty")), (2, true), "{again}");
    for refused in [&["export", "markdown"][..], &["export", "jira"], &["export", "markdown", "-o", ".tickety/x"]] {
        assert_eq!(env.run(refused).status, 2, "{refused:?}");
    }
    let again = env.run(&["import", "auto", "out", "--dry-run"]);
    assert!(again.stdout.starts_with("4 records: 0 would be created"), "{again}");
    assert_eq!(again.stderr, "out: taken for markdown: 4 of 4 files have a status\n");
    std::fs::remove_dir_all(env.work().join("out")).expect("it was written");
    assert_eq!(env.files(), files);
}

#[test]
fn what_a_format_has_no_place_for_is_told_beside_the_output() {
    let env = small_home();
    let output = env.run(&["export", "csv", "is:any"]);
    assert_eq!(output.stderr, "left out, because the format has no place for them: 1 comments\n");
    assert_eq!(json(&env, &["export", "csv", "--json"])["data"]["left_out"]["comments"], 1);
}

/// A home with an issue for each part that an import could misread.
fn home_with_references() -> tickety_testkit::TestEnv {
    let env = small_home();
    env.ok(&["new", "plain", "--reference", "https://x.example/1", "--reference", "foo:bar", "--field", "size=7"]);
    env.ok(&["new", "named elsewhere", "--reference", "github:o/r#7", "--reference", "linear:ENG-12"]);
    let (path, text) = env.files().into_iter().find(|(path, _)| path.contains("000004-")).expect("4 exists");
    let closed = text.lines().find(|line| line.starts_with("closed: ")).expect("4 is closed").to_owned();
    env.write(&path, text.replace(&format!("{closed}\n"), ""));
    env
}

#[test]
fn an_unchanged_export_of_ours_changes_nothing() {
    for format in ["csv", "markdown", "beads", "github", "json", "jsonl"] {
        let env = home_with_references();
        let before = env.files();
        env.ok(&["export", format, "-o", "../out"]);
        let said = env.run(&["import", format, "../out"]);
        assert!(said.stdout.starts_with("6 records: 0 created, 0 updated, 6 unchanged"), "{format}: {said}");
        assert!(!said.to_string().contains("both sides"), "{format}: {said}");
        assert_eq!(env.files(), before, "{format}");
    }
}

#[test]
fn a_part_of_an_export_keeps_the_links_to_the_others() {
    let env = home_with_references();
    let before = env.files();
    for format in ["csv", "markdown", "beads", "github"] {
        env.ok(&["export", format, "label:cache", "-o", "../out"]);
        let said = env.ok(&["import", format, "../out"]);
        assert!(said.starts_with("1 records: 0 created, 0 updated, 1 unchanged"), "{format}: {said}");
        assert_eq!(env.files(), before, "{format}");
        let out = env.work().join("../out");
        std::fs::remove_dir_all(&out).or_else(|_| std::fs::remove_file(&out)).expect("it was written");
    }
}

#[test]
fn an_edited_export_changes_what_was_edited_and_keeps_references() {
    let env = home_with_references();
    env.ok(&["export", "github", "-o", "../out.json"]);
    let path = env.work().join("../out.json");
    let text = std::fs::read_to_string(&path).expect("it was written");
    std::fs::write(&path, text.replace("\"plain\"", "\"edited\"").replace("named elsewhere", "edited, too"))
        .expect("it can be written");
    let said = env.ok(&["import", "github", "../out.json"]);
    assert!(said.starts_with("6 records: 0 created, 2 updated, 4 unchanged"), "{said}");
    let issues = &json(&env, &["show", "5", "6", "--json"])["data"]["issues"];
    assert_eq!((&issues[0]["title"], &issues[1]["title"]), (&"edited".into(), &"edited, too".into()));
    assert_eq!(issues[0]["references"], serde_json::json!(["foo:bar", "https://x.example/1"]));
    assert_eq!(issues[1]["references"], serde_json::json!(["github:o/r#7", "linear:ENG-12"]));
    assert_eq!(issues[0]["fields"]["size"], "7");
}

#[test]
fn names_elsewhere_stay_where_an_input_has_none() {
    let env = home();
    env.write("a.csv", "id,title,status\n1,One,open\n");
    env.ok(&["import", "csv", "a.csv"]);
    env.ok(&["edit", "1", "--reference", "linear:ENG-12", "--reference", "beads:bd-43"]);
    env.write("a.csv", "id,title,status\n1,One more,open\n");
    let said = env.ok(&["import", "csv", "a.csv"]);
    assert!(said.starts_with("1 records: 0 created, 1 updated"), "{said}");
    let issue = &json(&env, &["show", "1", "--json"])["data"]["issues"][0];
    assert_eq!(issue["title"], "One more");
    assert_eq!(issue["references"], serde_json::json!(["beads:bd-43", "csv:1", "linear:ENG-12"]));
}

#[test]
fn what_is_said_of_columns_that_are_not_there_is_refused() {
    let env = home();
    env.write("a.jsonl", "{\"format\":\"tickety\",\"version\":1}\n");
    assert_snapshot!(env.run(&["import", "jsonl", "a.jsonl", "--map", "title=x"]), @"
    --- standard error
    error: --map says nothing about jsonl, whose keys and values have one meaning: leave it out
    --- status 2
    ");
    env.write(
        "a.json",
        r#"[{"number": 1, "title": "One", "state": "open", "html_url": "https://github.com/o/r/issues/1"}]"#,
    );
    assert_snapshot!(env.run(&["import", "github", "a.json", "--map", "title=nosuch"]), @"
    --- standard error
    error: a.json: nothing was imported: no record has a column or key `nosuch`, which --map names
    --- status 2
    ");
    assert!(!env.ok(&["list", "is:any"]).contains("One"));
    env.ok(&["import", "github", "a.json", "--map", "title=Title,none=state"]);
}

#[test]
fn a_title_that_the_source_leaves_out_replaces_none() {
    let env = home();
    env.write("issues.csv", "id,title,status\n1,Good,open\n");
    env.ok(&["import", "csv", "issues.csv"]);
    env.write("issues.csv", "id,title,status\n1,,closed\n");
    env.ok(&["import", "csv", "issues.csv"]);
    let shown = json(&env, &["show", "1", "--json"])["data"]["issues"][0].clone();
    assert_eq!((&shown["title"], &shown["status"]), (&"Good".into(), &"closed".into()), "{shown}");
}

#[test]
fn a_mark_of_the_byte_order_hides_no_format() {
    let env = home();
    env.ok(&["new", "One"]);
    env.write("marked.jsonl", format!("\u{feff}{}", env.ok(&["export", "jsonl"])));
    assert!(env.ok(&["import", "auto", "marked.jsonl"]).contains("unchanged"));
}

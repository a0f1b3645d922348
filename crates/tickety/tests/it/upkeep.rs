//! Looking after the home.

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use crate::{home, json, small_home};

/// Runs a command and shortens the paths that it names.
fn told(env: &TestEnv, arguments: &[&str]) -> String {
    env.run(arguments).to_string().replace("[ROOT]/work", "~")
}

#[test]
fn a_healthy_home_has_no_findings() {
    let env = small_home();
    let output = env.run(&["doctor"]);
    assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, "", "nothing is wrong\n"));
}

#[test]
fn the_doctor_names_what_is_wrong_and_mends_what_is_safe() {
    let env = small_home();
    env.write(".tickety/issues/000/.tmp-1", "left over");
    env.write(".tickety/issues/000/notes.txt", "stray");
    assert_snapshot!(env.run(&["doctor"]), @"
    leftover .tickety/issues/000/.tmp-1: a writer was killed while it wrote this [--fix mends this]
    stray .tickety/issues/000/notes.txt: not the name of a record in this directory: move it elsewhere
    --- standard error
    `tickety doctor --fix` mends 1 of these
    --- status 1
    ");
    let fixed = env.run(&["doctor", "--fix"]);
    assert_eq!(fixed.status, 1, "{fixed}");
    assert!(!env.work().join(".tickety/issues/000/.tmp-1").exists());
    assert!(env.work().join(".tickety/issues/000/notes.txt").exists());
}

#[test]
fn the_doctor_examines_a_home_whose_config_is_broken() {
    let env = small_home();
    env.ok(&["config", "set", "prefix", "AB"]);
    env.ok(&["config", "set", "statuses.review", "open"]);
    env.ok(&["edit", "3", "--status", "review"]);
    env.write(".tickety/issues/000/notes.txt", "stray");
    let good = env.read(".tickety/config.toml");
    env.write(".tickety/config.toml", good.replace("# kinds", "kinds = [\n# kinds"));
    assert_snapshot!(told(&env, &["doctor", "--fix"]), @"
    config .tickety/config.toml: line 10: unclosed array, expected `]`: repair it in an editor. Until then other commands fail, nothing is mended, and the index isn't examined
    stray .tickety/issues/000/notes.txt: not the name of a record in this directory: move it elsewhere
    --- status 1
    ");
    env.write(".tickety/config.toml", good.replace("format = 1", "format = 2"));
    assert_snapshot!(told(&env, &["doctor"]), @"
    config .tickety/config.toml: line 2: made by a newer Tickety (format 2, and this program knows format 1): update this program
    --- status 1
    ");
    assert_snapshot!(told(&env, &["list"]), @"
    --- standard error
    error: ~/.tickety/config.toml:2: made by a newer Tickety (format 2, and this program knows format 1): update this program
    --- status 12
    ");
    std::fs::remove_file(env.work().join(".tickety/config.toml")).expect("it was there");
    assert_snapshot!(told(&env, &["doctor"]), @"
    config .tickety/config.toml: is missing: `git restore .tickety/config.toml` brings a committed one back, `tickety init` writes a new one and leaves the issues as they are. Until then other commands fail, nothing is mended, and the index isn't examined
    stray .tickety/issues/000/notes.txt: not the name of a record in this directory: move it elsewhere
    --- status 1
    ");
    assert_snapshot!(told(&env, &["list"]), @"
    --- standard error
    error: ~/.tickety/config.toml is missing
    hint: `git restore ~/.tickety/config.toml` brings a committed one back, `tickety init` writes a new one and leaves the issues as they are
    --- status 12
    ");
    std::fs::create_dir(env.work().join(".tickety/config.toml")).expect("nothing is there");
    assert_snapshot!(told(&env, &["doctor"]), @"
    config .tickety/config.toml: is a directory where a file is expected: move it elsewhere. Until then other commands fail, nothing is mended, and the index isn't examined
    stray .tickety/issues/000/notes.txt: not the name of a record in this directory: move it elsewhere
    --- status 1
    ");
    std::fs::remove_dir(env.work().join(".tickety/config.toml")).expect("it was there");
    env.ok(&["init"]);
    assert_eq!(json(&env, &["list", "is:any", "--json"])["data"]["total"], 4);
}

#[test]
fn a_record_in_the_wrong_directory_is_told_of() {
    let env = small_home();
    let issues = env.work().join(".tickety/issues");
    let (name, _) = env.files().into_iter().find(|(name, _)| name.contains("000002-")).expect("2 exists");
    let name = name.rsplit('/').next().expect("it has a name").to_owned();
    let other = issues.join("001");
    std::fs::create_dir(&other).expect("it isn't there");
    std::fs::rename(issues.join("000").join(&name), other.join(&name)).expect("it is there");
    // Even before a list has looked at that directory.
    assert_snapshot!(told(&env, &["show", "2"]), @"
    --- standard error
    error: .tickety/issues/001/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    hint: `tickety doctor` lists all that can't be read
    --- status 7
    ");
    assert_snapshot!(told(&env, &["edit", "2", "--priority", "high"]), @"
    --- standard error
    error: .tickety/issues/001/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    hint: `tickety doctor` lists all that can't be read
    --- status 7
    ");
    assert_snapshot!(told(&env, &["list"]), @"
    3-vct6	open	medium	task	Measure the cache			2126-11-21T12:03:00Z
    1-3fqb	open	high	bug	Slow cache	cache, perf		2126-11-21T12:06:00Z
    --- standard error
    warning: .tickety/issues/001/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    ");
    assert_snapshot!(told(&env, &["show", "2"]), @"
    --- standard error
    error: .tickety/issues/001/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    hint: `tickety doctor` lists all that can't be read
    --- status 7
    ");
    assert_snapshot!(told(&env, &["doctor"]), @"
    stray .tickety/issues/001/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    --- status 1
    ");
    env.ok(&["index", "verify"]);
    std::fs::rename(other.join(&name), issues.join(&name)).expect("it is there");
    assert_snapshot!(told(&env, &["show", "2"]), @"
    --- standard error
    error: .tickety/issues/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    hint: `tickety doctor` lists all that can't be read
    --- status 7
    ");
    assert_snapshot!(told(&env, &["ready"]), @"
    3-vct6	open	medium	task	Measure the cache			2126-11-21T12:03:00Z
    --- standard error
    warning: .tickety/issues/000002-xfy8.md: a record in the wrong directory: move it to .tickety/issues/000, or delete it if that has it
    ");
    env.ok(&["index", "verify"]);
    std::fs::rename(issues.join(&name), issues.join("000").join(&name)).expect("it is there");
    env.ok(&["show", "2"]);
    assert_eq!(env.run(&["list"]).stderr, "");
    assert_eq!(env.run(&["doctor"]).status, 0);
}

#[test]
fn what_stands_in_the_place_of_a_directory_is_told_once() {
    let env = small_home();
    let issues = env.work().join(".tickety/issues");
    std::fs::rename(issues.join("000"), env.work().join("000")).expect("it is there");
    std::os::unix::fs::symlink("../../000", issues.join("000")).expect("a link can be made");
    assert_snapshot!(told(&env, &["list"]), @"
    --- standard error
    no open issues: `tickety new TITLE` creates one, `tickety list is:any` shows closed ones
    warning: .tickety/issues/000: a symbolic link where a directory of records is expected: put what it leads to in its place, links are not followed
    ");
    assert_snapshot!(told(&env, &["show", "1"]), @"
    --- standard error
    error: .tickety/issues/000: a symbolic link where a directory of records is expected: put what it leads to in its place, links are not followed
    hint: `tickety doctor` lists all that can't be read
    --- status 7
    ");
    assert_snapshot!(told(&env, &["new", "Another"]), @"
    --- standard error
    error: ~/.tickety/issues/000: is a symbolic link where a directory is expected: put what it leads to in its place, links are not followed
    hint: `tickety doctor` says what can be done about it
    --- status 13
    ");
    assert_snapshot!(told(&env, &["doctor"]), @"
    stray .tickety/issues/000: a symbolic link where a directory of records is expected: put what it leads to in its place, links are not followed
    --- status 1
    ");
    std::fs::remove_dir_all(&issues).expect("it is there");
    std::os::unix::fs::symlink("..", &issues).expect("a link can be made");
    assert_snapshot!(told(&env, &["list"]), @"
    --- standard error
    error: ~/.tickety/issues: is a symbolic link where a directory is expected: put what it leads to in its place, links are not followed
    hint: `tickety doctor` says what can be done about it
    --- status 13
    ");
    assert_snapshot!(told(&env, &["new", "Another"]), @"
    --- standard error
    error: ~/.tickety/issues: is a symbolic link where a directory is expected: put what it leads to in its place, links are not followed
    hint: `tickety doctor` says what can be done about it
    --- status 13
    ");
    assert_snapshot!(told(&env, &["doctor"]), @"
    stray ~/.tickety/issues: is a symbolic link where a directory is expected: put what it leads to in its place, links are not followed
    --- status 1
    ");
}

#[test]
fn a_damaged_journal_is_told_once() {
    let env = small_home();
    env.write(".tickety/local/journal", "no journal at all, but long enough to be taken for one");
    assert_snapshot!(told(&env, &["new", "Another"]), @"
    --- standard error
    error: ~/.tickety/local/journal: is damaged at byte 0
    hint: `tickety doctor` says what can be done about it
    --- status 13
    ");
    assert_snapshot!(told(&env, &["doctor"]), @"
    journal ~/.tickety/local/journal: is damaged at byte 0 [--fix mends this]
    --- standard error
    `tickety doctor --fix` mends 1 of these
    --- status 1
    ");
}

#[test]
fn a_pipe_in_place_of_a_config_is_not_waited_for() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    let own = env.home().join(".config/tickety/config.toml");
    std::fs::create_dir_all(own.parent().expect("it lies in a folder")).expect("it can be made");
    for path in [own, env.home().join(".gitconfig"), env.work().join(".git/config"), env.work().join(".git/HEAD")] {
        let pipe = || rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a pipe can be made");
        let kept = std::fs::read(&path).ok();
        std::fs::remove_file(&path).ok();
        pipe();
        for arguments in [&["new", "One"][..], &["list", "assignee:me"], &["config", "list"], &["doctor"]] {
            let output = env.call(arguments).without("TICKETY_ACTOR").run();
            assert_eq!(output.status, 0, "{}: {arguments:?}: {output}", path.display());
        }
        std::fs::remove_file(&path).expect("it was made");
        if let Some(kept) = kept {
            std::fs::write(&path, kept).expect("it can be written");
        }
    }
}

#[test]
fn a_wrong_config_of_ones_own_is_told_with_its_place() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    let own = env.home().join(".config/tickety/config.toml");
    std::fs::create_dir_all(own.parent().expect("it lies in a folder")).expect("it can be made");
    let told = |text: &[u8], arguments: &[&str]| {
        std::fs::write(&own, text).expect("it can be written");
        let output = env.call(arguments).without("TICKETY_ACTOR").run();
        assert_eq!(output.status, 12, "{arguments:?}: {output}");
        output.stderr.replace("[ROOT]/home/.config/tickety/", "")
    };
    let said = [
        told(b"actor = \"Zed", &["new", "One"]),
        told(b"# me\nactor = 5\n", &["new", "One"]),
        told(b"actor = Zed\n", &["list", "assignee:me"]),
        told(b"[a\n", &["config", "list"]),
        told(b"cache = \"on\"\ncache = \"off\"\n", &["config", "set", "actor", "Zed"]),
        told(b"actor = \"\xff\"\n", &["new", "One"]),
    ];
    assert_snapshot!(said.concat(), @r#"
    error: config.toml:1: invalid basic string, expected `"`
    error: config.toml:2: `actor` has to be a string
    error: config.toml:1: string values must be quoted, expected literal string
    error: config.toml:1: unclosed table, expected `]`
    error: config.toml:2: duplicate key
    error: config.toml is not UTF-8 text
    "#);
    for (text, actor) in [("actor = 'Zed \"Z\"' # me\n", "Zed \"Z\"\n"), ("\"actor\" = \"\\u005aed\"\n", "Zed\n")] {
        std::fs::write(&own, text).expect("it can be written");
        assert_eq!(env.call(&["config", "get", "actor"]).without("TICKETY_ACTOR").run().stdout, actor);
    }
    std::fs::write(&own, "actor = \"Zed").expect("it can be written");
    assert_eq!(env.run(&["list"]).status, 0, "who doesn't act doesn't ask");
    assert_eq!(env.run(&["new", "One", "--as", "Ann"]).status, 0, "who says it doesn't ask");
}

#[test]
fn a_configuration_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = crate::home();
    env.ok(&["config", "set", "actor", "Ann"]);
    let files = [env.work().join(".tickety/config.toml"), env.home().join(".config/tickety/config.toml")];
    for (path, setting) in files.iter().zip([["prefix", "AB"], ["actor", "Bo"]]) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).expect("it is one's own");
        env.ok(&["config", "set", setting[0], setting[1]]);
        let mode = std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o640, "{}", path.display());
        assert_eq!(env.ok(&["config", "get", setting[0]]), format!("{}\n", setting[1]));
    }
}

#[test]
fn renumbering_against_nothing_says_so() {
    let env = TestEnv::with_git(env!("CARGO_BIN_EXE_tickety"));
    env.ok(&["init"]);
    env.ok(&["new", "One"]);
    assert_snapshot!(env.run(&["renumber", "--against", "nope"]), @"
    --- standard error
    error: git knows no branch, tag or commit `nope`
    hint: `git rev-parse --verify REF` tells whether git knows a branch or commit
    --- status 14
    ");
}

#[test]
fn the_index_can_be_examined_and_made_afresh() {
    let env = small_home();
    assert_eq!(env.run(&["index", "verify"]).status, 0);
    env.ok(&["index", "rebuild"]);
    let status = json(&env, &["index", "status", "--json"]);
    assert_eq!(status["data"]["issues"], 4);
}

#[test]
fn settings_are_read_and_changed() {
    let env = small_home();
    assert_eq!(env.ok(&["config", "get", "prefix"]), "TIK\n");
    env.ok(&["config", "set", "prefix", "AB"]);
    assert_eq!(env.ok(&["config", "get", "prefix"]), "AB\n");
    env.ok(&["config", "set", "statuses.review", "in-progress"]);
    env.ok(&["edit", "1", "--status", "review"]);
    assert_snapshot!(env.ok(&["config", "list"]), @r#"
    format = 1
    prefix = AB
    kinds = ["bug", "feature", "task", "chore", "epic"]
    default-kind = task
    freshness = auto
    statuses.open = open
    statuses.in-progress = in-progress
    statuses.review = in-progress
    statuses.closed = closed
    actor = tester
    cache = on
    cache-ttl-seconds = auto
    cache-max-entries = 10000
    "#);
    let before = env.files();
    assert_snapshot!(env.run(&["config", "set", "prefix", "1"]), @"
    --- standard error
    error: `prefix` has to be 1 to 16 ASCII letters and digits, a letter first
    hint: `tickety config list` shows the settings in force, `tickety help config` describes them
    --- status 2
    ");
    assert_snapshot!(env.run(&["config", "set", "prefx", "AB"]), @"
    --- standard error
    error: there is no setting `prefx`; did you mean `prefix`?
    hint: `tickety config list` shows the settings in force, `tickety help config` describes them
    --- status 2
    ");
    assert_snapshot!(env.run(&["config", "get", "prefx"]), @"
    --- standard error
    error: there is no setting `prefx`
    hint: `tickety config list` shows the settings in force, `tickety help config` describes them
    --- status 2
    ");
    assert_eq!(env.files(), before);
}

#[test]
fn what_the_settings_list_prints_can_be_set() {
    let env = small_home();
    env.ok(&["config", "set", "kinds", "bug,task"]);
    env.ok(&["config", "set", "fields.severity", "[\"s1\", \"s2\"]"]);
    let listed = env.ok(&["config", "list"]);
    for line in listed.lines() {
        let (key, value) = line.split_once(" = ").expect("a key and a value");
        assert_eq!(env.ok(&["config", "set", key, value]), format!("{value}\n"), "{line}");
    }
    assert_eq!(env.ok(&["config", "list"]), listed);
}

#[test]
fn a_prefix_that_can_t_be_makes_no_home() {
    let env = tickety_testkit::TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    for prefix in ["", "1A", "a-b", "A\"\n[statuses]\nx = \"open\"\n#", "ABCDEFGHIJKLMNOPQ"] {
        let refused = env.run(&["init", "--prefix", prefix]);
        assert_eq!(refused.status, 2, "{refused}");
        assert!(refused.stderr.starts_with("error: --prefix ") && !refused.stderr.contains("config.toml"), "{refused}");
    }
    assert!(env.files().is_empty());
    assert_eq!(json(&env, &["init", "--prefix", "a-b", "--json"])["error"]["code"], "bad_value");
}

#[test]
fn a_home_within_another_is_asked_for() {
    let env = small_home();
    std::fs::create_dir_all(env.work().join("sub/deep")).expect("it can be made");
    let init = |arguments: &[&str], folder: &str| {
        env.call(&[&["init"], arguments].concat()).within(folder).run().to_string().replace("[ROOT]/work", "~")
    };
    assert_snapshot!(init(&[], "sub"), @"
    --- standard error
    error: this folder belongs to the home in ~ already
    hint: `tickety new TITLE` works here; `tickety init --nested` makes another home in ~/sub
    --- status 2
    ");
    assert!(!env.work().join("sub/.tickety").exists());
    assert_snapshot!(init(&["--nested"], "sub"), @"
    made a home for issues in ~/sub
      .tickety/.gitignore
      .tickety/config.toml
    then: tickety new TITLE
    ");
    assert_snapshot!(init(&[], "sub"), @"there is a home in ~/sub already; nothing was changed");
    assert_eq!(env.call(&["init"]).within("sub/deep").run().status, 2);
    // A repository of its own belongs to no other home.
    env.git(&["init", "--quiet", "sub/deep"]);
    assert_eq!(env.call(&["init"]).within("sub/deep").run().status, 0);
}

#[test]
fn numbers_that_a_merge_brings_are_nothing_wrong() {
    let env = small_home();
    let issues = env.work().join(".tickety/issues/000");
    let record = std::fs::read_dir(&issues).expect("it is there").map(|entry| entry.expect("it can be read").path());
    let record = record.into_iter().find(|path| path.to_string_lossy().contains("000003-")).expect("3 exists");
    let name = record.file_name().expect("it is a file").to_string_lossy().replace("000003-", "000007-");
    std::fs::rename(&record, issues.join(name)).expect("it can be renamed");
    assert_snapshot!(env.run(&["doctor"]), @"
    --- standard error
    nothing is wrong
    ");
    assert!(env.ok(&["new", "Another"]).contains("8-"), "the next number is above it");
}

#[test]
fn the_last_number_is_not_given_away() {
    let env = small_home();
    assert_snapshot!(env.run(&["renumber", "1", "--to", "4294967295"]), @"
    --- standard error
    error: 4294967295 is the last number there is: no issue could be created after it
    hint: choose a lower number
    --- status 2
    ");
    env.ok(&["new", "Another"]);
    // Nothing keeps an editor from it.
    let record = std::fs::read_dir(env.work().join(".tickety/issues/000")).expect("it is there");
    let record = record.map(|entry| entry.expect("it can be read").path());
    let record = record.into_iter().find(|path| path.to_string_lossy().contains("000003-")).expect("3 exists");
    let name = record.file_name().expect("it is a file").to_string_lossy().replace("000003-", "4294967294-");
    let far = env.work().join(".tickety/issues/4294967");
    std::fs::create_dir(&far).expect("it can be made");
    std::fs::rename(&record, far.join(name)).expect("it can be renamed");
    env.ok(&["list"]);
    assert!(env.ok(&["new", "The last"]).starts_with("4294967295-"));
    assert_snapshot!(told(&env, &["new", "Another"]), @"
    --- standard error
    error: no number is left for another issue: numbers end at 4294967295
    hint: `tickety doctor` says what can be done about it
    --- status 6
    ");
    assert_snapshot!(told(&env, &["doctor", "--fix"]), @"
    counter 4294967295-tgsa: has the last number there is, after which none can be created: `tickety renumber 4294967295-tgsa --to NUMBER`, then `tickety doctor --fix`
    --- status 1
    ");
    env.ok(&["renumber", "4294967295", "--to", "20"]);
    env.ok(&["renumber", "4294967294", "--to", "21"]);
    assert_snapshot!(told(&env, &["doctor"]), @"
    counter ~/.tickety/local/counter: gives out no more numbers, though there are some [--fix mends this]
    --- standard error
    `tickety doctor --fix` mends 1 of these
    --- status 1
    ");
    assert_snapshot!(told(&env, &["doctor", "--fix"]), @"counter ~/.tickety/local/counter: gives out no more numbers, though there are some [fixed]");
    assert!(env.ok(&["new", "Another"]).starts_with("22-"));
    assert_eq!(env.run(&["doctor"]).status, 0);
}

#[test]
fn a_preview_of_new_numbers_names_both_and_changes_nothing() {
    let env = small_home();
    let before = env.files();
    assert_snapshot!(env.run(&["renumber", "2", "-n"]), @"2-xfy8 would be 5-xfy8; links would follow in 1-3fqb");
    assert_snapshot!(env.run(&["renumber", "2", "--to", "20", "-n"]), @"2-xfy8 would be 20-xfy8; links would follow in 1-3fqb");
    assert_snapshot!(env.run(&["renumber", "2", "--to", "20", "-n", "--json"]), @r#"{"data":{"dry_run":true,"renumbered":[{"from":"2-xfy8","to":"20-xfy8","relinked":["1-3fqb"]}]},"meta":{}}"#);
    assert_snapshot!(env.run(&["renumber", "99", "-n"]), @"
    --- standard error
    error: there is no issue 99
    hint: the newest issue is 4; `tickety list is:any` shows all
    --- status 3
    ");
    assert_snapshot!(env.run(&["renumber", "2", "--to", "3", "-n"]), @"
    --- standard error
    error: 3 is taken by 3-vct6
    hint: leave out --to to get the next free number
    --- status 6
    ");
    assert_eq!(env.files(), before);
    env.ok(&["renumber", "2"]);
    assert!(env.ok(&["show", "1"]).contains("blocked-by  5-"), "the number it named");
}

#[test]
fn an_issue_gets_another_number_and_links_follow() {
    let env = small_home();
    let moved = env.ok(&["renumber", "2", "--to", "20"]);
    assert!(moved.contains(" is now 20-"), "{moved}");
    assert!(env.ok(&["show", "1"]).contains("blocked-by  20-"));
    assert_eq!(env.run(&["renumber", "1", "--to", "3"]).status, 6);
}

#[test]
fn what_git_or_an_editor_destroyed_is_put_back() {
    let env = small_home();
    assert_snapshot!(env.run(&["restore"]), @"
    --- standard error
    every file is as Tickety left it
    ");
    let record =
        |number: &str| env.files().into_keys().find(|path| path.contains(number) && !path.contains('_')).unwrap();
    std::fs::remove_file(env.work().join(record("/000002-"))).unwrap();
    let changed = record("/000003-");
    env.write(&changed, env.read(&changed).replace("Measure the cache", "Measure it"));
    env.ok(&["delete", "4", "--yes"]);
    // The journal has the time of the system.
    let undated = |arguments: &[&str]| {
        let text = env.run(arguments).to_string();
        let undate = |part: &str| part.split_once("Z: ").map_or(part.to_owned(), |(_, rest)| format!("TIME: {rest}"));
        let mut parts = text.split("written ");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| format!("{text}written {}", undate(part)))
    };
    assert_snapshot!(undated(&["restore"]), @"
    2-xfy8 missing, written TIME: Read the index once
    3-vct6 changed, written TIME: Measure the cache
    4-ns3m deleted, written TIME: Old idea
    --- standard error
    `tickety restore --all` puts back what is missing; --changed and --deleted the rest
    ");
    assert_snapshot!(env.run(&["restore", "2", "--dry-run"]), @"2-xfy8 would be restored: Read the index once");
    assert_snapshot!(env.run(&["restore", "--all"]), @"2-xfy8 restored: Read the index once");
    assert_snapshot!(undated(&["restore", "3", "4"]), @"
    3-vct6 changed, written TIME: Measure the cache
    4-ns3m deleted, written TIME: Old idea
    --- standard error
    nothing was put back: --changed and --deleted say what else to put back
    ");
    assert_snapshot!(env.run(&["restore", "3", "4", "--changed", "--deleted"]), @"
    3-vct6 restored: Measure the cache
    4-ns3m restored: Old idea
    ");
    assert_snapshot!(env.run(&["restore", "2"]), @"
    --- standard error
    every file is as Tickety left it
    ");
    assert_eq!(env.run(&["restore", "9", "--dry-run"]).status, 3);
    assert_snapshot!(env.run(&["restore", "9"]), @"
    --- standard error
    error: there is no issue 9
    hint: the newest issue is 4; `tickety list is:any` shows all
    --- status 3
    ");
    assert_eq!(json(&env, &["restore", "--json"])["data"]["restorable"], serde_json::json!([]));
    assert_eq!(env.run(&["doctor"]).status, 0);
}

#[test]
fn an_issue_gets_its_own_old_number_back() {
    let env = home();
    env.ok(&["new", "one"]);
    env.ok(&["new", "two"]);
    let before = env.files();
    env.ok(&["renumber", "2", "--to", "20"]);
    assert_eq!(env.run(&["renumber", "1", "--to", "2"]).status, 6, "somebody may mean the other by it");
    env.ok(&["renumber", "20", "--to", "2"]);
    let issues = |files: std::collections::BTreeMap<String, String>| -> Vec<String> {
        files.into_keys().filter(|name| name.contains("issues/")).collect()
    };
    assert_eq!(issues(env.files()), issues(before));
    // Both names work, and none of them twice.
    for name in ["2", "20"] {
        assert!(env.ok(&["show", name]).starts_with("2-"));
    }
    assert!(!env.ok(&["show", "2"]).contains("renumbered:2-"));
    assert_eq!(env.run(&["doctor"]).status, 0);
}

/// Copies the one file whose name contains `from` to a name in which it is `to`.
fn copy(env: &TestEnv, from: &str, to: &str) {
    let files = env.files();
    let (name, text) = files.iter().find(|(name, _)| name.contains(from)).expect("there is one");
    env.write(&name.replace(from, to), text);
}

#[test]
fn a_copied_record_is_told_of_wherever_its_id_is_used() {
    let env = home();
    env.ok(&["new", "one"]);
    env.ok(&["new", "two"]);
    env.ok(&["export", "jsonl", "-o", "../all.jsonl"]);
    let id =
        crate::json(&env, &["show", "1", "--json"])["data"]["issues"][0]["id"].as_str().expect("a text").to_owned();
    copy(&env, "000001-", "000005-");
    env.ok(&["list"]);
    let shown = env.run(&["show", &id]);
    assert!(shown.status == 4 && shown.stderr.contains(" 5-") && shown.stderr.contains("delete it"), "{shown}");
    let imported = env.run(&["import", "jsonl", "../all.jsonl"]);
    let said = format!("{}{}", imported.stdout, imported.stderr);
    assert!(said.contains("several issues have its id: 1-"), "{imported}");
}

#[test]
fn a_copied_comment_is_told_of() {
    let env = small_home();
    copy(&env, "_2126", "_2127");
    let found = env.run(&["doctor"]);
    assert!(found.status == 1 && found.stdout.contains("is the same comment as"), "{found}");
}

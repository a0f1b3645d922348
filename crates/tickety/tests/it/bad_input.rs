//! What goes wrong: each with an error that says what to do, and nothing changed.

use insta::assert_snapshot;

use crate::{home, small_home};

#[test]
fn a_variable_that_is_no_text_is_named() {
    let env = home();
    let odd = |variable: &str, command: &str| {
        let script = format!("{variable}=\"$(printf 'Zo\\351')\" exec {} {command}", env!("CARGO_BIN_EXE_tickety"));
        env.call_program("sh", &["-c", &script]).to_string()
    };
    assert_snapshot!(odd("TICKETY_ACTOR", "new x"), @"
    --- standard error
    error: the variable TICKETY_ACTOR is no UTF-8: `Zo�`
    hint: write it in UTF-8, or `unset TICKETY_ACTOR`
    --- status 2
    ");
    assert_snapshot!(odd("TICKETY_CACHE", "cache stats"), @"
    --- standard error
    error: the variable TICKETY_CACHE is no UTF-8: `Zo�`
    hint: write it in UTF-8, or `unset TICKETY_CACHE`
    --- status 2
    ");
    assert_snapshot!(odd("VISUAL", "new --edit"), @"
    --- standard error
    error: the variable VISUAL is no UTF-8: `Zo�`
    hint: write it in UTF-8, or `unset VISUAL`
    --- status 2
    ");
    assert_snapshot!(odd("TICKETY_ACTOR", "new x --as Ann --quiet"), @"1-ns3m");
}

#[test]
fn queries_that_lack_something_say_what() {
    let env = small_home();
    assert_eq!(env.run(&["list", "priority:high..low"]).status, 2);
    assert_snapshot!(env.run(&["list", "cli AND", "--limit", "5"]), @"
    --- standard error
    error: `AND` needs a condition after it
      cli AND
          ^^^
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "number:5.."]), @"
    --- standard error
    error: `number:` needs a value here
      number:5..
                ^
    write `5..*` for a range without an end on that side
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "\"\""]), @r#"
    --- standard error
    error: an empty text can't be searched for
      ""
      ^^
    leave it out
    --- status 2
    "#);
    assert_snapshot!(env.run(&["config", "set", "statuses.any", "closed"]), @"
    --- standard error
    error: `statuses.any`: in queries `is:any` means something else than this status: choose another name
    hint: `tickety config list` shows the settings in force, `tickety help config` describes them
    --- status 2
    ");
    assert_snapshot!(env.run(&["config", "set", "kinds", "bug,bug"]), @"
    --- standard error
    error: `kinds` has `bug` more than once: leave one out
    hint: `tickety config list` shows the settings in force, `tickety help config` describes them
    --- status 2
    ");
    assert_snapshot!(env.run(&["config", "set", "kinds", "[\"bug\", \"x y\"]"]), @"
    --- standard error
    error: `kinds`: `x y` is shown as `x-y`: write it like that
    hint: `tickety config list` shows the settings in force, `tickety help config` describes them
    --- status 2
    ");
}

#[test]
fn without_a_home_the_way_to_one_is_told() {
    let env = tickety_testkit::TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    assert_snapshot!(env.run(&["list"]), @"
    --- standard error
    error: there is no .tickety in [ROOT]/work or above it
    hint: `tickety init` makes one here; -C DIR looks elsewhere
    --- status 11
    ");
    assert_snapshot!(env.run(&["new", "t"]), @"
    --- standard error
    error: there is no .tickety in [ROOT]/work or above it
    hint: `tickety init` makes one here; -C DIR looks elsewhere
    --- status 11
    ");
}

#[test]
fn what_a_command_has_no_use_for_is_refused() {
    let env = small_home();
    assert_snapshot!(env.run(&["export", "jsonl", "limit:2"]), @"
    --- standard error
    error: `limit:` says nothing to `tickety export`, which takes all issues that fit
    hint: leave it out; `list`, `search` and `ready` use it
    --- status 2
    ");
    for command in [&["export", "json"][..], &["stats"], &["all-closed"]] {
        for part in ["limit:1", "fields:title", "sort:title"] {
            let refused = env.run(&[command, &[part]].concat());
            assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{command:?} {part}: {refused}");
            assert_eq!(env.run(&["list", part]).status, 0, "{part}");
        }
    }
}

#[test]
fn names_of_no_issue() {
    let env = small_home();
    assert_snapshot!(env.run(&["show", "99"]), @"
    --- standard error
    error: there is no issue 99
    hint: the newest issue is 4; `tickety list is:any` shows all
    --- status 3
    ");
    assert_snapshot!(env.run(&["show", "2-zzzz"]), @"
    --- standard error
    error: there is no issue 2-zzzz
    hint: `tickety list is:any` shows all issues, `tickety search WORDS` finds some by their text
    --- status 3
    ");
    let unknown = env.run(&["show", "99"]).stderr;
    for command in
        [&["new", "t", "--parent", "99"][..], &["edit", "1", "--relates", "99"], &["link", "99", "blocks", "1"]]
    {
        assert_eq!(env.run(command).stderr, unknown, "{command:?}");
    }
    assert_snapshot!(env.run(&["close", "one"]), @"
    --- standard error
    error: `one` is not an issue: write 42, #42, TIK-42 or 42-k3f9
    --- status 2
    ");
}

#[test]
fn an_ambiguous_number_names_both() {
    let env = small_home();
    let two = env.files().into_keys().find(|name| name.contains("000002-")).expect("issue 2");
    let copy = env.read(&two).replace("Read the index once", "Another");
    let id = copy.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    let other = format!("{}00000", &id[..id.len() - 5]);
    env.write(".tickety/issues/000/000002-0000.md", copy.replace(&id, &other));
    let output = env.run(&["show", "2"]);
    assert_eq!(output.status, 4, "{output}");
    assert!(output.stderr.contains("2-0000 (Another)"), "{output}");
    assert!(output.stderr.contains("hint: ") && output.stderr.contains("`2-0000`"), "{output}");
    for command in [
        &["new", "t", "--blocked-by", "2"][..],
        &["edit", "3", "--relates", "2"],
        &["edit", "2", "--title", "t"],
        &["edit", "3", "--blocked-by", "-2"],
        &["link", "1", "relates", "2"],
        &["unlink", "2", "blocks", "1"],
        &["close", "3", "--duplicate-of", "2"],
        &["close", "2"],
        &["reopen", "2"],
        &["comment", "2", "text"],
        &["delete", "2", "--yes"],
        &["renumber", "2"],
        &["graph", "2"],
    ] {
        let elsewhere = env.run(command);
        assert_eq!((elsewhere.status, &elsewhere.stderr), (4, &output.stderr), "{command:?}");
    }
    assert!(env.ok(&["show", "2-0000"]).contains("Another"));
}

#[test]
fn queries_point_at_the_place() {
    let env = home();
    assert_snapshot!(env.run(&["list", "is:open", "lable:cache"]), @"
    --- standard error
    error: unknown field `lable`
      is:open lable:cache
              ^^^^^
    did you mean `label`?
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "priority:urgent"]), @"
    --- standard error
    error: `urgent` is not a value of `priority`: use critical, high, medium, low, lowest
      priority:urgent
               ^^^^^^
    --- status 2
    ");
}

#[test]
fn what_is_wrong_is_shown_in_what_was_written() {
    let env = small_home();
    assert_snapshot!(env.run(&["list", "(a OR b", "-n", "1"]), @"
    --- standard error
    error: the parenthesis is not closed
      (a OR b
      ^
    to search for the text itself, put it in quotation marks
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "a OR", "--sort", "title", "--fields", "title"]), @"
    --- standard error
    error: `OR` needs a condition after it
      a OR
        ^^
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "is:open", "-n", "0"]), @"
    --- standard error
    error: invalid value '0' for '--limit <N>': write a number from 1 on

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--sort", "titel"]), @"
    --- standard error
    error: --sort: `titel` is not a value of `sort`: use number, created, updated, closed, due, priority, title, status, kind, milestone, comments, estimate, spent, relevance, newest, oldest
    hint: did you mean `title`?
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "limit:3", "--limit", "5"]), @"
    --- standard error
    error: --limit: the query has `limit:` too; leave one of them out
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "limit:x", "--limit", "5"]), @"
    --- standard error
    error: `x` is not a value of `limit`: write a number from 1 on
      limit:x
            ^
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--fields", "title,nonsense"]), @"
    --- standard error
    error: --fields: `nonsense` is not a value of `fields`: write the name of a field, such as label or field.NAME
    --- status 2
    ");
    assert_snapshot!(env.run(&["show", "1", "--json", "--fields", "lables"]), @r#"
    {"error":{"code":"bad_query","message":"--fields: `lables` is not a value of `fields`: write the name of a field, such as label or field.NAME","hint":"did you mean `label`?"}}
    --- status 2
    "#);
    assert_snapshot!(env.run(&["list", "--sort", "relevance"]), @"
    --- standard error
    error: --sort: an order by relevance needs a word or phrase to search for
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--after", "x"]), @"
    --- standard error
    error: --after: the cursor is damaged
    hint: take the one the page before returned, or leave it out
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--sort", "title label:x"]), @"
    --- standard error
    error: --sort: `title label:x` is not one value: several have commas between them
    --- status 2
    ");
    assert_eq!(env.ok(&["list", "--sort", "priority, title"]), env.ok(&["list", "sort:priority,title"]));
}

#[test]
fn wrong_options() {
    let env = home();
    for command in [
        &["list", "--bogus"][..],
        &["nonsense"],
        &["show"],
        &["close"],
        &["graph", "--follow", "x"],
        &["list", "--freshness", "x"],
    ] {
        let output = env.run(command);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{command:?}");
        assert!(output.stderr.starts_with("error: "), "{command:?}: {output}");
    }
}

#[test]
fn what_others_call_it_is_understood() {
    let env = small_home();
    assert_snapshot!(env.run(&["create", "t"]), @"
    --- standard error
    error: unrecognized subcommand 'create'

      tip: a similar subcommand exists: 'new'

    Usage: tickety [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["push"]), @"
    --- standard error
    error: unrecognized subcommand 'push'

      tip: `tickety sync` commits the issues, merges what others have, and pushes

    Usage: tickety [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--label", "cache"]), @"
    --- standard error
    error: unexpected argument '--label' found

      tip: write it as a part of the query: `label:VALUE`

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["ready", "--all"]), @"
    --- standard error
    error: unexpected argument '--all' found

      tip: `is:any` asks for issues of every status

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "-l", "cache"]), @"
    --- standard error
    error: unexpected argument '-l' found

      tip: conditions are written `FIELD:VALUE`, as in `label:cache` or `is:any`

    Usage: tickety list [OPTIONS] [QUERY]...

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--limt", "5"]), @"
    --- standard error
    error: unexpected argument '--limt' found

      tip: a similar argument exists: '--limit'

    Usage: tickety list --limit <N> [QUERY]...

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "-n", "x"]), @"
    --- standard error
    error: invalid value 'x' for '--limit <N>': write a number from 1 on

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["show", "-x", "1"]), @"
    --- standard error
    error: unexpected argument '-x' found

    Usage: tickety show [OPTIONS] <ISSUE>...

    For more information, try '--help'.
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "foo:bar"]), @r#"
    --- standard error
    error: unknown field `foo`
      foo:bar
      ^^^
    to search for the text itself, put it in quotation marks (in a shell: '"text"')
    `tickety list --help` lists the fields
    --- status 2
    "#);
    assert_snapshot!(env.run(&["list", "--sort", "-updated"]), @"
    --- standard error
    error: --sort: `-updated` is not a value of `sort`: use number, created, updated, closed, due, priority, title, status, kind, milestone, comments, estimate, spent, relevance, newest, oldest
    hint: did you mean `updated`?
    --- status 2
    ");
    assert_eq!(env.run(&["close", "1", "-m", "done"]).status, 0);
    assert_eq!(env.run(&["reopen", "1", "-m", "not done"]).status, 0);
    assert_eq!(env.run(&["comment", "1", "-m", "a text"]).status, 0);
    assert_eq!(env.run(&["rm", "-f", "1"]).status, 0);
}

#[test]
fn wrong_values() {
    let env = small_home();
    let before = env.files();
    for (options, says) in [
        (&["--priority", "urgent"][..], "critical"),
        (&["--priority", ""], "can't be cleared"),
        (&["--due", "soon"], "2026-11-30"),
        (&["--estimate", "1x"], "1h30m"),
        (&["--estimate", "-2h"], "`-2h` is not a length of work: write minutes, or 1h30m, 2d, 1w"),
        (&["--spent", "-5"], "`-5` is not a length of work: write minutes, or 1h30m, 2d, 1w"),
        (&["--due", "-3d"], "`-3d` is not a day: write 2026-11-30"),
        (&["--field", "novalue"], "KEY=VALUE"),
        (&["--field", "Bad Key=1"], "a-z"),
        (&["--status", "urgent"], "in-progress"),
        (&["--kind", "story"], "bug"),
        (&["--title", ""], "empty"),
        (&["--title", "a\nb"], "more than one line"),
        (&["--label", &"x".repeat(300)], "limit is 200"),
        (&["--parent", "1"], "can't be linked to itself"),
        (&["--body-file", "absent"], "could not read absent"),
    ] {
        let output = env.run(&[&["edit", "1"], options].concat());
        assert!(matches!(output.status, 2 | 6 | 14), "{options:?}: {output}");
        assert!(output.stderr.contains(says), "{options:?}: {output}");
    }
    assert_eq!(env.files(), before);
}

#[test]
fn a_text_that_is_too_long_is_refused_with_its_length() {
    let env = small_home();
    let limit = 1 << 20;
    env.write("long.md", "x".repeat(limit) + "\n");
    env.ok(&["edit", "1", "--body-file", "long.md"]);
    env.write("longer.md", "x".repeat(limit + 7));
    assert_snapshot!(env.run(&["edit", "1", "--body-file", "longer.md"]), @"
    --- standard error
    error: the body has 1048583 bytes; the limit is 1048576
    --- status 6
    ");
    env.write("longest.md", "x".repeat(17 * limit));
    assert_snapshot!(env.run(&["edit", "1", "--body-file", "longest.md"]), @"
    --- standard error
    error: longest.md: has more than 16777216 bytes; the limit is 1048576
    --- status 6
    ");
    let piped = env.call(&["comment", "1", "-"]).input(vec![b'x'; 17 * limit]).run();
    assert!(piped.stderr.starts_with("error: standard input: has more than"), "{piped}");
    let piped = env.call(&["comment", "1", "-"]).input(vec![0xff]).run();
    assert!(piped.stderr.starts_with("error: standard input: "), "{piped}");
}

#[test]
fn an_unreadable_file_hides_no_other() {
    let env = small_home();
    for number in 5..10 {
        env.write(&format!(".tickety/issues/000/00000{number}-zzzz.md"), "<<<<<<< HEAD\n");
    }
    let before = env.files();
    let output = env.run(&["list"]);
    assert_eq!(output.stdout.lines().count(), 3);
    assert_snapshot!(output.stderr, @"
    warning: .tickety/issues/000/000005-zzzz.md:1: unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers
    warning: .tickety/issues/000/000006-zzzz.md:1: unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers
    warning: .tickety/issues/000/000007-zzzz.md:1: unresolved merge conflict: `tickety resolve` settles it, or choose between the sides and remove the lines of markers
    and 2 more; see `tickety doctor`
    ");
    let shown = env.run(&["show", "5"]);
    assert_eq!(shown.status, 7, "{shown}");
    assert_eq!(env.run(&["all-closed", "label:none"]).status, 1, "nobody can tell");
    assert_eq!(env.files(), before);
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let env = small_home();
    let program = env!("CARGO_BIN_EXE_tickety");
    let output = env.call_program(
        "sh",
        &["-c", &format!("{program} list is:any | head -n 0; {program} completions zsh | head -n 1")],
    );
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{output}");
}

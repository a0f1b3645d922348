//! What a person sees on a terminal.

use insta::assert_snapshot;

use crate::small_home;

/// Takes the colours out of a text.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').expect("a style ends with m").1)
}

#[test]
fn a_list_is_a_table() {
    let env = small_home();
    assert_snapshot!(env.call(&["list", "is:any"]).terminal(90, 40).run().stdout, @"
    [2mname[0m  [2mstatus[0m  [2mpriority[0m  [2mkind[0m  [2mtitle[0m                [2mlabels[0m       [2massignees[0m  [2mupdated[0m
       [36m4[0m  [35mclosed[0m  medium    task  Old idea                                      [2m1m ago[0m
       [36m3[0m  [32mopen[0m    medium    task  Measure the cache                             [2m5m ago[0m
       [36m2[0m  [32mopen[0m    medium    task  Read the index once               Ann         [2m6m ago[0m
       [36m1[0m  [32mopen[0m    [31mhigh[0m      bug   Slow cache           [34mcache, perf[0m              [2m2m ago[0m
    ");
    assert_snapshot!(env.call(&["list", "--limit", "1"]).terminal(60, 40).run(), @"
    [2mname[0m  [2mstatus[0m  [2mpriority[0m  [2mkind[0m  [2mtitle[0m              [2mupdated[0m
       [36m3[0m  [32mopen[0m    medium    task  Measure the cache   [2m6m ago[0m
    --- standard error
    only the first 1; --limit N shows more
    ");
}

#[test]
fn search_shows_where_it_fits() {
    let env = small_home();
    assert_snapshot!(env.call(&["search", "index"]).terminal(60, 40).run().stdout, @"
    [36m2[0m Read the [1m[33mindex[0m once ([32mopen[0m, [2m6m ago[0m)
    [36m1[0m Slow cache ([32mopen[0m, [2m2m ago[0m)
        The [1m[33mindex[0m is read twice.
    ");
}

#[test]
fn stats_and_new_speak_to_people() {
    let env = small_home();
    assert_snapshot!(env.call(&["stats"]).terminal(60, 40).run().stdout, @"
    [1mall[0m
      total          4
      ready          2
      blocked        1
      overdue        1
      comments       1
    [1mcategory[0m
      open           3
      closed         1
    [1mkind[0m
      bug            1
      task           3
    [1mopen by priority[0m
      high           1
      medium         2
    [1mopen by label[0m
      cache          1
      perf           1
    [1mopen by assignee[0m
      (nobody)       2
      Ann            1
    ");
    let created = env.call(&["new", "t"]).terminal(60, 40).run().stdout;
    assert!(created.contains(" created: .tickety/issues/000/000005-"), "{created}");
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let env = small_home();
    let title = "The index is read twice after a change of the configuration, which takes a second";
    let body = "The first time to see what changed, the second time to answer.\n\n- [ ] measure it with a cold cache\n";
    env.ok(&["new", title, "--body", body, "--label", "cache,index", "--relates", "1"]);
    env.ok(&[
        "new",
        "日本語の題名がとても長い場合にどう切られるか",
        "--body",
        "日本語の本文も長い場合があります index",
    ]);
    env.ok(&["link", "5", "blocked-by", "6"]);
    let narrow = |command: &[&str]| without_colours(&env.call(command).terminal(44, 40).run().stdout);
    assert_snapshot!(narrow(&["show", "5"]), @"
    5-d758  The index is read twice after a
            change of the configuration, which
            takes a second
    open · medium · task · blocked · cache, index

    reporter    tester
    created     3m ago (2126-11-21 12:08)
    updated     3m ago (2126-11-21 12:08)
    file        .tickety/issues/000/000005-d758.md
    blocked-by  6-9g1d 日本語の題名がと… (open)
    relates     1-3fqb Slow cache (open)

    The first time to see what changed, the
    second time to answer.

    - [ ] measure it with a cold cache
    ");
    assert_snapshot!(narrow(&["search", "index"]), @"
    6 日本語の題名がとても長い… (open, 3m ago)
        日本語の本文も長い場合があります index
    5 The index is read twice af… (open, 4m ago)
    2 Read the index once (open, 10m ago)
    1 Slow cache (open, 6m ago)
        The index is read twice.
    ");
    for command in [&["list"][..], &["list", "--fields", "title,label,body"], &["ready"], &["stats"]] {
        let shown = narrow(command);
        let columns = |line: &str| line.chars().map(|c| 1 + usize::from(c >= '\u{3000}')).sum::<usize>();
        assert!(shown.lines().all(|line| columns(line) <= 44), "{command:?}\n{shown}");
    }
}

#[test]
fn fields_that_were_asked_for_are_shown_even_where_they_are_empty() {
    let env = small_home();
    let listed = env.call(&["list", "#4", "--fields", "title,milestone,due"]).terminal(60, 40).run().stdout;
    assert_snapshot!(without_colours(&listed), @"
    name  title     milestone  due
       4  Old idea
    ");
    let status = without_colours(&env.call(&["index", "status"]).terminal(60, 40).run().stdout);
    assert!(status.contains("\nissues      4\n"), "{status}");
}

#[test]
fn an_empty_answer_says_what_is_missing() {
    let env = crate::home();
    assert_snapshot!(env.run(&["list"]), @"
    --- standard error
    no open issues: `tickety new TITLE` creates one, `tickety list is:any` shows closed ones
    ");
    assert_snapshot!(env.run(&["ready"]), @"
    --- standard error
    nothing could be begun now; `tickety list` shows what is blocked or in progress
    ");
    assert_snapshot!(env.run(&["list", "label:x"]), @"
    --- standard error
    no issue fits the query
    ");
    assert_snapshot!(env.call(&["stats", "label:x"]).terminal(60, 40).run().stderr, @"no issue fits the query");
}

#[test]
fn colours_follow_the_rules() {
    let env = small_home();
    let coloured = |variables: &[(&str, &str)], terminal: bool, options: &[&str]| {
        let mut call = env.call(&[&["list"], options].concat());
        for (name, value) in variables {
            call = call.variable(name, value);
        }
        let call = if terminal { call.terminal(80, 40) } else { call };
        call.run().stdout.contains('\u{1b}')
    };
    assert!(coloured(&[], true, &[]));
    assert!(!coloured(&[], false, &[]));
    assert!(!coloured(&[("NO_COLOR", "1")], true, &[]));
    assert!(coloured(&[("NO_COLOR", "")], true, &[]));
    assert!(!coloured(&[("CLICOLOR", "0")], true, &[]));
    assert!(!coloured(&[("TERM", "dumb")], true, &[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], false, &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], false, &["--color", "never"]));
    assert!(coloured(&[("NO_COLOR", "1")], true, &["--color", "always"]));
    assert!(!coloured(&[], true, &["--color=never"]));
}

#[test]
fn colours_that_are_asked_for_are_in_a_pipe_too() {
    let env = small_home();
    for command in [
        &["list"][..],
        &["list", "--fields", "title,label"],
        &["search", "cache"],
        &["ready"],
        &["stats"],
        &["show", "1"],
        &["graph"],
        &["all-closed"],
        &["config", "list"],
    ] {
        let plain = env.run(command).stdout;
        let coloured = env.run(&[command, &["--color", "always"]].concat()).stdout;
        assert_eq!(without_colours(&coloured), plain, "{command:?}");
        assert_ne!(coloured, plain, "{command:?}");
    }
}

#[test]
fn a_hostile_title_can_t_command_the_terminal() {
    let env = small_home();
    let path =
        crate::json(&env, &["show", "2", "--json"])["data"]["issues"][0]["path"].as_str().expect("a path").to_owned();
    let hostile = env.read(&path).replace("Read the index once", "\"x\\e]0;owned\\a\\u202Eslaves\"");
    env.write(&path, hostile);
    for call in [env.call(&["list"]).terminal(80, 40), env.call(&["show", "2"]), env.call(&["list"])] {
        let shown = call.variable("NO_COLOR", "1").run();
        assert!(!shown.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
        assert!(shown.stdout.contains("x␛]0;owned␇<U+202E>slaves"), "{shown}");
    }
}

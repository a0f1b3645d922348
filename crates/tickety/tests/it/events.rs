//! What the log of events tells people and programs.

#![expect(clippy::disallowed_methods, reason = "follows the events while others write")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use tickety_testkit::TestEnv;

use crate::{home, json, small_home};

/// Replaces the name of the log, which is random.
fn settled(env: &TestEnv, text: &str) -> String {
    let end = json(env, &["events", "--json"])["data"]["next"].as_str().expect("a cursor").to_owned();
    text.replace(end.split_once('-').expect("a cursor has two parts").0, "[LOG]")
}

#[test]
fn events_are_told_oldest_first() {
    let env = small_home();
    let record = env.files().into_keys().find(|path| path.contains("/000002-")).unwrap();
    env.write(&record, env.read(&record).replace("Read the index once", "Read it once"));
    let told = env.ok(&["events"]);
    assert_snapshot!(settled(&env, &told), @"
    [LOG]-1	2126-11-21T12:01:00Z	tester	issue.created	1-3fqb	Slow cache
    [LOG]-2	2126-11-21T12:02:00Z	tester	issue.created	2-xfy8	Read the index once
    [LOG]-3	2126-11-21T12:03:00Z	tester	issue.created	3-vct6	Measure the cache
    [LOG]-4	2126-11-21T12:03:00Z	tester	link.added	3-vct6	parent 1-3fqb
    [LOG]-5	2126-11-21T12:04:00Z	tester	issue.created	4-ns3m	Old idea
    [LOG]-6	2126-11-21T12:05:00Z	tester	link.added	1-3fqb	blocked-by 2-xfy8
    [LOG]-7	2126-11-21T12:06:00Z	tester	comment.added	1-3fqb	Seen on Mondays only.
    [LOG]-8	2126-11-21T12:07:00Z	tester	issue.closed	4-ns3m	cancelled; note changed
    [LOG]-9	2126-11-21T12:08:00Z		external.changed	2-xfy8	title Read the index once → Read it once
    ");
    assert_snapshot!(env.call(&["events", "-n", "4"]).terminal(80, 40).run().stdout, @"
      [2mwhen[0m  [2mwho[0m     [2mevent[0m             [2missue[0m  [2mwhat[0m
    [2m5m ago[0m  tester  link.added            [36m1[0m  blocked-by 2-xfy8
    [2m4m ago[0m  tester  comment.added         [36m1[0m  Seen on Mondays only.
    [2m3m ago[0m  tester  issue.closed          [36m4[0m  cancelled; note changed
    [2m2m ago[0m          external.changed      [36m2[0m  title Read the index once → Read it on…
    ");
    assert_snapshot!(settled(&env, &env.ok(&["events", "--type", "issue.closed,comment.added"])), @"
    [LOG]-7	2126-11-21T12:06:00Z	tester	comment.added	1-3fqb	Seen on Mondays only.
    [LOG]-8	2126-11-21T12:07:00Z	tester	issue.closed	4-ns3m	cancelled; note changed
    ");
    assert_snapshot!(settled(&env, &env.ok(&["events", "stats"])), @"
    events	9
    groups	8
    oldest	2126-11-21T12:01:00Z
    newest	2126-11-21T12:08:00Z
    cursor	[LOG]-9
    size	3 KiB
    unreadable	0
    kept	the last 50000 or somewhat more, for 90 days
    ");
}

#[test]
fn programs_read_on_from_a_cursor_until_it_is_gone() {
    let env = small_home();
    let cursor = |answer: &serde_json::Value| answer["data"]["next"].as_str().expect("a cursor").to_owned();
    let first = json(&env, &["events", "--since", "start", "-n", "2", "--json"]);
    assert_eq!((first["data"]["events"].as_array().unwrap().len(), &first["data"]["more"]), (2, &true.into()));
    let rest = json(&env, &["events", "--since", &cursor(&first), "--json"]);
    assert_eq!((rest["data"]["events"].as_array().unwrap().len(), &rest["data"]["more"]), (6, &false.into()));
    let closed = &rest["data"]["events"][5];
    assert_eq!((&closed["type"], &closed["reason"]), (&"issue.closed".into(), &"cancelled".into()));
    let status = &closed["fields"][0];
    assert_eq!(
        (&status["field"], &status["before"], &status["after"]),
        (&"status".into(), &"open".into(), &"closed".into())
    );
    let end = cursor(&rest);
    assert_eq!(json(&env, &["events", "--since", &end, "--json"])["data"]["events"], serde_json::json!([]));
    fs::remove_dir_all(env.work().join(".tickety/local/events")).unwrap();
    env.ok(&["new", "after"]);
    let gone = env.run(&["events", "--since", &end]);
    assert_eq!(gone.status, 17, "{gone}");
    assert!(gone.stderr.contains("has not all that came after"), "{gone}");
    assert_snapshot!(env.run(&["events", "--since", "yesterday"]), @"
    --- standard error
    error: invalid value 'yesterday' for '--since <CURSOR>': `yesterday` is not a cursor: they look like 3f9a61c0d2b84e75-42 and come with every event

    For more information, try '--help'.
    --- status 2
    ");
}

#[test]
fn who_follows_hears_of_writes_and_of_edits_from_outside() {
    let env = home();
    env.ok(&["new", "one"]);
    let mut follower = Command::new(env!("CARGO_BIN_EXE_tickety"))
        .args(["events", "--follow", "--json", "-n", "0"])
        .current_dir(env.work())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    env.ok(&["new", "two"]);
    let mut hear = || -> serde_json::Value {
        let line = lines.next().expect("it goes on").expect("it is text");
        serde_json::from_str::<serde_json::Value>(&line).expect("it is JSON")["data"].clone()
    };
    // Whether it began before the write isn't known.
    let first = json(&env, &["events", "--json", "-n", "1"])["data"]["next"].clone();
    env.ok(&["new", "three"]);
    let mut heard = hear();
    if heard["cursor"] == first {
        heard = hear();
    }
    assert_eq!((&heard["type"], &heard["title"]), (&"issue.created".into(), &"three".into()));
    let record = env.files().into_keys().find(|path| path.contains("/000001-")).unwrap();
    env.write(&record, env.read(&record).replace("title: one", "title: uno"));
    let heard = hear();
    assert_eq!((&heard["type"], &heard["fields"][0]["after"]), (&"external.changed".into(), &"uno".into()));
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_damaged_log_is_told_of_and_keeps_nobody_from_working() {
    let env = small_home();
    let log = env.work().join(".tickety/local/events/log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("issue.created", "issue.creAted", 1)).unwrap();
    assert_snapshot!(env.run(&["events", "--since", "start", "--type", "issue.closed", "-q"]).stderr, @"warning: 1 entry of the log can't be read any more");
    assert_eq!(env.run(&["doctor"]).status, 1);
    env.ok(&["new", "still"]);
    assert!(env.ok(&["events", "-n", "1"]).ends_with("\tstill\n"));
}

//! What the index was good for, counted by hand over several commands, and what the user says about caching.

#![expect(clippy::disallowed_methods, reason = "starts many commands at once")]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use tickety_testkit::TestEnv;
use tickety_testkit::env::Call;

use crate::{json, small_home};

/// The counters of `cache stats`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Counted {
    answers: u64,
    delayed: u64,
    verified: u64,
    read_again: u64,
    rebuilds: u64,
}

const NOTHING: Counted = Counted { answers: 0, delayed: 0, verified: 0, read_again: 0, rebuilds: 0 };

fn counted(env: &TestEnv) -> Counted {
    counted_in(&json(env, &["cache", "stats", "--json"])["data"]["index"])
}

fn counted_in(index: &serde_json::Value) -> Counted {
    let count = |name: &str| index[name].as_u64().expect(name);
    assert_eq!(count("hits"), count("answers") - count("delayed"));
    assert_eq!(count("unreadable_bytes"), 0);
    Counted {
        answers: count("answers"),
        delayed: count("delayed"),
        verified: count("files_verified"),
        read_again: count("issues_read_again"),
        rebuilds: count("rebuilds"),
    }
}

/// Begins to count anew once the files are old enough to be told from later writes: until then they are read again.
fn begin(env: &TestEnv) {
    for _ in 0..1000 {
        env.ok(&["cache", "stats", "--clear"]);
        env.ok(&["list"]);
        if counted(env).read_again == 0 {
            env.ok(&["cache", "stats", "--clear"]);
            return;
        }
    }
    panic!("files are read again all the time");
}

fn log(env: &TestEnv) -> PathBuf {
    env.work().join(".tickety/local/usage")
}

#[test]
fn the_use_of_the_index_is_counted_over_all_commands() {
    let env = small_home();
    begin(&env);
    assert_eq!(counted(&env), NOTHING);
    // Four issues and a comment.
    env.ok(&["list"]);
    env.ok(&["list", "label:cache"]);
    assert_eq!(counted(&env), Counted { answers: 2, verified: 10, ..NOTHING });
    env.ok(&["list", "--freshness", "trust"]);
    assert_eq!(counted(&env), Counted { answers: 3, verified: 10, ..NOTHING });
    // The issue and its comment, its blocker and its part.
    env.ok(&["show", "1"]);
    assert_eq!(counted(&env), Counted { answers: 4, verified: 14, ..NOTHING });
    // The directory, and the two issues that are shown.
    env.ok(&["list", "--freshness", "shards", "is:ready"]);
    assert_eq!(counted(&env), Counted { answers: 5, verified: 17, ..NOTHING });
    let record = env.files().into_keys().find(|path| path.contains("/000002-")).unwrap();
    env.write(&record, env.read(&record).replace("Read the index once", "Read it once"));
    env.ok(&["list"]);
    let expected = Counted { answers: 6, delayed: 1, verified: 22, read_again: 1, rebuilds: 0 };
    assert_eq!(counted(&env), expected);
    let index = &json(&env, &["cache", "stats", "--json"])["data"]["index"];
    assert_eq!((index["mark"].as_str(), index["hit_rate"].as_f64()), (Some("good"), Some(5.0 / 6.0)));
    begin(&env);
    fs::remove_file(env.work().join(".tickety/local/index.db")).unwrap();
    env.ok(&["list"]);
    let expected = Counted { answers: 1, delayed: 1, verified: 5, read_again: 0, rebuilds: 1 };
    assert_eq!(counted(&env), expected);
    // What is told before counting begins anew is everything up to then.
    let index = &json(&env, &["cache", "stats", "--clear", "--json"])["data"]["index"];
    assert_eq!(counted_in(index), expected);
    assert_eq!((index["mark"].as_str(), index["hit_rate"].as_f64()), (Some("poor"), Some(0.0)));
    assert_eq!(counted(&env), NOTHING);
}

#[test]
fn what_fails_is_no_answer() {
    let env = small_home();
    begin(&env);
    assert_eq!(env.run(&["show", "6-zzzz"]).status, 3);
    assert_eq!(env.run(&["list", "no:such"]).status, 2);
    // The hint to the first asks which issue is the newest.
    assert_eq!(counted(&env).answers, 1);
}

#[test]
fn commands_that_run_at_the_same_time_are_all_counted() {
    let env = small_home();
    begin(&env);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tickety"));
            command.args(["list", "--freshness", "trust"]).current_dir(env.work()).stdout(Stdio::null());
            scope.spawn(move || (0..25).for_each(|_| assert!(command.status().unwrap().success())));
        }
    });
    assert_eq!(counted(&env), Counted { answers: 200, ..NOTHING });
}

#[test]
fn a_command_counts_with_five_calls_of_the_system() {
    if std::env::var_os("CI").is_none()
        && Command::new("strace").arg("true").status().is_ok_and(|status| !status.success())
    {
        eprintln!("skipped: strace can't trace here");
        return;
    }
    let env = small_home();
    env.ok(&["show", "1"]);
    let trace = env.home().join("trace");
    let calls = |arguments: &[&str]| {
        let mut words = vec!["-f", "-qq", "-y", "-o", trace.to_str().unwrap(), env!("CARGO_BIN_EXE_tickety")];
        words.extend_from_slice(arguments);
        let output = env.call_program("strace", &words);
        assert_eq!(output.status, 0, "{output}");
        let text = fs::read_to_string(&trace).unwrap();
        // The standard library looks at what it closes where it is built to find its own mistakes.
        let lines = text.lines().filter(|line| line.contains("local/usage") && !line.contains("F_GETFD"));
        let names =
            lines.map(|line| line.split_once(' ').unwrap().1.trim_start().split('(').next().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(calls(&["show", "1"]), "openat flock write fstat close");
    assert_eq!(calls(&["config", "list"]), "", "nothing was asked");
    assert_eq!(calls(&["help"]), "");
}

#[test]
fn nothing_that_stands_in_the_place_of_the_counts_harms_an_answer() {
    let env = small_home();
    let expected = env.ok(&["list"]);
    let log = log(&env);
    let told = |arguments: &[&str]| env.run(arguments).to_string().replace("[ROOT]/work", "~");
    let refused = || {
        let output = env.run(&["list"]);
        assert_eq!((output.status, output.stdout.as_str(), output.stderr.as_str()), (0, expected.as_str(), ""));
        told(&["cache", "stats"])
    };
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    assert_snapshot!(refused(), @"
    --- standard error
    error: ~/.tickety/local/usage: is a directory where a file is expected: move it elsewhere
    hint: without it, counting begins anew with the next command; no other answer depends on it
    --- status 13
    ");
    fs::remove_dir(&log).unwrap();
    std::os::unix::fs::symlink("/dev/null", &log).unwrap();
    assert_snapshot!(refused(), @"
    --- standard error
    error: ~/.tickety/local/usage: is a symbolic link where a file is expected: put what it leads to in its place, links are not followed
    hint: without it, counting begins anew with the next command; no other answer depends on it
    --- status 13
    ");
    assert_snapshot!(told(&["cache", "stats", "--clear", "--json"]), @r#"
    {"error":{"code":"damaged","message":"~/.tickety/local/usage: is a symbolic link where a file is expected: put what it leads to in its place, links are not followed","hint":"without it, counting begins anew with the next command; no other answer depends on it"}}
    --- status 13
    "#);
    fs::remove_file(&log).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &log, rustix::fs::Mode::RWXU).unwrap();
    assert_snapshot!(refused(), @"
    --- standard error
    error: ~/.tickety/local/usage: is a named pipe where a file is expected: move it elsewhere
    hint: without it, counting begins anew with the next command; no other answer depends on it
    --- status 13
    ");
    fs::remove_file(&log).unwrap();
    fs::write(&log, "counts of another kind\n").unwrap();
    assert_eq!(env.ok(&["list"]), expected);
    let output = env.run(&["cache", "stats"]);
    assert!(output.stdout.contains("answers\t1\n"), "{output}");
    assert_snapshot!(output.stderr, @"warning: 23 bytes of what was counted can't be read: damaged, or written by a newer Tickety; `tickety cache stats --clear` begins anew");
    env.ok(&["cache", "stats", "--clear"]);
    assert_eq!(env.run(&["cache", "stats"]).stderr, "");
}

#[test]
fn nobody_waits_for_a_process_that_is_stopped_while_it_counts() {
    let env = small_home();
    begin(&env);
    env.ok(&["list"]);
    let log = log(&env);
    let length = || fs::metadata(&log).unwrap().len() / 64;
    let record = fs::read(&log).unwrap().split_off(64 * (length() as usize - 1));
    let fill = |to: u64| {
        let records = record.repeat((to - length()) as usize);
        OpenOptions::new().append(true).open(&log).unwrap().write_all(&records).unwrap();
        env.ok(&["list"]);
    };
    // Who adds the sums up holds the lock of writers.
    let writer = File::open(env.work().join(".tickety/local/lock")).unwrap();
    writer.lock().unwrap();
    fill(1030);
    assert_eq!(length(), 1031);
    drop(writer);
    fill(1100);
    assert_eq!(length(), 1101, "not everybody tries it");
    fill(2047);
    assert_eq!(length(), 2, "the sums take the place of the records");
    // A new log begins with two records that are no command.
    assert_eq!(counted(&env).answers, 2048 - 2);
    // Who removes a log locks it.
    let remover = File::open(&log).unwrap();
    remover.lock().unwrap();
    env.ok(&["list"]);
}

#[test]
fn the_figures_are_shown_to_people_and_programs() {
    let env = small_home();
    begin(&env);
    env.ok(&["list"]);
    // How large the index is depends on SQLite, and when counting began on how long the files were too young.
    let masked = |text: &str| {
        let (before, rest) = text.split_once(" KiB").expect("the size is told");
        let before = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let (before, time) = before.split_once("2126-11-21").expect("the time is told");
        format!("{before}2126-11-21{}[TIME]{}[SIZE] KiB{rest}", &time[..1], &time[6..])
    };
    let shown = env.call(&["cache", "stats"]).terminal(80, 40).run();
    assert_snapshot!(masked(&shown.stdout.replace("[ROOT]/work", "~")), @"
    [2mhit rate[0m           100.0 %  [32mgood[0m
    [2manswers[0m            1
    [2mas it was[0m          1
    [2mdelayed[0m            0
    [2mfiles verified[0m     5
    [2missues read again[0m  0
    [2mrebuilds[0m           0
    [2msince[0m              2m ago (2126-11-21 [TIME])
    [2mindex[0m              [SIZE] KiB, 20 rows: ~/.tickety/local/index.db
    [2min memory[0m          nothing: a command ends with its answer
    [2msettings[0m           on, at most 10000 issues and 1000 answers
    ");
    let off = env.call(&["cache", "stats"]).variable("TICKETY_CACHE", "off").run();
    assert_snapshot!(masked(&off.stdout.replace("[ROOT]/work", "~")), @"
    hit rate	100.0 %  good
    answers	1
    as it was	1
    delayed	0
    files verified	5
    issues read again	0
    rebuilds	0
    since	2126-11-21T[TIME]:00Z
    index	[SIZE] KiB, 20 rows: ~/.tickety/local/index.db
    in memory	nothing: a command ends with its answer
    settings	off
    ");
    let mut answer = json(&env, &["cache", "stats", "--json"]);
    assert!(answer["data"]["index"]["bytes"].take().as_u64().unwrap() > 0);
    assert!(answer["data"]["index"]["since"].take().as_str().unwrap().starts_with("2126-11-21T"));
    assert_snapshot!(answer.to_string().replace("[ROOT]/work", "~"), @r#"{"data":{"index":{"answers":1,"hits":1,"delayed":0,"hit_rate":1.0,"mark":"good","files_verified":5,"issues_read_again":0,"rebuilds":0,"since":null,"unreadable_bytes":0,"path":"~/.tickety/local/index.db","bytes":null,"rows":20},"memory":[],"settings":{"enabled":true,"ttl_seconds":null,"issues":10000,"answers":1000,"check_milliseconds":1000}},"meta":{}}"#);
    let one = env.call(&["cache", "stats"]).variable("TICKETY_CACHE_MAX_ENTRIES", "1").run().stdout;
    assert!(one.ends_with("settings\ton, at most 1 issue and 1 answer\n"), "{one}");
    assert_snapshot!(env.ok(&["cache", "entries"]), @"
    issues	4
    names	8
    links	2
    unreadable	0
    directories	1
    files	5
    ");
    assert_snapshot!(env.call(&["cache", "entries"]).terminal(90, 40).run(), @"
    [2missues[0m                  4  [2mwhat lists show[0m
    [2mnames[0m                   8  [2mlabels, people, fields and the like[0m
    [2mlinks[0m                   2  [2meach where it is stored[0m
    [2munreadable[0m              0  [2mfiles that can't be read[0m
    [2mdirectories[0m             1  [2mas they were when they were listed[0m
    [2mfiles[0m                   5  [2mas they were when they were read[0m
    [2min memory[0m          nothing: a command ends with its answer
    ");
    assert_snapshot!(env.ok(&["cache", "entries", "--json"]), @r#"{"data":{"index":[{"kind":"issues","rows":4},{"kind":"names","rows":8},{"kind":"links","rows":2},{"kind":"unreadable","rows":0},{"kind":"directories","rows":1},{"kind":"files","rows":5}],"memory":[]},"meta":{}}"#);
    let cleared = env.run(&["cache", "stats", "--clear"]);
    assert_eq!(cleared.stderr, "counting begins anew\n");
    let empty = env.call(&["cache", "stats"]).terminal(80, 40).run();
    assert_snapshot!(empty.stdout.lines().take(2).collect::<Vec<_>>().join("\n"), @"
    [2mhit rate[0m           no answers yet
    [2manswers[0m            0
    ");
    assert_snapshot!(env.run(&["cache"]).status, @"2");
}

#[test]
fn settings_come_from_the_environment_before_the_users_configuration() {
    let env = small_home();
    let stats = || env.call(&["cache", "stats", "--json"]);
    let settings = |call: Call<'_>| {
        let answer: serde_json::Value = serde_json::from_str(&call.run().stdout).unwrap();
        answer["data"]["settings"].to_string()
    };
    assert_snapshot!(settings(stats()), @r#"{"enabled":true,"ttl_seconds":null,"issues":10000,"answers":1000,"check_milliseconds":1000}"#);
    let config = env.home().join(".config/tickety/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "actor = \"Ann\"\ncache-ttl-seconds = 90\ncache-max-entries = 70\n").unwrap();
    assert_snapshot!(settings(stats()), @r#"{"enabled":true,"ttl_seconds":90,"issues":70,"answers":7,"check_milliseconds":1000}"#);
    assert_snapshot!(settings(stats().variable("TICKETY_CACHE_MAX_ENTRIES", "500")), @r#"{"enabled":true,"ttl_seconds":90,"issues":500,"answers":50,"check_milliseconds":1000}"#);
    assert_snapshot!(settings(stats().variable("TICKETY_CACHE", "off")), @r#"{"enabled":false,"ttl_seconds":90,"issues":70,"answers":7,"check_milliseconds":1000}"#);
    assert_snapshot!(settings(stats().variable("TICKETY_CACHE_TTL_SECONDS", "auto").variable("TICKETY_CACHE", "")), @r#"{"enabled":true,"ttl_seconds":null,"issues":70,"answers":7,"check_milliseconds":1000}"#);
    let told = |call: Call<'_>| call.run().to_string().replace("[ROOT]/home", "~");
    assert_snapshot!(told(stats().variable("TICKETY_CACHE", "maybe")), @r#"
    {"error":{"code":"bad_value","message":"TICKETY_CACHE: `maybe` is neither `on` nor `off`","hint":null}}
    --- status 2
    "#);
    fs::write(&config, "actor = \"Ann\"\ncache-max-entries = \"many\"\n").unwrap();
    assert_snapshot!(told(stats()), @r#"
    {"error":{"code":"bad_config","message":"~/.config/tickety/config.toml:2: cache-max-entries: `many` is no whole number from 1 to 1000000","hint":null}}
    --- status 12
    "#);
    fs::write(&config, "cache = \"on\"\ncache_ttl = 5\n").unwrap();
    assert_snapshot!(told(stats()), @r#"
    {"error":{"code":"bad_config","message":"~/.config/tickety/config.toml:2: there is no setting `cache_ttl`: `cache`, `cache-ttl-seconds` and `cache-max-entries` are there","hint":null}}
    --- status 12
    "#);
    assert_eq!(env.run(&["list"]).stderr, "", "commands don't ask");
}

#[test]
fn settings_can_be_looked_at_and_changed() {
    let env = small_home();
    env.ok(&["config", "set", "actor", "Ann"]);
    assert_eq!(env.ok(&["config", "get", "cache-ttl-seconds"]), "auto\n");
    assert_eq!(env.ok(&["config", "set", "cache-ttl-seconds", "90"]), "90\n");
    assert_eq!(env.ok(&["config", "set", "cache", "off"]), "off\n");
    let config = fs::read_to_string(env.home().join(".config/tickety/config.toml")).unwrap();
    assert_eq!(config, "actor = \"Ann\"\ncache-ttl-seconds = 90\ncache = \"off\"\n");
    let listed = env.ok(&["config", "list"]);
    assert!(listed.ends_with("cache = off\ncache-ttl-seconds = 90\ncache-max-entries = 10000\n"), "{listed}");
    assert_snapshot!(env.run(&["config", "set", "cache-max-entries", "0"]), @"
    --- standard error
    error: cache-max-entries: `0` is no whole number from 1 to 1000000
    --- status 2
    ");
    assert_snapshot!(env.call(&["config", "get", "cache"]).variable("TICKETY_CACHE", "on").run(), @"on");
}

//! One list of commands in a home, in another one behind a server, and over HTTP: the same results, the same JSON.

use serde_json::{Value, json};
use tickety_testkit::TestEnv;
use tickety_testkit::env::Output;

use super::same::Names;
use super::{asking, url};
use crate::home;
use crate::serving::Server;

/// A command, with what it reads on standard input.
struct Step {
    arguments: Vec<&'static str>,
    input: &'static str,
}

fn step(command: &'static str) -> Step {
    Step { arguments: words(command), input: "" }
}

fn fed(command: &'static str, input: &'static str) -> Step {
    Step { input, ..step(command) }
}

/// Takes a command apart at its spaces; what stands in `'…'` is one word.
fn words(command: &'static str) -> Vec<&'static str> {
    let pieces = command.split('\'').enumerate();
    pieces
        .flat_map(|(place, piece)| if place % 2 == 0 { piece.split_whitespace().collect() } else { vec![piece] })
        .collect()
}

/// A home, and a home behind a server.
struct Both {
    here: TestEnv,
    there: TestEnv,
    server: Server,
    names: [Names; 2],
}

impl Both {
    fn new() -> Self {
        let (here, there) = (home(), home());
        // Queries are about the server's time; all commands are given within a few hours.
        let server = Server::start_then(&there, "2126-11-21T15:00:00Z");
        Self { here, there, server, names: Default::default() }
    }

    /// Runs a command in both, and fails where they differ.
    #[track_caller]
    fn run(&mut self, step: &Step, more: &[&str], terminal: bool) -> Output {
        let Step { arguments, input } = step;
        let arguments = [&arguments[..], more].concat();
        let mut calls = [self.here.call(&arguments), asking(&self.there, &url(&self.server), &arguments)];
        if terminal {
            calls = calls.map(|call| call.terminal(90, 40));
        }
        let outputs = calls.map(|call| call.input(*input).run());
        let [here, there] = [0, 1].map(|place: usize| comparable(&outputs[place], &mut self.names[place]));
        assert_eq!(here.to_string(), there.to_string(), "{arguments:?}");
        let [here, _] = outputs;
        here
    }

    /// Runs one that changes nothing in JSON, and for people: in a pipe or on a terminal.
    #[track_caller]
    fn read(&mut self, command: &'static str, terminal: bool) {
        let step = step(command);
        self.run(&step, &["--json"], false);
        self.run(&step, &[], terminal);
    }

    /// Runs one that writes; what it says is the same every time, so one form of the answer is enough.
    #[track_caller]
    fn write(&mut self, step: &Step) -> Output {
        self.run(step, &[], false)
    }

    #[track_caller]
    fn write_json(&mut self, step: &Step) -> Output {
        self.run(step, &["--json"], false)
    }
}

/// Leaves out what is random or measured.
fn comparable(output: &Output, names: &mut Names) -> Output {
    let without = |text: &str| text.lines().map(|line| without_times(line) + "\n").collect::<String>();
    Output {
        status: output.status,
        stdout: names.in_place_of_random(&without(&output.stdout)),
        stderr: names.in_place_of_random(&without(&output.stderr)),
    }
}

/// Leaves out of a line of JSON how long something took, where the next page begins, and how many files were looked at: a
/// server has looked already, maybe before the last write of its own.
fn without_times(line: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    if let Some(took) = value["data"].get_mut("duration_ms") {
        *took = json!("some");
    }
    for counted in ["checked", "changed"] {
        if let Some(count) = value["meta"].get_mut("freshness").and_then(|freshness| freshness.get_mut(counted)) {
            *count = json!("some");
        }
    }
    if let Some(next) = value["data"].get_mut("next").filter(|next| next.is_string()) {
        *next = json!("some");
    }
    value.to_string()
}

/// The writes, which make issues with everything that issues have.
fn writes() -> Vec<Step> {
    vec![
        step("new 'Slow cache' -l cache,perf -p high -k bug -b 'The index is read twice.' --as 'Ann Lee'"),
        step("new 'Read the index once' -a Ann"),
        step("new 'Measure the cache' --parent 1 --due 2126-12-24 --estimate 2h --milestone 1.0"),
        fed("new -", "Ünïcode — \"quoted\"\n\n```\n\tcode\n```\n\n- #1\n"),
        step("link 1 blocked-by 2"),
        step("link 4 relates 1 2"),
        step("unlink 4 relates 2"),
        step("unlink 4 relates 2"),
        step("comment 1,2 'Seen on Mondays only.'"),
        fed("comment 1 -", "Two\n\nparagraphs with a `tab`:\t.\n"),
        step("edit 2 -s in-progress --spent 30m --label +urgent --field severity=s1"),
        step("edit 1 3 -p critical"),
        step("edit 1 -p critical"),
        step("close 2 --note 'Done at last.'"),
        step("close 4 --reason duplicate"),
        step("reopen 4 --comment 'It is back.'"),
        step("new 'To go' -l gone"),
        step("delete 5 --yes"),
        fed(
            "batch apply -",
            "{\"op\":\"create\",\"ref\":\"a\",\"title\":\"Parse the header\",\"labels\":[\"parser\"]}\n\
             {\"op\":\"create\",\"title\":\"Parse the body\",\"blocked_by\":[\"$a\",3]}\n\
             {\"op\":\"update\",\"issue\":\"$a\",\"priority\":\"high\",\"add\":{\"labels\":[\"urgent\"]}}\n\
             {\"op\":\"comment\",\"issue\":1,\"body\":\"See $a.\"}\n",
        ),
        fed("batch create --from -", "{\"title\":\"One of many\"}\n{\"title\":\"Another of many\"}\n"),
        step("batch update label:parser --milestone 2.0"),
        step("batch close 'title:many' --reason cancelled"),
        fed(
            "import jsonl -",
            "{\"format\":\"tickety\",\"version\":1}\n\
             {\"number\":40,\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"title\":\"Brought in\",\"status\":\"open\",\
             \"priority\":\"low\",\"kind\":\"task\",\"created\":\"2126-01-02T03:04:05Z\"}\n",
        ),
        fed("batch delete --from - --yes", "9\n"),
    ]
}

/// What is refused.
fn refused() -> Vec<Step> {
    vec![
        step("show 77"),
        step("show nonsense"),
        step("edit 77 -p low"),
        step("edit 1 -s bogus"),
        step("edit 1 -k bogus"),
        step("edit 1 --title ''"),
        step("edit 1 --if-version 00112233445566778899aabbccddeeff -p low"),
        step("close 77"),
        step("reopen 1"),
        step("comment 1 ''"),
        step("comment 77 text"),
        step("link 2 blocked-by 1"),
        step("link 1 blocked-by 1"),
        step("link 1 blocked-by 77"),
        step("delete 1"),
        step("delete 77 --yes"),
        step("list lable:x"),
        step("list 'priority:>=urgent'"),
        step("list '(label:x'"),
        step("list --after nonsense"),
        step("list --fields bogus"),
        step("search"),
        step("graph 77"),
        step("stats sort:number"),
        step("events --since 0000000000000001-5"),
        step("events --since nonsense"),
        step("events -t bogus"),
        fed("batch apply -", "{\"op\":\"create\",\"title\":\" \"}\n{\"op\":\"delete\",\"issue\":99}\n"),
        fed(
            "batch apply - --no-atomic",
            "{\"op\":\"update\",\"issue\":77,\"priority\":\"low\"}\n{\"op\":\"update\",\"issue\":1,\"priority\":\"high\"}\n",
        ),
        fed("batch close --from -", "1\n77\n"),
        step("batch delete is:any"),
        step("import jsonl nowhere.jsonl"),
        fed("import jsonl -", "nonsense\n"),
    ]
}

/// What is asked, and where HTTP answers the same.
const READS: [(&str, Option<&str>); 39] = [
    ("list", Some("/issues")),
    ("list is:any", Some("/issues?q=is:any")),
    ("list is:any -n 3 --sort number", Some("/issues?q=is:any&limit=3&sort=number")),
    ("list label:cache priority:>=high", Some("/issues?q=label:cache+priority:%3E%3Dhigh")),
    (
        "list is:any --fields title,body,comments,labels,updated",
        Some("/issues?q=is:any&fields=title,body,comments,labels,updated"),
    ),
    ("list label:nowhere", Some("/issues?q=label:nowhere")),
    ("list assignee:me", Some("/issues?q=assignee:me")),
    ("list 'updated:>2w'", Some("/issues?q=updated:%3E2w")),
    ("list blocked-by:2 OR parent:1", Some("/issues?q=blocked-by:2+OR+parent:1")),
    ("list reporter:'Ann Lee'", None),
    ("show 1", Some("/issues/1")),
    ("show 1 2 3 4", None),
    ("show 40", Some("/issues/40")),
    ("search cache", Some("/search?q=cache")),
    ("search --ranked index cache", Some("/search?q=index+cache&ranked=true")),
    ("search 'read OR mondays'", Some("/search?q=read+OR+mondays")),
    ("search code", Some("/search?q=code")),
    ("ready", Some("/ready")),
    ("ready -n 1", Some("/ready?limit=1")),
    ("graph", Some("/graph")),
    ("graph 1 --closed", Some("/graph?issues=1&closed=true")),
    ("graph 1 --depth 1 --follow child", Some("/graph?issues=1&depth=1&follow=child")),
    ("stats", Some("/stats")),
    ("stats label:cache", Some("/stats?q=label:cache")),
    ("all-closed", None),
    ("all-closed label:gone", None),
    ("all-closed is:closed", None),
    ("batch get is:any", None),
    ("batch get label:cache", None),
    ("batch update is:any --milestone 3.0 -n", None),
    ("batch close label:cache -n", None),
    ("export json", None),
    ("export jsonl label:cache", None),
    ("export csv", None),
    ("export github is:any", None),
    ("events -n 1000", Some("/events?limit=1000")),
    ("events --since start", Some("/events?since=start")),
    ("events -t issue.closed,comment.added", Some("/events?types=issue.closed,comment.added")),
    ("list is:any -n 2 --sort title", Some("/issues?q=is:any&limit=2&sort=title")),
];

#[test]
fn writes_do_and_say_the_same() {
    let mut both = Both::new();
    for (place, step) in writes().iter().enumerate() {
        let output = if place % 2 == 0 { both.write(step) } else { both.write_json(step) };
        assert_eq!(output.status, 0, "{:?}\n{output}", step.arguments);
        both.run(&self::step("list is:any"), &["--json"], false);
        both.run(&self::step("show 1"), &["--json"], false);
    }
    let files = [&both.here, &both.there].map(|env| env.files());
    let [here, there] = [0, 1].map(|place: usize| {
        let mut names = Names::default();
        let mut named: Vec<String> = files[place].iter().map(|(path, text)| format!("{path}\n{text}")).collect();
        named.sort_by_key(|file| file.split('-').next().map(str::to_owned));
        named.iter().map(|file| names.in_place_of_random(file)).collect::<Vec<_>>()
    });
    assert_eq!(here, there);
}

#[test]
fn reads_say_the_same_here_there_and_over_http() {
    let mut both = Both::new();
    for step in writes() {
        both.write(&step);
    }
    for (place, (command, path)) in READS.into_iter().enumerate() {
        both.read(command, place % 3 == 0);
        let Some(path) = path else { continue };
        let there = asking(&both.there, &url(&both.server), &[&words(command)[..], &["--json"]].concat()).run();
        // Both have run as many commands, so it is the same time in both.
        both.here.run(&["--version"]);
        let there: Value = serde_json::from_str(&there.stdout).unwrap();
        let answer = both.server.get(&format!("/api/v1{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(there["data"], answer.json()["data"], "{command}: {path}");
        assert_eq!(there["meta"]["query"], answer.json()["meta"]["query"], "{command}: {path}");
    }
}

#[test]
fn what_is_refused_is_refused_in_the_same_words() {
    let mut both = Both::new();
    for step in writes() {
        both.write(&step);
    }
    for step in refused() {
        let here = both.write(&step);
        both.write_json(&step);
        assert_ne!(here.status, 0, "{:?}", step.arguments);
    }
}

#[test]
fn a_key_makes_a_write_happen_once() {
    let mut both = Both::new();
    both.write(&step("new First"));
    for command in [
        "new Again --idempotency-key a",
        "new Again --idempotency-key a",
        "new Other --idempotency-key a",
        "edit 1 -p high --idempotency-key b",
        "edit 1 -p high --idempotency-key b",
        "batch close is:open --idempotency-key c",
        "batch close is:open --idempotency-key c",
        "comment 1 Text --idempotency-key d",
        "comment 1 Text --idempotency-key d",
    ] {
        both.write_json(&step(command));
    }
    both.read("list is:any", true);
    both.read("show 1", true);
}

#[test]
fn pages_follow_on_each_other() {
    let mut both = Both::new();
    for step in writes() {
        both.write(&step);
    }
    let mut after: [Option<String>; 2] = [None, None];
    for page in 0.. {
        let [here, there] = after.each_ref().map(|after| {
            let from = after.iter().flat_map(|after| ["--after", after.as_str()]);
            ["list", "is:any", "-n", "2", "--sort", "title", "--json"].into_iter().chain(from).collect::<Vec<&str>>()
        });
        let outputs = [both.here.run(&here), asking(&both.there, &url(&both.server), &there).run()];
        let answers = outputs.map(|output| serde_json::from_str::<Value>(&output.stdout).unwrap());
        let titles = answers.each_ref().map(|answer| {
            let issues = answer["data"]["issues"].as_array().unwrap().iter();
            issues.map(|issue| issue["title"].clone()).collect::<Vec<_>>()
        });
        assert_eq!(titles[0], titles[1]);
        after = answers.each_ref().map(|answer| answer["data"]["next"].as_str().map(str::to_owned));
        assert_eq!(after[0].is_some(), after[1].is_some());
        if after[0].is_none() {
            assert!(page > 1);
            return;
        }
    }
}

#[test]
fn a_record_that_can_not_be_read_is_named() {
    let mut both = Both::new();
    both.write(&step("new Fine"));
    both.write(&step("new Broken"));
    for env in [&both.here, &both.there] {
        let path = env.files().into_keys().find(|path| path.contains("/000002-")).unwrap();
        env.write(&path, "---\ntitle: [\n");
    }
    // The watcher has seen it once the answer has it.
    let listed = || asking(&both.there, &url(&both.server), &["list", "is:any", "--json"]).run().stdout;
    let until = std::time::Instant::now();
    while !listed().contains("problems") {
        assert!(until.elapsed().as_secs() < 20, "nobody has seen it");
    }
    for command in ["list is:any", "all-closed", "stats", "search fine"] {
        let step = step(command);
        let outputs = [
            both.here.run(&[&step.arguments[..], &["--json"]].concat()),
            asking(&both.there, &url(&both.server), &[&step.arguments[..], &["--json"]].concat()).run(),
        ];
        let [here, there] = [0, 1].map(|place: usize| {
            let value: Value = serde_json::from_str(&outputs[place].stdout).unwrap();
            (outputs[place].status, both.names[place].in_place_of_random(&value["meta"]["problems"].to_string()))
        });
        assert_eq!(here, there, "{command}");
    }
    for command in ["show 2", "edit 2 -p low", "comment 2 x", "link 1 relates 2"] {
        let outputs = [both.here.run(&words(command)), asking(&both.there, &url(&both.server), &words(command)).run()];
        let [here, there] = [0, 1].map(|place: usize| comparable(&outputs[place], &mut both.names[place]).to_string());
        assert_eq!(here, there, "{command}");
    }
}

/// Writes that have an address of their own: what the command line says, and what HTTP is sent.
const OVER_HTTP: [(&str, &str, &str, &str); 21] = [
    (
        "new 'Slow cache' -l cache -l perf -p high -k bug -b Why",
        "POST",
        "/issues",
        r#"{"title":"Slow cache","labels":["cache","perf"],"priority":"high","kind":"bug","body":"Why"}"#,
    ),
    (
        "new Second -a Ann --due 2126-12-24",
        "POST",
        "/issues",
        r#"{"title":"Second","assignees":["Ann"],"due":"2126-12-24"}"#,
    ),
    ("new Third --parent 1", "POST", "/issues", r#"{"title":"Third","parent":1}"#),
    (
        "edit 1 -p low --label +x --label -perf",
        "PATCH",
        "/issues/1",
        r#"{"priority":"low","add":{"labels":["x"]},"remove":{"labels":["perf"]}}"#,
    ),
    ("edit 1 -p low", "PATCH", "/issues/1", r#"{"priority":"low"}"#),
    ("edit 1 -s bogus", "PATCH", "/issues/1", r#"{"status":"bogus"}"#),
    ("edit 77 -p low", "PATCH", "/issues/77", r#"{"priority":"low"}"#),
    (
        "edit 2 -p low --if-version 00112233445566778899aabbccddeeff",
        "PATCH",
        "/issues/2",
        r#"{"priority":"low","version":"00112233445566778899aabbccddeeff"}"#,
    ),
    ("comment 1 'Seen on Mondays.'", "POST", "/issues/1/comments", r#"{"body":"Seen on Mondays."}"#),
    ("comment 77 x", "POST", "/issues/77/comments", r#"{"body":"x"}"#),
    ("link 1 blocked-by 2", "POST", "/issues/1/links", r#"{"relation":"blocked-by","others":[2]}"#),
    ("link 2 blocked-by 1", "POST", "/issues/2/links", r#"{"relation":"blocked-by","others":[1]}"#),
    ("link 3 parent 2", "POST", "/issues/3/links", r#"{"relation":"parent","others":[2]}"#),
    ("unlink 1 blocked-by 2", "DELETE", "/issues/1/links/blocked-by/2", ""),
    ("close 2 --note Done", "POST", "/issues/2/close", r#"{"note":"Done"}"#),
    ("close 1 --reason cancelled", "POST", "/issues/1/close", r#"{"reason":"cancelled"}"#),
    ("reopen 1 --comment Again", "POST", "/issues/1/reopen", r#"{"comment":"Again"}"#),
    ("reopen 3", "POST", "/issues/3/reopen", "{}"),
    ("delete 3 --yes", "DELETE", "/issues/3", ""),
    ("show 3", "GET", "/issues/3", ""),
    ("batch apply -", "POST", "/batch", LINES),
];

/// What that batch does.
const LINES: &str = r#"{"op":"create","ref":"a","title":"Parse the header"}
{"op":"create","title":"Parse the body","blocked_by":["$a"]}
{"op":"comment","issue":1,"body":"See $a."}
"#;

#[test]
fn writes_say_the_same_over_http() {
    let mut both = Both::new();
    let third = home();
    let server = Server::start(&third, &[]);
    for (command, method, path, body) in OVER_HTTP {
        let input = if path == "/batch" { body } else { "" };
        let here = both.run(&fed(command, input), &["--json"], false);
        let here: Value = serde_json::from_str(&without_times(here.stdout.trim())).unwrap();
        let answer = server.send_json(method, &format!("/api/v1{path}"), body).unwrap();
        let there: Value = serde_json::from_str(&without_times(&answer.body)).unwrap();
        let (here, there) = match here.get("error") {
            Some(error) => (json!([error["code"], error["message"]]), json!([there["code"], there["detail"]])),
            None => (here["data"].clone(), there["data"].clone()),
        };
        let here = Names::default().in_place_of_random(&here.to_string());
        assert_eq!(here, Names::default().in_place_of_random(&there.to_string()), "{command}: {answer:?}");
    }
    let fields = "title,body,status,reason,note,priority,kind,label,assignee,due,blocked-by,parent,comments";
    let listed = ["list", "is:any", "--fields", fields, "--sort", "number"];
    let [here, there] = [&both.here, &third].map(|env| Names::default().in_place_of_random(&env.ok(&listed)));
    assert_eq!(here, there);
}

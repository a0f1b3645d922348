//! What a server has answered is answered again while it can't be reached, and how old it is.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use super::{ask, url};
use crate::serving::Server;
use crate::small_home;

#[test]
fn reads_are_answered_from_what_is_kept_and_say_how_old_it_is() {
    let env = small_home();
    let server = Server::start(&env, &[]);
    let url = url(&server);
    let asked = [&["list"][..], &["show", "1"], &["search", "cache"], &["ready"], &["stats"], &["graph"], &["events"]];
    let before: Vec<String> = asked.iter().map(|command| ask(&env, &url, command).stdout).collect();
    let listed: Value = serde_json::from_str(&ask(&env, &url, &["list", "--json"]).stdout).unwrap();
    assert_eq!(listed["meta"].get("outdated"), None);
    assert_eq!(server.end(), 0);
    let anonymous = |text: &str| text.replace(&server.address.to_string(), "127.0.0.1:7420");
    for (command, before) in asked.iter().zip(before) {
        let output = ask(&env, &url, command);
        assert_eq!((output.status, output.stdout), (0, before), "{command:?}");
        let told = anonymous(&output.stderr);
        assert!(told.starts_with("as of ") && told.contains(" ago: cannot reach http://127.0.0.1:7420: "), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let again: Value = serde_json::from_str(&ask(&env, &url, &["list", "--json"]).stdout).unwrap();
    assert_eq!(again["data"], listed["data"]);
    let outdated = &again["meta"]["outdated"];
    assert!(outdated["age_seconds"].as_u64().is_some_and(|age| (60..3600).contains(&age)), "{outdated}");
    assert_eq!(anonymous(outdated["url"].as_str().unwrap()), "http://127.0.0.1:7420");
    // What nobody has asked before isn't known, and nothing can be written.
    let unknown = ask(&env, &url, &["list", "label:never-asked"]);
    assert_eq!(unknown.status, 19, "{unknown}");
    for command in [
        &["new", "x"][..],
        &["edit", "1", "-p", "low"],
        &["close", "1"],
        &["comment", "1", "x"],
        &["delete", "1", "--yes"],
    ] {
        let output = ask(&env, &url, command);
        assert_eq!((output.status, output.stdout.as_str()), (19, ""), "{command:?}: {output}");
    }
    // The server comes back, and is asked again.
    let address = server.address.port().to_string();
    env.ok(&["close", "1"]);
    let server = Server::start_at(&env, &address);
    let output = ask(&env, &url, &["show", "1"]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert!(output.stdout.contains("closed"), "{output}");
    drop(server);
}

#[test]
fn what_is_kept_is_its_owners_alone() {
    use std::os::unix::fs::MetadataExt as _;
    let env = small_home();
    let server = Server::start(&env, &[]);
    ask(&env, &url(&server), &["list"]);
    let mut folders = vec![env.home().join(".cache/tickety")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().mode() & 0o077;
            assert_eq!(mode, 0, "{}", path.display());
            if path.is_dir() { folders.push(path) } else { files += 1 }
        }
    }
    assert!(files > 0);
}

#[test]
fn a_server_that_was_never_reached_is_an_error() {
    let env = small_home();
    assert_snapshot!(ask(&env, "http://127.0.0.1:9", &["list"]), @"
    --- standard error
    error: cannot reach http://127.0.0.1:9: Connection refused (os error 111)
    hint: look whether the server runs, and whether its address is right
    --- status 19
    ");
    assert_snapshot!(ask(&env, "http://127.0.0.1:9", &["new", "x", "--json"]), @r#"
    {"error":{"code":"unreachable","message":"cannot reach http://127.0.0.1:9: Connection refused (os error 111)","hint":"look whether the server runs, and whether its address is right"}}
    --- status 19
    "#);
}

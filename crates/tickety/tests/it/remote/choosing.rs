//! Who says which server is asked, and who doesn't.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;
use tickety_testkit::TestEnv;
use tickety_testkit::env::Output;

use super::{ask, url};
use crate::serving::Server;
use crate::{home, json};

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Writes the user's own configuration.
fn configure(env: &TestEnv, text: &str) {
    let folder = env.home().join(".config/tickety");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
}

fn in_folder(env: &TestEnv, folder: &str, arguments: &[&str]) -> Output {
    env.call(arguments).within(folder).run()
}

/// Whether a command was about the issues of a server that isn't there.
fn was_asked(output: &Output) -> bool {
    output.status == 19 && output.stderr.contains("cannot reach http://127.0.0.1:9:")
}

#[test]
fn nothing_in_a_repository_names_a_server() {
    let env = home();
    let hostile = format!("remote = \"{NOWHERE}\"\n[remotes.\"{NOWHERE}\"]\ndirectories = [\"/\"]\n");
    let config = env.read(".tickety/config.toml");
    for (path, text) in [
        (".tickety/config.toml", format!("{hostile}{config}")),
        ("config.toml", hostile.clone()),
        (".tickety/local/config.toml", hostile.clone()),
        (".config/tickety/config.toml", hostile.clone()),
        (".env", format!("TICKETY_REMOTE={NOWHERE}\n")),
        (".envrc", format!("export TICKETY_REMOTE={NOWHERE}\n")),
        (".git/config", format!("[tickety]\n\tremote = {NOWHERE}\n")),
    ] {
        env.write(path, text);
        let output = env.run(&["list"]);
        assert!(!was_asked(&output), "{path}: {output}");
        env.write(path, if path == ".tickety/config.toml" { config.as_str() } else { "" });
        if path == ".git/config" {
            fs::remove_dir_all(env.work().join(".git")).unwrap();
        }
    }
    // Nor does the home's setting of that name exist.
    assert_ne!(env.run(&["config", "set", "remotes", NOWHERE]).status, 0);
    assert_eq!(env.ok(&["list"]), "");
}

#[test]
fn who_runs_a_command_says_which_server_it_asks() {
    let env = home();
    let asked = |call: tickety_testkit::env::Call<'_>| was_asked(&call.run());
    assert!(asked(env.call(&["list", "--remote", NOWHERE])));
    assert!(asked(env.call(&["--remote", NOWHERE, "list"])));
    assert!(asked(env.call(&["list"]).variable("TICKETY_REMOTE", NOWHERE)));
    for arguments in [&["list", "--no-remote"][..], &["list", "--remote", ""], &["list"]] {
        let variable = if arguments.len() == 1 { " " } else { NOWHERE };
        let output = env.call(arguments).variable("TICKETY_REMOTE", variable).run();
        assert_eq!(output.status, 0, "{arguments:?}: {output}");
    }
}

#[test]
fn the_configured_server_is_asked_where_there_is_no_home_or_for_its_folders() {
    let env = home();
    for folder in ["deep/down", "other/.tickety"] {
        fs::create_dir_all(env.work().join(folder)).unwrap();
    }
    configure(&env, &format!("remote = \"{NOWHERE}\" # the team's\n"));
    assert!(was_asked(&in_folder(&env, "..", &["list"])));
    assert_eq!(in_folder(&env, "deep/down", &["list"]).status, 0, "there is a home");
    assert_eq!(in_folder(&env, "..", &["list", "--no-remote"]).status, 11);
    let work = env.work();
    let tables = format!(
        "[remotes.\"http://127.0.0.1:1\"]\ndirectories = [\"{0}\", \"{0}/nowhere\"]\n[remotes.\"{NOWHERE}\"]\ndirectories = \"{0}/deep\"\n",
        work.display()
    );
    configure(&env, &tables);
    assert!(was_asked(&in_folder(&env, "deep/down", &["list"])), "the innermost folder counts");
    let outer = in_folder(&env, ".", &["list"]);
    assert!(outer.stderr.contains("cannot reach http://127.0.0.1:1:"), "{outer}");
    assert_eq!(in_folder(&env, "..", &["list"]).status, 11, "no table is about that folder");
    configure(&env, &tables.replace(&work.display().to_string(), "~/../work"));
    assert!(was_asked(&in_folder(&env, "deep/down", &["list"])), "~ is the user's home");
    configure(&env, "[remotes.\"http://a\"]\ntoken = \"tky_secret\"\n");
    assert_snapshot!(in_folder(&env, ".", &["list"]), @"
    --- standard error
    error: [ROOT]/home/.config/tickety/config.toml:2: `token` is no setting of a server: `directories` and `token-file` are
    --- status 12
    ");
}

#[test]
fn what_works_in_a_repository_asks_no_server() {
    let env = home();
    let url = ["--remote", NOWHERE];
    for command in ["branch 1", "current", "merge 1", "scan", "diff HEAD", "home", "status", "sync", "index verify"]
        .into_iter()
        .chain(["doctor", "check", "renumber 1", "resolve", "backup", "restore"])
        .chain(["init", "serve", "token list", "config list", "demo", "completions bash"])
    {
        let arguments: Vec<&str> = command.split(' ').collect();
        let output = env.run(&[&arguments[..], &url].concat());
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{command}: {output}");
        assert!(output.stderr.contains("asks no server"), "{command}: {output}");
    }
    let by_variable = |arguments: &[&str]| env.call(arguments).variable("TICKETY_REMOTE", NOWHERE).run();
    assert_snapshot!(by_variable(&["sync"]), @"
    --- standard error
    error: `tickety sync` works in the repository, and TICKETY_REMOTE says that the issues are at http://127.0.0.1:9
    hint: `--no-remote` does it in the home here; `tickety serve --sync 60s` has a server exchange its issues
    --- status 2
    ");
    assert_snapshot!(by_variable(&["merge", "1", "--json"]), @r#"
    {"error":{"code":"usage","message":"`tickety merge` works in the repository, and TICKETY_REMOTE says that the issues are at http://127.0.0.1:9","hint":"`--no-remote` does it in the home here; `tickety close` closes issues by name, wherever they are"}}
    --- status 2
    "#);
    assert_snapshot!(by_variable(&["show", "1", "--at", "HEAD"]), @"
    --- standard error
    error: the issues of a commit are in the repository: a server has those of now
    hint: `--no-remote` looks into the repository here; `tickety log ISSUE` tells the history of one
    --- status 2
    ");
    assert_snapshot!(by_variable(&["list", "--freshness", "trust"]), @"
    --- standard error
    error: --freshness is about files here, and TICKETY_REMOTE says that the issues are at http://127.0.0.1:9
    hint: leave it out: `tickety serve --freshness MODE` says what a server checks before it answers
    --- status 2
    ");
    for arguments in [&["init"][..], &["config", "get", "prefix"], &["completions", "bash"], &["token", "list"]] {
        assert_eq!(by_variable(arguments).status, 0, "{arguments:?}");
    }
}

#[test]
fn the_address_of_a_server_is_checked() {
    let env = home();
    assert_snapshot!(env.run(&["list", "--remote", "localhost:7420"]), @"
    --- standard error
    error: `localhost:7420` can't be the address of a server: it has to begin with http:// or https://
    hint: write it as in http://127.0.0.1:7420, or http://127.0.0.1:7420/api/v1/projects/NAME
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--remote", "http://ann:secret@localhost"]), @"
    --- standard error
    error: `http://…@localhost` can't be the address of a server: it holds a name or password: give a token instead
    hint: write it as in http://127.0.0.1:7420, or http://127.0.0.1:7420/api/v1/projects/NAME
    --- status 2
    ");
    assert_snapshot!(env.run(&["list", "--remote", "http://localhost/api/v1/issues"]), @"
    --- standard error
    error: `http://localhost/api/v1/issues` can't be the address of a server: what follows /api/v1 is nothing, or /projects/NAME
    hint: write it as in http://127.0.0.1:7420, or http://127.0.0.1:7420/api/v1/projects/NAME
    --- status 2
    ");
}

#[test]
fn a_token_comes_from_a_variable_or_a_file_of_its_owner() {
    let env = home();
    let token = json(&env, &["token", "create", "ann", "--user", "Ann Lee", "--scope", "write", "--json"]);
    let token = token["data"]["token"].as_str().unwrap().to_owned();
    let server = Server::start(&env, &["--require-token"]);
    let url = url(&server);
    let refused = ask(&env, &url, &["list"]);
    assert_eq!(refused.status, 18, "{refused}");
    let with_variable = |arguments: &[&str]| super::asking(&env, &url, arguments).variable("TICKETY_TOKEN", &token);
    assert_eq!(with_variable(&["new", "By a token"]).run().status, 0);
    assert_eq!(json(&env, &["show", "1", "--json"])["data"]["issues"][0]["reporter"], "Ann Lee");
    // Whom the token names, and nobody else.
    let named = with_variable(&["new", "Not mine", "--as", "Ben"]).run();
    assert_snapshot!(named, @r#"
    --- standard error
    error: --as Ben: the token is that of Ann Lee, and the server writes in no other name
    hint: leave out --as, or take a token that `tickety token create --user "Ben"` made
    --- status 18
    "#);
    assert_eq!(with_variable(&["comment", "1", "Mine", "--as", "Ann Lee"]).run().status, 0);
    assert_eq!(with_variable(&["comment", "1", "Mine"]).variable("TICKETY_ACTOR", "Ben").run().status, 0);
    let comments = json(&env, &["show", "1", "--json"])["data"]["issues"][0]["comments"].clone();
    assert_eq!((&comments[0]["author"], &comments[1]["author"]), (&"Ann Lee".into(), &"Ann Lee".into()));

    let file = env.home().join("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    configure(&env, &format!("[remotes.\"{url}\"]\ntoken-file = \"~/token\"\n"));
    assert_eq!(ask(&env, &url, &["list"]).status, 0);
    assert_eq!(ask(&env, &format!("{url}/api/v1"), &["list"]).status, 0);
    // It is for that server alone.
    configure(&env, "[remotes.\"http://127.0.0.1:9\"]\ntoken-file = \"~/token\"\n");
    assert_eq!(ask(&env, &url, &["list"]).status, 18);
    configure(&env, &format!("[remotes.\"{url}\"]\ntoken-file = \"~/token\"\n"));
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let refused = ask(&env, &url, &["list"]);
        assert!(refused.status == 14 && refused.stderr.contains("chmod 600"), "{mode:o}: {refused}");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::rename(&file, env.home().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(env.home().join("elsewhere"), &file).unwrap();
    assert_eq!(ask(&env, &url, &["list"]).status, 14, "a link may lead anywhere");
}

#[test]
fn who_acts_is_the_same_as_in_a_home() {
    let env = home();
    let server = Server::start(&env, &[]);
    let url = url(&server);
    ask(&env, &url, &["new", "One", "--as", "Zoë \"Z\" Ünal"]);
    super::asking(&env, &url, &["new", "Two"]).variable("TICKETY_ACTOR", "Ben").run();
    ask(&env, &url, &["new", "Three"]);
    let reporters = json(&env, &["list", "--fields", "reporter", "--sort", "number", "--json"]);
    let reporters = reporters["data"]["issues"].as_array().unwrap().iter().map(|issue| issue["reporter"].clone());
    assert_eq!(reporters.collect::<Vec<_>>(), ["Zoë \"Z\" Ünal", "Ben", "tester"]);
    let mine = super::asking(&env, &url, &["list", "reporter:me"]).variable("TICKETY_ACTOR", "Ben").run();
    assert!(mine.stdout.starts_with("2-") && mine.stdout.lines().count() == 1, "{mine}");
}

#[test]
fn a_project_of_several_is_asked_by_its_address() {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_tickety"));
    for folder in ["web", "api"] {
        fs::create_dir(env.work().join(folder)).unwrap();
        env.ok(&["-C", folder, "init"]);
    }
    let server = Server::start(&env, &["--project", "web=web", "--project", "api=api"]);
    let url = url(&server);
    assert_eq!(ask(&env, &url, &["new", "Theirs"]).status, 0);
    assert_eq!(ask(&env, &format!("{url}/api/v1/projects/api"), &["new", "Ours"]).status, 0);
    assert!(env.ok(&["-C", "web", "list"]).contains("Theirs"));
    assert!(env.ok(&["-C", "api", "list"]).contains("Ours"));
    let nobody = ask(&env, &format!("{url}/api/v1/projects/none"), &["list"]);
    assert_ne!(nobody.status, 0, "{nobody}");
}

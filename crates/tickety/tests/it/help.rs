//! The help, every word of it.

use insta::assert_snapshot;

use crate::home;

#[test]
fn the_overview_lists_every_command() {
    let env = home();
    assert_snapshot!(env.ok(&["--help"]));
    assert_eq!(env.ok(&["help"]), env.ok(&["--help"]));
}

#[test]
fn every_command_explains_itself() {
    let env = home();
    let overview = env.ok(&["--help"]);
    let commands = overview.lines().filter(|line| line.starts_with("  ") && !line.trim_start().starts_with('-'));
    let mut count = 0;
    for line in commands {
        let Some(name) = line.split_whitespace().next().filter(|_| line.as_bytes()[2] != b' ') else { continue };
        let help = env.ok(&[name, "--help"]);
        let (own, global) = help.split_once("Options of every command:").expect("every command has them");
        assert!(global.contains("--json"), "{name}");
        assert_snapshot!(format!("help_{name}"), own);
        assert_eq!(env.ok(&["help", name]), help);
        count += 1;
    }
    assert_eq!(count, 42);
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(home().ok(&["--version"]), format!("tickety {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_a_command_the_help_is_an_error() {
    let output = home().run(&[]);
    assert_eq!((output.status, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("Usage: tickety"), "{output}");
}

#[test]
fn completions_know_the_commands() {
    let env = home();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(env.ok(&["completions", shell]).contains("all-closed"), "{shell}");
    }
}

//! The tour in the README, executed: every `console` block is commands after `$ ` and exactly what
//! they print.
//!
//! All blocks are one session: they share a folder, and a `cd` lasts. The clock starts at a fixed time and
//! moves on by a minute a command. To accept what is printed now, run the test with
//! `TICKETY_UPDATE_DOCS=1` and read the difference.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};

#[test]
fn the_tour_of_the_readme_prints_what_it_shows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let document = fs::read_to_string(&path).expect("the README is there");
    let mut shell = Shell::new();
    let played = play(&document, |command| shell.run(command));
    if std::env::var_os("TICKETY_UPDATE_DOCS").is_some() {
        fs::write(&path, played).expect("the README can be written");
        return;
    }
    snapbox::assert_data_eq!(played, snapbox::Data::text(document).raw());
}

/// Returns a document with what its commands print put in place of what it shows.
fn play(document: &str, mut run: impl FnMut(&str) -> String) -> String {
    let mut played = String::with_capacity(document.len());
    let mut inside = false;
    for line in document.lines() {
        if inside && line != "```" {
            let Some(command) = line.strip_prefix("$ ") else { continue };
            writeln!(played, "{line}").expect("a string takes everything");
            played.push_str(&run(command));
            continue;
        }
        inside = line == "```console";
        writeln!(played, "{line}").expect("a string takes everything");
    }
    played
}

/// A session of a person whose name, home, clock and luck are fixed.
struct Shell {
    root: tempfile::TempDir,
    folder: PathBuf,
    commands: u32,
}

impl Shell {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        let home = root.path().join("home");
        fs::create_dir_all(&home).expect("a folder can be made");
        let config = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
        fs::write(home.join(".gitconfig"), config).expect("a file can be written");
        Self { folder: home, root, commands: 0 }
    }

    /// Runs a line and returns what a terminal would show of it.
    fn run(&mut self, line: &str) -> String {
        let begin: Timestamp = "2026-11-20T09:00:00Z".parse().expect("the time is well-formed");
        let now = begin + SignedDuration::from_mins(self.commands.into());
        self.commands += 1;
        let left = self.root.path().join("folder");
        let binary = Path::new(env!("CARGO_BIN_EXE_tickety")).parent().expect("a program lies in a folder");
        // The folder the line ends in is where the next begins.
        let script = format!("{{ {line}\n}} 2>&1; pwd > '{}'", left.display());
        #[expect(clippy::disallowed_methods, reason = "the test plays a person's shell")]
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", binary.display()))
            .env("HOME", self.root.path().join("home"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("TICKETY_TEST_CLOCK", now.to_string())
            .env("TICKETY_TEST_SEED", self.commands.to_string())
            .stdin(Stdio::null())
            .output()
            .expect("sh is there");
        self.folder = PathBuf::from(fs::read_to_string(&left).expect("the line ended").trim());
        let shown = String::from_utf8(output.stdout).expect("what is printed is UTF-8");
        shown.replace(&self.root.path().join("home").display().to_string(), "~")
    }
}

#[test]
fn only_console_blocks_are_played() {
    let document = "text\n```console\n$ one\nold\n$ two\n```\n```sh\n$ three\n```\n";
    let played = play(document, |command| format!("<{command}>\n"));
    assert_eq!(played, "text\n```console\n$ one\n<one>\n$ two\n<two>\n```\n```sh\n$ three\n```\n");
}

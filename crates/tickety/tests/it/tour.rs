//! The tours in the README, docs/merging.md and docs/together.md, executed: every `console` block is commands after `$ ` and exactly what
//! they print.
//!
//! All blocks of a document are one session: they begin in one empty folder, and a `cd` lasts. They are shown as on a terminal
//! without colours. To accept what is printed now, run the test with `TICKETY_UPDATE_DOCS=1` and read the
//! difference.

use std::fs;
use std::path::{Path, PathBuf};

use tickety_testkit::TestEnv;

#[test]
fn the_tour_of_the_readme_prints_what_it_shows() {
    check("README.md");
}

#[test]
fn the_tour_of_merges_prints_what_it_shows() {
    check("docs/merging.md");
}

#[test]
fn the_tour_of_two_clones_a_forge_and_a_fork_prints_what_it_shows() {
    check("docs/together.md");
}

fn check(document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let document = fs::read_to_string(&path).expect("the document is there");
    let mut shell = Shell::new();
    let played = play(&document, |command| shell.run(command));
    #[expect(clippy::disallowed_methods, reason = "whoever changes what is printed accepts it this way")]
    let accept = std::env::var_os("TICKETY_UPDATE_DOCS").is_some();
    if accept {
        fs::write(&path, played).expect("the document can be written");
        return;
    }
    snapbox::assert_data_eq!(played, snapbox::Data::text(document).raw());
}

/// Returns a document with what its commands print put in place of what it shows.
fn play(document: &str, mut run: impl FnMut(&str) -> String) -> String {
    let mut played = String::with_capacity(document.len());
    let mut inside = false;
    for line in document.lines() {
        if !inside || line == "```" {
            inside = line == "```console";
            played.push_str(line);
            played.push('\n');
        } else if let Some(command) = line.strip_prefix("$ ") {
            played.push_str(line);
            played.push('\n');
            played.push_str(&run(command));
        }
    }
    played
}

/// A person's shell: what it leaves for the next line is the folder it is in.
struct Shell {
    env: TestEnv,
    folder: PathBuf,
}

impl Shell {
    fn new() -> Self {
        let env = TestEnv::new("sh").starting("2026-11-21T09:00:00Z".parse().expect("a time"));
        let folder = env.work();
        Self { env, folder }
    }

    /// Runs a line and returns what a terminal would show of it.
    fn run(&mut self, line: &str) -> String {
        let left = self.env.home().join("folder");
        let program = Path::new(env!("CARGO_BIN_EXE_tickety")).parent().expect("a program lies in a folder");
        let script = format!("PATH=\"{}:$PATH\"\n{{ {line}\n}} 2>&1\npwd > '{}'", program.display(), left.display());
        let call = self.env.call(&["-c", &script]).within(&self.folder).terminal(100, 40);
        let output = call.variable("USER", "ada").variable("NO_COLOR", "1").run();
        self.folder = PathBuf::from(fs::read_to_string(&left).expect("the line ended").trim());
        output.stdout.replace("[ROOT]/work", "~")
    }
}

#[test]
fn only_console_blocks_are_played() {
    let document = "text\n```console\n$ one\nold\n$ two\n```\n```sh\n$ three\n```\n";
    let played = play(document, |command| format!("<{command}>\n"));
    assert_eq!(played, "text\n```console\n$ one\n<one>\n$ two\n<two>\n```\n```sh\n$ three\n```\n");
}

//! The tours in the README, docs/merging.md, docs/together.md, docs/server.md and docs/remote.md, executed: every `console` block is commands after `$ ` and exactly what
//! they print.
//!
//! All blocks of a document are one session: they begin in one empty folder, and a `cd` lasts. They are shown as on a terminal
//! without colours. To accept what is printed now, run the test with `TICKETY_UPDATE_DOCS=1` and read the
//! difference.

use std::fs;
use std::path::{Path, PathBuf};

use tickety_testkit::TestEnv;

use crate::serving::Server;

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

#[test]
fn the_tour_of_the_server_prints_what_it_shows() {
    // A server's files keep their times: it would take others for changes.
    check_in("docs/server.md", TestEnv::new("sh"));
}

#[test]
fn the_tour_of_a_remote_prints_what_it_shows() {
    check_in("docs/remote.md", TestEnv::new("sh"));
}

fn check(document: &str) {
    check_in(document, TestEnv::new("sh").starting("2026-11-21T09:00:00Z".parse().expect("a time")));
}

fn check_in(document: &str, env: TestEnv) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let document = fs::read_to_string(&path).expect("the document is there");
    let mut shell = Shell::new(env);
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
            // What ends without a line break would have the next prompt beside it.
            if !played.ends_with('\n') {
                played.push('\n');
            }
        }
    }
    played
}

/// A person's shell: what it leaves for the next line is the folder it is in.
struct Shell {
    env: TestEnv,
    folder: PathBuf,
    /// The server that a line has started. It listens on a free port, and all lines talk of the usual one.
    server: Option<Server>,
}

/// Where servers listen in documents.
const USUAL: &str = "127.0.0.1:7420";

impl Shell {
    fn new(env: TestEnv) -> Self {
        let folder = env.work();
        Self { env, folder, server: None }
    }

    /// Runs a line and returns what a terminal would show of it.
    fn run(&mut self, line: &str) -> String {
        if line == "tickety serve" {
            let server = Server::start_in(&self.env, &self.folder, &[]);
            let said = format!("serving main at http://{USUAL}\n");
            self.server = Some(server);
            return said;
        }
        let address = self.server.as_ref().map_or_else(|| USUAL.to_owned(), |server| server.address.to_string());
        let line = line.replace(USUAL, &address);
        let left = self.env.home().join("folder");
        let program = Path::new(env!("CARGO_BIN_EXE_tickety")).parent().expect("a program lies in a folder");
        let script = format!("PATH=\"{}:$PATH\"\n{{ {line}\n}} 2>&1\npwd > '{}'", program.display(), left.display());
        let call = self.env.call(&["-c", &script]).within(&self.folder).terminal(100, 40);
        let output = call.variable("USER", "ada").variable("NO_COLOR", "1").run();
        self.folder = PathBuf::from(fs::read_to_string(&left).expect("the line ended").trim());
        output.stdout.replace("[ROOT]/work", "~").replace(&address, USUAL)
    }
}

#[test]
fn only_console_blocks_are_played() {
    let document = "text\n```console\n$ one\nold\n$ two\n```\n```sh\n$ three\n```\n";
    let played = play(document, |command| format!("<{command}>\n"));
    assert_eq!(played, "text\n```console\n$ one\n<one>\n$ two\n<two>\n```\n```sh\n$ three\n```\n");
}

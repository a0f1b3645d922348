//! A world of its own for the program under test.
//!
//! Home, user, time zone, clock and ids are fixed, nothing of the machine's environment gets in, and
//! what a command says is one value.

#![expect(clippy::disallowed_methods, reason = "starts the program under test, and git")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use jiff::Timestamp;
use tempfile::TempDir;

/// When the first command of an environment runs unless it [says otherwise](TestEnv::starting):
/// 2126-11-21T12:00:00Z. Far ahead of the machine's clock, which gives files their times, so that no file looks
/// changed after the environment's now.
const START: i64 = 4_950_936_000;

/// How many seconds pass from one command to the next.
const STEP: i64 = 60;

/// A directory with a home and a folder to work in, and the program under test.
///
/// Panics where a test can't go on: files that can't be written, programs that can't be started.
#[derive(Debug)]
pub struct TestEnv {
    root: TempDir,
    program: PathBuf,
    commands: Cell<i64>,
    start: i64,
}

impl TestEnv {
    /// Makes an environment around a program, as in `TestEnv::new(env!("CARGO_BIN_EXE_tickety"))`.
    /// Its working folder is a plain one.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let root = tempfile::tempdir().expect("the temporary directory can be written");
        for directory in ["home", "work"] {
            fs::create_dir(root.path().join(directory)).expect("a new directory is empty");
        }
        Self { root, program: program.into(), commands: Cell::new(0), start: START }
    }

    /// Lets the first command run at another time. What a command writes gets the time of the command, so that
    /// the machine's clock is nowhere to be seen, at the price of a new index after each write.
    pub fn starting(self, time: Timestamp) -> Self {
        Self { start: time.as_second(), ..self }
    }

    /// Makes an environment whose working folder is a git repository.
    pub fn with_git(program: impl Into<PathBuf>) -> Self {
        let env = Self::new(program);
        env.git(&["init", "--quiet", "--initial-branch=main"]);
        env
    }

    /// Returns the working folder.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Returns the user's home.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Writes a file in the working folder, and the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("the folder can be made");
        }
        fs::write(&path, content).expect("the file can be written");
    }

    /// Reads a file in the working folder.
    pub fn read(&self, path: &str) -> String {
        let path = self.work().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns the files of the working folder by name, with their contents; what git and Tickety keep
    /// for themselves is left out.
    pub fn files(&self) -> BTreeMap<String, String> {
        let work = self.work();
        let read = |path: PathBuf| {
            let name = path.strip_prefix(&work).expect("it lies in the folder").to_string_lossy().into_owned();
            let content = fs::read(&path).expect("the file can be read");
            (name, String::from_utf8_lossy(&content).into_owned())
        };
        self.paths().into_iter().map(read).collect()
    }

    /// Returns the paths of these files.
    fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut folders = vec![self.work()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("the folder can be read") {
                let path = entry.expect("the folder can be read").path();
                if path.ends_with(".git") || path.ends_with(".tickety/local") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    paths.push(path);
                }
            }
        }
        paths
    }

    /// Gives what is newer than a time that time. The index, which has seen the other one and doesn't take a
    /// file with another time alone for edited, has to be made again.
    fn backdate(&self, time: Timestamp) {
        let time = SystemTime::from(time);
        for path in self.paths() {
            let file = fs::File::open(&path).expect("the file can be read");
            let modified = file.metadata().and_then(|metadata| metadata.modified()).expect("files have times");
            if modified > time {
                file.set_modified(time).expect("the file is ours");
                for folder in path.ancestors().take_while(|folder| folder.starts_with(self.work())) {
                    for index in [".git/tickety/index.db", ".tickety/local/index.db"] {
                        fs::remove_file(folder.join(index)).ok();
                    }
                }
            }
        }
    }

    /// Returns a call of the program.
    pub fn call(&self, arguments: &[&str]) -> Call<'_> {
        Call {
            env: self,
            arguments: arguments.iter().map(ToString::to_string).collect(),
            folder: self.work(),
            variables: Vec::new(),
            input: None,
        }
    }

    /// Runs the program in the working folder.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.call(arguments).run()
    }

    /// Runs the program, which has to succeed, and returns its standard output.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status, 0, "{arguments:?}\n{output}");
        output.stdout
    }

    /// Runs another program in the working folder.
    pub fn call_program(&self, program: &str, arguments: &[&str]) -> Output {
        self.start(Command::new(program).args(arguments).current_dir(self.work()), None)
    }

    /// Runs git in the working folder, which has to succeed, and returns its standard output.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.call_program("git", arguments);
        assert_eq!(output.status, 0, "git {arguments:?}\n{output}");
        output.stdout
    }

    fn start(&self, command: &mut Command, input: Option<&[u8]>) -> Output {
        let commands = self.commands.get();
        self.commands.set(commands + 1);
        let now = Timestamp::from_second(self.start + STEP * commands).expect("tests end before the end of time");
        let clock = now.to_string();
        // Git reads no later year than 2099 in any other form.
        let git_clock = format!("@{} +0000", now.as_second());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let given: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("USER", "tester")
            .env("TZ", "UTC")
            .env("TICKETY_TEST_CLOCK", &clock)
            .env("TICKETY_TEST_SEED", commands.to_string())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Tester")
            .env("GIT_AUTHOR_EMAIL", "tester@example.org")
            .env("GIT_COMMITTER_NAME", "Tester")
            .env("GIT_COMMITTER_EMAIL", "tester@example.org")
            .env("GIT_AUTHOR_DATE", &git_clock)
            .env("GIT_COMMITTER_DATE", &git_clock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in given {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdin = child.stdin.take().expect("it was asked for");
        let input = input.unwrap_or_default().to_owned();
        // Written beside reading: both pipes may fill up. A program that doesn't read has its reasons.
        let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().expect("the program can be waited for");
        writer.join().expect("writing doesn't panic");
        if self.start != START {
            self.backdate(now);
        }
        Output {
            status: output.status.code().unwrap_or(-1),
            stdout: self.redact(&output.stdout),
            stderr: self.redact(&output.stderr),
        }
    }

    /// Replaces the name of the temporary directory, which is another one every time.
    fn redact(&self, text: &[u8]) -> String {
        let root = self.root.path();
        let text = String::from_utf8_lossy(text).replace(&*root.to_string_lossy(), "[ROOT]");
        match root.canonicalize() {
            Ok(real) => text.replace(&*real.to_string_lossy(), "[ROOT]"),
            Err(_) => text,
        }
    }
}

/// A call of the program under test.
#[derive(Debug)]
#[must_use = "it runs only when `run` is called"]
pub struct Call<'a> {
    env: &'a TestEnv,
    arguments: Vec<String>,
    folder: PathBuf,
    variables: Vec<(String, Option<String>)>,
    input: Option<Vec<u8>>,
}

impl Call<'_> {
    /// Runs in a folder under the working one.
    pub fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = self.env.work().join(folder);
        self
    }

    /// Sets an environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Takes an environment variable away.
    pub fn without(mut self, name: &str) -> Self {
        self.variables.push((name.to_owned(), None));
        self
    }

    /// Gives the program something to read on standard input.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Makes the program think that its output is a terminal.
    pub fn terminal(self, width: u16, height: u16) -> Self {
        self.variable("TICKETY_TEST_TERMINAL", &format!("{width}x{height}"))
    }

    /// Runs the program.
    pub fn run(self) -> Output {
        let mut command = Command::new(&self.env.program);
        command.args(&self.arguments).current_dir(&self.folder);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.env.start(&mut command, self.input.as_deref())
    }
}

/// What a command said and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// The exit status; -1 after a signal.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "--- standard error\n{}", self.stderr)?;
        }
        if self.status != 0 {
            writeln!(f, "--- status {}", self.status)?;
        }
        Ok(())
    }
}

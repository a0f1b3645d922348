//! Where the program under test runs: its environment, its homes, and every call with a bound on its time.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// How long any command may take before it counts as hung: several times what a writer waits for the lock.
const BOUND: Duration = Duration::from_secs(60);

/// The program under test, and a folder for its homes.
#[derive(Debug)]
pub(super) struct World {
    program: PathBuf,
    folder: PathBuf,
    /// What starts the program under test and makes it believe something: a program and its first arguments.
    launcher: Vec<OsString>,
}

/// Where a home lies.
#[derive(Debug)]
pub(super) struct Place {
    /// What is removed with it.
    folder: PathBuf,
    /// The checkouts, which share the counter of numbers and nothing else.
    pub(super) checkouts: Vec<PathBuf>,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Answer {
    /// How it ended; `None` if it didn't and was killed for that.
    status: Option<ExitStatus>,
    /// Standard output.
    pub(super) stdout: String,
    /// Standard error.
    pub(super) stderr: String,
}

/// A command on its way.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    begin: Instant,
}

impl World {
    /// Makes a world in an empty folder.
    pub(super) fn new(program: PathBuf, folder: PathBuf) -> Result<Self> {
        fs::create_dir(folder.join("user"))?;
        Ok(Self { program, folder, launcher: Vec::new() })
    }

    /// Returns a world of the same program in another folder, started by something else.
    pub(super) fn elsewhere(&self, folder: PathBuf, launcher: Vec<OsString>) -> Self {
        Self { program: self.program.clone(), folder, launcher }
    }

    /// Returns a path for something, which isn't there.
    pub(super) fn empty(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        Ok(path)
    }

    /// Returns the program under test.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Prepares any program with nothing of this environment but the path.
    pub(super) fn prepare(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(folder).env_clear().env("PATH", path).env("TZ", "UTC").env("LC_ALL", "C");
        command.env("HOME", self.folder.join("user")).env("TICKETY_ACTOR", "Ann").env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ann").env(format!("GIT_{who}_EMAIL"), "ann@example.org");
        }
        command
    }

    /// Prepares a call of the program under test in a folder.
    pub(super) fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut words = self.launcher.iter().map(OsString::as_os_str).chain([self.program.as_os_str()]);
        let mut command = self.prepare(Path::new(words.next().unwrap_or_default()), folder);
        command.args(words).args(arguments);
        command
    }

    /// Runs the program under test in a folder.
    pub(super) fn run(&self, folder: &Path, arguments: &[&str]) -> Result<Answer> {
        start(self.command(folder, arguments), None)?.finish()
    }

    /// Returns the folder in which everything lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs the program under test, which has to succeed, and returns what it answers in JSON.
    pub(super) fn data(&self, folder: &Path, arguments: &[&str]) -> Result<Value> {
        let answer = self.run(folder, arguments)?;
        answer.data().with_context(|| format!("tickety {}: {}", arguments.join(" "), answer.told()))
    }

    /// Makes a home in a plain folder.
    pub(super) fn plain(&self, name: &str) -> Result<Place> {
        let folder = self.empty(name)?;
        fs::create_dir_all(&folder)?;
        self.data(&folder, &["init", "--json"])?;
        Ok(Place { checkouts: vec![folder.clone()], folder })
    }

    /// Makes a home in a git repository without commits.
    pub(super) fn plain_repository(&self, name: &str) -> Result<Place> {
        let folder = self.empty(name)?;
        fs::create_dir_all(&folder)?;
        self.git(&folder, &["init", "--quiet", "--initial-branch=main"])?;
        self.data(&folder, &["init", "--json"])?;
        Ok(Place { checkouts: vec![folder.clone()], folder })
    }

    /// Makes a home in a git repository that has a linked work tree.
    pub(super) fn repository(&self, name: &str) -> Result<Place> {
        let folder = self.empty(name)?;
        let (main, linked) = (folder.join("main"), folder.join("linked"));
        fs::create_dir_all(&main)?;
        self.git(&main, &["init", "--quiet", "--initial-branch=main"])?;
        self.data(&main, &["init", "--json"])?;
        self.git(&main, &["add", "--all"])?;
        self.git(&main, &["commit", "--quiet", "--message", "A home"])?;
        self.git(&main, &["worktree", "add", "--quiet", "-b", "linked", "../linked"])?;
        Ok(Place { checkouts: vec![main, linked], folder })
    }

    /// Copies a home in a plain folder.
    pub(super) fn copy(&self, place: &Place, name: &str) -> Result<Place> {
        let folder = self.empty(name)?;
        copy_folder(&place.folder, &folder).with_context(|| folder.display().to_string())?;
        Ok(Place { checkouts: vec![folder.clone()], folder })
    }

    /// Returns the time so far from now, as `date` understands it.
    pub(super) fn time(&self, offset: &str) -> Result<String> {
        let mut command = self.prepare(Path::new("date"), &self.folder);
        command.args(["--utc", "--date", offset, "+%FT%TZ"]);
        Ok(start(command, None)?.finish()?.stdout.trim().to_owned())
    }

    /// Runs git, which has to succeed.
    pub(super) fn git(&self, folder: &Path, arguments: &[&str]) -> Result<()> {
        let mut command = self.prepare(Path::new("git"), folder);
        command.args(arguments);
        let answer = start(command, None)?.finish()?;
        if answer.code() != Some(0) {
            bail!("git {}: {}", arguments.join(" "), answer.told());
        }
        Ok(())
    }
}

impl Place {
    /// Removes the home and all that belongs to it.
    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| self.folder.display().to_string())
    }
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Returns the state directory of a checkout.
pub(super) fn state_of(checkout: &Path) -> Result<PathBuf> {
    let dot_git = checkout.join(".git");
    if dot_git.is_dir() {
        return Ok(dot_git.join("tickety"));
    }
    match fs::read_to_string(&dot_git) {
        Ok(text) => Ok(Path::new(text.trim().strip_prefix("gitdir: ").context("no git directory")?).join("tickety")),
        Err(_) => Ok(checkout.join(".tickety/local")),
    }
}

/// Starts a command.
pub(super) fn start(mut command: Command, input: Option<&str>) -> Result<Running> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("could not start {}", command.get_program().display()))?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // One that was killed, or wants nothing, doesn't read it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let stdout = drain(child.stdout.take().context("standard output was asked for as a pipe")?);
    let stderr = drain(child.stderr.take().context("standard error was asked for as a pipe")?);
    Ok(Running { child, stdout, stderr, begin: Instant::now() })
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read counts, whatever ends it.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

impl Running {
    /// Returns the number of the process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it if it lives so long after its start.
    pub(super) fn kill_after(&mut self, delay: Duration) -> Result<()> {
        std::thread::sleep(delay.saturating_sub(self.begin.elapsed()));
        self.child.kill().context("could not kill")
    }

    /// Waits for its end, with a bound.
    pub(super) fn finish(mut self) -> Result<Answer> {
        let mut pause = Duration::from_micros(200);
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break Some(status);
            }
            if self.begin.elapsed() > BOUND {
                self.child.kill()?;
                self.child.wait()?;
                break None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        };
        let text =
            |thread: JoinHandle<Vec<u8>>| String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned();
        Ok(Answer { status, stdout: text(self.stdout), stderr: text(self.stderr) })
    }
}

impl Answer {
    /// Returns the exit status, if it ended by itself.
    pub(super) fn code(&self) -> Option<i32> {
        self.status?.code()
    }

    /// Says whether it was killed, or killed itself.
    pub(super) fn signal(&self) -> Option<i32> {
        self.status?.signal()
    }

    /// Says whether it didn't end.
    pub(super) fn is_hung(&self) -> bool {
        self.status.is_none()
    }

    /// Says whether it panicked.
    pub(super) fn panicked(&self) -> bool {
        self.code() == Some(101) || self.stderr.contains("panicked at")
    }

    /// Returns what it answered, if it succeeded.
    pub(super) fn data(&self) -> Option<Value> {
        if self.code() != Some(0) {
            return None;
        }
        self.json().map(|mut answer| answer["data"].take())
    }

    /// Returns what it printed, if that is JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.stdout).ok()
    }

    /// Tells how it ended and what it said.
    pub(super) fn told(&self) -> String {
        let ended = match self.status {
            None => "hung".to_owned(),
            Some(status) => status.to_string(),
        };
        let shown: String = format!("{} {}", self.stdout.trim(), self.stderr.trim()).chars().take(600).collect();
        format!("{ended}: {}", shown.trim())
    }
}

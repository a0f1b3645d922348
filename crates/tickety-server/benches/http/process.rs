//! Servers as processes: starting them, where they run, what they take.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Options;

/// How many issues there are.
const ISSUES: &str = "10000";

/// A server, which ends with this.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    /// Starts `tickety serve` in a home.
    pub(crate) fn tickety(options: &Options, home: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = on_core(0, &options.program);
        command.args(["serve", "--port", "0"]).args(arguments).current_dir(home);
        Self::start(command)
    }

    /// Starts the stack of this program, with routes that do nothing.
    pub(crate) fn stack() -> Result<Self> {
        let mut command = on_core(0, &std::env::current_exe()?);
        command.arg("--serve");
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("start a server")?;
        let output = child.stdout.take().context("a server has an output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().rsplit("http://").next().unwrap_or_default().to_owned();
        Ok(Self { child, address })
    }

    /// How many seconds of a processor it has taken.
    pub(crate) fn processor_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<f64> =
            stat.rsplit(')').next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
        let ticks = fields.get(12).unwrap_or(&0.0) + fields.get(13).unwrap_or(&0.0);
        ticks / rustix::param::clock_ticks_per_second() as f64
    }

    /// How many megabytes it has in memory now, and the most it has had.
    pub(crate) fn megabytes(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<f64>().unwrap_or(0.0) / 1024.0
        };
        (of("VmRSS"), of("VmHWM"))
    }
}

/// Whether processes can be kept on one core.
pub(crate) fn can_pin() -> bool {
    Path::new("/usr/bin/taskset").exists() && std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

fn on_core(core: usize, program: &Path) -> Command {
    if !can_pin() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// Keeps this process on the core that servers don't have.
pub(crate) fn pin_self() {
    if can_pin() {
        let own = std::process::id().to_string();
        Command::new("taskset").args(["-a", "-p", "-c", "1", &own]).stdout(Stdio::null()).status().ok();
    }
}

/// Lets this process have as many files open as the system lets it: each connection is one.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}

/// Makes a home with issues.
pub(crate) fn make_home(options: &Options) -> Result<PathBuf> {
    let home = options.folder.join("home");
    if !home.exists() {
        eprintln!("{ISSUES} issues in {}", home.display());
        let mut command = Command::new(&options.program);
        command.args(["demo", "--issues", ISSUES, "--dir"]).arg(&home).stdout(Stdio::null()).stderr(Stdio::null());
        anyhow::ensure!(command.status()?.success(), "tickety demo failed");
    }
    Ok(home)
}

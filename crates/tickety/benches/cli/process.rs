//! Whole processes: started, waited for, and nothing else.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How a program is started: in which folder, with what for a home. The same for all.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The working directory.
    pub(crate) folder: std::path::PathBuf,
    /// Holds the user's configuration.
    pub(crate) home: std::path::PathBuf,
}

impl Place {
    /// Prepares a program that is started next; what it prints is thrown away.
    ///
    /// The whole process goes to the folder: asked to change it for the child alone, the standard library of a static
    /// program forks, which takes the longer the more memory this process has, instead of spawning.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, program: &Path, arguments: &[S]) -> Command {
        std::env::set_current_dir(&self.folder).expect("the folder was made before");
        let mut command = Command::new(program);
        command.args(arguments).env_clear();
        command.env("HOME", &self.home).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs a program to its end and says how long that took.
    pub(crate) fn time<S: AsRef<OsStr>>(&self, program: &Path, arguments: &[S]) -> Result<Duration> {
        let mut command = self.command(program, arguments);
        let begin = Instant::now();
        let status = command.status().with_context(|| format!("could not start {}", program.display()))?;
        let took = begin.elapsed();
        if !status.success() {
            bail!("{command:?} ended with {status}");
        }
        Ok(took)
    }

    /// Runs a program and returns what it prints.
    pub(crate) fn read<S: AsRef<OsStr>>(&self, program: &Path, arguments: &[S]) -> Result<String> {
        let mut command = self.command(program, arguments);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = output.with_context(|| format!("could not start {}", program.display()))?;
        if !output.status.success() {
            bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed no UTF-8"))
    }
}

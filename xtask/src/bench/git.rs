//! Issues in git, beside the git commands that the same takes without Tickety.
//!
//! Everything is measured in turns: a round does the one, then the other, each after it was set up anew.

mod scenes;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use self::scenes::{Conflicts, Exchange, History, Neighbours};
use super::figures::shown;
use super::{Options, machine, scratch};

/// How many issues the scenes hold whose cost doesn't depend on it.
const USUAL: u32 = 10_000;

/// How many issues conflict, and how many changes are exchanged.
const CHANGES: u32 = 1_000;

/// Measures everything and prints the table.
pub(super) fn run(options: &Options) -> Result<()> {
    let binary = options.binary()?;
    let folder = scratch("git")?;
    let tools = Tools { binary, home: folder.join("home"), seed: options.seed };
    std::fs::create_dir_all(&tools.home)?;
    let (many, few) = if options.quick { (5, 2) } else { (30, 10) };
    let mut rows = Vec::new();
    for size in &options.sizes {
        let neighbours = Neighbours::make(&tools, &folder, *size)?;
        rows.extend(neighbours.measure(many)?);
        neighbours.remove()?;
    }
    rows.push(Conflicts::make(&tools, &folder, USUAL, CHANGES)?.measure(few)?);
    rows.extend(History::make(&tools, &folder, CHANGES)?.measure(many)?);
    rows.extend(Exchange::make(&tools, &folder, USUAL, CHANGES)?.measure(few)?);
    println!("{}.\n", machine::describe(&folder));
    println!("| what | issues | median | p95 | beside it | median | ratio |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for row in &rows {
        println!("{}", row.print());
    }
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// What a scene is made with.
struct Tools {
    binary: PathBuf,
    home: PathBuf,
    seed: u64,
}

impl Tools {
    /// Returns a command of Tickety in a folder.
    fn tickety(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.program(&self.binary, folder);
        command.args(arguments);
        command
    }

    /// Returns a command of git in a folder, with none of the user's settings.
    fn git(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.program(Path::new("git"), folder);
        command.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]).args(arguments);
        command
    }

    fn program(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("HOME", &self.home).env("TICKETY_ACTOR", "bench");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "bench").env(format!("GIT_{role}_EMAIL"), "bench@example.org");
        }
        command
    }
}

/// Something measured beside something else, in the same run.
struct Row {
    what: String,
    issues: u32,
    times: Times,
    beside: &'static str,
    limit: Times,
}

impl Row {
    fn print(&self) -> String {
        let (ours, limit) = (self.times.median(), self.limit.median());
        let ratio = ours / limit;
        format!(
            "| {} | {} | {} ms | {} ms | {} | {} ms | {} |",
            self.what,
            shown(f64::from(self.issues)),
            shown(ours),
            shown(self.times.at(0.95)),
            self.beside,
            shown(limit),
            shown(ratio)
        )
    }
}

/// How long something took, each time.
#[derive(Clone, Debug, Default)]
struct Times(Vec<Duration>);

impl Times {
    /// Runs commands one after the other and counts their times as one.
    fn time(&mut self, commands: &mut [Command]) -> Result<()> {
        let begin = Instant::now();
        for command in commands {
            ensure!(muted(command)?, "{command:?} failed");
        }
        self.0.push(begin.elapsed());
        Ok(())
    }

    fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// Returns a quantile in milliseconds.
    fn at(&self, quantile: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = ((sorted.len() - 1) as f64 * quantile).round() as usize;
        sorted[place].as_secs_f64() * 1e3
    }
}

/// Runs a command without its output; fails where it does, with what it says.
fn quiet(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Runs a command without its output and tells whether it succeeded.
fn muted(command: &mut Command) -> Result<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().with_context(|| format!("{command:?}"))?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_the_ratio_of_the_medians() {
        let times = |millis: &[u64]| Times(millis.iter().map(|millis| Duration::from_millis(*millis)).collect());
        let row = Row {
            what: "git status".to_owned(),
            issues: 10_000,
            times: times(&[30, 20, 90]),
            beside: "without issues",
            limit: times(&[10, 5, 15]),
        };
        assert_eq!(row.print(), "| git status | 10,000 | 30.0 ms | 90.0 ms | without issues | 10.0 ms | 3.00 |");
    }
}

//! Exchanging commits with a remote.
//!
//! This is where git may talk to other machines, with the user's own settings for that. Hooks aren't run and nothing is
//! forced.

use std::io::{self, Read as _};
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Git, GitError, Running, Upstream, run};

/// How long a remote may take to answer a question that nobody has asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many lines of what a remote says are told.
const TOLD: usize = 5;

/// What a push has to do with, whatever the user has set for those of the code.
const PUSH: [&str; 6] =
    ["push", "--quiet", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"];

/// What became of a push.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// The remote has it.
    Whole,
    /// The remote's branch has gone on meanwhile, or is being written; with git's reason.
    Overtaken(String),
    /// The remote doesn't take it; with its reason and its own words.
    Refused(String),
}

impl Git {
    /// Fetches what a remote has; `None` if it has no such branch.
    pub fn fetch(&self, upstream: &Upstream) -> Result<Option<String>, GitError> {
        let Upstream { remote, branch } = upstream;
        let refspec = format!("+refs/heads/{branch}:{}", upstream.reference());
        let how = ["--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules"];
        let arguments = [&["fetch"], &how[..], &[remote, &refspec]].concat();
        match run(self.command_to_others(&arguments)?, &arguments) {
            Ok(_) => self.commit_of(&upstream.reference()),
            Err(GitError::Failed { message, .. }) if message.contains("couldn't find remote ref") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pushes a branch.
    pub fn push(&self, branch: &str, upstream: &Upstream) -> Result<Pushed, GitError> {
        let refspec = format!("refs/heads/{branch}:refs/heads/{}", upstream.branch);
        let arguments = [&PUSH[..], &[&upstream.remote, &refspec]].concat();
        let output = self.command_to_others(&arguments)?.output().map_err(|source| GitError::Start { source })?;
        if output.status.success() {
            return Ok(Pushed::Whole);
        }
        let Output { status, stdout, stderr } = output;
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        became(&stdout, &stderr).ok_or_else(|| GitError::Failed {
            command: "push".to_owned(),
            status,
            message: stderr.trim().to_owned(),
        })
    }

    /// Asks a remote whether it has a branch; for some seconds, and without asking anybody for a password.
    pub fn ask_remote_for(&self, remote: &str, branch: &str) -> Result<bool, GitError> {
        let reference = format!("refs/heads/{branch}");
        let arguments = ["ls-remote", "--quiet", "--exit-code", "--heads", remote, &reference];
        let mut command = self.command_to_others(&arguments)?;
        command.env("GIT_TERMINAL_PROMPT", "0").env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
        let mut running = Running(command.spawn().map_err(|source| GitError::Start { source })?);
        let mut stderr = running.0.stderr.take().expect("its errors are piped");
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            let mut message = String::new();
            // What can't be read is missing from what is told.
            let _ = stderr.read_to_string(&mut message);
            let _ = sender.send(message);
        });
        let failed = |source| GitError::Pipe { command: "ls-remote", source };
        let message = said.recv_timeout(PATIENCE).map_err(|_| failed(io::ErrorKind::TimedOut.into()))?;
        let status = running.0.wait().map_err(failed)?;
        match status.code() {
            Some(0) => Ok(true),
            // What `--exit-code` is for.
            Some(2) => Ok(false),
            _ => Err(GitError::Failed { command: "ls-remote".to_owned(), status, message: message.trim().to_owned() }),
        }
    }

    /// Starts a command line that talks to other machines: with the protocols that the user's git allows, and its ways
    /// to ask for a password.
    fn command_to_others(&self, arguments: &[&str]) -> Result<Command, GitError> {
        let mut command = self.command(["-c", "protocol.allow=user", "-c", "protocol.ext.allow=never"])?;
        for protocol in ["file", "git", "http", "https", "ssh"] {
            command.arg("-c").arg(format!("protocol.{protocol}.allow=always"));
        }
        command.args(arguments).env_remove("GIT_TERMINAL_PROMPT");
        Ok(command)
    }
}

/// Returns what became of a push that failed, if the remote was asked at all.
fn became(told: &str, said: &str) -> Option<Pushed> {
    // `!`, what was pushed to where, and the reason, with tabs between.
    let summary =
        told.lines().find_map(|line| line.strip_prefix("!\t")?.split_once('\t').map(|(_, summary)| summary))?;
    let (who, why) = summary.split_once("] ").unwrap_or((summary, ""));
    let why = why.strip_prefix('(').and_then(|why| why.strip_suffix(')')).unwrap_or(why);
    let races =
        ["non-fast-forward", "cannot lock ref", "failed to lock", "failed to update ref", "incorrect old value"];
    if who == "[rejected" || races.iter().any(|race| why.contains(race)) {
        return Some(Pushed::Overtaken(why.to_owned()));
    }
    let words = said.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim);
    let words: Vec<&str> = words.filter(|line| !line.is_empty()).take(TOLD).collect();
    let words = if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) };
    Some(Pushed::Refused(format!("{why}{words}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_is_told_from_a_refusal() {
        let pushed = |summary: &str, said: &str| became(&format!("To there\n!\ta:b\t{summary}\nDone\n"), said);
        for race in [
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[rejected] (stale info)",
            "[remote rejected] (cannot lock ref 'refs/heads/b': is at 1 but expected 2)",
            "[remote rejected] (failed to update ref)",
            "[remote rejected] (incorrect old value provided)",
        ] {
            assert!(matches!(pushed(race, "remote: words"), Some(Pushed::Overtaken(_))), "{race}");
        }
        let refused = |text: &str| Some(Pushed::Refused(text.to_owned()));
        let said =
            "remote: error: GH006: Protected branch update failed.        \nremote: \nremote: Ask.\nerror: failed\n";
        assert_eq!(
            pushed("[remote rejected] (protected branch hook declined)", said),
            refused("protected branch hook declined: error: GH006: Protected branch update failed.; Ask.")
        );
        assert_eq!(pushed("[remote rejected] (pre-receive hook declined)", ""), refused("pre-receive hook declined"));
        assert_eq!(became("", "fatal: no such remote"), None);
    }
}

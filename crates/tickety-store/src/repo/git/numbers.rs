//! The numbers of issues on branches that aren't checked out.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};

use tickety_core::ident::{IssueKey, IssueNumber};

use super::super::layout::{ISSUES_DIR, RecordPath, Shard};
use super::{Git, GitError, Running};

/// The largest tree that is looked at. A shard with a thousand issues has about 50 KB.
const TREE_LIMIT: u64 = 64 * 1024 * 1024;

impl Git {
    /// Returns the highest number of an issue on any local or remote-tracking branch or in the
    /// stash.
    ///
    /// Starts git twice, however many branches there are, and looks at the last shard of each
    /// distinct tree only.
    pub fn highest_number(&self) -> Result<Option<IssueNumber>, GitError> {
        let references =
            self.run(&["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", "refs/stash"])?;
        let references = String::from_utf8_lossy(&references);
        let mut objects = Objects::start(self)?;
        let mut seen = BTreeSet::new();
        let mut highest = None;
        for reference in references.lines() {
            let Some(issues) = objects.tree(&format!("{reference}:{}{ISSUES_DIR}", self.prefix))? else { continue };
            if seen.insert(issues.id.clone()) {
                highest = highest.max(highest_in(&mut objects, &issues)?);
            }
        }
        Ok(highest)
    }

    /// Returns the issues that a commit has, by the names of their records. Fails if there is no such
    /// commit.
    pub fn issues_at(&self, commit: &str) -> Result<BTreeSet<IssueKey>, GitError> {
        // Told apart from a commit without issues, and never taken for an option.
        let name = format!("{commit}^{{commit}}");
        let id = match self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name]) {
            // It says so by its status alone.
            Err(GitError::Failed { message, .. }) if message.is_empty() => {
                return Err(GitError::NoCommit { name: commit.to_owned() });
            }
            id => id?,
        };
        let id = String::from_utf8_lossy(&id);
        let mut objects = Objects::start(self)?;
        let mut issues = BTreeSet::new();
        let Some(root) = objects.tree(&format!("{}:{}{ISSUES_DIR}", id.trim(), self.prefix))? else {
            return Ok(issues);
        };
        for (name, id) in root.entries() {
            let Some(shard) = Shard::parse(name) else { continue };
            let Some(tree) = objects.tree(&id)? else { continue };
            issues.extend(tree.entries().filter_map(|(name, _)| Some(RecordPath::parse_file_name(shard, name)?.issue)));
        }
        Ok(issues)
    }
}

/// Finds the highest number in the last shard that has any.
fn highest_in(objects: &mut Objects, issues: &Tree) -> Result<Option<IssueNumber>, GitError> {
    let mut shards: Vec<_> = issues.entries().filter_map(|(name, id)| Some((Shard::parse(name)?, id))).collect();
    shards.sort_unstable();
    for (shard, id) in shards.into_iter().rev() {
        let Some(tree) = objects.tree(&id)? else { continue };
        let numbers = tree.entries().filter_map(|(name, _)| RecordPath::parse_file_name(shard, name));
        if let Some(highest) = numbers.map(|path| path.issue.number).max() {
            return Ok(Some(highest));
        }
    }
    Ok(None)
}

/// A tree as git stores it.
struct Tree {
    id: String,
    bytes: Vec<u8>,
}

impl Tree {
    /// Returns the names and the ids of the entries, as far as the bytes make sense.
    fn entries(&self) -> impl Iterator<Item = (&[u8], String)> {
        let id_length = self.id.len() / 2;
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            // `mode name`, a NUL, and the id as bytes.
            let end = rest.iter().position(|&byte| byte == 0)?;
            let start = rest[..end].iter().position(|&byte| byte == b' ')? + 1;
            let (entry, after) = rest.split_at_checked(end + 1 + id_length)?;
            rest = after;
            let id = entry[end + 1..].iter().map(|byte| format!("{byte:02x}")).collect();
            Some((&entry[start..end], id))
        })
    }
}

/// A running `git cat-file --batch`.
struct Objects {
    // Dropped first: git then reads the end of its input.
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _running: Running,
}

impl Objects {
    fn start(git: &Git) -> Result<Self, GitError> {
        let mut command = git.command(["cat-file", "--batch"])?;
        command.stdin(Stdio::piped());
        let mut running = Running::start(command)?;
        let input = running.0.stdin.take().expect("its input is piped");
        let output = BufReader::new(running.0.stdout.take().expect("its output is piped"));
        Ok(Self { input, output, _running: running })
    }

    /// Returns a tree by any name git knows; `None` if there is none.
    fn tree(&mut self, name: &str) -> Result<Option<Tree>, GitError> {
        self.ask(name).map_err(|source| GitError::Pipe { command: "cat-file", source })
    }

    fn ask(&mut self, name: &str) -> std::io::Result<Option<Tree>> {
        self.input.write_all(format!("{name}\n").as_bytes())?;
        let mut answer = Vec::new();
        if self.output.read_until(b'\n', &mut answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        // `id type size`, or the name and `missing`.
        let answer = String::from_utf8_lossy(&answer);
        let mut words = answer.trim_end().rsplitn(3, ' ');
        let (size, kind, id) = (words.next(), words.next(), words.next());
        let Some(size) = size.and_then(|size| size.parse::<u64>().ok()) else { return Ok(None) };
        let mut content = self.output.by_ref().take(size);
        let mut bytes = Vec::new();
        if kind == Some("tree") && size <= TREE_LIMIT {
            content.read_to_end(&mut bytes)?;
        } else {
            std::io::copy(&mut content, &mut std::io::sink())?;
        }
        let mut line_feed = [0];
        self.output.read_exact(&mut line_feed)?;
        let id = id.unwrap_or_default().to_owned();
        Ok((kind == Some("tree")).then_some(Tree { id, bytes }))
    }
}

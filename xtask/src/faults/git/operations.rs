//! What git does in a work tree while others write there.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};

use super::Shared;
use crate::faults::random::Random;
use crate::faults::world::{Answer, World, start};

/// A work tree with two branches of its own.
#[derive(Debug)]
pub(super) struct Checkout<'a> {
    world: &'a World,
    root: PathBuf,
    index: usize,
    branches: [String; 2],
    random: Random,
    count: u64,
}

/// What git is asked to do.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Commit,
    Checkout,
    ForcedCheckout,
    Merge,
    Rebase,
    CherryPick,
    Stash,
    Unstash,
    Clean,
    Reset,
    ResetBack,
    WorkTree,
}

const OPERATIONS: [Operation; 15] = [
    Operation::Commit,
    Operation::Commit,
    Operation::Commit,
    Operation::Checkout,
    Operation::Checkout,
    Operation::ForcedCheckout,
    Operation::Merge,
    Operation::Rebase,
    Operation::CherryPick,
    Operation::Stash,
    Operation::Unstash,
    Operation::Clean,
    Operation::Reset,
    Operation::ResetBack,
    Operation::WorkTree,
];

impl<'a> Checkout<'a> {
    /// Makes the branches.
    pub(super) fn make(world: &'a World, root: &Path, index: usize, random: Random) -> Result<Self> {
        let branches = [format!("one-{index}"), format!("two-{index}")];
        world.git(root, &["branch", &branches[1]])?;
        world.git(root, &["checkout", "--quiet", "-b", &branches[0]])?;
        Ok(Self { world, root: root.to_owned(), index, branches, random, count: 0 })
    }

    /// Lets git do one thing after the other as long as somebody writes. Returns how many things.
    pub(super) fn work(&mut self, shared: &Shared) -> Result<u64> {
        while shared.writing.load(Ordering::SeqCst) > 0 {
            let operation = self.random.pick(&OPERATIONS).unwrap_or(Operation::Commit);
            self.operate(operation, shared)?;
            self.count += 1;
        }
        Ok(self.count)
    }

    fn operate(&mut self, operation: Operation, shared: &Shared) -> Result<()> {
        let place = usize::try_from(self.random.below(2))?;
        let branch = self.branches[place].clone();
        match operation {
            Operation::Commit => self.commit()?,
            // It is refused where it would lose something.
            Operation::Checkout => drop(self.git(&["checkout", "--quiet", &branch])?),
            Operation::ForcedCheckout => drop(self.git(&["checkout", "--quiet", "--force", &branch])?),
            Operation::Merge => {
                let merged = self.git(&["merge", "--quiet", "--no-edit", &branch])?;
                if merged.code() != Some(0) {
                    self.settle_merge()?;
                }
            }
            Operation::Rebase => {
                if self.git(&["rebase", "--quiet", "--autostash", &branch])?.code() != Some(0) {
                    self.git(&["rebase", "--abort"])?;
                }
            }
            Operation::CherryPick => {
                if self.git(&["cherry-pick", &branch])?.code() != Some(0) {
                    self.git(&["cherry-pick", "--abort"])?;
                }
            }
            Operation::Stash => drop(self.git(&["stash", "push", "--quiet", "--include-untracked"])?),
            Operation::Unstash => {
                if self.git(&["stash", "pop", "--quiet"])?.code() != Some(0) {
                    self.git(&["reset", "--quiet", "--hard"])?;
                }
            }
            Operation::Clean => drop(self.git(&["clean", "-fdq"])?),
            Operation::Reset => drop(self.git(&["reset", "--quiet", "--hard"])?),
            Operation::ResetBack => {
                // Never to before there was a home.
                let count = self.git(&["rev-list", "--count", "--first-parent", "HEAD"])?.stdout;
                if count.trim().parse::<u64>().is_ok_and(|count| count > 2) {
                    self.git(&["reset", "--quiet", "--hard", "HEAD~1"])?;
                }
            }
            Operation::WorkTree => self.add_and_remove(shared)?,
        }
        Ok(())
    }

    /// Commits what there is. Where a file goes while git looks at it, nothing is committed.
    fn commit(&self) -> Result<()> {
        if self.git(&["add", "--all", ".tickety"])?.code() == Some(0) {
            self.git(&["commit", "--quiet", "--message", "Issues"])?;
        }
        Ok(())
    }

    /// Settles a merge as people do, or takes it back.
    fn settle_merge(&mut self) -> Result<()> {
        let is_settled = self.random.chance(60)
            && self.world.run(&self.root, &["resolve", "--json"])?.code() == Some(0)
            && self.git(&["commit", "--quiet", "--no-edit"])?.code() == Some(0);
        if !is_settled {
            self.git(&["merge", "--abort"])?;
        }
        Ok(())
    }

    /// Adds a work tree, writes there, commits that, and removes the work tree.
    fn add_and_remove(&self, shared: &Shared) -> Result<()> {
        let path = self.root.with_file_name(format!("extra-{}", self.index));
        let shown = path.display().to_string();
        let branch = format!("extra-{}-{}", self.index, self.count);
        if self.git(&["worktree", "add", "--quiet", "-b", &branch, &shown])?.code() != Some(0) {
            return Ok(());
        }
        let extra = Self { root: path, branches: self.branches.clone(), random: self.random.clone(), ..*self };
        let token = format!("token{:06}", shared.tokens.fetch_add(1, Ordering::Relaxed));
        extra.world.data(&extra.root, &["new", &token, "--json"])?;
        shared.ledger.lock().expect("no thread panics").committed(token);
        extra.commit()?;
        let removed = self.git(&["worktree", "remove", &shown])?;
        ensure!(removed.code() == Some(0), "git worktree remove: {}", removed.told());
        Ok(())
    }

    fn git(&self, arguments: &[&str]) -> Result<Answer> {
        let mut command = self.world.prepare(Path::new("git"), &self.root);
        command.args(arguments).env("GIT_EDITOR", "true");
        start(command, None)?.finish()
    }
}

//! The repositories that are measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Row, Times, Tools, muted, quiet};
use crate::program::read;

/// How many files of code a repository has, and how many lines each.
const CODE: (u32, u32) = (1_000, 60);

/// A repository with code and issues, and the same repository without the issues.
pub(super) struct Neighbours<'a> {
    tools: &'a Tools,
    size: u32,
    with: PathBuf,
    without: PathBuf,
}

impl<'a> Neighbours<'a> {
    pub(super) fn make(tools: &'a Tools, folder: &Path, size: u32) -> Result<Self> {
        let (with, without) = (folder.join("with"), folder.join("without"));
        generate(tools, &with, size)?;
        fs::create_dir_all(&without)?;
        for repository in [&with, &without] {
            write_code(repository)?;
            begin(tools, repository)?;
        }
        Ok(Self { tools, size, with, without })
    }

    pub(super) fn measure(&self, rounds: usize) -> Result<Vec<Row>> {
        let mut rows = vec![
            self.row("`git status`, issues on the code's branch", rounds, &["status"])?,
            self.row("`git add --all` of one file of code, likewise", rounds, &["add", "--all"])?,
        ];
        self.keep_on_a_branch()?;
        rows.push(self.row("`git status`, issues on a branch of their own", rounds, &["status"])?);
        rows.push(self.row("`git add --all` of one file of code, likewise", rounds, &["add", "--all"])?);
        Ok(rows)
    }

    fn row(&self, what: &str, rounds: usize, command: &[&str]) -> Result<Row> {
        let (mut times, mut limit) = (Times::default(), Times::default());
        for round in 0..=rounds {
            let (mut with, mut without) = (Times::default(), Times::default());
            for (repository, times) in [(&self.with, &mut with), (&self.without, &mut without)] {
                fs::write(repository.join("src/0/0.txt"), format!("{what}, round {round}\n"))?;
                times.time(&mut [self.tools.git(repository, command)])?;
            }
            // The first round warms the caches.
            if round > 0 {
                times.0.append(&mut with.0);
                limit.0.append(&mut without.0);
            }
        }
        Ok(Row { what: what.to_owned(), issues: self.size, times, beside: "without issues", limit })
    }

    fn keep_on_a_branch(&self) -> Result<()> {
        quiet(&mut self.tools.git(&self.with, &["commit", "--quiet", "--all", "--message", "Code"]))?;
        quiet(&mut self.tools.tickety(&self.with, &["home", "move", "branch"]))?;
        quiet(&mut self.tools.git(&self.with, &["add", "--all"]))?;
        quiet(&mut self.tools.git(&self.with, &["commit", "--quiet", "--message", "Move the issues"]))
    }

    pub(super) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.with)?;
        Ok(fs::remove_dir_all(&self.without)?)
    }
}

/// A repository in which two branches have given the same issues different priorities.
pub(super) struct Conflicts<'a> {
    tools: &'a Tools,
    size: u32,
    conflicts: u32,
    repository: PathBuf,
}

impl<'a> Conflicts<'a> {
    pub(super) fn make(tools: &'a Tools, folder: &Path, size: u32, conflicts: u32) -> Result<Self> {
        let repository = folder.join("conflicts");
        generate(tools, &repository, size)?;
        begin(tools, &repository)?;
        let query = format!("is:any number:1..{conflicts}");
        for (branch, milestone) in [("here", "1.0"), ("there", "2.0")] {
            quiet(&mut tools.git(&repository, &["switch", "--quiet", "--create", branch, "main"]))?;
            let update = ["batch", "update", &query, "--milestone", milestone, "--yes"];
            quiet(&mut tools.tickety(&repository, &update))?;
            quiet(&mut tools.git(&repository, &["commit", "--quiet", "--all", "--message", branch]))?;
        }
        quiet(&mut tools.git(&repository, &["switch", "--quiet", "here"]))?;
        Ok(Self { tools, size, conflicts, repository })
    }

    pub(super) fn measure(self, rounds: usize) -> Result<Row> {
        let (mut times, mut limit) = (Times::default(), Times::default());
        for _ in 0..rounds {
            self.conflict()?;
            times.time(&mut [self.tools.tickety(&self.repository, &["resolve"])])?;
            let left = read(&mut self.tools.git(&self.repository, &["ls-files", "--unmerged"]))?;
            ensure!(left.is_empty(), "resolve has left some files unmerged");
            self.conflict()?;
            let ours = self.tools.git(&self.repository, &["checkout", "--ours", "--", ".tickety"]);
            let add = self.tools.git(&self.repository, &["add", "--update", ".tickety"]);
            limit.time(&mut [ours, add])?;
        }
        fs::remove_dir_all(&self.repository)?;
        let what = format!("`tickety resolve` of {} issues in conflict", self.conflicts);
        Ok(Row { what, issues: self.size, times, beside: "`git checkout --ours` and `git add --update`", limit })
    }

    /// Merges the one branch into the other, which stops.
    fn conflict(&self) -> Result<()> {
        let git = |arguments: &[&str]| self.tools.git(&self.repository, arguments);
        quiet(&mut git(&["reset", "--quiet", "--hard", "here"]))?;
        quiet(&mut git(&["clean", "--quiet", "-d", "--force"]))?;
        ensure!(!muted(&mut git(&["merge", "there"]))?, "the merge did not stop");
        let unmerged = read(&mut git(&["diff", "--name-only", "--diff-filter=U"]))?.lines().count();
        ensure!(unmerged == self.conflicts as usize, "{unmerged} files are in conflict, not {}", self.conflicts);
        // The index of the issues is brought up to date: what git changed is no part of what is measured.
        quiet(&mut self.tools.tickety(&self.repository, &["list"]))
    }
}

/// An issue with a long history.
pub(super) struct History<'a> {
    tools: &'a Tools,
    commits: u32,
    repository: PathBuf,
    number: u32,
    path: String,
}

impl<'a> History<'a> {
    pub(super) fn make(tools: &'a Tools, folder: &Path, commits: u32) -> Result<Self> {
        let repository = folder.join("history");
        generate(tools, &repository, 100)?;
        begin(tools, &repository)?;
        let number = 1;
        let shown = read(&mut tools.tickety(&repository, &["show", &number.to_string()]))?;
        let path = shown.lines().find_map(|line| line.strip_prefix("file ")).context("no file is shown")?;
        let path = path.trim().to_owned();
        let file = repository.join(&path);
        let text = fs::read_to_string(&file)?;
        for commit in 1..=commits {
            fs::write(&file, format!("{text}\nStep {commit}.\n"))?;
            let message = format!("Step {commit}");
            quiet(&mut tools.git(&repository, &["commit", "--quiet", "--all", "--message", &message]))?;
        }
        Ok(Self { tools, commits, repository, number, path })
    }

    pub(super) fn measure(self, rounds: usize) -> Result<Vec<Row>> {
        let number = self.number.to_string();
        let plain: [&[&str]; 2] = [
            &["log", "--patch", "--", &self.path],
            // A history of fields has to know where each line comes from.
            &["blame", "--porcelain", "--", &self.path],
        ];
        let ours: [&[&str]; 2] = [&["log", &number], &["log", &number, "--fields"]];
        let names = ["`git log --patch`", "`git blame`"];
        let mut rows = Vec::new();
        for ((ours, plain), beside) in ours.into_iter().zip(plain).zip(names) {
            let (mut times, mut limit) = (Times::default(), Times::default());
            for _ in 0..rounds {
                times.time(&mut [self.tools.tickety(&self.repository, ours)])?;
                limit.time(&mut [self.tools.git(&self.repository, plain)])?;
            }
            let option = if ours.len() > 2 { " --fields" } else { "" };
            let what = format!("`tickety log{option}` of an issue with {} commits", self.commits);
            rows.push(Row { what, issues: 100, times, beside, limit });
        }
        fs::remove_dir_all(&self.repository)?;
        Ok(rows)
    }
}

/// Two clones each of two equal repositories: one is exchanged by Tickety and one by git.
pub(super) struct Exchange<'a> {
    tools: &'a Tools,
    folder: PathBuf,
    size: u32,
    changes: u32,
}

/// The two ways.
const WAYS: [&str; 2] = ["tickety", "git"];

impl<'a> Exchange<'a> {
    pub(super) fn make(tools: &'a Tools, folder: &Path, size: u32, changes: u32) -> Result<Self> {
        let folder = folder.join("exchange");
        let first = folder.join("first");
        generate(tools, &first, size)?;
        begin(tools, &first)?;
        for way in WAYS {
            let hub = format!("hub-{way}");
            quiet(&mut tools.git(&folder, &["clone", "--quiet", "--bare", "first", &hub]))?;
            for clone in ["here", "there"] {
                quiet(&mut tools.git(&folder, &["clone", "--quiet", &hub, &format!("{clone}-{way}")]))?;
            }
        }
        Ok(Self { tools, folder, size, changes })
    }

    pub(super) fn measure(self, rounds: usize) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for theirs in [false, true] {
            let (mut times, mut limit) = (Times::default(), Times::default());
            for round in 0..rounds {
                for way in WAYS {
                    self.change(way, round, theirs)?;
                }
                times.time(&mut [self.tools.tickety(&self.clone("here", WAYS[0]), &["sync"])])?;
                let here = self.clone("here", WAYS[1]);
                let git = |arguments: &[&str]| self.tools.git(&here, arguments);
                let commit = [git(&["add", ".tickety"]), git(&["commit", "--quiet", "--message", "Issues"])];
                let merge = [git(&["fetch", "--quiet"]), git(&["merge", "--quiet", "--no-edit", "origin/main"])];
                let mut plain: Vec<Command> = commit.into_iter().chain(merge).collect();
                plain.push(git(&["push", "--quiet"]));
                limit.time(&mut plain)?;
            }
            let beside = "`git add`, `commit`, `fetch`, `merge`, `push`";
            let merged = if theirs { format!(", {} others to be merged", self.changes) } else { String::new() };
            let what = format!("`tickety sync` of {} changed issues{merged}", self.changes);
            rows.push(Row { what, issues: self.size, times, beside, limit });
        }
        fs::remove_dir_all(&self.folder)?;
        Ok(rows)
    }

    fn clone(&self, whose: &str, way: &str) -> PathBuf {
        self.folder.join(format!("{whose}-{way}"))
    }

    /// Changes issues here, and others there, where they are pushed.
    fn change(&self, way: &str, round: usize, theirs: bool) -> Result<()> {
        let milestone = format!("{round}-{theirs}");
        let update = |clone: &Path, from: u32, to: u32| {
            let query = format!("is:any number:{from}..{to}");
            quiet(&mut self.tools.tickety(clone, &["batch", "update", &query, "--milestone", &milestone, "--yes"]))
        };
        if theirs {
            let there = self.clone("there", way);
            quiet(&mut self.tools.git(&there, &["pull", "--quiet", "--ff-only"]))?;
            update(&there, self.changes + 1, 2 * self.changes)?;
            quiet(&mut self.tools.git(&there, &["commit", "--quiet", "--all", "--message", "There"]))?;
            quiet(&mut self.tools.git(&there, &["push", "--quiet"]))?;
        }
        update(&self.clone("here", way), 1, self.changes)
    }
}

/// Makes sample issues in a new folder.
fn generate(tools: &Tools, folder: &Path, size: u32) -> Result<()> {
    eprintln!("generating {size} issues in {}", folder.display());
    fs::create_dir_all(folder)?;
    let (size, seed) = (size.to_string(), tools.seed.to_string());
    quiet(&mut tools.tickety(folder, &["demo", "--issues", &size, "--seed", &seed, "--dir", "."]))
}

/// Writes the same files of code everywhere.
fn write_code(folder: &Path) -> Result<()> {
    let (files, lines) = CODE;
    for file in 0..files {
        let directory = folder.join(format!("src/{}", file / 25));
        fs::create_dir_all(&directory)?;
        let text: String = (0..lines).map(|line| format!("line {line} of file {file}, as code has lines\n")).collect();
        fs::write(directory.join(format!("{file}.txt")), text)?;
    }
    Ok(())
}

/// Makes a repository of a folder and commits what is in it.
fn begin(tools: &Tools, folder: &Path) -> Result<()> {
    quiet(&mut tools.git(folder, &["init", "--quiet", "--initial-branch", "main"]))?;
    quiet(&mut tools.git(folder, &["add", "--all"]))?;
    quiet(&mut tools.git(folder, &["commit", "--quiet", "--message", "Begin"]))
}

//! The branch on which a repository keeps its issues apart from the code.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};

use jiff::Timestamp;

use super::super::layout::{CONFIG_FILE, HOME_DIR, state_dir};
use super::objects::Objects;
use super::{Git, GitError, Running, command_in, run};

/// The branch of the issues.
pub const ISSUE_BRANCH: &str = "tickety";

/// What the checkout of the branch is called among the work trees of the clone.
const WORK_TREE: &str = "tickety-home";

/// What separates the fields of a commit in the output of `git log`, and one commit from the next.
const LOG_FORMAT: &str = "--format=%H%x00%P%x00%an <%ae> %ad%x00%cn <%ce> %cd%x00%B";
const LOG_FIELDS: usize = 5;

/// Who makes a commit, and when.
#[derive(Clone, Debug)]
pub struct Author {
    name: String,
    email: String,
    time: Timestamp,
}

/// A file of a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BranchFile {
    /// The path in the work tree.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be executed.
    pub is_executable: bool,
}

/// From where a new commit on the branch of the issues goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Past {
    /// It is the first one.
    Nothing,
    /// The branch that is there.
    Branch,
    /// What the commits up to the one that is checked out did to the home, which becomes the beginning of the branch.
    Code,
}

/// A commit as the branch of the issues has it.
struct Told {
    id: String,
    parents: Vec<String>,
    author: Vec<u8>,
    committer: Vec<u8>,
    message: Vec<u8>,
}

impl Author {
    /// Returns the name and the address as git takes them.
    pub fn ident(&self) -> String {
        let clean = |text: &str| text.replace(['<', '>', '\n', '\0'], " ").trim().to_owned();
        format!("{} <{}>", clean(&self.name), clean(&self.email))
    }
}

impl Git {
    /// Returns the commit that the clone's branch of the issues is at.
    pub fn issue_branch(&self) -> Result<Option<String>, GitError> {
        self.tip_with_home(&format!("refs/heads/{ISSUE_BRANCH}"))
    }

    /// Returns the remote's branch of the issues, and its commit: that of `origin` if several remotes have one.
    pub fn remote_issue_branch(&self) -> Result<Option<(String, String)>, GitError> {
        let listed = self.run(&["for-each-ref", "--format=%(refname)", "refs/remotes"])?;
        let listed = String::from_utf8_lossy(&listed);
        let mut names: Vec<&str> = listed
            .lines()
            .filter_map(|name| name.strip_prefix("refs/remotes/"))
            .filter(|name| name.split_once('/').is_some_and(|(_, branch)| branch == ISSUE_BRANCH))
            .collect();
        names.sort_by_key(|name| !name.starts_with("origin/"));
        for name in names {
            if let Some(commit) = self.tip_with_home(&format!("refs/remotes/{name}"))? {
                return Ok(Some((name.to_owned(), commit)));
            }
        }
        Ok(None)
    }

    /// Whether the clone has a branch of this name, whatever it is.
    pub fn has_issue_branch(&self) -> Result<bool, GitError> {
        Ok(self.commit_of(&format!("refs/heads/{ISSUE_BRANCH}"))?.is_some())
    }

    /// Returns who commits: the actor, with the address that git has for the user.
    pub fn author(&self, actor: Option<&str>, time: Timestamp) -> Result<Author, GitError> {
        let name = self.own_name(actor)?;
        Ok(Author { name, email: self.setting("user.email")?.unwrap_or_default(), time })
    }

    /// Returns the name of who commits, if nobody says another.
    pub fn own_name(&self, actor: Option<&str>) -> Result<String, GitError> {
        match actor {
            Some(actor) => Ok(actor.to_owned()),
            None => Ok(self.setting("user.name")?.unwrap_or_else(|| "tickety".to_owned())),
        }
    }

    /// Makes the author of what somebody else wrote, who is known by a name. It may have an address with it; without one
    /// the one counts with which there is a commit by that name, as for `git commit --author`.
    pub fn author_called(&self, name: &str, time: Timestamp) -> Result<Author, GitError> {
        if let Some((name, email)) = name.strip_suffix('>').and_then(|name| name.split_once(" <")) {
            return Ok(Author { name: name.to_owned(), email: email.to_owned(), time });
        }
        if name.contains('@') {
            return Ok(Author { name: name.to_owned(), email: name.to_owned(), time });
        }
        let email = match self.known_email(name)? {
            Some(email) => email,
            // Nobody's, but of the form that forges ask for.
            None => format!(
                "{}@tickety.invalid",
                name.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), "-")
            ),
        };
        Ok(Author { name: name.to_owned(), email, time })
    }

    fn known_email(&self, name: &str) -> Result<Option<String>, GitError> {
        if self.is_unborn()? {
            return Ok(None);
        }
        let author = format!("--author={name} <");
        let how = ["log", "--all", "--fixed-strings", &author, "--max-count=50", "--format=%an%x00%ae"];
        let found = self.run(&how)?;
        let found = String::from_utf8_lossy(&found);
        let mut known = found.lines().filter_map(|line| line.split_once('\0'));
        Ok(known.find(|(known, email)| *known == name && !email.is_empty()).map(|(_, email)| email.to_owned()))
    }

    /// Returns the branches of the clone that have commits which the one that is checked out hasn't.
    pub fn unmerged_branches(&self) -> Result<Vec<String>, GitError> {
        if self.is_unborn()? {
            return Ok(Vec::new());
        }
        let listed = self.run(&["for-each-ref", "--format=%(refname)", "--no-merged=HEAD", "refs/heads"])?;
        let own = format!("refs/heads/{ISSUE_BRANCH}");
        Ok(String::from_utf8_lossy(&listed).lines().filter(|name| *name != own).map(str::to_owned).collect())
    }

    /// Checks out the branch of the issues where its checkout is at a commit that comes from it and on no branch: the
    /// branch moves up to there, and no file changes.
    pub fn return_to_issue_branch(&self) -> Result<(), GitError> {
        let branch = format!("refs/heads/{ISSUE_BRANCH}");
        let (head, tip) = (self.commit_id("HEAD")?, self.commit_id(&branch)?);
        if head != tip {
            self.run(&["update-ref", "-m", "tickety sync: what was on no branch", &branch, &head, &tip])?;
        }
        self.run(&["symbolic-ref", "-m", "tickety sync: back on its branch", "HEAD", &branch]).map(drop)
    }

    /// Begins the branch of the issues at a commit.
    pub fn begin_issue_branch(&self, commit: &str) -> Result<(), GitError> {
        self.run(&["update-ref", &format!("refs/heads/{ISSUE_BRANCH}"), commit, ""]).map(drop)
    }

    /// Returns the commit of a reference, if there is a home in it.
    fn tip_with_home(&self, reference: &str) -> Result<Option<String>, GitError> {
        let Some(commit) = self.commit_of(reference)? else { return Ok(None) };
        let listed = self.run(&["ls-tree", "--name-only", &commit, &format!("{HOME_DIR}/{CONFIG_FILE}")])?;
        Ok((!listed.is_empty()).then_some(commit))
    }

    /// Puts a commit with exactly these files on the branch of the issues.
    pub fn commit_issue_branch(
        &self,
        past: Past,
        files: &[BranchFile],
        message: &str,
        author: &Author,
    ) -> Result<(), GitError> {
        let told = if past == Past::Code { self.commits_of_home()? } else { Vec::new() };
        let mut objects = Objects::start(self)?;
        let mut command = self.command(["fast-import", "--quiet", "--date-format=raw"])?;
        command.stdin(Stdio::piped());
        let mut running = Running::start(command)?;
        let input = running.0.stdin.take().expect("its input is piped");
        let mut stream = Stream { out: BufWriter::new(input), marks: HashMap::new() };
        let written = told
            .iter()
            .try_for_each(|commit| {
                let home = objects.tree(&format!("{}:{}", commit.id, self.prefix.trim_end_matches('/')))?;
                stream.repeat(commit, home.as_ref().map(|tree| tree.id.as_str())).map_err(broken)
            })
            .and_then(|()| stream.commit(past, files, message, author).map_err(broken));
        // Git reads the end of its input.
        drop(stream);
        let status = running.0.wait().map_err(broken)?;
        written?;
        if status.success() {
            return Ok(());
        }
        let message = format!("it could not write the branch {ISSUE_BRANCH}");
        Err(GitError::Failed { command: "fast-import".to_owned(), status, message })
    }

    /// Returns the commits that changed the home, the first one first, each with those before it.
    fn commits_of_home(&self) -> Result<Vec<Told>, GitError> {
        if self.is_unborn()? {
            return Ok(Vec::new());
        }
        let output = self.run(&[
            "log",
            "-z",
            "--topo-order",
            "--reverse",
            "--full-history",
            "--simplify-merges",
            "--parents",
            "--date=raw",
            "--encoding=UTF-8",
            LOG_FORMAT,
            "HEAD",
            "--",
            self.prefix.trim_end_matches('/'),
        ])?;
        let output = output.strip_suffix(&[0]).unwrap_or(&output);
        let fields: Vec<&[u8]> = output.split(|&byte| byte == 0).collect();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let commits = fields.chunks_exact(LOG_FIELDS).map(|fields| Told {
            id: text(fields[0]),
            parents: text(fields[1]).split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
            author: fields[2].to_owned(),
            committer: fields[3].to_owned(),
            message: fields[4].to_owned(),
        });
        Ok(commits.collect())
    }

    /// Checks the branch of the issues out into a directory below `into`, as if it were at `finally` already, where it is
    /// to be moved. Returns the directory, and that of git for it.
    pub fn check_out_issues(&self, into: &Path, finally: &Path) -> Result<(PathBuf, PathBuf), GitError> {
        let kept = self.forget_issues(into, finally)?;
        let made = into.join(WORK_TREE);
        let path = made.to_str().ok_or_else(|| unwritten(&made, io::ErrorKind::InvalidFilename.into()))?;
        self.run(&[
            "-c",
            "core.autocrlf=false",
            "-c",
            "core.attributesFile=/dev/null",
            "-c",
            "core.sparseCheckout=false",
            "worktree",
            "add",
            "--quiet",
            "--lock",
            path,
            ISSUE_BRANCH,
        ])?;
        let dot_git = fs::read_to_string(made.join(".git")).map_err(|source| unwritten(&made, source))?;
        let git_dir = PathBuf::from(dot_git.trim_start_matches("gitdir: ").trim_end());
        // Git gives it the patterns of the checkout with the code, of which the issues are no part.
        if git_dir.join("config.worktree").exists() {
            let whole = ["config", "--worktree", "core.sparseCheckout", "false"];
            run(command_in(&made, whole), &whole)?;
        }
        let point = || -> io::Result<()> {
            let name = git_dir.file_name().and_then(|name| name.to_str()).unwrap_or(WORK_TREE);
            // Relative, so that the clone can be moved.
            fs::write(made.join(".git"), format!("gitdir: ../../worktrees/{name}\n"))?;
            fs::write(git_dir.join("gitdir"), format!("{}\n", finally.join(".git").display()))?;
            if let Some(kept) = &kept {
                fs::rename(kept, state_dir(&git_dir, Path::new("")))?;
            }
            Ok(())
        };
        point().map_err(|source| unwritten(&made, source))?;
        Ok((made, git_dir))
    }

    /// Has git forget the checkout of the issues that was at `finally`, or on its way there below `into`, and is gone.
    /// Returns where the state that it had is now: writes that are acknowledged may be there alone.
    pub fn forget_issues(&self, into: &Path, finally: &Path) -> Result<Option<PathBuf>, GitError> {
        self.forget_checkouts([finally, &into.join(WORK_TREE)], into).map_err(|source| unwritten(finally, source))
    }

    fn forget_checkouts(&self, directories: [&Path; 2], into: &Path) -> io::Result<Option<PathBuf>> {
        let gone = directories.map(|directory| directory.join(".git"));
        let aside = into.join("state");
        // From a process that was killed before it could put it back.
        let mut kept = aside.is_dir().then(|| aside.clone());
        for entry in fs::read_dir(self.dirs.common_dir.join("worktrees")).into_iter().flatten().flatten() {
            let known = fs::read_to_string(entry.path().join("gitdir")).unwrap_or_default();
            if gone.iter().all(|dot_git| Path::new(known.trim_end()) != dot_git) {
                continue;
            }
            let state = state_dir(&entry.path(), Path::new(""));
            if kept.is_none() && state.is_dir() {
                fs::rename(&state, &aside)?;
                kept = Some(aside.clone());
            }
            fs::remove_dir_all(entry.path())?;
        }
        Ok(kept)
    }
}

fn unwritten(path: &Path, source: io::Error) -> GitError {
    GitError::Write { path: path.to_owned(), source }
}

fn broken(source: io::Error) -> GitError {
    GitError::Pipe { command: "fast-import", source }
}

/// The input of `git fast-import`.
struct Stream {
    out: BufWriter<ChildStdin>,
    /// What the commits are called that were repeated.
    marks: HashMap<String, usize>,
}

impl Stream {
    /// Repeats what a commit did to the home.
    fn repeat(&mut self, told: &Told, home: Option<&str>) -> io::Result<()> {
        let parents: Vec<usize> = told.parents.iter().filter_map(|id| self.marks.get(id).copied()).collect();
        if parents.is_empty() {
            write!(self.out, "reset refs/heads/{ISSUE_BRANCH}\n\n")?;
        }
        let mark = self.marks.len() + 1;
        self.marks.insert(told.id.clone(), mark);
        write!(self.out, "commit refs/heads/{ISSUE_BRANCH}\nmark :{mark}\nauthor ")?;
        self.out.write_all(&told.author)?;
        self.out.write_all(b"\ncommitter ")?;
        self.out.write_all(&told.committer)?;
        self.out.write_all(b"\n")?;
        self.data(&told.message)?;
        for (place, parent) in parents.iter().enumerate() {
            writeln!(self.out, "{} :{parent}", if place == 0 { "from" } else { "merge" })?;
        }
        self.out.write_all(b"deleteall\n")?;
        if let Some(home) = home {
            writeln!(self.out, "M 040000 {home} {HOME_DIR}")?;
        }
        Ok(())
    }

    /// Adds the commit with the files.
    fn commit(&mut self, past: Past, files: &[BranchFile], message: &str, author: &Author) -> io::Result<()> {
        let who = format!("{} {} +0000", author.ident(), author.time.as_second());
        if past == Past::Nothing {
            write!(self.out, "reset refs/heads/{ISSUE_BRANCH}\n\n")?;
        }
        write!(self.out, "commit refs/heads/{ISSUE_BRANCH}\nauthor {who}\ncommitter {who}\n")?;
        self.data(message.as_bytes())?;
        match past {
            Past::Branch => writeln!(self.out, "from refs/heads/{ISSUE_BRANCH}^0")?,
            // It goes on from the last one that was repeated.
            Past::Code | Past::Nothing => {}
        }
        self.out.write_all(b"deleteall\n")?;
        for BranchFile { path, bytes, is_executable } in files {
            let mode = if *is_executable { "100755" } else { "100644" };
            writeln!(self.out, "M {mode} inline {}", quoted(path))?;
            self.data(bytes)?;
        }
        self.out.flush()
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        writeln!(self.out, "data {}", bytes.len())?;
        self.out.write_all(bytes)?;
        self.out.write_all(b"\n")
    }
}

/// Quotes a path as `fast-import` reads it.
fn quoted(path: &str) -> String {
    if !path.starts_with('"') && !path.contains('\n') {
        return path.to_owned();
    }
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

//! A repository of the stock git, without anybody's configuration.

#![expect(clippy::disallowed_methods, reason = "the tests are about what git does")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The file of the issue that everything is about. Which folder it is in is all the same to git.
pub(crate) const ISSUE: &str = "000042-m1g2.md";

/// A repository in a folder of its own.
pub(crate) struct Scratch {
    folder: TempDir,
}

/// What became of a merge.
#[derive(Debug)]
pub(crate) struct Merged {
    /// Whether git had nothing to ask.
    pub(crate) clean: bool,
    /// The issue's file after a clean merge, if it is there.
    pub(crate) file: Option<Vec<u8>>,
    /// The names of all files.
    pub(crate) names: BTreeSet<String>,
}

/// The files that a branch changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// The issue's, if it changes.
    pub(crate) issue: Option<Vec<u8>>,
    /// New ones beside it, by path.
    pub(crate) added: Vec<(String, Vec<u8>)>,
    /// Whether the issue's is gone.
    pub(crate) is_deleted: bool,
}

/// Branches to be made, as input of `git fast-import`.
pub(crate) struct Branches<'a> {
    scratch: &'a Scratch,
    stream: Vec<u8>,
    names: BTreeSet<String>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let scratch = Self { folder: tempfile::tempdir().unwrap() };
        scratch.run(&["init", "--quiet", "--initial-branch=main", "."], None);
        scratch
    }

    pub(crate) fn branches(&self) -> Branches<'_> {
        Branches { scratch: self, stream: Vec::new(), names: BTreeSet::new() }
    }

    /// Merges pairs of branches as `git merge` and the buttons of forges do.
    pub(crate) fn merge(&self, pairs: &[(String, String)]) -> Vec<Merged> {
        let mut input = String::new();
        for (ours, theirs) in pairs {
            writeln!(input, "{ours} {theirs}").unwrap();
        }
        let output = self
            .run(&["merge-tree", "--write-tree", "--name-only", "--no-messages", "--stdin"], Some(input.as_bytes()));
        let output = String::from_utf8(output.stdout).unwrap();
        // A status, a tree and the names of files in conflict for each pair, ended by an empty one.
        let mut words = output.split('\0');
        let trees: Vec<(bool, &str)> = pairs
            .iter()
            .map(|_| {
                let (status, tree) = (words.next().unwrap(), words.next().unwrap());
                for name in words.by_ref().take_while(|name| !name.is_empty()) {
                    assert_eq!(name, ISSUE);
                }
                (status == "1", tree)
            })
            .collect();
        let files = self.read(&trees.iter().map(|(_, tree)| format!("{tree}:{ISSUE}")).collect::<Vec<_>>());
        let names = self.read(&trees.iter().map(|(_, tree)| (*tree).to_owned()).collect::<Vec<_>>());
        let merged = trees.iter().zip(files).zip(names);
        merged
            .map(|((&(clean, _), file), tree)| Merged {
                clean,
                file: file.filter(|_| clean),
                names: names_of(&tree.expect("it was written")),
            })
            .collect()
    }

    /// Merges as git did before version 2.34, by the algorithm of Myers.
    pub(crate) fn merge_files(&self, ours: &[u8], base: &[u8], theirs: &[u8]) -> (bool, Vec<u8>) {
        for (name, content) in [("ours", ours), ("base", base), ("theirs", theirs)] {
            fs::write(self.path(name), content).unwrap();
        }
        let output = self.git(&["merge-file", "-p", "ours", "base", "theirs"]).output().unwrap();
        (output.status.success(), output.stdout)
    }

    /// Merges with `git merge`, in the work tree.
    pub(crate) fn merge_in_work_tree(&self, ours: &str, theirs: &str) -> (bool, Vec<u8>) {
        self.run(&["checkout", "--quiet", "--force", "--detach", ours], None);
        let output = self.git(&["merge", "--quiet", "--no-edit", theirs]).output().unwrap();
        (output.status.success(), fs::read(self.path(ISSUE)).unwrap())
    }

    /// Reads objects by their names; `None` for what isn't there.
    fn read(&self, names: &[String]) -> Vec<Option<Vec<u8>>> {
        let output = self.run(&["cat-file", "--batch"], Some(names.join("\n").as_bytes())).stdout;
        let mut rest = output.as_slice();
        names
            .iter()
            .map(|_| {
                let line_end = rest.iter().position(|&byte| byte == b'\n').unwrap();
                let header = std::str::from_utf8(&rest[..line_end]).unwrap();
                if header.ends_with(" missing") {
                    rest = &rest[line_end + 1..];
                    return None;
                }
                let size: usize = header.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{header}"));
                let content = rest[line_end + 1..][..size].to_vec();
                rest = &rest[line_end + 1 + size + 1..];
                Some(content)
            })
            .collect()
    }

    fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Output {
        let mut command = self.git(arguments);
        if let Some(input) = input {
            fs::write(self.path("input"), input).unwrap();
            command.stdin(File::open(self.path("input")).unwrap());
        }
        let output = command.output().expect("git is installed");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn git(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"])
            // Thousands of objects that nobody will miss.
            .args(["-c", "core.fsync=none", "-c", "core.looseCompression=0"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
            command.env_remove(variable);
        }
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Branches<'_> {
    /// Makes a branch that has only the issue.
    pub(crate) fn root(&mut self, name: &str, issue: &[u8]) {
        self.commit(name, None, &Files { issue: Some(issue.to_vec()), ..Files::default() });
    }

    /// Makes a branch one commit on from another.
    pub(crate) fn child(&mut self, name: &str, parent: &str, files: &Files) {
        self.commit(name, Some(parent), files);
    }

    /// Hands all branches to git and returns their names.
    pub(crate) fn make(self) -> BTreeSet<String> {
        self.scratch.run(&["fast-import", "--quiet"], Some(&self.stream));
        self.names
    }

    fn commit(&mut self, name: &str, parent: Option<&str>, files: &Files) {
        self.names.insert(name.to_owned());
        self.line(&format!("commit refs/heads/{name}"));
        self.line("committer Ann <ann@example.org> 1795264496 +0000");
        self.data(b"edit\n");
        if let Some(parent) = parent {
            self.line(&format!("from refs/heads/{parent}"));
        }
        if files.is_deleted {
            self.line(&format!("D {ISSUE}"));
        }
        let issue = files.issue.iter().map(|content| (ISSUE, content));
        for (path, content) in issue.chain(files.added.iter().map(|(path, content)| (path.as_str(), content))) {
            self.line(&format!("M 100644 inline {path}"));
            self.data(content);
        }
    }

    fn data(&mut self, content: &[u8]) {
        self.line(&format!("data {}", content.len()));
        self.stream.extend_from_slice(content);
        self.stream.push(b'\n');
    }

    fn line(&mut self, line: &str) {
        self.stream.extend_from_slice(line.as_bytes());
        self.stream.push(b'\n');
    }
}

/// Returns the names in a tree object: each stands between the mode and a zero byte, with 20 bytes
/// of hash behind.
fn names_of(tree: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = tree;
    while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
        let zero = rest.iter().position(|&byte| byte == 0).unwrap();
        names.insert(String::from_utf8(rest[space + 1..zero].to_vec()).unwrap());
        rest = &rest[zero + 1 + 20..];
    }
    names
}

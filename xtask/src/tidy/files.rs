//! The workspace as the rules see it: its packages and the files git knows or would add.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result};
use cargo_metadata::{MetadataCommand, Package};

use super::code::Code;
use crate::program::{read, root};

/// What the rules look at.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The packages, with what their manifests declare.
    pub(super) packages: Vec<Package>,
    /// All text files, by path.
    pub(super) files: Vec<TextFile>,
    /// What lies in the root.
    pub(super) entries: BTreeSet<String>,
}

/// A text file of the project.
#[derive(Debug)]
pub(super) struct TextFile {
    /// Where it lies, relative to the root, with `/`.
    pub(super) path: String,
    /// What it holds.
    pub(super) text: String,
}

impl Workspace {
    /// Reads the manifests and the files of the checkout this program was built from.
    pub(crate) fn load() -> Result<Self> {
        let metadata =
            MetadataCommand::new().current_dir(root()).no_deps().exec().context("could not read the manifests")?;
        let mut command = Command::new("git");
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
        let listed = read(&mut command).context("could not list the files of the checkout")?;
        let (mut files, mut entries) = (Vec::new(), BTreeSet::new());
        for path in listed.split_terminator('\0') {
            // A file that was deleted but not yet committed is listed, and binary files hold no other rule.
            if root().join(path).symlink_metadata().is_ok() {
                entries.extend(path.split('/').next().map(str::to_owned));
            }
            if let Some(text) = std::fs::read(root().join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
                files.push(TextFile { path: path.to_owned(), text });
            }
        }
        files.sort_by(|left, right| left.path.cmp(&right.path));
        files.dedup_by(|left, right| left.path == right.path);
        Ok(Self { packages: metadata.packages, files, entries })
    }

    /// Returns the sources below a folder: those that are compiled into the product, not its tests
    /// or benchmarks.
    pub(super) fn sources<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| {
            file.path.starts_with(folder)
                && file.path.ends_with(".rs")
                && file.path.contains("/src/")
                && !file.is_test()
        })
    }
}

impl TextFile {
    /// Whether it is a module of tests alone.
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|folder| folder == "tests" || folder == "benches")
    }

    /// Returns its code without comments, literals and trailing tests.
    pub(super) fn code(&self) -> Code {
        Code::of(&self.text)
    }
}

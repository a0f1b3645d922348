//! Folders of files that hold an issue each.

use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use super::report::{NoteKind, Place, Report};

/// The most files of a folder that are read.
pub const MAX_FILES: usize = 200_000;

/// The longest file that is read, in bytes: more than an issue can hold.
pub const MAX_FILE: u64 = 4 << 20;

/// How deep folders may lie in each other.
const DEPTH: usize = 12;

/// The files of a folder, in the order of their names.
#[derive(Debug, Default)]
pub struct Folder {
    root: PathBuf,
    /// Those that are on the disk, by their path below the root; and those that are given.
    files: Vec<(String, Option<Vec<u8>>)>,
    next: usize,
    /// What is there and was not looked at, with the reason.
    skipped: Vec<(String, &'static str)>,
}

/// A file of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FolderFile {
    /// The path below the root, with `/` between.
    pub path: String,
    /// What is in it.
    pub text: Vec<u8>,
}

impl Folder {
    /// Lists the files of a folder and of those in it that have one of the endings. Links are followed nowhere,
    /// and folders whose names begin with a point are left alone but for the root.
    pub fn open(root: &Path, endings: &[&str]) -> io::Result<Self> {
        let mut folder = Self { root: root.to_owned(), ..Self::default() };
        folder.list(String::new(), endings, 0)?;
        folder.files.sort();
        Ok(folder)
    }

    /// Makes a folder of files that are in memory already.
    pub fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(path, text)| (path, Some(text))).collect();
        Self { files, ..Self::default() }
    }

    /// Makes a folder of one file that is read from a stream.
    pub(super) fn of_stream(input: impl BufRead) -> io::Result<Self> {
        let mut text = Vec::new();
        input.take(MAX_FILE + 1).read_to_end(&mut text)?;
        Ok(Self::of([("standard-input.md".to_owned(), text)]))
    }

    /// Returns the paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(path, _)| path.as_str())
    }

    fn list(&mut self, below: String, endings: &[&str], depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(self.root.join(&below))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                self.skipped.push((entry.file_name().to_string_lossy().into_owned(), "its name is not UTF-8"));
                continue;
            };
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            let found = entry.file_type()?;
            let is_wanted = endings.iter().any(|ending| name.ends_with(ending));
            if found.is_dir() {
                match (name.starts_with('.'), depth < DEPTH) {
                    (true, _) => {}
                    (false, true) => self.list(path, endings, depth + 1)?,
                    (false, false) => self.skipped.push((path, "folders lie too deep in each other")),
                }
            } else if is_wanted && found.is_symlink() {
                self.skipped.push((path, "is a link, and links are not followed"));
            } else if is_wanted && found.is_file() && !name.starts_with('.') {
                if self.files.len() >= MAX_FILES {
                    let message = format!("has more than {MAX_FILES} files");
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
                }
                self.files.push((path, None));
            }
        }
        Ok(())
    }

    /// Returns the next file that can be read; what can't is reported.
    pub(super) fn next(&mut self, report: &mut Report) -> Option<FolderFile> {
        for (path, why) in std::mem::take(&mut self.skipped) {
            report.note(NoteKind::Skipped, &Place::file(&path), why);
            report.records += 1;
        }
        while let Some((path, given)) = self.files.get_mut(self.next) {
            self.next += 1;
            let text = match given.take() {
                Some(text) => Ok(text),
                None => read(&self.root.join(&*path)),
            };
            let problem = match text {
                Ok(text) if text.len() as u64 <= MAX_FILE => return Some(FolderFile { path: path.clone(), text }),
                Ok(_) => format!("has more than {MAX_FILE} bytes"),
                Err(error) => format!("can't be read: {error}"),
            };
            report.records += 1;
            report.note(NoteKind::Skipped, &Place::file(path), problem);
        }
        None
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    Ok(text)
}

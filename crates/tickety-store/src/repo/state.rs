//! The state directories and their files: opened here, and only if they are what they should be.
//!
//! A pipe in place of a file would be waited for, a link would lead to a file of somebody else's, and what the system
//! says about a directory in place of a file helps nobody.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

use super::files::{FileError, is_missing};
use super::layout::{HOME_DIR, LOCAL_DIR, Layout, TEMPORARY_PREFIX};
use super::os;
use super::stat::FileKind;

/// Opens a file of the state to read it; `None` if there is none.
pub(crate) fn open(path: &Path) -> Result<Option<File>, FileError> {
    match OpenOptions::new().read(true).custom_flags(os::NO_FOLLOW).open(path) {
        Ok(file) => checked(file, path).map(Some),
        Err(error) if is_missing(&error) => Ok(None),
        Err(source) => Err(why("open", path, source)),
    }
}

/// Opens a file of the state to read and write it; `None` if there is none.
pub(crate) fn open_to_write(path: &Path) -> Result<Option<File>, FileError> {
    match OpenOptions::new().read(true).write(true).custom_flags(os::NO_FOLLOW).open(path) {
        Ok(file) => checked(file, path).map(Some),
        Err(error) if is_missing(&error) => Ok(None),
        Err(source) => Err(why("open", path, source)),
    }
}

/// Opens a file of the state to read and write it, and makes it if need be.
pub(crate) fn open_or_make(path: &Path) -> Result<File, FileError> {
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).custom_flags(os::NO_FOLLOW).open(path);
    checked(opened.map_err(|source| why("open", path, source))?, path)
}

/// Opens a file of the state to write it anew, for nobody else to read.
pub(crate) fn open_private(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).mode(0o600).custom_flags(os::NO_FOLLOW).open(path);
    let file = checked(opened.map_err(|source| why("open", path, source))?, path)?;
    os::set_length(&file, 0).map_err(|source| why("write", path, source))?;
    Ok(file)
}

/// Makes a directory of the state and those above it.
///
/// A folder may bring its own state directory along: that is no link to elsewhere. A git directory is made by git.
pub(crate) fn make_directory(path: &Path) -> Result<(), FileError> {
    match kind_of(path) {
        Some(FileKind::Directory) => Ok(()),
        Some(FileKind::Symlink) if !is_brought_along(path) && path.is_dir() => Ok(()),
        Some(kind) => Err(FileError::NotADirectory { path: path.to_owned(), kind }),
        None => fs::create_dir_all(path).map_err(|source| why("make", path, source)),
    }
}

/// Whether a path is that of the state in a plain folder, or leads into it.
fn is_brought_along(path: &Path) -> bool {
    path.ancestors().any(|above| above.ends_with(Path::new(HOME_DIR).join(LOCAL_DIR)))
}

fn checked(file: File, path: &Path) -> Result<File, FileError> {
    let kind = os::stat_open(file.as_fd()).map_err(|source| why("look at", path, source))?.kind;
    if kind == FileKind::Regular { Ok(file) } else { Err(FileError::NotAFile { path: path.to_owned(), kind }) }
}

/// Says what stands at a path, or above it, where that is why it can't be used; else what the system said.
fn why(action: &'static str, path: &Path, source: io::Error) -> FileError {
    if let Some(kind) = kind_of(path).filter(|kind| *kind != FileKind::Regular) {
        return FileError::NotAFile { path: path.to_owned(), kind };
    }
    let in_the_way = path.ancestors().skip(1).find_map(|above| Some((above, kind_of(above)?)));
    match in_the_way {
        Some((above, kind)) if !above.is_dir() => FileError::NotADirectory { path: above.to_owned(), kind },
        _ => FileError::Access { action, path: path.to_owned(), source },
    }
}

fn kind_of(path: &Path) -> Option<FileKind> {
    os::stat_at(CWD, path).ok().map(|stat| stat.kind)
}

/// Something that stands where the state has a file or a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Obstacle {
    /// Where.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) kind: FileKind,
    /// What it keeps from working.
    pub(crate) hinders: Hindered,
}

impl Obstacle {
    /// Says what is wrong and what to do, without naming the path.
    pub(crate) fn reason(&self) -> String {
        let Self { path, kind, hinders } = self;
        let (path, kind) = (path.clone(), *kind);
        let (error, until_then) = match hinders {
            Hindered::Directory => (FileError::NotADirectory { path, kind }, "nothing can be written"),
            Hindered::Writing => (FileError::NotAFile { path, kind }, "nothing can be written"),
            Hindered::Counting => (FileError::NotAFile { path, kind }, "nothing counts how often the index is of use"),
            Hindered::Saving => {
                (FileError::NotADirectory { path, kind }, "a recovery can't save what gave way to an edit")
            }
            Hindered::Telling if self.path.ends_with("events") => {
                (FileError::NotADirectory { path, kind }, "events wait in the journal")
            }
            Hindered::Knowing => {
                (FileError::NotADirectory { path, kind }, "`ready` lists what is closed on other branches")
            }
            Hindered::Telling => (FileError::NotAFile { path, kind }, "events wait in the journal"),
            Hindered::Numbers => (FileError::NotAFile { path, kind }, "no issue can be made"),
            Hindered::Index if kind == FileKind::Directory => {
                (FileError::NotAFile { path, kind }, "every command makes an index for itself")
            }
            Hindered::Index => {
                return format!("is {} where a file is expected: a new index takes its place", kind.name());
            }
        };
        format!("{}. Until then {until_then}", error.reason())
    }
}

/// What something in the wrong place keeps from working.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hindered {
    /// All that uses the directory.
    Directory,
    /// Every write.
    Writing,
    /// Making issues.
    Numbers,
    /// Counting how often the index is of use.
    Counting,
    /// Saving what a recovery leaves out.
    Saving,
    /// Logging what happened.
    Telling,
    /// Knowing what is closed on other branches.
    Knowing,
    /// Keeping the index.
    Index,
}

/// Looks for what stands where the state of a checkout should.
pub(crate) fn obstacles(layout: &Layout) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let directories = layout.state_directories().chain([&*layout.common_state]);
    for path in directories {
        if let Err(FileError::NotADirectory { path, kind }) = checked_directory(path)
            && !found.iter().any(|known: &Obstacle| known.path == path)
        {
            found.push(Obstacle { path, kind, hinders: Hindered::Directory });
        }
    }
    for (path, hinders) in [
        (layout.lock(), Hindered::Writing),
        (layout.journal(), Hindered::Writing),
        (layout.journal_mark(), Hindered::Writing),
        (layout.counter(), Hindered::Numbers),
        (layout.usage(), Hindered::Counting),
        (layout.events().join("log"), Hindered::Telling),
    ] {
        if let Some(kind) = kind_of(&path).filter(|kind| *kind != FileKind::Regular) {
            found.push(Obstacle { path, kind, hinders });
        }
    }
    for (path, hinders) in
        [(layout.kept(), Hindered::Saving), (layout.events(), Hindered::Telling), (layout.ledger(), Hindered::Knowing)]
    {
        if let Err(FileError::NotADirectory { path, kind }) = checked_directory(&path) {
            found.push(Obstacle { path, kind, hinders });
        }
    }
    let unfinished = unfinished(&layout.index());
    // Anything else is removed when it is in the way.
    if kind_of(&unfinished) == Some(FileKind::Directory) {
        found.push(Obstacle { path: unfinished, kind: FileKind::Directory, hinders: Hindered::Index });
    }
    found.extend(index_obstacles(&layout.index()).filter(|obstacle| obstacle.hinders == Hindered::Index));
    found
}

/// Fails if something else stands where a directory of the state should.
pub(crate) fn checked_directory(path: &Path) -> Result<(), FileError> {
    if kind_of(path).is_none() { Ok(()) } else { make_directory(path) }
}

/// Looks for what stands where the index or a file that SQLite has beside it should, and would be waited for.
pub(crate) fn index_obstacles(index: &Path) -> impl Iterator<Item = Obstacle> {
    // SQLite would follow the link.
    let brought = index.parent().filter(|dir| dir.ends_with(LOCAL_DIR) && kind_of(dir) == Some(FileKind::Symlink));
    let linked =
        brought.map(|dir| Obstacle { path: dir.to_owned(), kind: FileKind::Symlink, hinders: Hindered::Directory });
    let files = ["", "-journal", "-wal"].into_iter().filter_map(move |end| {
        let path = beside(index, end);
        let kind = kind_of(&path).filter(|kind| *kind != FileKind::Regular)?;
        Some(Obstacle { path, kind, hinders: Hindered::Index })
    });
    linked.into_iter().chain(files)
}

/// Returns the file in which what will take the place of a file, such as a new index, is made.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{TEMPORARY_PREFIX}{name}"))
}

/// Returns the file that SQLite has beside a database.
pub(crate) fn beside(database: &Path, end: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Takes away what stands where a derived file should, but for a directory.
pub(crate) fn clear(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if is_missing(&error) => Ok(()),
        removed => removed.map_err(|source| why("remove", path, source)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn layout() -> (TempDir, Layout) {
        let temp = tempfile::tempdir().unwrap();
        let layout = Layout::new(temp.path().to_owned(), None);
        fs::create_dir_all(&layout.state).unwrap();
        (temp, layout)
    }

    #[test]
    fn only_a_regular_file_is_opened() {
        let (temp, layout) = layout();
        let at = layout.lock();
        let victim = temp.path().join("victim");
        fs::write(&victim, "text").unwrap();
        let kind = |opened: Result<(), FileError>| match opened.unwrap_err() {
            FileError::NotAFile { kind, .. } => kind,
            other => panic!("{other}"),
        };
        let make: [(FileKind, &dyn Fn()); 4] = [
            (FileKind::Fifo, &|| rustix::fs::mkfifoat(CWD, &at, rustix::fs::Mode::RWXU).unwrap()),
            (FileKind::Directory, &|| fs::create_dir(&at).unwrap()),
            (FileKind::Symlink, &|| symlink(&victim, &at).unwrap()),
            (FileKind::Socket, &|| drop(std::os::unix::net::UnixListener::bind(&at).unwrap())),
        ];
        assert!(open(&at).unwrap().is_none());
        for (expected, make) in make {
            make();
            assert_eq!(kind(open(&at).map(drop)), expected);
            assert_eq!(kind(open_or_make(&at).map(drop)), expected);
            assert_eq!(kind(open_private(&at).map(drop)), expected);
            let found = obstacles(&layout);
            assert_eq!(found, [Obstacle { path: at.clone(), kind: expected, hinders: Hindered::Writing }]);
            fs::remove_file(&at).or_else(|_| fs::remove_dir(&at)).unwrap();
        }
        assert_eq!(fs::read_to_string(victim).unwrap(), "text");
        open_or_make(&at).unwrap();
        assert_eq!(obstacles(&layout), []);
        fs::create_dir(layout.usage()).unwrap();
        fs::write(layout.kept(), "text").unwrap();
        let hindered: Vec<Hindered> = obstacles(&layout).iter().map(|obstacle| obstacle.hinders).collect();
        assert_eq!(hindered, [Hindered::Counting, Hindered::Saving]);
    }

    #[test]
    fn what_stands_above_a_file_is_named() {
        let (_temp, layout) = layout();
        fs::remove_dir(&layout.state).unwrap();
        fs::write(&layout.state, "text").unwrap();
        for error in [
            open(&layout.lock()).map(drop).unwrap_err(),
            open_or_make(&layout.lock()).map(drop).unwrap_err(),
            make_directory(&layout.state).unwrap_err(),
            make_directory(&layout.kept()).unwrap_err(),
        ] {
            let named = matches!(&error, FileError::NotADirectory { path, .. } if *path == layout.state);
            assert!(named, "{error}");
        }
        assert_eq!(obstacles(&layout).len(), 1);
    }

    #[test]
    fn a_folder_brings_no_link_to_elsewhere_along() {
        let (temp, layout) = layout();
        fs::remove_dir(&layout.state).unwrap();
        fs::create_dir(temp.path().join("elsewhere")).unwrap();
        symlink(temp.path().join("elsewhere"), &layout.state).unwrap();
        assert!(make_directory(&layout.state).is_err());
        assert_eq!(index_obstacles(&layout.index()).count(), 1);
        assert_eq!(obstacles(&layout).len(), 1);
        // Git's directory is that of whoever cloned.
        symlink(temp.path().join("elsewhere"), temp.path().join("tickety")).unwrap();
        make_directory(&temp.path().join("tickety")).unwrap();
    }
}

//! Reads and replaces the files of a home, never following a link and never opening what isn't a
//! regular file.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use tickety_core::ident::Version;

use super::effort::Meter;
use super::layout::{CONFIG_FILE, HomePath, Layout, TEMPORARY_PREFIX};
use super::os::{self, Target};
use super::stat::{FileKind, FileStat, StatKey};

/// How large a record may be unless said otherwise: 16 MiB.
pub const RECORD_LIMIT: u64 = 16 * 1024 * 1024;

/// How often a file that changes while it is read is read again.
const READ_ATTEMPTS: u32 = 3;

/// How often a directory is made that somebody else removes meanwhile.
const MAKE_ATTEMPTS: u32 = 8;

/// Returns the version of a record: the first 128 bits of the BLAKE3 hash of its bytes.
pub fn hash(bytes: &[u8]) -> Version {
    version_of(blake3::hash(bytes))
}

/// Cuts a hash to a version.
pub(crate) fn version_of(hash: blake3::Hash) -> Version {
    let (bits, _) = hash.as_bytes().split_first_chunk::<16>().expect("a BLAKE3 hash has 32 bytes");
    Version::new(*bits)
}

/// A file's content, and the state it was read in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The state of the file, unchanged while it was read.
    pub stat: StatKey,
    /// The permission bits.
    pub mode: u32,
}

impl Content {
    /// Hashes the bytes.
    pub fn version(&self) -> Version {
        hash(&self.bytes)
    }
}

/// An open home.
#[derive(Debug)]
pub struct HomeDir {
    fd: OwnedFd,
    path: PathBuf,
    pub(super) meter: Meter,
}

impl HomeDir {
    /// Opens the home of a layout.
    pub fn open(layout: &Layout) -> Result<Self, FileError> {
        Self::open_at(&layout.home)
    }

    /// Opens a home by its path.
    pub(crate) fn open_at(path: &Path) -> Result<Self, FileError> {
        let fd = os::open_directory(path).map_err(|source| classify("open", path, source))?;
        Ok(Self { fd, path: path.to_owned(), meter: Meter::default() })
    }

    /// Returns the path of the home.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the directory is still the one of its path: others may move it, or make another.
    pub(crate) fn is_in_place(&self) -> bool {
        let inode = |stat: io::Result<FileStat>| stat.map(|stat| stat.key.inode).ok();
        let here = inode(os::stat_at(rustix::fs::CWD, &self.path));
        here.is_some() && here == inode(os::stat_open(self.fd()))
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn join(&self, path: &HomePath) -> PathBuf {
        self.path.join(path.as_str())
    }

    /// Looks at a file without opening it; `None` if there is nothing at its path.
    ///
    /// A directory, link, pipe or device is [`FileError::NotAFile`].
    pub fn stat(&self, path: &HomePath) -> Result<Option<FileStat>, FileError> {
        self.meter.note_looks(1);
        match os::stat_at(self.fd(), path.as_str()) {
            Ok(stat) if stat.kind == FileKind::Regular => Ok(Some(stat)),
            Ok(stat) => Err(FileError::NotAFile { path: self.join(path), kind: stat.kind }),
            Err(error) if is_missing(&error) => Ok(None),
            Err(source) => Err(self.why_no_directory(path, source)),
        }
    }

    /// Reads a file of at most `limit` bytes; `None` if there is nothing at its path.
    ///
    /// The state returned belongs to the bytes: a file that changes while it is read is read
    /// again, and after three times [`FileError::Changing`]. A link in any component is an error,
    /// and a pipe or device is never read.
    pub fn read(&self, path: &HomePath, limit: u64) -> Result<Option<Content>, FileError> {
        self.meter.note_read();
        let fd = match os::open_beneath(self.fd(), path.as_str(), Target::File) {
            Ok(fd) => fd,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(source) => return Err(self.why_unopened(path, source)),
        };
        read_open(fd.into(), limit, || self.join(path)).map(Some)
    }

    /// Replaces the configuration, which keeps its permissions, and makes it durable. The caller holds the write lock.
    pub(crate) fn replace_config(&self, text: &str) -> Result<(), FileError> {
        let failed = |source| classify("write", &self.path.join(CONFIG_FILE), source);
        let mode = os::stat_at(self.fd(), CONFIG_FILE).ok().map(|stat| stat.mode);
        replace(self.fd(), CONFIG_FILE, text.as_bytes(), mode).map_err(failed)?;
        os::sync_file_system(self.fd()).map_err(failed)
    }

    /// Says what stands where a file was expected, if the failure to open it came from that.
    fn why_unopened(&self, path: &HomePath, source: io::Error) -> FileError {
        match os::stat_at(self.fd(), path.as_str()) {
            Ok(stat) if stat.kind != FileKind::Regular => {
                FileError::NotAFile { path: self.join(path), kind: stat.kind }
            }
            _ => self.why_no_directory(path, source),
        }
    }

    /// Opens a directory to list it; `None` if it doesn't exist.
    pub(crate) fn open_directory(&self, path: &str) -> Result<Option<OwnedFd>, FileError> {
        match os::open_beneath(self.fd(), path, Target::Directory) {
            Ok(fd) => Ok(Some(fd)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(source) => Err(self.why_no_directories("list", path, Path::new(path), source)),
        }
    }

    /// Opens the directory that a path is in; `None` if it doesn't exist.
    pub(crate) fn open_parent(&self, path: &HomePath) -> Result<Option<OwnedFd>, FileError> {
        let opened = match path.split().0 {
            Some(parent) => os::open_beneath(self.fd(), parent, Target::Directory),
            None => self.fd.try_clone(),
        };
        match opened {
            Ok(fd) => Ok(Some(fd)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(source) => Err(self.why_no_directory(path, source)),
        }
    }

    /// Opens the directory that a path is in and makes it, and those above it, if need be. Git removes empty ones, also
    /// while they are made.
    pub(crate) fn make_parent(&self, path: &HomePath) -> Result<OwnedFd, FileError> {
        let failed = |source| self.why_no_directory(path, source);
        for _ in 1..MAKE_ATTEMPTS {
            if let Some(fd) = self.open_parent(path)? {
                return Ok(fd);
            }
            match self.make_directories(path) {
                Err(error) if is_missing(&error) => {}
                made => return made.map_err(failed),
            }
        }
        self.make_directories(path).map_err(failed)
    }

    fn make_directories(&self, path: &HomePath) -> io::Result<OwnedFd> {
        let parents = path.split().0.unwrap_or_default();
        let mut parent = self.fd.try_clone()?;
        for name in parents.split('/') {
            os::make_directory(parent.as_fd(), name)?;
            parent = os::open_beneath(parent.as_fd(), name, Target::Directory)?;
        }
        Ok(parent)
    }

    /// Makes a file and its entry durable; one that is missing needs only the latter.
    pub(crate) fn sync(&self, path: &HomePath) -> io::Result<()> {
        match os::open_beneath(self.fd(), path.as_str(), Target::File) {
            Ok(fd) => os::sync_all(&fd.into())?,
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
        os::sync_directory(self.join(path).parent().unwrap_or(&self.path))
    }

    /// Says which of the directories on the way to a path is none.
    fn why_no_directory(&self, path: &HomePath, source: io::Error) -> FileError {
        self.why_no_directories("open", path.split().0.unwrap_or_default(), Path::new(path.as_str()), source)
    }

    /// Says which of some directories, one in the other, is none; else what the system said about `path`.
    fn why_no_directories(&self, action: &'static str, parents: &str, path: &Path, source: io::Error) -> FileError {
        let ends = parents.match_indices('/').map(|(end, _)| end).chain([parents.len()]);
        for parent in ends.map(|end| &parents[..end]) {
            match os::stat_at(self.fd(), parent) {
                Ok(stat) if stat.kind != FileKind::Directory => {
                    return FileError::NotADirectory { path: self.path.join(parent), kind: stat.kind };
                }
                _ => {}
            }
        }
        classify(action, &self.path.join(path), source)
    }
}

fn read_open(file: File, limit: u64, path: impl Fn() -> PathBuf) -> Result<Content, FileError> {
    let failed = |action, source| classify(action, &path(), source);
    let mut before = os::stat_open(file.as_fd()).map_err(|source| failed("look at", source))?;
    for _ in 0..READ_ATTEMPTS {
        if before.kind != FileKind::Regular {
            return Err(FileError::NotAFile { path: path(), kind: before.kind });
        }
        if before.key.size > limit {
            return Err(FileError::TooLarge { path: path(), size: before.key.size, limit });
        }
        let expected = usize::try_from(before.key.size).expect("the limit fits into memory");
        let bytes = os::read_expected(&file, expected).map_err(|source| failed("read", source))?;
        let after = os::stat_open(file.as_fd()).map_err(|source| failed("look at", source))?;
        if after.key == before.key && bytes.len() == expected {
            return Ok(Content { bytes, stat: after.key, mode: after.mode });
        }
        before = after;
    }
    Err(FileError::Changing { path: path() })
}

/// Replaces a file in an open directory: a temporary file beside it, then a rename. Nothing is
/// synced. With a `mode`, the new file gets these permission bits. Returns the new file's state, but for the time of its
/// change, which comes with the rename.
pub(crate) fn replace(dir: BorrowedFd<'_>, name: &str, bytes: &[u8], mode: Option<u32>) -> io::Result<StatKey> {
    put(dir, name, bytes, mode, os::rename)
}

/// The same for a file whose new content the journal keeps until it is synced, so that nothing is lost if the machine
/// stops now. A rename over a file would have ext4 write the new one out at once (its `auto_da_alloc`), which takes as
/// long as a sync: the two change places instead, and the old one is removed.
pub(crate) fn replace_journaled(
    dir: BorrowedFd<'_>,
    name: &str,
    bytes: &[u8],
    mode: Option<u32>,
) -> io::Result<StatKey> {
    put(dir, name, bytes, mode, |dir, temporary, name| match os::exchange(dir, temporary, name) {
        Ok(()) => os::unlink(dir, temporary),
        // There is no old one, or the file system can't.
        Err(_) => os::rename(dir, temporary, name),
    })
}

fn put(
    dir: BorrowedFd<'_>,
    name: &str,
    bytes: &[u8],
    mode: Option<u32>,
    into_place: impl FnOnce(BorrowedFd<'_>, &str, &str) -> io::Result<()>,
) -> io::Result<StatKey> {
    let temporary = format!("{TEMPORARY_PREFIX}{name}");
    let file = match os::create_new(dir, &temporary) {
        // Left behind by a process that was killed: all writers hold the lock, so nobody uses it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            os::unlink(dir, &temporary)?;
            os::create_new(dir, &temporary)
        }
        created => created,
    }?;
    let done = os::write_at(&file, bytes, 0)
        .and_then(|()| mode.map_or(Ok(()), |mode| os::set_mode(file.as_fd(), mode)))
        .and_then(|()| os::stat_open(file.as_fd()))
        .and_then(|stat| into_place(dir, &temporary, name).map(|()| stat.key));
    if done.is_err() {
        // The first failure is the one to report; a leftover is ignored by all readers.
        let _ = os::unlink(dir, &temporary);
    }
    done
}

/// Removes what a writer that was killed has left beside a file. What can't be removed is ignored by all readers.
pub(crate) fn remove_leftover(home: &HomeDir, path: &HomePath) {
    if let Ok(Some(dir)) = home.open_parent(path) {
        let _ = os::unlink(dir.as_fd(), &format!("{TEMPORARY_PREFIX}{}", path.split().1));
    }
}

/// Reads a file that isn't ours, such as one of git's: at most `limit` bytes, through links, and never what is
/// no regular file, since a pipe would be waited for and a device may have no end.
pub fn read_foreign(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = os::open_followed(path)?;
    let kind = os::stat_open(file.as_fd())?.kind;
    if kind != FileKind::Regular {
        let error = if kind == FileKind::Directory { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput };
        return Err(io::Error::new(error, format!("it is {} where a file is expected", kind.name())));
    }
    let mut bytes = Vec::new();
    (&file).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("it has more than the {limit} bytes that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads a text as [`read_foreign`] does.
pub fn read_foreign_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_foreign(path, limit)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Whether an error means that there is nothing at a path.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn classify(action: &'static str, path: &Path, source: io::Error) -> FileError {
    let path = path.to_owned();
    if os::is_link_refused(&source) {
        return FileError::NotAFile { path, kind: FileKind::Symlink };
    }
    FileError::Access { action, path, source }
}

/// Why a file of a home can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Something else stands where a file is expected.
    #[error("{} {}", path.display(), self.reason())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What stands there.
        kind: FileKind,
    },
    /// Something else stands where a directory is expected.
    #[error("{} {}", path.display(), self.reason())]
    NotADirectory {
        /// Where.
        path: PathBuf,
        /// What stands there.
        kind: FileKind,
    },
    /// The file is larger than allowed.
    #[error("{} {}", path.display(), self.reason())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Somebody keeps writing to it.
    #[error("{} {}", path.display(), self.reason())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("can't {action} {}", path.display())]
    Access {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FileError {
    /// Returns the path the error is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotAFile { path, .. }
            | Self::NotADirectory { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Changing { path }
            | Self::Access { path, .. } => path,
        }
    }

    /// Says what is wrong with the path, without naming it; what the system said, where that refused.
    pub fn reason(&self) -> String {
        match self {
            Self::NotAFile { kind, .. } => format!("is {} where a file is expected: {}", kind.name(), kind.advice()),
            Self::NotADirectory { kind, .. } => {
                format!("is {} where a directory is expected: {}", kind.name(), kind.advice())
            }
            Self::TooLarge { size, limit, .. } => format!("has {size} bytes, more than the limit of {limit}"),
            Self::Changing { .. } => {
                "changes while it is read: try again when the program that writes it is done".to_owned()
            }
            Self::Access { source, .. } => source.to_string(),
        }
    }

    /// Whether the operating system refused for want of permission or because the file system is
    /// read-only.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Access { source, .. } if is_read_only(source))
    }
}

/// Whether an error says that a place can't be written to.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;
    use crate::repo::layout::HOME_DIR;

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).unwrap();
        fs::create_dir(at("dir")).unwrap();
        fs::write(at("file"), "text").unwrap();
        symlink("file", at("link")).unwrap();
        let kind = |path: &Path| read_foreign(path, 4).unwrap_err().kind();
        assert_eq!(kind(&at("pipe")), io::ErrorKind::InvalidInput);
        assert_eq!(kind(Path::new("/dev/zero")), io::ErrorKind::InvalidInput);
        assert_eq!(kind(&at("dir")), io::ErrorKind::IsADirectory);
        assert_eq!(kind(&at("nothing")), io::ErrorKind::NotFound);
        assert_eq!(read_foreign_text(&at("link"), 4).unwrap(), "text");
        assert_eq!(read_foreign(&at("link"), 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    fn home() -> (TempDir, HomeDir) {
        let temp = tempfile::tempdir().unwrap();
        let layout = Layout::new(temp.path().to_owned(), None);
        fs::create_dir_all(layout.issues.join("000")).unwrap();
        let home = HomeDir::open(&layout).unwrap();
        (temp, home)
    }

    fn path(text: &str) -> HomePath {
        text.parse().unwrap()
    }

    const RECORD: &str = "issues/000/000042-k3f9.md";

    #[test]
    fn content_comes_with_the_state_it_was_read_in() {
        let (_temp, home) = home();
        fs::write(home.path().join(RECORD), "text").unwrap();
        let content = home.read(&path(RECORD), 4).unwrap().unwrap();
        assert_eq!(content.bytes, b"text");
        assert_eq!(content.version(), hash(b"text"));
        assert_eq!(content.stat, home.stat(&path(RECORD)).unwrap().unwrap().key);
        assert_eq!(content.stat.size, 4);
    }

    #[test]
    fn a_missing_file_or_directory_is_none() {
        let (_temp, home) = home();
        for missing in [RECORD, "issues/007/007000-k3f9.md", "nothing/at/all"] {
            assert_eq!(home.read(&path(missing), 10).unwrap(), None);
            assert_eq!(home.stat(&path(missing)).unwrap(), None);
        }
    }

    #[test]
    fn the_limit_names_file_and_size() {
        let (_temp, home) = home();
        fs::write(home.path().join(RECORD), "12345").unwrap();
        let error = home.read(&path(RECORD), 4).unwrap_err();
        assert!(matches!(error, FileError::TooLarge { size: 5, limit: 4, .. }), "{error}");
        assert!(error.to_string().contains("000042-k3f9.md has 5 bytes"), "{error}");
    }

    #[test]
    fn what_is_no_file_is_named_and_not_opened() {
        let (temp, home) = home();
        let at = home.path().join(RECORD);
        let kind = || match home.read(&path(RECORD), 100).unwrap_err() {
            FileError::NotAFile { kind, .. } => kind,
            other => panic!("{other}"),
        };
        fs::create_dir(&at).unwrap();
        assert_eq!(kind(), FileKind::Directory);
        fs::remove_dir(&at).unwrap();
        fs::write(temp.path().join("secret"), "secret").unwrap();
        symlink(temp.path().join("secret"), &at).unwrap();
        assert_eq!(kind(), FileKind::Symlink);
        fs::remove_file(&at).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &at, rustix::fs::Mode::RWXU).unwrap();
        // Would block for ever if it were opened as a plain file is.
        assert_eq!(kind(), FileKind::Fifo);
        fs::remove_file(&at).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&at).unwrap();
        assert_eq!(kind(), FileKind::Socket);
    }

    #[test]
    fn a_linked_directory_leads_nowhere() {
        let (temp, home) = home();
        fs::create_dir(temp.path().join("outside")).unwrap();
        fs::write(temp.path().join("outside/007000-k3f9.md"), "secret").unwrap();
        symlink(temp.path().join("outside"), home.path().join("issues/007")).unwrap();
        assert!(home.read(&path("issues/007/007000-k3f9.md"), 100).is_err());
        let error = home.make_parent(&path("issues/007/007001-k3f9.md")).unwrap_err();
        assert!(matches!(error, FileError::NotADirectory { kind: FileKind::Symlink, .. }), "{error}");
    }

    #[test]
    fn stepwise_opening_follows_no_link_either() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join("a/b")).unwrap();
        fs::write(temp.path().join("a/b/file"), "text").unwrap();
        symlink("b", temp.path().join("a/link")).unwrap();
        symlink("file", temp.path().join("a/b/link")).unwrap();
        let dir = os::open_directory(temp.path()).unwrap();
        let open = |path| os::open_stepwise(dir.as_fd(), path, Target::File);
        assert!(open("a/b/file").is_ok());
        for path in ["a/link/file", "a/b/link", "a/../a/b/file", "a//b/file", "../x"] {
            assert!(open(path).is_err(), "{path}");
        }
    }

    #[test]
    fn replacing_keeps_the_permission_bits_and_leaves_no_temporary_file() {
        let (_temp, home) = home();
        let dir = home.make_parent(&path(RECORD)).unwrap();
        let name = "000042-k3f9.md";
        fs::write(home.path().join("issues/000/.tmp-000042-k3f9.md"), "left behind").unwrap();
        replace(dir.as_fd(), name, b"one", Some(0o640)).unwrap();
        let at = home.path().join(RECORD);
        assert_eq!(fs::read(&at).unwrap(), b"one");
        assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o777, 0o640);
        replace(dir.as_fd(), name, b"two", None).unwrap();
        assert_eq!(fs::read(&at).unwrap(), b"two");
        assert_eq!(fs::read_dir(home.path().join("issues/000")).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_is_removed_while_it_is_open_has_nothing_in_it() {
        let (_temp, home) = home();
        let dir = home.make_parent(&path(RECORD)).unwrap();
        fs::remove_dir_all(home.path().join("issues")).unwrap();
        os::visit_entries(dir.as_fd(), |name, _| panic!("{name:?}")).unwrap();
        home.make_parent(&path(RECORD)).unwrap();
        assert!(home.path().join("issues/000").is_dir());
    }

    #[test]
    fn a_failed_replacement_leaves_the_target_and_no_temporary_file() {
        let (_temp, home) = home();
        let dir = home.make_parent(&path(RECORD)).unwrap();
        fs::create_dir_all(home.path().join(RECORD).join("full")).unwrap();
        assert!(replace(dir.as_fd(), "000042-k3f9.md", b"one", None).is_err());
        assert!(home.path().join(RECORD).join("full").exists());
        assert_eq!(fs::read_dir(home.path().join("issues/000")).unwrap().count(), 1);
    }

    #[test]
    fn a_home_that_is_a_link_is_not_opened() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("elsewhere")).unwrap();
        symlink("elsewhere", temp.path().join(HOME_DIR)).unwrap();
        assert!(HomeDir::open(&Layout::new(temp.path().to_owned(), None)).is_err());
    }
}

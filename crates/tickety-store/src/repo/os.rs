//! The calls of the operating system that the standard library lacks: directory-relative access
//! that never follows a link, whole file systems made durable, and who the other processes are.
//!
//! All paths are relative to an open directory, so that a directory replaced by a link halfway
//! leads nowhere else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::stat::{FileKind, FileStat, StatKey};

/// What to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A directory, to look into.
    Directory,
    /// A file, to read. Opening a pipe or a device neither blocks nor has an effect on it, as long
    /// as it isn't read.
    File,
}

impl Target {
    fn flags(self) -> OFlags {
        let common = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match self {
            Self::Directory => common | OFlags::DIRECTORY,
            Self::File => common | OFlags::NONBLOCK | OFlags::NOCTTY,
        }
    }
}

/// Opens a directory by its path. Links on the way are followed, the last component isn't.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, Target::Directory.flags(), Mode::empty())?)
}

/// Opens a path relative to a directory, following no link in any of its components.
pub(crate) fn open_beneath(dir: BorrowedFd<'_>, path: &str, target: Target) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::ResolveFlags;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(dir, path, target.flags(), Mode::empty(), resolve) {
            // Kernels before 5.6 and sandboxes that don't know the call.
            Err(Errno::NOSYS | Errno::PERM) => open_stepwise(dir, path, target),
            opened => Ok(opened?),
        }
    }
    #[cfg(not(target_os = "linux"))]
    open_stepwise(dir, path, target)
}

/// Opens a path component by component; the way for systems without `openat2`.
pub(crate) fn open_stepwise(dir: BorrowedFd<'_>, path: &str, target: Target) -> io::Result<OwnedFd> {
    let open = |dir: BorrowedFd<'_>, name: &str, target: Target| {
        if matches!(name, "" | "." | "..") {
            return Err(Errno::XDEV);
        }
        rustix::fs::openat(dir, name, target.flags(), Mode::empty())
    };
    let Some((parents, name)) = path.rsplit_once('/') else {
        return Ok(open(dir, path, target)?);
    };
    let mut parent: Option<OwnedFd> = None;
    for component in parents.split('/') {
        let from = parent.as_ref().map_or(dir, AsFd::as_fd);
        parent = Some(open(from, component, Target::Directory)?);
    }
    Ok(open(parent.as_ref().map_or(dir, AsFd::as_fd), name, target)?)
}

/// Looks at a path relative to a directory without following a link in its last component.
pub(crate) fn stat_at(dir: BorrowedFd<'_>, path: impl rustix::path::Arg) -> io::Result<FileStat> {
    Ok(file_stat(&rustix::fs::statat(dir, path, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// Looks at an open file.
pub(crate) fn stat_open(file: BorrowedFd<'_>) -> io::Result<FileStat> {
    Ok(file_stat(&rustix::fs::fstat(file)?))
}

// The fields' types differ between platforms.
#[allow(clippy::allow_attributes, clippy::useless_conversion, clippy::unnecessary_cast)]
fn file_stat(stat: &Stat) -> FileStat {
    let nanoseconds =
        |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
    FileStat {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)).unwrap_or(FileKind::Device),
        key: StatKey {
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        },
        mode: stat.st_mode as u32 & 0o7777,
    }
}

/// Returns the kind; `None` where the file system didn't say.
fn kind_of(kind: FileType) -> Option<FileKind> {
    Some(match kind {
        FileType::RegularFile => FileKind::Regular,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Device,
        FileType::Unknown => return None,
    })
}

/// Calls `visit` for each entry of an open directory but `.` and `..`, in the directory's own
/// order, with its kind where the file system tells it. The name ends with a NUL that isn't part
/// of the slice's contents but can be passed on.
#[cfg(target_os = "linux")]
pub(crate) fn visit_entries(
    dir: BorrowedFd<'_>,
    mut visit: impl FnMut(&std::ffi::CStr, Option<FileKind>),
) -> io::Result<()> {
    // One call returns about 800 entries, so a full shard takes two and the one that says "end".
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut entries = rustix::fs::RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            visit(entry.file_name(), kind_of(entry.file_type()));
        }
    }
    Ok(())
}

/// Calls `visit` for each entry of an open directory but `.` and `..`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn visit_entries(
    dir: BorrowedFd<'_>,
    mut visit: impl FnMut(&std::ffi::CStr, Option<FileKind>),
) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            visit(entry.file_name(), kind_of(entry.file_type()));
        }
    }
    Ok(())
}

/// Creates a file that doesn't exist yet, for writing.
pub(crate) fn create_new(dir: BorrowedFd<'_>, name: &str) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o666))?.into())
}

/// Sets the permission bits of an open file.
pub(crate) fn set_mode(file: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, Mode::from_bits_truncate(mode as rustix::fs::RawMode))?)
}

/// Renames within one directory, replacing the target.
pub(crate) fn rename(dir: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
    Ok(rustix::fs::renameat(dir, from, dir, to)?)
}

/// Removes a file.
pub(crate) fn unlink(dir: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
}

/// Makes a directory; one that is there already is no error.
pub(crate) fn make_directory(dir: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o777)) {
        Err(Errno::EXIST) => Ok(()),
        made => Ok(made?),
    }
}

/// Makes everything written so far to the file system of `file` durable.
#[cfg(target_os = "linux")]
pub(crate) fn sync_file_system(file: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::syncfs(file)?)
}

/// Makes a directory's entries durable.
pub(crate) fn sync_directory(dir: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fsync(dir)?)
}

/// Returns which device an open file lies on.
#[allow(clippy::allow_attributes, clippy::useless_conversion, clippy::unnecessary_cast)]
pub(crate) fn device_of(file: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_dev as u64)
}

/// Returns the wall clock's time, in nanoseconds since 1970: that which stamps files.
#[expect(clippy::disallowed_methods, reason = "this module owns the clock that files are stamped by")]
pub(crate) fn now_ns() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// Whether an error says that a link stands where none is followed.
pub(crate) fn is_link_refused(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

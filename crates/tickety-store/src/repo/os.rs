//! The calls of the operating system that the standard library lacks: directory-relative access
//! that never follows a link, whole file systems made durable, and who the other processes are.
//!
//! All paths are relative to an open directory, so that a directory replaced by a link halfway
//! leads nowhere else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::SystemTime;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::stat::{FileKind, FileStat, StatKey};

/// The flags of [`std::fs::OpenOptions`] that refuse a link in place of the file and don't wait for who writes
/// to a pipe.
pub(crate) const NO_FOLLOW: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();

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

/// Opens a file to read, following links. A pipe or a device is opened without waiting for it.
pub(crate) fn open_followed(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
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

/// Whether this process may not list or search a directory.
pub(crate) fn is_denied(dir: BorrowedFd<'_>, path: impl rustix::path::Arg) -> bool {
    use rustix::fs::Access;
    let denied = rustix::fs::accessat(dir, path, Access::READ_OK | Access::EXEC_OK, AtFlags::EACCESS);
    matches!(denied, Err(Errno::ACCESS))
}

/// Looks at an open file.
pub(crate) fn stat_open(file: BorrowedFd<'_>) -> io::Result<FileStat> {
    Ok(file_stat(&rustix::fs::fstat(file)?))
}

/// Returns how many names an open file has, and its length.
// The fields' types differ between platforms.
#[allow(clippy::allow_attributes, clippy::useless_conversion, clippy::unnecessary_cast)]
pub(crate) fn names_and_length(file: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(file)?;
    Ok((stat.st_nlink as u64, stat.st_size as u64))
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
/// of the slice's contents but can be passed on. A directory that was removed meanwhile, as git does with empty ones, has
/// none.
#[cfg(target_os = "linux")]
pub(crate) fn visit_entries(
    dir: BorrowedFd<'_>,
    mut visit: impl FnMut(&std::ffi::CStr, Option<FileKind>),
) -> io::Result<()> {
    // One call returns about 800 entries, so a full shard takes two and the one that says "end".
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut entries = rustix::fs::RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            entry => entry?,
        };
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            visit(entry.file_name(), kind_of(entry.file_type()));
        }
    }
    Ok(())
}

/// Calls `visit` for each entry of an open directory but `.` and `..`; one that was removed meanwhile has none.
#[cfg(not(target_os = "linux"))]
pub(crate) fn visit_entries(
    dir: BorrowedFd<'_>,
    mut visit: impl FnMut(&std::ffi::CStr, Option<FileKind>),
) -> io::Result<()> {
    let entries = match rustix::fs::Dir::read_from(dir) {
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            visit(entry.file_name(), kind_of(entry.file_type()));
        }
    }
    Ok(())
}

/// Creates a file that doesn't exist yet, for writing.
pub(crate) fn create_new(dir: BorrowedFd<'_>, name: &str) -> io::Result<File> {
    fault::spend()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o666))?.into())
}

/// Sets the permission bits of an open file.
pub(crate) fn set_mode(file: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, Mode::from_bits_truncate(mode as rustix::fs::RawMode))?)
}

/// Renames within one directory, replacing the target.
pub(crate) fn rename(dir: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
    fault::spend()?;
    Ok(rustix::fs::renameat(dir, from, dir, to)?)
}

/// Renames a file to a name that nothing has.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fault::spend()?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags};
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The file system can't.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return Ok(renamed?),
        }
    }
    if to.symlink_metadata().is_ok() { Err(io::ErrorKind::AlreadyExists.into()) } else { std::fs::rename(from, to) }
}

/// Has two files, or directories, change places. Unlike a rename over a file, it doesn't have ext4 write the new one
/// to the disk at once.
#[cfg(target_os = "linux")]
pub(crate) fn exchange(
    dir: BorrowedFd<'_>,
    one: impl rustix::path::Arg,
    other: impl rustix::path::Arg,
) -> io::Result<()> {
    fault::spend()?;
    Ok(rustix::fs::renameat_with(dir, one, dir, other, rustix::fs::RenameFlags::EXCHANGE)?)
}

/// Puts a file into the place of another whose loss with the machine would be no loss: see
/// [`exchange`](self::exchange) for what that saves.
pub(crate) fn replace_derived(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags};
        fault::spend()?;
        if rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE).is_ok() {
            return std::fs::remove_file(from);
        }
    }
    std::fs::rename(from, to)
}

/// Has two files, or directories, change places: not here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn exchange(
    _dir: BorrowedFd<'_>,
    _one: impl rustix::path::Arg,
    _other: impl rustix::path::Arg,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Removes a file.
pub(crate) fn unlink(dir: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    fault::spend()?;
    Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
}

/// Makes a directory; one that is there already is no error.
pub(crate) fn make_directory(dir: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    fault::spend()?;
    match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o777)) {
        Err(Errno::EXIST) => Ok(()),
        made => Ok(made?),
    }
}

/// Fails unless entries of a directory can be made and removed.
pub(crate) fn check_writable(dir: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::accessat(dir, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
}

/// Returns how many bytes a user may still write to the file system of a file.
pub(crate) fn free_bytes(file: BorrowedFd<'_>) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(file)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Reads a file that is expected to have so many bytes, with one call if it has. What comes back has one more byte than
/// that if the file has more, and fewer if it has fewer.
pub(crate) fn read_expected(file: &File, expected: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; expected + 1];
    let mut read = 0;
    while read < expected.max(1) {
        match file.read_at(&mut bytes[read..], read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// Writes all bytes at a position of a file.
pub(crate) fn write_at(file: &File, bytes: &[u8], position: u64) -> io::Result<()> {
    fault::spend()?;
    let room = fault::room(file, position, bytes.len())?;
    file.write_all_at(&bytes[..room], position)?;
    if room < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// Sets the length of a file.
pub(crate) fn set_length(file: &File, length: u64) -> io::Result<()> {
    fault::spend()?;
    fault::resize(file, length)?;
    file.set_len(length)
}

/// Makes the content of a file durable.
pub(crate) fn sync_data(file: &File) -> io::Result<()> {
    if fault::spend_sync()? { file.sync_data() } else { Ok(()) }
}

/// Makes the content and the length of a file durable.
pub(crate) fn sync_all(file: &File) -> io::Result<()> {
    if fault::spend_sync()? { file.sync_all() } else { Ok(()) }
}

/// Makes a directory's entries durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let dir = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    if fault::spend_sync()? { Ok(rustix::fs::fsync(dir)?) } else { Ok(()) }
}

/// Makes everything written so far to the file system of `file` durable. Fails with
/// [`io::ErrorKind::Unsupported`] where the system can't.
pub(crate) fn sync_file_system(file: BorrowedFd<'_>) -> io::Result<()> {
    if !fault::spend_sync()? {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        Ok(rustix::fs::syncfs(file)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What tells one run of the kernel from the next. Two unknown ones are never the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BootId([u8; 16]);

impl BootId {
    /// Wraps stored bytes.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes; zeros mean unknown.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Whether this is surely the same run.
    pub(crate) fn is_same(self, other: Self) -> bool {
        self.0 == other.0 && self.0 != [0; 16]
    }

    /// Returns that of the running kernel. Read once: no process outlives its kernel.
    pub(crate) fn current() -> Self {
        static CURRENT: OnceLock<BootId> = OnceLock::new();
        #[cfg(test)]
        if let Some(boot) = fault::boot() {
            return boot;
        }
        *CURRENT.get_or_init(|| {
            let mut text = [0; 36];
            let read = File::open("/proc/sys/kernel/random/boot_id").and_then(|file| file.read_exact_at(&mut text, 0));
            let id = read.ok().and_then(|()| uuid::Uuid::try_parse_ascii(&text).ok());
            Self(id.map_or([0; 16], uuid::Uuid::into_bytes))
        })
    }
}

/// Returns when the running kernel started, in nanoseconds since 1970, where the system tells.
pub(crate) fn booted_ns() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(now_ns() - (seconds * 1e9) as i64)
}

/// Returns the wall clock's time, in nanoseconds since 1970: that which stamps files.
#[expect(clippy::disallowed_methods, reason = "this module owns the clock that files are stamped by")]
pub(crate) fn now_ns() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// Whether this process may make entries in a directory.
#[cfg(feature = "watch")]
pub(crate) fn is_writable(path: &Path) -> bool {
    use rustix::fs::{Access, CWD};
    rustix::fs::accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// Names the file system of an open directory if others may change it without this machine hearing of it.
#[cfg(feature = "watch")]
pub(crate) fn remote_file_system(dir: BorrowedFd<'_>) -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    {
        // The numbers are those of linux/magic.h; their type differs between platforms.
        const REMOTE: [(u64, &str); 9] = [
            (0x6969, "NFS"),
            (0x517b, "SMB"),
            (0xff53_4d42, "CIFS"),
            (0xfe53_4d42, "SMB"),
            (0x6573_5546, "FUSE"),
            (0x0102_1997, "9P"),
            (0x00c3_6400, "Ceph"),
            (0x5346_414f, "AFS"),
            (0x7375_7245, "Coda"),
        ];
        let found = u64::from((rustix::fs::fstatfs(dir).ok()?.f_type as i64 as u64 & 0xffff_ffff) as u32);
        REMOTE.iter().find(|(number, _)| *number == found).map(|(_, name)| *name)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = dir;
        None
    }
}

/// Returns the time that processors have spent on this process.
#[cfg(feature = "effort")]
pub(crate) fn processor_time() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Waits for a moment where the system offers nothing to wait on, such as a lock with a bound.
#[expect(clippy::disallowed_methods, reason = "file locks can be tried or waited for without a bound, nothing between")]
pub(crate) fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// Returns the name of this host.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What another process is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ProcessState {
    /// It exists.
    Running,
    /// It exists and is stopped, by a signal or a debugger.
    Stopped,
    /// There is none of this number.
    Gone,
}

/// Looks at a process of this host.
pub(crate) fn process_state(pid: u32) -> ProcessState {
    let Some(raw) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return ProcessState::Gone;
    };
    if rustix::process::test_kill_process(raw) == Err(Errno::SRCH) {
        return ProcessState::Gone;
    }
    // The state follows the name, which is in parentheses and may contain some itself.
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.iter().rposition(|&byte| byte == b')').map_or(&[][..], |end| &stat[end + 1..]);
    match after_name {
        [b' ', b'T' | b't', ..] => ProcessState::Stopped,
        [b' ', b'Z' | b'X', ..] => ProcessState::Gone,
        _ => ProcessState::Running,
    }
}

/// Whether an error says that a link stands where none is followed.
pub(crate) fn is_link_refused(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::LOOP)
}

/// Lets the system fail at a chosen step, in tests. Everything that changes a file passes here, so
/// a process that "died" changes nothing any more, whatever it does to clean up.
#[cfg(not(test))]
mod fault {
    pub(super) fn spend() -> std::io::Result<()> {
        Ok(())
    }

    pub(super) fn spend_sync() -> std::io::Result<bool> {
        Ok(true)
    }

    pub(super) fn room(_: &std::fs::File, _: u64, length: usize) -> std::io::Result<usize> {
        Ok(length)
    }

    pub(super) fn resize(_: &std::fs::File, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod fault {
    use std::cell::Cell;
    use std::fs::File;
    use std::io;

    use super::BootId;

    thread_local! {
        static STEPS: Cell<Option<u64>> = const { Cell::new(None) };
        static SYNCS: Cell<u64> = const { Cell::new(0) };
        static FAILING_SYNCS: Cell<bool> = const { Cell::new(false) };
        static BOOT: Cell<Option<BootId>> = const { Cell::new(None) };
        static FREE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Leaves this thread so many bytes of the disk; `None` for all there are.
    pub(crate) fn set_free(bytes: Option<u64>) {
        FREE.set(bytes);
    }

    /// Returns how many bytes of the disk are left to this thread.
    pub(crate) fn free() -> Option<u64> {
        FREE.get()
    }

    /// Returns how many bytes of a write fit, and takes their room.
    pub(super) fn room(file: &File, position: u64, length: usize) -> io::Result<usize> {
        let Some(free) = FREE.get() else { return Ok(length) };
        let (now, end) = (file.metadata()?.len(), position + length as u64);
        let fits = end.min(now.max(position) + free);
        FREE.set(Some(free - fits.saturating_sub(now.max(position))));
        Ok((fits - position) as usize)
    }

    /// Takes the room that a file grows by, or gives back what it loses.
    pub(super) fn resize(file: &File, length: u64) -> io::Result<()> {
        let Some(free) = FREE.get() else { return Ok(()) };
        let left = (free + file.metadata()?.len()).checked_sub(length).ok_or(io::ErrorKind::StorageFull)?;
        FREE.set(Some(left));
        Ok(())
    }

    /// Lets this thread die after so many more changes to files.
    pub(crate) fn die_after(steps: u64) {
        STEPS.set(Some(steps));
    }

    /// Lets this thread live on. Tells whether it had died.
    pub(crate) fn revive() -> bool {
        STEPS.take() == Some(0)
    }

    /// Makes all syncs of this thread fail, or work again.
    pub(crate) fn fail_syncs(fail: bool) {
        FAILING_SYNCS.set(fail);
    }

    /// Returns how many syncs this thread has asked for.
    pub(crate) fn syncs() -> u64 {
        SYNCS.get()
    }

    /// Lets this thread believe that it runs under another kernel.
    pub(crate) fn set_boot(boot: u8) {
        BOOT.set(Some(BootId::from_bytes([boot; 16])));
    }

    pub(super) fn boot() -> Option<BootId> {
        BOOT.get()
    }

    pub(super) fn spend() -> io::Result<()> {
        match STEPS.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("this process has died")),
            Some(steps) => {
                STEPS.set(Some(steps - 1));
                Ok(())
            }
        }
    }

    /// Whether to sync in earnest: not in tests, where nothing but this module takes power away.
    pub(super) fn spend_sync() -> io::Result<bool> {
        spend()?;
        SYNCS.set(SYNCS.get() + 1);
        if FAILING_SYNCS.get() { Err(io::Error::from_raw_os_error(5)) } else { Ok(false) }
    }
}

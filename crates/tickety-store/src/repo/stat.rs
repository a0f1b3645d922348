//! What a file looked like when it was last read, so that a later look tells whether it changed.

/// What identifies one state of a file without reading it, as git's index has it.
///
/// The change time matters: a tool that puts a modification time back fools a key without it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StatKey {
    /// The inode number.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The time of the last change of the inode, in nanoseconds since 1970.
    pub ctime_ns: i64,
}

/// How long the clock that stamps files may stand still: the longest tick of Linux is 10 ms
/// (`CONFIG_HZ=100`).
const TICK_NS: i64 = 20_000_000;

/// The same for file systems that keep whole seconds (FAT keeps even ones).
const COARSE_TICK_NS: i64 = 2_000_000_000;

const SECOND_NS: i64 = 1_000_000_000;

impl StatKey {
    /// Whether a write after `taken_ns` could have left this key unchanged, because the file was
    /// last changed in the same tick of the clock in which the key was taken.
    ///
    /// `taken_ns` is the time by the wall clock just *before* the file was looked at, in
    /// nanoseconds since 1970. A file whose key is racy has to be read again to be trusted.
    ///
    /// ```
    /// # use tickety_store::repo::stat::StatKey;
    /// let written = 1_700_000_000_123_456_789;
    /// let key = StatKey { inode: 1, size: 2, mtime_ns: written, ctime_ns: written };
    /// assert!(key.is_racy(written + 1_000_000));
    /// assert!(!key.is_racy(written + 1_000_000_000));
    /// ```
    pub fn is_racy(&self, taken_ns: i64) -> bool {
        let whole_seconds = self.mtime_ns % SECOND_NS == 0 && self.ctime_ns % SECOND_NS == 0;
        let tick = if whole_seconds { COARSE_TICK_NS } else { TICK_NS };
        self.mtime_ns.max(self.ctime_ns) >= taken_ns.saturating_sub(tick)
    }
}

/// What kind of thing a directory entry is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device.
    Device,
}

impl FileKind {
    /// Returns what people call it, with its article.
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "a file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }

    /// Returns what to do about a thing of this kind that is in the way.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Symlink => "put what it leads to in its place, links are not followed",
            Self::Regular | Self::Directory | Self::Fifo | Self::Socket | Self::Device => "move it elsewhere",
        }
    }
}

/// What one look at a path tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStat {
    /// The kind of the thing.
    pub kind: FileKind,
    /// Its state.
    pub key: StatKey,
    /// Its permission bits.
    pub mode: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(mtime_ns: i64, ctime_ns: i64) -> StatKey {
        StatKey { inode: 7, size: 100, mtime_ns, ctime_ns }
    }

    #[test]
    fn a_key_taken_in_the_tick_of_the_write_is_racy() {
        let written = 1_700_000_000_000_000_001;
        assert!(key(written, written).is_racy(written));
        assert!(key(written, written).is_racy(written + TICK_NS));
        assert!(!key(written, written).is_racy(written + TICK_NS + 1));
    }

    #[test]
    fn a_change_time_alone_makes_a_key_racy() {
        let long_ago = 1_000_000_001;
        let now = 1_700_000_000_000_000_001;
        assert!(key(long_ago, now).is_racy(now));
        assert!(key(now, long_ago).is_racy(now));
    }

    #[test]
    fn whole_seconds_mean_a_coarse_file_system() {
        let written = 1_700_000_000 * SECOND_NS;
        assert!(key(written, written).is_racy(written + 1_900_000_000));
        assert!(!key(written, written + 1).is_racy(written + 1_900_000_000));
    }

    #[test]
    fn a_file_from_the_future_stays_racy() {
        assert!(key(i64::MAX, 0).is_racy(1_700_000_000_000_000_000));
    }
}

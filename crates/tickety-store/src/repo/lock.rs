//! The lock that writers of one checkout hold, and the short one around the counter.
//!
//! The lock is the kernel's, on an open file: it ends with its holder, however that ends. The file
//! itself is never removed, since another process may be about to lock it; what it says names the
//! holder and is only for people.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files::{FileError, is_read_only};
use super::layout::Layout;
use super::os::{self, ProcessState};
use super::state;

/// How long a writer waits for another one, unless said otherwise.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_micros(200);
/// The longest pause: what a waiter may sleep past the release.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How to wait for a lock, and what to tell those who wait for us.
#[derive(Clone, Debug)]
pub struct LockOptions {
    /// How long to wait; zero tries once.
    pub wait: Duration,
    /// What the process does, such as `tickety new`.
    pub command: String,
}

impl LockOptions {
    /// Waits for [`DEFAULT_WAIT`].
    pub fn new(command: impl Into<String>) -> Self {
        Self { wait: DEFAULT_WAIT, command: command.into() }
    }

    /// Waits for this long.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// The right to write to one checkout. Dropping it gives it back.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Waits for the lock of a checkout and takes it. Makes the state directory if need be.
    pub fn acquire(layout: &Layout, options: &LockOptions) -> Result<Self, LockError> {
        Self::acquire_noting(layout, options, || {})
    }

    /// Does the same, and calls `held` before it waits if somebody else has the lock: once, and never if it is free.
    pub(crate) fn acquire_noting(
        layout: &Layout,
        options: &LockOptions,
        held: impl FnOnce(),
    ) -> Result<Self, LockError> {
        state::make_directory(&layout.state)?;
        acquire(&layout.lock(), options, held).map(|file| Self { _file: file })
    }

    /// Takes the lock if nobody has it; `None` if somebody does.
    pub fn try_acquire(layout: &Layout, command: &str) -> Result<Option<Self>, LockError> {
        match Self::acquire(layout, &LockOptions::new(command).wait(Duration::ZERO)) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Held { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Opens a file, making it if need be, and takes the lock on it within the time allowed.
fn acquire(path: &Path, options: &LockOptions, held: impl FnOnce()) -> Result<File, LockError> {
    let file = state::open_or_make(path)?;
    wait_noting(&file, options.wait, path, held)?;
    name_holder(&file, &options.command).map_err(|source| LockError::new("write", path, source))?;
    Ok(file)
}

/// Takes the lock on an open file within the time allowed.
pub(crate) fn wait_for(file: &File, wait: Duration, path: &Path) -> Result<(), LockError> {
    wait_noting(file, wait, path, || {})
}

fn wait_noting(file: &File, wait: Duration, path: &Path, held: impl FnOnce()) -> Result<(), LockError> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut held = Some(held);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(LockError::new("lock", path, source)),
            Err(TryLockError::WouldBlock) => {}
        }
        let left = wait.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(LockError::Held { path: path.to_owned(), wait, holder: Holder::read(file) });
        }
        if let Some(held) = held.take() {
            held();
            continue;
        }
        os::pause(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn name_holder(file: &File, command: &str) -> io::Result<()> {
    let since = jiff::Timestamp::from_nanosecond(os::now_ns().into()).unwrap_or_default();
    let command: String = command.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let (pid, host) = (std::process::id(), os::host_name());
    let text = format!("pid {pid}\nhost {host}\nsince {since:.0}\ncommand {command}\n");
    file.write_all_at(text.as_bytes(), 0)?;
    // What a holder with a longer command left.
    if file.metadata()?.len() > text.len() as u64 { file.set_len(text.len() as u64) } else { Ok(()) }
}

/// Who holds a lock, as its file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The number of the process.
    pub pid: u32,
    /// The host it runs on.
    pub host: String,
    /// Since when.
    pub since: String,
    /// What it does.
    pub command: String,
    /// How it is.
    pub health: HolderHealth,
}

/// How the holder of a lock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HolderHealth {
    /// The process exists.
    Running,
    /// The process is stopped, by a signal or a debugger.
    Stopped,
    /// There is no such process any more: one that it started, or one on another host, has the
    /// lock.
    Gone,
    /// The process is on another host.
    Elsewhere,
}

impl Holder {
    /// Reads what the holder wrote; `None` if it hasn't come to that.
    fn read(file: &File) -> Option<Self> {
        let mut bytes = [0; 1024];
        let length = file.read_at(&mut bytes, 0).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]);
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).map(str::to_owned);
        let pid = value("pid")?.parse().ok()?;
        let host = value("host")?;
        let health = if host == os::host_name() {
            match os::process_state(pid) {
                ProcessState::Running => HolderHealth::Running,
                ProcessState::Stopped => HolderHealth::Stopped,
                ProcessState::Gone => HolderHealth::Gone,
            }
        } else {
            HolderHealth::Elsewhere
        };
        Some(Self { pid, host, since: value("since")?, command: value("command")?, health })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, host, since, command, health } = self;
        match health {
            HolderHealth::Running => {
                write!(f, "`{command}` (process {pid}) holds it since {since}: wait for it or end it")
            }
            HolderHealth::Stopped => write!(
                f,
                "`{command}` (process {pid}) holds it since {since} and is stopped: continue it with `kill -CONT {pid}` or end it"
            ),
            HolderHealth::Gone => write!(
                f,
                "`{command}` (process {pid}) took it at {since} and has ended: a program it started still has it open, see `fuser`"
            ),
            HolderHealth::Elsewhere => {
                write!(f, "`{command}` (process {pid} on {host}) holds it since {since}: wait for it or end it there")
            }
        }
    }
}

/// Why a lock wasn't had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody holds it.
    #[error("{} is locked, waited {:.1} s: {}", path.display(), wait.as_secs_f64(), holder_text(holder.as_ref()))]
    Held {
        /// The file of the lock.
        path: PathBuf,
        /// How long was waited.
        wait: Duration,
        /// Who holds it, as far as it is known.
        holder: Option<Holder>,
    },
    /// The file of the lock can't be written to.
    #[error("can't {action} {}: writing needs that path; reading doesn't", path.display())]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// The path to allow.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else stands where the file or its directory should.
    #[error(transparent)]
    File(FileError),
    /// The operating system refused otherwise.
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

impl LockError {
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_read_only(&source) {
            Self::ReadOnly { action, path, source }
        } else {
            Self::Access { action, path, source }
        }
    }
}

impl From<FileError> for LockError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Access { action, path, source } => Self::new(action, &path, source),
            error => Self::File(error),
        }
    }
}

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "its holder left no name; see `fuser`".to_owned(), Holder::to_string)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use tempfile::TempDir;

    use super::*;

    fn layout() -> (TempDir, Layout) {
        let temp = tempfile::tempdir().unwrap();
        let layout = Layout::new(temp.path().to_owned(), None);
        (temp, layout)
    }

    fn at_once(command: &str) -> LockOptions {
        LockOptions::new(command).wait(Duration::ZERO)
    }

    #[test]
    fn one_writer_at_a_time_and_the_other_is_told_who() {
        let (_temp, layout) = layout();
        let held = WriteLock::acquire(&layout, &at_once("tickety import --very --long")).unwrap();
        let error = WriteLock::acquire(&layout, &at_once("tickety new")).unwrap_err();
        let LockError::Held { holder: Some(holder), .. } = &error else { panic!("{error}") };
        assert_eq!((holder.pid, holder.health), (std::process::id(), HolderHealth::Running));
        assert_eq!(holder.command, "tickety import --very --long");
        assert!(WriteLock::try_acquire(&layout, "tickety new").unwrap().is_none());
        drop(held);
        // With a wait: a program that another test starts has our files open for an instant.
        let _held = WriteLock::acquire(&layout, &LockOptions::new("tickety\nnew")).unwrap();
        let text = std::fs::read_to_string(layout.lock()).unwrap();
        assert!(text.ends_with("\ncommand tickety new\n"), "{text}");
    }

    #[test]
    fn who_has_to_wait_is_told_before_and_only_then() {
        let (_temp, layout) = layout();
        let mut told = 0;
        let mut held = Some(WriteLock::acquire_noting(&layout, &at_once("first"), || told += 1).unwrap());
        assert_eq!(told, 0);
        let options = LockOptions::new("second").wait(Duration::from_secs(60));
        WriteLock::acquire_noting(&layout, &options, || {
            told += 1;
            held = None;
        })
        .unwrap();
        assert_eq!(told, 1);
    }

    #[test]
    fn a_waiter_gets_the_lock_when_it_is_given_back() {
        let (_temp, layout) = layout();
        let held = WriteLock::acquire(&layout, &at_once("first")).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let options = LockOptions::new("second").wait(Duration::from_secs(60));
                WriteLock::acquire(&layout, &options).map(drop)
            });
            drop(held);
            waiter.join().unwrap().unwrap();
        });
    }

    /// Starts a program that takes the lock's file and reports when it has it.
    #[expect(clippy::disallowed_methods, reason = "a lock is held by another process")]
    fn holder(layout: &Layout) -> std::process::Child {
        state::make_directory(&layout.state).unwrap();
        let lock = layout.lock();
        let script = r#"exec 9>"$1"; flock -x 9; echo; exec cat <&8"#;
        let mut child = Command::new("bash")
            .args(["-c", &format!("exec 8<&0; {script}"), "bash"])
            .arg(&lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0; 1];
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let text = format!("pid {}\nhost {}\nsince 2026-11-21T00:00:00Z\ncommand test\n", child.id(), os::host_name());
        std::fs::write(lock, text).unwrap();
        child
    }

    #[test]
    fn a_stopped_holder_is_named_as_such() {
        let (_temp, layout) = layout();
        let mut child = holder(&layout);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        // Waits until the child has stopped, which the kernel reports.
        let stopped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(stopped.1.stopped());
        let options = LockOptions::new("tickety new").wait(Duration::from_millis(1));
        let error = WriteLock::acquire(&layout, &options).unwrap_err().to_string();
        assert!(error.contains("is stopped") && error.contains(&format!("kill -CONT {}", child.id())), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
        // The lock ended with its holder, and the file is still there.
        WriteLock::acquire(&layout, &LockOptions::new("tickety new")).unwrap();
        assert!(layout.lock().exists());
    }

    #[test]
    fn a_lock_without_a_name_is_reported_too() {
        let (_temp, layout) = layout();
        state::make_directory(&layout.state).unwrap();
        let file = File::create(layout.lock()).unwrap();
        file.lock().unwrap();
        let error = WriteLock::acquire(&layout, &at_once("tickety new")).unwrap_err().to_string();
        assert!(error.contains("left no name"), "{error}");
    }

    #[test]
    fn a_link_in_place_of_the_lock_is_refused() {
        let (temp, layout) = layout();
        state::make_directory(&layout.state).unwrap();
        std::os::unix::fs::symlink(temp.path().join("victim"), layout.lock()).unwrap();
        assert!(matches!(WriteLock::acquire(&layout, &at_once("x")), Err(LockError::File(_))));
        assert!(!temp.path().join("victim").exists());
    }
}

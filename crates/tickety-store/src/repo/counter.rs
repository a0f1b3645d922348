//! The counter that all checkouts of a clone draw numbers from.
//!
//! It is written in place and never synced: a crash can take the last numbers given out with it. So
//! it says under which boot it was written, and under another one, or when it is missing or damaged,
//! it starts again above every number that is found in the checkouts of the clone, in their journals
//! and on its branches, and above what it held; where one of those can't be looked at, it gives out none, since that may
//! have it. Numbers are given out just before a batch that uses them
//! is acknowledged, so one that is refused leaves no gap and one that a crash cuts off does.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tickety_core::ident::IssueNumber;

use super::files::{FileError, HomeDir, is_missing, read_foreign_text};
use super::git::{Git, GitError};
use super::journal::{self, JournalError};
use super::layout::{GitDirs, HOME_DIR, Layout, state_dir};
use super::lock::{LockError, wait_for};
use super::os::{self, BootId};
use super::scan::{self, Highest, Stray};
use super::state;
use crate::storage::RecordProblem;

/// How long to wait for another process that draws numbers. It holds the counter while it works out a
/// batch, and once after each boot for as long as git takes to list branches.
const WAIT: Duration = Duration::from_secs(10);

/// The longest file that is read for the path in it.
const PATH_BYTES: u64 = 64 << 10;

/// Numbers that are set aside while it is worked out what they are for: nobody else gets any meanwhile.
/// Dropped, they were never given out.
#[derive(Debug)]
pub struct Draw {
    counter: Counter,
}

impl Draw {
    /// Waits for the counter.
    pub fn begin(layout: &Layout) -> Result<Self, CounterError> {
        Ok(Self { counter: Counter::open(layout)? })
    }

    /// Sets `count` numbers in a row aside, none of which was given out before: returns the first.
    ///
    /// `above` is the highest number that the caller knows of, such as that of its index: git may have
    /// brought in issues since the counter was last used.
    pub fn take(&mut self, count: u32, above: Option<IssueNumber>) -> Result<IssueNumber, CounterError> {
        let counter = &mut self.counter;
        counter.skip(above);
        let first = counter.next.and_then(IssueNumber::new).ok_or(CounterError::Exhausted { count })?;
        // The last of them has to be a number; the next one need not be.
        first.get().checked_add(count.saturating_sub(1)).ok_or(CounterError::Exhausted { count })?;
        counter.next = first.get().checked_add(count);
        Ok(first)
    }

    /// Takes a number back that was set aside, and all that were set aside after it.
    pub fn give_back(&mut self, number: IssueNumber) {
        self.counter.next = Some(number.get());
    }

    /// Leaves out all numbers up to one, such as one that was asked for.
    pub fn skip(&mut self, number: IssueNumber) {
        self.counter.skip(Some(number));
    }

    /// Gives out what was set aside: it is never given out again. Returns why the branches couldn't be looked
    /// at when the counter had to start again.
    pub fn keep(self) -> Result<Option<GitError>, CounterError> {
        self.counter.write()?;
        Ok(self.counter.unseen)
    }
}

/// Numbers that were given out.
#[derive(Debug)]
pub struct Allocation {
    /// The first of them; the others follow it.
    pub first: IssueNumber,
    /// Why the branches couldn't be looked at when the counter had to start again: a number may
    /// then be given out that a branch has already.
    pub unseen: Option<GitError>,
}

/// Gives out `count` numbers in a row at once; see [`Draw::take`].
pub fn allocate(layout: &Layout, count: u32, above: Option<IssueNumber>) -> Result<Allocation, CounterError> {
    let mut draw = Draw::begin(layout)?;
    let first = draw.take(count, above)?;
    Ok(Allocation { first, unseen: draw.keep()? })
}

/// Makes sure that a number, such as one that an import brought along, is not given out later.
pub fn raise_to(layout: &Layout, number: IssueNumber) -> Result<(), CounterError> {
    let mut draw = Draw::begin(layout)?;
    draw.skip(number);
    draw.keep().map(drop)
}

/// Returns the number that the next issue gets; `None` after the last there is.
pub(crate) fn next(layout: &Layout) -> Result<Option<u32>, CounterError> {
    Ok(Counter::open(layout)?.next)
}

/// Makes sure that numbers before one are not given out, as the counter of another place says; `None` for all there are.
pub(crate) fn raise_above(layout: &Layout, next: Option<u32>) -> Result<(), CounterError> {
    let last = next.map_or(u32::MAX, |next| next.saturating_sub(1));
    IssueNumber::new(last).map_or(Ok(()), |last| raise_to(layout, last))
}

/// Whether the counter says that no number is left.
pub fn is_used_up(layout: &Layout) -> bool {
    let held = || read(&state::open(&layout.counter()).ok()??);
    held().is_some_and(|(next, _)| next.is_none())
}

/// Whether what the counter holds can't be read. An empty one was never written to.
pub(crate) fn is_damaged(layout: &Layout) -> bool {
    let Ok(Some(file)) = state::open(&layout.counter()) else { return false };
    file.metadata().is_ok_and(|found| found.len() > 0) && read(&file).is_none()
}

/// Makes the counter begin above what there is, whatever it held. Returns why the branches couldn't be looked
/// at, where that keeps it as it is.
pub fn start_again(layout: &Layout) -> Result<Option<GitError>, CounterError> {
    let mut counter = Counter::open(layout)?;
    counter.next = Some(1);
    let unseen = counter.skip_known(layout)?;
    if unseen.is_none() {
        counter.write()?;
    }
    Ok(unseen)
}

/// The counter, locked.
#[derive(Debug)]
struct Counter {
    file: File,
    path: PathBuf,
    boot: BootId,
    /// The number to give out next; `None` after the last there is.
    next: Option<u32>,
    unseen: Option<GitError>,
}

impl Counter {
    fn open(layout: &Layout) -> Result<Self, CounterError> {
        state::make_directory(&layout.common_state).map_err(LockError::from)?;
        let path = layout.counter();
        let file = state::open_or_make(&path).map_err(LockError::from)?;
        wait_for(&file, WAIT, &path)?;
        let boot = BootId::current();
        let held = read(&file);
        let mut counter = Self { file, path, boot, next: Some(1), unseen: None };
        match held {
            Some((next, written)) if written.is_same(boot) => counter.next = next,
            held => {
                if let Some((next, _)) = held {
                    counter.next = next;
                }
                counter.unseen = counter.skip_known(layout)?;
            }
        }
        Ok(counter)
    }

    /// Leaves out all numbers up to one.
    fn skip(&mut self, number: Option<IssueNumber>) {
        if let (Some(next), Some(number)) = (self.next, number)
            && next <= number.get()
        {
            self.next = number.get().checked_add(1);
        }
    }

    /// Leaves out all numbers up to the highest in all checkouts of the clone, in their journals, and on its branches.
    /// Returns why the branches couldn't be looked at.
    fn skip_known(&mut self, layout: &Layout) -> Result<Option<GitError>, CounterError> {
        let below = layout.below_work_tree();
        let mut checkouts = vec![(layout.root.clone(), layout.state.clone())];
        if let Some(dirs) = &layout.git {
            let others = self::checkouts(dirs)?.into_iter();
            checkouts.extend(others.map(|(tree, git_dir)| (tree.join(below), state_dir(&git_dir, below))));
        }
        let mut hidden = Vec::new();
        for (root, state) in &checkouts {
            self.skip(journal::highest_number(&state.join("journal"))?);
            let found = highest_in_home(root)?;
            self.skip(found.number);
            hidden.extend(found.hidden.map(|hidden| (root, hidden)));
        }
        let unseen = match Git::of(layout).map(|git| git.highest_number()) {
            Some(Ok(on_branches)) => {
                self.skip(on_branches);
                None
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        match hidden.into_iter().find(|(_, (shard, _))| self.next.is_some_and(|next| next <= shard.last())) {
            Some((root, (_, stray))) => Err(CounterError::hidden(root, &layout.root, &stray)),
            None => Ok(unseen),
        }
    }

    fn write(&self) -> Result<(), CounterError> {
        os::write_at(&self.file, text(self.next, self.boot).as_bytes(), 0)
            .map_err(|source| LockError::new("write", &self.path, source).into())
    }
}

/// The text of a counter: its number and boot, always of one length, with a sum.
fn text(next: Option<u32>, boot: BootId) -> String {
    let boot = u128::from_be_bytes(boot.to_bytes());
    // Zero is no number, so it says that there are none left.
    let line = format!("tickety counter 1: {:010} {boot:032x}", next.unwrap_or(0));
    let sum = blake3::hash(line.as_bytes()).to_hex();
    format!("{line} {}\n", &sum[..16])
}

/// Reads a counter; `None` if it is empty or damaged.
fn read(file: &File) -> Option<(Option<u32>, BootId)> {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = vec![0; text(None, BootId::from_bytes([0; 16])).len()];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let found = str::from_utf8(&bytes).ok()?;
    let (next, rest) = found.strip_prefix("tickety counter 1: ")?.split_once(' ')?;
    let next = next.parse::<u32>().ok().map(|next| Some(next).filter(|&next| next > 0))?;
    let boot = u128::from_str_radix(rest.split_once(' ')?.0, 16).ok()?;
    let boot = BootId::from_bytes(boot.to_be_bytes());
    (text(next, boot) == found).then_some((next, boot))
}

/// Returns the highest number among the records of a checkout. One that is gone has none, and what is no home isn't
/// looked into by any command.
fn highest_in_home(root: &Path) -> Result<Highest, FileError> {
    let home = match HomeDir::open_at(&root.join(HOME_DIR)) {
        Err(FileError::Access { source, .. }) if is_missing(&source) || source.kind() == ErrorKind::NotADirectory => {
            return Ok(Highest::default());
        }
        Err(FileError::NotAFile { .. }) => return Ok(Highest::default()),
        home => home?,
    };
    scan::highest_number(&home)
}

/// Returns the work tree and the git directory of every checkout of a clone.
pub(super) fn checkouts(dirs: &GitDirs) -> Result<Vec<(PathBuf, PathBuf)>, CounterError> {
    let mut found = vec![(dirs.work_tree.clone(), dirs.git_dir.clone())];
    if dirs.common_dir.file_name().is_some_and(|name| name == ".git")
        && let Some(main) = dirs.common_dir.parent()
    {
        found.push((main.to_owned(), dirs.common_dir.clone()));
    }
    let worktrees = dirs.common_dir.join("worktrees");
    let failed = |action, path: PathBuf| move |source| CounterError::from(FileError::Access { action, path, source });
    let linked = match std::fs::read_dir(&worktrees) {
        Err(error) if is_missing(&error) => return Ok(found),
        linked => linked.map_err(failed("list", worktrees.clone()))?,
    };
    for linked in linked {
        let linked = linked.map_err(failed("list", worktrees.clone()))?.path();
        // The file names the `.git` file of the work tree.
        let path = linked.join("gitdir");
        let dot_git = match read_foreign_text(&path, PATH_BYTES) {
            Err(error) if is_missing(&error) || error.kind() == ErrorKind::NotADirectory => continue,
            dot_git => dot_git.map_err(failed("read", path))?,
        };
        if let Some(work_tree) = linked.join(dot_git.trim_end_matches('\n')).parent() {
            found.push((work_tree.to_owned(), linked));
        }
    }
    Ok(found)
}

/// Why no number can be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CounterError {
    /// There are not that many left.
    #[error("fewer numbers than {count} are left: they end at {}", u32::MAX)]
    Exhausted {
        /// How many were asked for.
        count: u32,
    },
    /// The counter has to start again, and a directory can't be listed whose records may have the next numbers.
    #[error("{problem}")]
    Hidden {
        /// What stands there.
        problem: RecordProblem,
    },
    /// The counter has to start again, and the records of a checkout can't be looked at.
    #[error(transparent)]
    File(#[from] FileError),
    /// The counter has to start again, and the journal of a checkout can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The counter can't be locked, read or written.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl CounterError {
    fn hidden(root: &Path, own: &Path, stray: &Stray) -> Self {
        let RecordProblem { path, line, message } = stray.problem();
        let path = if root == own { path } else { root.join(path).display().to_string() };
        let message = format!("{message}; until then no number is known to be free");
        Self::Hidden { problem: RecordProblem { path, line, message } }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::repo::os::fault;
    use crate::repo::scene::Scene;

    fn next(scene: &Scene) -> u32 {
        allocate(&scene.layout, 1, None).unwrap().first.get()
    }

    #[test]
    fn numbers_are_given_out_once() {
        let scene = Scene::new();
        assert_eq!(next(&scene), 1);
        assert_eq!(allocate(&scene.layout, 10, None).unwrap().first.get(), 2);
        assert_eq!(next(&scene), 12);
        assert_eq!(allocate(&scene.layout, 1, IssueNumber::new(40)).unwrap().first.get(), 41);
        assert_eq!(allocate(&scene.layout, 1, IssueNumber::new(7)).unwrap().first.get(), 42);
        raise_to(&scene.layout, IssueNumber::new(99).unwrap()).unwrap();
        raise_to(&scene.layout, IssueNumber::new(50).unwrap()).unwrap();
        assert_eq!(next(&scene), 100);
    }

    #[test]
    fn what_is_set_aside_and_dropped_was_never_given_out() {
        let scene = Scene::new();
        let mut draw = Draw::begin(&scene.layout).unwrap();
        assert_eq!(draw.take(3, None).unwrap().get(), 1);
        assert_eq!(draw.take(1, None).unwrap().get(), 4);
        draw.skip(IssueNumber::new(9).unwrap());
        drop(draw);
        assert_eq!(next(&scene), 1);
        let mut draw = Draw::begin(&scene.layout).unwrap();
        assert_eq!(draw.take(3, None).unwrap().get(), 2);
        draw.keep().unwrap();
        assert_eq!(next(&scene), 5);
    }

    #[test]
    fn threads_never_get_the_same() {
        let scene = Scene::new();
        let layout = &scene.layout;
        let mut numbers: Vec<u32> = std::thread::scope(|scope| {
            let drawing = || (0..50).map(|_| allocate(layout, 2, None).unwrap().first.get()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(drawing)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).map(|pair| 1 + 2 * pair).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_or_damaged_counter_starts_above_what_there_is() {
        let scene = Scene::new();
        scene.put("issues/041/041999-k3f9.md", b"text");
        scene.put("issues/042/notes.txt", b"no record");
        assert_eq!(next(&scene), 42_000);
        for damage in [&b""[..], b"tickety counter 1: 0000000001 x", &[b'9'; 100]] {
            fs::write(scene.layout.counter(), damage).unwrap();
            assert_eq!(next(&scene), 42_000);
        }
        fs::remove_file(scene.layout.counter()).unwrap();
        assert_eq!(next(&scene), 42_000);
    }

    #[test]
    fn what_a_directory_hides_is_not_given_out() {
        let scene = Scene::new();
        scene.put("issues/002/002999-k3f9.md", b"text");
        scene.write_outside("issues/002", None);
        fs::rename(scene.layout.issues.join("002"), scene.layout.issues.join("aside")).unwrap();
        fs::write(scene.layout.issues.join("002"), "a file").unwrap();
        // The journal still tells, and so does a record behind.
        assert_eq!(next(&scene), 3000);
        fs::remove_file(scene.layout.journal()).unwrap();
        fs::remove_file(scene.layout.counter()).unwrap();
        for _ in 0..2 {
            let error = allocate(&scene.layout, 1, None).unwrap_err();
            let CounterError::Hidden { problem } = &error else { panic!("{error}") };
            assert_eq!(problem.path, ".tickety/issues/002");
            assert!(problem.message.ends_with("until then no number is known to be free"), "{problem}");
        }
        scene.write_outside("issues/003/003000-k3f9.md", Some(b"text"));
        assert_eq!(next(&scene), 3001);
        // A counter that is known needs no look.
        scene.write_outside("issues/003/003000-k3f9.md", None);
        assert_eq!(next(&scene), 3002);
        fault::set_boot(2);
        assert_eq!(next(&scene), 3003);
        fs::write(scene.layout.issues.join("003/a"), "").unwrap();
        fs::rename(scene.layout.issues.join("003"), scene.layout.issues.join("b")).unwrap();
        fs::write(scene.layout.issues.join("003"), "a file").unwrap();
        assert_eq!(next(&scene), 3004);
        fault::set_boot(3);
        assert!(matches!(allocate(&scene.layout, 1, None), Err(CounterError::Hidden { .. })));
    }

    #[test]
    fn a_checkout_that_cannot_be_looked_at_is_named() {
        let scene = Scene::new();
        fs::remove_dir(&scene.layout.issues).unwrap();
        fs::write(&scene.layout.issues, "a file").unwrap();
        assert!(matches!(allocate(&scene.layout, 1, None), Err(CounterError::File(FileError::NotADirectory { .. }))));
        fs::remove_file(&scene.layout.issues).unwrap();
        fs::write(scene.layout.journal(), "no journal").unwrap();
        assert!(matches!(allocate(&scene.layout, 1, None), Err(CounterError::Journal(JournalError::Damaged { .. }))));
        fs::remove_file(scene.layout.journal()).unwrap();
        assert_eq!(next(&scene), 1);
    }

    #[test]
    fn after_a_reboot_the_higher_counts() {
        let scene = Scene::new();
        assert_eq!(next(&scene), 1);
        scene.put("issues/000/000500-k3f9.md", b"text");
        assert_eq!(next(&scene), 2);
        fault::set_boot(2);
        assert_eq!(next(&scene), 501);
        scene.write(&[("issues/000/000500-k3f9.md", None)], true).1.unwrap();
        fault::set_boot(3);
        assert_eq!(next(&scene), 502);
    }

    #[test]
    fn a_number_that_only_the_journal_has_is_taken() {
        let scene = Scene::new();
        scene.write(&[("issues/000/000007-k3f9.md", Some(b"text"))], false).1.unwrap();
        assert!(scene.contents().is_empty());
        assert_eq!(next(&scene), 8);
    }

    #[test]
    fn a_counter_at_its_end_starts_again_above_what_there_is() {
        let scene = Scene::new();
        scene.put("issues/000/000041-k3f9.md", b"text");
        assert!(!is_used_up(&scene.layout));
        raise_to(&scene.layout, IssueNumber::new(u32::MAX).unwrap()).unwrap();
        assert!(is_used_up(&scene.layout));
        assert!(start_again(&scene.layout).unwrap().is_none());
        assert_eq!((is_used_up(&scene.layout), next(&scene)), (false, 42));
        scene.put("issues/4294967/4294967295-k3f9.md", b"text");
        assert!(start_again(&scene.layout).unwrap().is_none());
        assert!(is_used_up(&scene.layout));
    }

    #[test]
    fn the_last_number_can_be_given_out_and_none_after_it() {
        let scene = Scene::new();
        raise_to(&scene.layout, IssueNumber::new(u32::MAX - 2).unwrap()).unwrap();
        assert!(matches!(allocate(&scene.layout, 3, None), Err(CounterError::Exhausted { count: 3 })));
        assert_eq!(allocate(&scene.layout, 2, None).unwrap().first.get(), u32::MAX - 1);
        for _ in 0..2 {
            assert!(matches!(allocate(&scene.layout, 1, None), Err(CounterError::Exhausted { .. })));
        }
    }
}

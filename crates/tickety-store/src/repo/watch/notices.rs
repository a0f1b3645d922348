//! What the operating system has named and nobody has looked at yet. However much that is, it takes little memory.

use std::collections::BTreeSet;
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::EventKind;
use tickety_core::ident::IssueKey;

use crate::repo::layout::{CONFIG_FILE, ISSUES_DIR, RecordPath, Shard, TEMPORARY_PREFIX};

/// The most issues that are kept by name; beyond, every file is looked at.
const MOST: usize = 1000;

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    /// Issues of whose files one was named.
    pub(super) issues: BTreeSet<IssueKey>,
    /// The directories they lie in.
    pub(super) shards: BTreeSet<Shard>,
    /// Whether directories came or went, so that others are to be watched.
    pub(super) directories: bool,
    /// Whether everything is to be looked at: too much was named, or something was lost.
    pub(super) everything: bool,
    /// When the first of it was named.
    pub(super) since: Option<Instant>,
}

/// What waits, and who waits for it.
#[derive(Default)]
pub(super) struct Notices {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    named: Named,
    is_config_newer: bool,
    is_closed: bool,
    /// How long the last look at every file took.
    duration: Duration,
}

impl Named {
    pub(super) fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shards.is_empty() && !self.directories && !self.everything
    }

    fn add(&mut self, other: Self) {
        let Self { issues, shards, directories, everything, since } = other;
        self.issues.extend(issues);
        self.shards.extend(shards);
        self.directories |= directories;
        self.everything |= everything;
        self.since = [self.since, since].into_iter().flatten().min();
        if self.issues.len() > MOST {
            self.everything = true;
        }
        if self.everything {
            self.issues.clear();
            self.shards.clear();
        }
    }

    /// Takes the name of something in the home.
    fn name(path: &Path) -> Self {
        let mut named = Self::default();
        let parts: Vec<&[u8]> = path
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(name.as_bytes()),
                _ => None,
            })
            .collect();
        match parts.as_slice() {
            // The home itself was moved, or what holds all issues came or went.
            [] => (named.directories, named.everything) = (true, true),
            [issues] if *issues == ISSUES_DIR.as_bytes() => (named.directories, named.everything) = (true, true),
            [issues, shard] if *issues == ISSUES_DIR.as_bytes() && !is_temporary(shard) => {
                (named.directories, named.everything) = (true, true);
            }
            [issues, shard, file] if *issues == ISSUES_DIR.as_bytes() && !is_temporary(file) => {
                if let Some(shard) = Shard::parse(shard) {
                    named.shards.insert(shard);
                    named.issues.extend(RecordPath::parse_file_name(shard, file).map(|record| record.issue));
                }
            }
            _ => {}
        }
        named
    }
}

fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(TEMPORARY_PREFIX.as_bytes())
}

impl Notices {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each value in it stands for itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the operating system says.
    pub(super) fn take(&self, home: &Path, event: notify::Result<notify::Event>) {
        let mut named = Named::default();
        let mut is_config_newer = false;
        match event {
            Ok(event) if event.need_rescan() => named.everything = true,
            // Reading changes nothing, and what was written was named when it was.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) => {
                for path in event.paths.iter().filter_map(|path| path.strip_prefix(home).ok()) {
                    is_config_newer |= path == Path::new(CONFIG_FILE);
                    named.add(Named::name(path));
                }
            }
            // Whatever was lost with it is found by looking at everything.
            Err(_) => named.everything = true,
        }
        if named.is_empty() && !is_config_newer {
            return;
        }
        named.since = (!named.is_empty()).then(Instant::now);
        let mut state = self.state();
        state.is_config_newer |= is_config_newer;
        state.named.add(named);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for something to be named, at most so long, and then until it has settled. `None` once closed.
    pub(super) fn wait(&self, most: Duration, settling: Duration) -> Option<Named> {
        let quiet = |state: &mut State| !state.is_closed && state.named.is_empty();
        let waited = self.changed.wait_timeout_while(self.state(), most, quiet);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let Some(since) = state.named.since.filter(|_| !state.is_closed) else {
            return (!state.is_closed).then(Named::default);
        };
        let rest = settling.saturating_sub(since.elapsed());
        let waited = self.changed.wait_timeout_while(state, rest, |state| !state.is_closed);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!state.is_closed).then(|| mem::take(&mut state.named))
    }

    /// Takes back what could not be looked at.
    pub(super) fn put_back(&self, named: Named) {
        self.state().named.add(named);
    }

    /// Waits, whatever is named. Tells whether it was closed.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| !state.is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    /// Ends all waiting.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    /// Returns how long something has been waiting to be looked at.
    pub(super) fn waiting(&self) -> Option<Duration> {
        self.state().named.since.map(|since| since.elapsed())
    }

    pub(super) fn is_config_newer(&self) -> bool {
        self.state().is_config_newer
    }

    pub(super) fn note_duration(&self, duration: Duration) {
        self.state().duration = duration;
    }

    pub(super) fn duration(&self) -> Duration {
        self.state().duration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, paths: &[&str]) -> notify::Result<notify::Event> {
        let event = notify::Event::new(kind);
        Ok(paths.iter().fold(event, |event, path| event.add_path(Path::new("/home").join(path))))
    }

    fn wait(notices: &Notices) -> Named {
        notices.wait(Duration::ZERO, Duration::ZERO).unwrap()
    }

    #[test]
    fn a_file_names_its_issue_and_its_directory() {
        let notices = Notices::default();
        let any = EventKind::Any;
        for path in ["issues/001/001042-k3f9.md", "issues/001/001042-k3f9_20261121T024857Z-7q2x.md"] {
            notices.take(Path::new("/home"), event(any, &[path]));
        }
        for path in ["issues/001/.tmp-001043-k3f9.md", "local/index.db", "issues/001/.tmp-x", "elsewhere"] {
            notices.take(Path::new("/home"), event(any, &[path]));
        }
        let named = wait(&notices);
        assert_eq!(named.issues.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1042-k3f9"]);
        assert_eq!(named.shards.into_iter().collect::<Vec<_>>(), [Shard::new(1)]);
        assert!(!named.directories && !named.everything && named.since.is_some());
        assert!(wait(&notices).is_empty(), "it is taken once");
    }

    #[test]
    fn what_was_lost_is_everything() {
        let notices = Notices::default();
        let rescan = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        notices.take(Path::new("/home"), Ok(rescan));
        assert!(wait(&notices).everything);
        notices.take(Path::new("/home"), Err(notify::Error::generic("lost")));
        assert!(wait(&notices).everything);
    }

    #[test]
    fn more_issues_than_are_worth_naming_are_everything() {
        let notices = Notices::default();
        for number in 1..=2 * MOST {
            let path = format!("issues/{:03}/{number:06}-k3f9.md", number / 1000);
            notices.take(Path::new("/home"), event(EventKind::Any, &[&path]));
        }
        let named = wait(&notices);
        assert!(named.everything && named.issues.len() <= MOST);
    }

    #[test]
    fn reading_is_no_news_and_a_new_configuration_is() {
        let notices = Notices::default();
        let read = EventKind::Access(notify::event::AccessKind::Any);
        notices.take(Path::new("/home"), event(read, &["issues/001/001042-k3f9.md"]));
        assert!(wait(&notices).is_empty() && !notices.is_config_newer());
        notices.take(Path::new("/home"), event(EventKind::Any, &["config.toml"]));
        assert!(wait(&notices).is_empty() && notices.is_config_newer());
    }

    #[test]
    fn new_directories_have_to_be_watched() {
        let notices = Notices::default();
        for path in ["issues", "issues/002"] {
            notices.take(Path::new("/home"), event(EventKind::Any, &[path]));
            assert!(wait(&notices).directories, "{path}");
        }
    }
}

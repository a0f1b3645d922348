//! Answers made of many issues, which see a write as a whole or not at all.
//!
//! A writer replaces file by file, and who compares the index with the files meanwhile finds some as they were before the
//! write and others as they are after it. The mark of the journal tells that this may have happened.

use std::time::{Duration, Instant};

use super::journal::JournalStatus;
use super::lock::WriteLock;
use super::os;
use super::store::RepoStore;
use crate::error::StorageError;

/// How long a write is waited for that becomes visible: longer than thousands of files take. A writer that was stopped
/// in the midst of it holds nobody up for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(1);
/// How often an answer beside which something was written is thrown away, before writers are kept waiting for one.
const MAX_ROUNDS: usize = 3;

impl RepoStore {
    /// Finishes what a killed writer has left, and answers; once more if something was written meanwhile, and at last
    /// under the lock, which the answer gets then. An answer that looks at no file is always of one piece.
    pub(super) fn settled<T>(
        &self,
        mut answer: impl FnMut(Option<&WriteLock>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if self.trusts_index() {
            self.wait_until_settled();
            return answer(None);
        }
        for _ in 0..MAX_ROUNDS {
            let before = self.wait_until_settled();
            let answered = answer(None);
            if JournalStatus::read(&self.layout).ok() == before {
                return answered;
            }
        }
        let options = self.lock_options().wait(self.options.lock_wait.min(LONGEST_WAIT));
        match WriteLock::acquire(&self.layout, &options) {
            Ok(lock) => {
                self.note_unfinished(self.recover_locked(&lock).err());
                answer(Some(&lock))
            }
            // Nobody has to be able to write to get an answer.
            Err(_) => answer(None),
        }
    }

    /// Finishes what a killed writer has left, and waits for a living one, if not for long. Returns what the journal is
    /// then, as far as it can be told.
    fn wait_until_settled(&self) -> Option<JournalStatus> {
        let begin = Instant::now();
        let wait = self.options.lock_wait.min(LONGEST_WAIT);
        loop {
            let status = JournalStatus::read(&self.layout);
            let settled = status.as_ref().ok().filter(|status| !status.needs_recovery).copied();
            let is_at_work = self.recover_from(status);
            if settled.is_some() {
                return settled;
            }
            // What can't be finished now isn't waited for.
            if !is_at_work || begin.elapsed() >= wait {
                return JournalStatus::read(&self.layout).ok();
            }
            os::pause(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::repo::RepoOptions;
    use crate::repo::scene::Scene;
    use crate::storage::FreshnessMode;

    const ONE: &str = "issues/000/000001-k3f9.md";

    fn store(scene: &Scene) -> RepoStore {
        store_with(scene, RepoOptions::default())
    }

    fn store_with(scene: &Scene, options: RepoOptions) -> RepoStore {
        scene.write_outside("config.toml", Some(b"format = 1\n"));
        RepoStore::open_layout(scene.layout.clone(), options).unwrap()
    }

    #[test]
    fn an_answer_beside_a_write_is_made_again() {
        let scene = Scene::new();
        let store = store(&scene);
        let answers = Cell::new(0);
        let answered = store.settled(|_| {
            answers.set(answers.get() + 1);
            if answers.get() < 3 {
                scene.put(ONE, &[answers.get()]);
            }
            Ok(answers.get())
        });
        assert_eq!(answered.unwrap(), 3);
        assert_eq!(store.settled(|_| Ok(answers.get())).unwrap(), 3, "nothing was written");
    }

    #[test]
    fn who_trusts_the_index_looks_once() {
        let scene = Scene::new();
        let store = store_with(&scene, RepoOptions { freshness: Some(FreshnessMode::Trust), ..RepoOptions::default() });
        let answers = Cell::new(0);
        let answered = store.settled(|_| {
            answers.set(answers.get() + 1);
            scene.put(ONE, &[answers.get()]);
            Ok(answers.get())
        });
        assert_eq!(answered.unwrap(), 1);
    }

    #[test]
    fn who_writes_all_the_time_is_kept_waiting_for_an_answer() {
        let scene = Scene::new();
        let store = store(&scene);
        let answers = Cell::new(0);
        let answer = |lock: Option<&WriteLock>| {
            answers.set(answers.get() + 1);
            if lock.is_none() {
                scene.put(ONE, &[answers.get()]);
            }
            Ok(lock.is_some())
        };
        assert!(store.settled(answer).unwrap());
        assert_eq!(usize::from(answers.get()), MAX_ROUNDS + 1);
    }

    #[test]
    fn what_a_killed_writer_left_is_finished_before_the_answer() {
        let scene = Scene::new();
        let store = store(&scene);
        scene.write(&[(ONE, Some(b"one"))], false).1.unwrap();
        let found = store.settled(|_| Ok(scene.contents().contains_key(ONE)));
        assert!(found.unwrap());
    }
}

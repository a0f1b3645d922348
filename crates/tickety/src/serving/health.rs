//! What is examined of a project.

use std::time::Duration;

use tickety_server::operations::{Check, Health};

use super::syncing::{SyncState, Syncing};
use crate::compose::{IndexPlace, Served, WatchMode};

/// How long something may wait to be looked at before the watcher counts as behind.
const BEHIND: Duration = Duration::from_secs(5);

/// Examines a project.
pub fn examine(served: &Served, syncing: Option<&Syncing>) -> Vec<Check> {
    let condition = served.repo.condition();
    let mut store = Check::healthy("store").fact("home", served.home().display().to_string());
    if !condition.is_in_place {
        store = store.but(Health::Unhealthy, "the home was moved or removed: start the server again");
    }
    if let Some(directory) = condition.read_only {
        store = store.but(Health::Degraded, format!("{directory} can't be written, so nothing can be"));
    }
    if let Some(missing) = condition.unfinished {
        store = store.but(Health::Degraded, missing);
    }
    if condition.problems > 0 {
        let reason = format!("{} can't be read: `tickety doctor` names them", counted(condition.problems, "record"));
        store = store.but(Health::Degraded, reason);
    }
    store = store.fact("unreadable_records", condition.problems);
    let index = match condition.index {
        Ok(IndexPlace::File) => Check::healthy("index").fact("place", "file"),
        Ok(IndexPlace::Memory) => {
            let reason = "its file can't be used, so it was made in memory: `tickety doctor` says why";
            Check::healthy("index").but(Health::Degraded, reason).fact("place", "memory")
        }
        Err(error) => Check::healthy("index").but(Health::Unhealthy, error),
    };
    let mut checks = vec![store, index, watcher(served), caches(served)];
    if let Some(syncing) = syncing {
        checks.push(sync(&syncing.state()));
    }
    checks
}

fn counted(count: u32, what: &str) -> String {
    crate::render::counted(count as usize, what)
}

fn watcher(served: &Served) -> Check {
    let status = served.watcher.status();
    let mode = match status.mode {
        WatchMode::Notices => "notices",
        WatchMode::Polling => "polling",
    };
    let mut check = Check::healthy("watcher").fact("mode", mode);
    if let Some(failure) = status.failure {
        check = check.but(Health::Degraded, format!("the last look failed: {failure}"));
    }
    if let Some(waiting) = status.waiting.filter(|waiting| *waiting > BEHIND) {
        check = check.but(Health::Degraded, format!("changes have been waiting for {} s", waiting.as_secs()));
    }
    if let Some(reason) = status.reason.filter(|_| !served.polls) {
        let reason = format!("the files can't be watched and are looked at once a second: {reason}");
        check = check.but(Health::Degraded, reason);
    }
    if status.is_config_newer {
        check = check.but(Health::Degraded, "the configuration was changed: start the server again to use it");
    }
    check.fact("seconds_since_look", status.looked.map_or(0.0, |ago| ago.as_secs_f64()))
}

fn caches(served: &Served) -> Check {
    let check = Check::healthy("caches").fact("enabled", served.cached.is_some());
    let Some(cached) = &served.cached else { return check };
    let check = check.fact("most_issues", served.settings.issues).fact("most_answers", served.settings.answers);
    cached.stats().into_iter().fold(check, |check, (class, stats)| check.fact(class, stats.hit_rate()))
}

fn sync(state: &SyncState) -> Check {
    let mut check = Check::healthy("sync").fact("unpushed", state.unpushed);
    if let Some(failure) = &state.failure {
        check = check.but(Health::Degraded, failure.clone());
    }
    check
        .fact("failures", state.failures)
        .fact("seconds_since_success", state.succeeded.map(|at| at.elapsed().as_secs()))
}

//! The store in a repository: Markdown files as the truth, a journal that makes writes durable and
//! an index that makes reads fast.
//!
//! [`layout`] says where everything lies, [`discovery`] finds it, [`init`] makes it and [`config`]
//! holds its settings; [`scan`] and [`files`] look at and read the records, whose form is
//! [`format`](mod@format), and never follow a link; [`lock`] lets one writer at a time in, [`journal`]
//! makes what it writes durable and visible, and [`recovery`] completes it after a crash;
//! [`counter`] gives out numbers, [`git`] asks git what only git knows, and the [`index`] answers.
//! [`RepoStore`] puts them together.

mod admin;
mod backup;
mod branches;
mod commit;
mod compare;
#[cfg(feature = "watch")]
mod condition;
pub mod config;
mod contents;
pub mod counter;
pub mod discovery;
mod doctor;
mod effort;
mod events;
mod failure;
pub mod files;
mod flaws;
pub mod format;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod git;
mod group;
mod history;
mod homes;
pub mod index;
mod init;
pub mod journal;
pub mod layout;
mod ledger;
mod load;
pub mod lock;
mod losses;
mod os;
mod read;
pub mod recovery;
mod refresh;
mod remains;
mod renumber;
mod requests;
mod resolve;
mod restore;
pub mod scan;
#[cfg(test)]
mod scene;
mod settled;
mod snapshot;
mod sparse;
pub mod stat;
mod state;
mod store;
mod sync;
mod unlooking;
mod unreadable;
mod usage;
mod waiting;
#[cfg(feature = "watch")]
pub mod watch;
mod whole;
mod workers;

pub use admin::IndexReport;
pub use backup::{Backup, FileEffect, FromBackup, RestoredFile};
pub use branches::{Fate, Started};
pub use compare::{Comparison, IssueChange};
#[cfg(feature = "watch")]
pub use condition::{Condition, IndexPlace};
pub use config::{Config, Setting};
pub use doctor::{Check, Finding, Remedy};
#[cfg(feature = "effort")]
pub use effort::{Durable, Effort, processor_time};
pub use flaws::{Flaw, FlawKind};
pub use git::Merged;
pub use homes::{
    LostConfig, Moved, UnknownBranch, ask_for_branch, hint_of_left_out_home, init_in_clone, known_branch, lost_config,
};
pub use init::{Initialized, init, usual_root};
pub use layout::Layout;
pub use renumber::Renumbered;
pub use resolve::{InstalledDriver, LeftFile, Resolution, ResolvedIssue, install_merge_driver, merge_file};
pub use restore::{Loss, Restorable, Restoration, Selection};
pub use store::{RepoOptions, RepoStore, VERIFY_LIMIT};
pub use sync::{Committer, SyncStatus, Synced};
pub use usage::Usage;

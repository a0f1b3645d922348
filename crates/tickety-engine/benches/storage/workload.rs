//! What is asked: the requests of a dashboard, of agents and of people, and how each is answered.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use pollster::block_on;
use tickety_core::graph::Relation;
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_core::issue::{CloseReason, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};
use tickety_core::query::Query;
use tickety_store::repo::{Effort, RepoStore};
use tickety_store::{Batch, FreshnessMode, GraphScope, IssueStorage, StoredIssue};

use crate::repository::{Repository, query};

/// How uneven reads of single issues are: the exponent of the power that turns evenly drawn ranks into these. Of the
/// newest percent is every third.
const UNEVENNESS: f64 = 4.0;

const DASHBOARD: [&str; 5] = [
    "is:open sort:updated-desc limit:20",
    "is:open assignee:me limit:20",
    "is:blocked limit:20",
    "is:open priority:>=high sort:priority-desc limit:20",
    "is:closed sort:closed-desc limit:10",
];

const READY: [&str; 3] = [
    "is:ready sort:priority-desc,due-asc,number-asc limit:10",
    "is:ready assignee:me sort:priority-desc,due-asc,number-asc limit:10",
    "is:ready kind:bug sort:priority-desc,due-asc,number-asc limit:10",
];

const SEARCHES: [&str; 4] = ["cache", "index rebuild", "\"merge conflict\"", "timeout -retry"];

/// How many issues of a walk are read.
const WALKED: usize = 8;

/// What a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    Dashboard,
    Ready,
    Search,
    Walk,
    Read,
    Write,
}

impl Request {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        match rng.u32(..100) {
            0..2 => Self::Write,
            2..14 => Self::Dashboard,
            14..46 => Self::Ready,
            46..50 => Self::Search,
            50..62 => Self::Walk,
            _ => Self::Read,
        }
    }
}

/// What a question is, by what it costs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Get,
    List,
    Search,
    Count,
    Stats,
    Graph,
    Write,
    /// Reading what nobody has asked for yet.
    Ahead,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] =
        [Self::Get, Self::List, Self::Search, Self::Count, Self::Stats, Self::Graph, Self::Write, Self::Ahead];

    /// Whether it is a question that somebody waits for and that may be asked again.
    pub(crate) fn is_question(self) -> bool {
        !matches!(self, Self::Write | Self::Ahead)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Search => "search",
            Self::Count => "count",
            Self::Stats => "stats",
            Self::Graph => "graph",
            Self::Write => "write",
            Self::Ahead => "ahead",
        }
    }
}

/// A question that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) time: Duration,
    /// Whether the store was asked for it.
    pub(crate) is_loaded: bool,
    /// What the store did for it.
    pub(crate) effort: Effort,
}

/// Answers requests.
pub(crate) struct Worker<'a> {
    repository: &'a Repository,
    store: Arc<dyn IssueStorage>,
    /// The store beneath all layers.
    repo: Arc<RepoStore>,
    size: u32,
    /// Whether what an issue that was read links to is read, too.
    reads_ahead: bool,
    /// How often the store beneath was asked for an answer.
    loads: &'a dyn Fn() -> u64,
    loaded: u64,
    /// The place of the request in the workload.
    pub(crate) turn: u32,
    /// What was asked, by kind.
    pub(crate) asked: BTreeMap<Kind, Vec<Asked>>,
    /// The issues of the last list.
    listed: Vec<IssueSelector>,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        repository: &'a Repository,
        store: Arc<dyn IssueStorage>,
        repo: Arc<RepoStore>,
        size: u32,
        reads_ahead: bool,
        loads: &'a dyn Fn() -> u64,
    ) -> Self {
        let (asked, listed) = (BTreeMap::new(), Vec::new());
        Self { repository, store, repo, size, reads_ahead, loads, loaded: 0, turn: 0, asked, listed }
    }
}

impl Worker<'_> {
    pub(crate) fn answer(&mut self, request: Request, rng: &mut Rng) -> Result<()> {
        match request {
            Request::Dashboard => {
                DASHBOARD.iter().try_for_each(|text| self.list(Kind::List, text))?;
                let moment = self.repository.moment(self.turn);
                let store = Arc::clone(&self.store);
                self.ask(Kind::Stats, || Ok(block_on(store.stats(&Query::default(), &moment))?))?;
                self.ask(Kind::Count, || Ok(block_on(store.count(&query("is:open"), &moment))?))?;
            }
            Request::Ready => self.list(Kind::List, READY[rng.usize(..READY.len())])?,
            Request::Search => self.list(Kind::Search, SEARCHES[rng.usize(..SEARCHES.len())])?,
            Request::Walk => {
                let start = self.get(self.chosen(rng))?.issue.key();
                let scope = GraphScope {
                    roots: vec![start],
                    follow: [Relation::BlockedBy, Relation::Blocks, Relation::Parent].into(),
                    closed: true,
                    depth: Some(2),
                };
                let store = Arc::clone(&self.store);
                let graph = self.ask(Kind::Graph, || Ok(block_on(store.graph(&scope))?))?;
                for key in graph.value.nodes.into_keys().filter(|key| *key != start).take(WALKED) {
                    self.get(key.into())?;
                }
            }
            Request::Read => {
                self.get(self.chosen(rng))?;
            }
            Request::Write => self.write(rng)?,
        }
        Ok(())
    }

    fn ask<T>(&mut self, kind: Kind, ask: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.repo.effort();
        let begin = Instant::now();
        let answer = ask()?;
        let time = begin.elapsed();
        let after = self.repo.effort();
        let effort = Effort {
            statements: after.statements - before.statements,
            looked_at: after.looked_at - before.looked_at,
            read: after.read - before.read,
            synced: after.synced - before.synced,
        };
        let loaded = std::mem::replace(&mut self.loaded, (self.loads)());
        self.asked.entry(kind).or_default().push(Asked { time, is_loaded: self.loaded > loaded, effort });
        Ok(answer)
    }

    pub(crate) fn list(&mut self, kind: Kind, text: &str) -> Result<()> {
        let (store, moment) = (Arc::clone(&self.store), self.repository.moment(self.turn));
        let query = query(text);
        let page = self.ask(kind, || Ok(block_on(store.list(&query, &moment))?))?;
        self.listed = page.issues.into_iter().map(|issue| issue.key.number.into()).collect();
        Ok(())
    }

    fn get(&mut self, selector: IssueSelector) -> Result<StoredIssue> {
        let store = Arc::clone(&self.store);
        let issue = self.ask(Kind::Get, || Ok(block_on(store.get(selector))?))?;
        if self.reads_ahead && !issue.derived.links.is_empty() {
            let ends = issue.derived.links.iter().filter_map(|end| end.target.as_ref());
            // By the number, under which an issue is kept for all of its names.
            let ends: Vec<IssueSelector> = ends.map(|target| target.key.number.into()).collect();
            let store = Arc::clone(&self.store);
            self.ask(Kind::Ahead, || Ok(block_on(store.get_many(&ends))))?;
        }
        Ok(issue)
    }

    /// Returns the issue that somebody reads: one of those that were listed last, or any.
    fn chosen(&self, rng: &mut Rng) -> IssueSelector {
        match self.listed.len() {
            listed @ 1.. if rng.bool() => self.listed[rng.usize(..listed)],
            _ => self.uneven(rng),
        }
    }

    /// Returns an issue, the newest most often.
    fn uneven(&self, rng: &mut Rng) -> IssueSelector {
        let rank = rng.f64().powf(UNEVENNESS) * f64::from(self.size - 1);
        IssueNumber::new(self.size - rank as u32).expect("issues are counted from one").into()
    }

    /// Makes up something that is written.
    fn batch(&self, rng: &mut Rng) -> Batch {
        let change = match rng.u32(..7) {
            0 => Change::Close { reason: CloseReason::Completed, note: None },
            1 => Change::Priority(Priority::ALL[rng.usize(..Priority::ALL.len())]),
            2 => Change::Title(format!("Renamed {}", rng.u16(..))),
            3 => Change::AddLabel(format!("label-{}", rng.u32(..10))),
            4 => Change::AddComment(DraftComment::new("Seen here, too.")),
            _ => Change::AddAssignee("ann".to_owned()),
        };
        let operation = match rng.u32(..5) {
            0 => Operation::Create(Box::new(Draft::new("Something new"))),
            _ => Operation::Update { target: self.uneven(rng).into(), expected: None, changes: vec![change] },
        };
        Batch::new(vec![operation], Some("ann".to_owned()), self.repository.moment(self.turn).now)
    }

    fn write(&mut self, rng: &mut Rng) -> Result<()> {
        let (store, batch) = (Arc::clone(&self.store), self.batch(rng));
        self.ask(Kind::Write, || Ok(block_on(store.apply(batch))?))?;
        Ok(())
    }

    /// Changes an issue as an editor would, or as another process that uses the store.
    pub(crate) fn change_outside(&self, rng: &mut Rng) -> Result<()> {
        let other = self.repository.open(FreshnessMode::Trust)?;
        if rng.bool() {
            block_on(other.apply(self.batch(rng)))?;
            return Ok(());
        }
        // The store is asked where it lies, not how it is.
        let path = self.repository.folder.join(block_on(other.get(self.uneven(rng)))?.path);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(fs::write(&path, format!("{text}\nAn edit: {}.\n", self.turn))?)
    }
}

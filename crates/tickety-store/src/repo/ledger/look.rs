//! What is closed elsewhere now: the ledger says where to look, and the files there say whether it is so.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use tickety_core::ident::{IssueId, IssueKey};
use tickety_core::issue::ClosedElsewhere;
use tickety_core::query::{Expr, Is, Moment, Query, Term};
use uuid::Uuid;

use super::file::{self, Closed, Closing, Entry, Line, Place, Read, Writing};
use crate::error::StorageError;
use crate::repo::failure::Failure;
use crate::repo::files::{RECORD_LIMIT, read_foreign};
use crate::repo::format;
use crate::repo::git::{Checkout, Git, Object, Objects};
use crate::repo::index::{Index, IndexError};
use crate::repo::layout::{HOME_DIR, RecordPath};
use crate::repo::store::{Handle, RepoStore};

/// The issues that are open here and closed elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::repo) struct Elsewhere {
    issues: BTreeMap<IssueKey, (IssueId, Vec<ClosedElsewhere>)>,
}

impl Elsewhere {
    /// Returns where an issue is closed.
    pub(in crate::repo) fn of(&self, key: IssueKey) -> Vec<ClosedElsewhere> {
        self.issues.get(&key).map(|(_, places)| places.clone()).unwrap_or_default()
    }

    /// Counts the issues of a query that could be begun now, were they not closed elsewhere.
    pub(in crate::repo) fn count_hidden(
        &self,
        index: &Index,
        query: &Query,
        moment: &Moment,
    ) -> Result<u64, IndexError> {
        if self.issues.is_empty() {
            return Ok(0);
        }
        let ids = self.issues.values().map(|(id, _)| *id).collect();
        let asked = self.narrow(query).into_owned().filter;
        let hidden = vec![Expr::Term(Term::Is(Is::Ready)), Expr::Term(Term::Id(ids)), asked];
        index.count(&Query { filter: Expr::All(hidden), ..Query::default() }, moment)
    }

    /// Returns the query that asks of the index what this one asks of all branches.
    pub(in crate::repo) fn narrow<'q>(&self, query: &'q Query) -> Cow<'q, Query> {
        if self.issues.is_empty() {
            return Cow::Borrowed(query);
        }
        let ids: Vec<IssueId> = self.issues.values().map(|(id, _)| *id).collect();
        Cow::Owned(Query { filter: narrowed(&query.filter, &ids), ..query.clone() })
    }
}

fn narrowed(filter: &Expr, ids: &[IssueId]) -> Expr {
    let each = |parts: &[Expr]| parts.iter().map(|part| narrowed(part, ids)).collect();
    let known = || Expr::Term(Term::Id(ids.to_vec()));
    match filter {
        Expr::All(parts) => Expr::All(each(parts)),
        Expr::Any(parts) => Expr::Any(each(parts)),
        Expr::Not(part) => Expr::Not(Box::new(narrowed(part, ids))),
        Expr::Term(Term::Is(Is::Ready)) => Expr::All(vec![filter.clone(), Expr::Not(Box::new(known()))]),
        Expr::Term(Term::Is(Is::Elsewhere)) => Expr::All(vec![Expr::Term(Term::Is(Is::Open)), known()]),
        Expr::Term(_) => filter.clone(),
    }
}

/// The issues that are closed at a tip, and those that aren't.
type Verdicts = (Vec<Uuid>, Vec<Uuid>);

/// What was found out while looking, to be noted.
#[derive(Default)]
struct Findings {
    /// What tips of branches say.
    seen: Vec<(Place, Line)>,
    /// Branches that are gone, and where else their issues are closed.
    gone: Vec<(Place, Vec<(Place, Closing)>)>,
}

impl RepoStore {
    /// Finds out what is closed elsewhere, and begins another series of stamps if that has changed.
    pub(in crate::repo) fn look_elsewhere(&self, handle: &mut Handle) -> Result<Arc<Elsewhere>, Failure> {
        let found = self.find_elsewhere(handle)?;
        match &handle.elsewhere {
            Some(known) if **known == found => return Ok(Arc::clone(known)),
            Some(_) => handle.series = self.next_series(),
            None => {}
        }
        Ok(Arc::clone(handle.elsewhere.insert(Arc::new(found))))
    }

    /// Returns what was closed elsewhere at the last look.
    pub(in crate::repo) fn known_elsewhere(&self, handle: &mut Handle) -> Result<Arc<Elsewhere>, Failure> {
        match &handle.elsewhere {
            Some(known) => Ok(Arc::clone(known)),
            None => self.look_elsewhere(handle),
        }
    }

    fn find_elsewhere(&self, handle: &Handle) -> Result<Elsewhere, Failure> {
        let mut found = Elsewhere::default();
        let Some(git) = self.branching() else { return Ok(found) };
        let here = self.place(&git);
        self.scout(handle, &git, &here)?;
        let files = file::files(&self.layout);
        if files.is_empty() {
            return Ok(found);
        }
        let here_path = here.path(&self.layout);
        let mut ledger = Vec::new();
        for path in files.into_iter().filter(|path| *path != here_path) {
            // What can't be read hides nothing; `doctor` tells.
            if let Ok(Read::Known(mut closed)) = file::read(&path) {
                closed.entries.retain(|_, entry| !entry.reopened);
                ledger.push(closed);
            }
        }
        self.carry(handle, &here, &ledger)?;
        let ids: BTreeSet<Uuid> = ledger.iter().flat_map(|closed| closed.entries.keys().copied()).collect();
        let open = handle.index.open_among(&ids.into_iter().map(IssueId::new).collect::<Vec<_>>())?;
        let open: HashMap<Uuid, IssueKey> = open.into_iter().map(|(id, key)| (id.uuid(), key)).collect();
        if open.is_empty() {
            return Ok(found);
        }
        // Nobody has to be able to ask git to get an answer.
        let closings = ledger.iter().flat_map(|closed| closed.entries.values()).map(|entry| &entry.closing);
        let main = closings.filter(|closing| closing.checkout.is_empty()).find_map(|closing| closing.root.as_deref());
        let Ok(mut look) = Look::new(self, git, here, main.map(Path::new)) else { return Ok(found) };
        let _ = look.look_at_tips(&ledger, &open);
        for closed in &ledger {
            for (id, entry) in &closed.entries {
                let Some(key) = open.get(id) else { continue };
                let Some(branch) = look.closed_at(&closed.place, entry) else { continue };
                let Closing { at, by, .. } = &entry.closing;
                let (_, places) = found.issues.entry(*key).or_insert_with(|| (IssueId::new(*id), Vec::new()));
                let place = ClosedElsewhere { branch, at: *at, by: by.clone() };
                if !places.iter().any(|known| known.branch == place.branch) {
                    places.push(place);
                }
            }
        }
        found.issues.values_mut().for_each(|(_, places)| places.sort());
        look.note();
        Ok(found)
    }

    /// Notes for the branch that is checked out what this work tree closed while it had another one, and is closed still:
    /// a switch that changes no file took it along, uncommitted or with the commit at which the branch begins.
    fn carry(&self, handle: &Handle, here: &Place, ledger: &[Closed]) -> Result<(), Failure> {
        let checkout = self.checkout_name();
        let mut own: BTreeMap<Uuid, &Closing> = BTreeMap::new();
        for Closed { entries, .. } in ledger.iter().filter(|_| matches!(here, Place::Branch(_))) {
            let closings = entries.values().map(|entry| &entry.closing);
            own.extend(closings.filter(|closing| closing.checkout == checkout).map(|closing| (closing.id, closing)));
        }
        if own.is_empty() {
            return Ok(());
        }
        match file::read(&here.path(&self.layout)) {
            Ok(Read::Known(known)) => own.retain(|id, _| !known.entries.contains_key(id)),
            Ok(Read::Missing) => {}
            Ok(Read::Damaged | Read::Newer(_)) | Err(_) => return Ok(()),
        }
        let ids: Vec<IssueId> = own.keys().copied().map(IssueId::new).collect();
        let closed = handle.index.closed_among(&ids)?.into_iter().filter_map(|(id, key)| {
            let closing = own.get(&id.uuid())?;
            Some(Line::Closed(Closing { issue: key.to_string(), ..(*closing).clone() }))
        });
        let lines: Vec<Line> = closed.collect();
        if !lines.is_empty()
            && let Ok(writing) = Writing::begin_at_once(&self.layout)
        {
            // The next look tries again.
            let _ = writing.append(here, &lines);
        }
        Ok(())
    }

    /// Notes what the branch that was just switched to has closed.
    pub(in crate::repo) fn carry_to_branch(&self) {
        let _ = self.ask(None, |handle| self.find_elsewhere(handle).map(drop));
    }
}

/// A look at the branches of the clone.
struct Look<'s> {
    store: &'s RepoStore,
    git: Git,
    /// Where this checkout is.
    here: Place,
    own_checkout: String,
    checkouts: Vec<Checkout>,
    /// What the tips of branches say, by place and issue; for one that is gone, where it is closed instead.
    tips: HashMap<(Place, Uuid), Option<Option<String>>>,
    findings: Findings,
}

impl<'s> Look<'s> {
    fn new(store: &'s RepoStore, git: Git, here: Place, main: Option<&Path>) -> Result<Self, StorageError> {
        let own = store.layout.git.as_ref().filter(|dirs| dirs.git_dir == dirs.common_dir);
        let main = own.map(|dirs| &*dirs.work_tree).or(main);
        let checkouts = git.checkouts(main)?;
        let own_checkout = store.checkout_name();
        Ok(Self { store, git, here, own_checkout, checkouts, tips: HashMap::new(), findings: Findings::default() })
    }

    /// Returns another checkout that has a branch checked out.
    fn checkout_of(&self, branch: &str) -> Option<&Checkout> {
        self.checkouts.iter().find(|checkout| checkout.branch.as_deref() == Some(branch))
    }

    /// Tells whether an issue of the ledger is closed there, and on which branch by now.
    fn closed_at(&self, place: &Place, entry: &Entry) -> Option<Option<String>> {
        let id = entry.closing.id;
        if let Place::Branch(name) = place {
            let is_closed = match self.checkout_of(name) {
                Some(checkout) => self.is_closed_in(checkout, &entry.closing).then(|| Some(name.clone())),
                None => self.tips.get(&(place.clone(), id)).cloned().flatten(),
            };
            if is_closed.is_some() {
                return is_closed;
            }
        }
        // It may not be committed yet, and then it goes with its checkout to other branches.
        let checkout = self.checkouts.iter().find(|checkout| checkout.name == entry.closing.checkout)?;
        let is_other = checkout.name != self.own_checkout
            && !matches!(place, Place::Branch(name) if checkout.branch.as_ref() == Some(name));
        (is_other && self.is_closed_in(checkout, &entry.closing)).then(|| checkout.branch.clone())
    }

    /// Looks at the record of an issue in another checkout.
    fn is_closed_in(&self, checkout: &Checkout, closing: &Closing) -> bool {
        let Some(key) = closing.key() else { return false };
        let home = checkout.root.join(self.store.layout.below_work_tree()).join(HOME_DIR);
        let path = home.join(RecordPath::issue(key).home_path().as_str());
        read_foreign(&path, RECORD_LIMIT).is_ok_and(|bytes| self.is_closed_record(&bytes, key, closing.id))
    }

    fn is_closed_record(&self, bytes: &[u8], key: IssueKey, id: Uuid) -> bool {
        let schema = &self.store.schema;
        format::parse_issue(bytes, key, schema)
            .is_ok_and(|issue| issue.id.uuid() == id && schema.category(&issue.status).is_closed())
    }

    /// Looks at the branches that no checkout has: asks git once, and only of tips that weren't looked at yet.
    fn look_at_tips(&mut self, ledger: &[Closed], open: &HashMap<Uuid, IssueKey>) -> Result<(), StorageError> {
        let mut wanted: Vec<(&str, &Closed)> = Vec::new();
        for closed in ledger {
            if let Place::Branch(name) = &closed.place
                && self.checkout_of(name).is_none()
                && closed.entries.keys().any(|id| open.contains_key(id))
            {
                wanted.push((name, closed));
            }
        }
        let tips = self.git.tips(&wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
        let mut asked: Vec<(&Place, &str, &Closing)> = Vec::new();
        for (name, closed) in &wanted {
            let Some(tip) = tips.get(*name) else { continue };
            for (id, entry) in closed.entries.iter().filter(|(id, _)| open.contains_key(id)) {
                match &entry.seen {
                    Some((seen, is_closed)) if seen == tip => {
                        let branch = is_closed.then(|| Some((*name).to_owned()));
                        self.tips.insert((closed.place.clone(), *id), branch);
                    }
                    _ => asked.push((&closed.place, tip, &entry.closing)),
                }
            }
        }
        if !asked.is_empty() {
            let closed = self.ask(&asked)?;
            let mut seen: BTreeMap<(&Place, &str), Verdicts> = BTreeMap::new();
            for ((place, tip, closing), is_closed) in asked.iter().zip(closed) {
                let Place::Branch(name) = place else { continue };
                let branch = is_closed.then(|| Some(name.clone()));
                self.tips.insert(((*place).clone(), closing.id), branch);
                let (closed, open) = seen.entry((*place, *tip)).or_default();
                if is_closed { closed.push(closing.id) } else { open.push(closing.id) }
            }
            let lines = seen.into_iter().map(|((place, tip), (closed, open))| {
                (place.clone(), Line::Seen { tip: tip.to_owned(), closed, open })
            });
            self.findings.seen.extend(lines);
        }
        for (_, closed) in wanted.iter().filter(|(name, _)| !tips.contains_key(*name)) {
            self.follow(closed)?;
        }
        Ok(())
    }

    /// Finds where the issues are closed now that were closed on a branch which is gone: it was renamed, or merged into
    /// another.
    fn follow(&mut self, closed: &Closed) -> Result<(), StorageError> {
        let mut left: Vec<&Closing> = closed.entries.values().map(|entry| &entry.closing).collect();
        let mut followed = Vec::new();
        for (name, tip) in self.git.latest_branches()? {
            if left.is_empty() {
                break;
            }
            let place = Place::Branch(name.clone());
            let is_closed = match self.checkout_of(&name) {
                Some(checkout) => left.iter().map(|closing| self.is_closed_in(checkout, closing)).collect(),
                None => self.ask(&left.iter().map(|closing| (&place, &*tip, *closing)).collect::<Vec<_>>())?,
            };
            let mut is_closed = is_closed.into_iter();
            left.retain(|closing| {
                let is_closed = is_closed.next().unwrap_or_default();
                if is_closed {
                    followed.push((place.clone(), (*closing).clone()));
                    if place != self.here {
                        self.tips.insert((closed.place.clone(), closing.id), Some(Some(name.clone())));
                    }
                }
                !is_closed
            });
        }
        // What isn't committed is still in the checkout where it was done.
        for closing in left {
            let checkout = self.checkouts.iter().find(|checkout| checkout.name == closing.checkout);
            let Some(checkout) = checkout.filter(|checkout| self.is_closed_in(checkout, closing)) else { continue };
            let place = match &checkout.branch {
                Some(branch) => Place::Branch(branch.clone()),
                None => Place::Checkout(checkout.name.clone()),
            };
            followed.push((place, closing.clone()));
        }
        self.findings.gone.push((closed.place.clone(), followed));
        Ok(())
    }

    /// Asks git whether issues are closed at commits.
    fn ask(&self, asked: &[(&Place, &str, &Closing)]) -> Result<Vec<bool>, StorageError> {
        let mut closed = vec![false; asked.len()];
        let mut names = Vec::new();
        for (place, (_, tip, closing)) in asked.iter().enumerate() {
            if let Some(key) = closing.key() {
                names.push((place, key, closing.id, self.git.name_in(tip, RecordPath::issue(key))));
            }
        }
        let wanted: Vec<(&str, u64)> = names.iter().map(|(.., name)| (name.as_str(), RECORD_LIMIT)).collect();
        Objects::start(&self.git)?.blobs(&wanted, |place, object| {
            let (place, key, id, _) = &names[place];
            if let Object::Blob(bytes) = object {
                closed[*place] = self.is_closed_record(&bytes, *key, *id);
            }
        })?;
        Ok(closed)
    }

    /// Notes what was found, so that it isn't asked again. Where that can't be written, or somebody else writes, the
    /// answer is the same, and only slower the next time.
    fn note(self) {
        let Findings { seen, gone } = self.findings;
        if seen.is_empty() && gone.is_empty() {
            return;
        }
        let layout = &self.store.layout;
        let Ok(writing) = Writing::begin_at_once(layout) else { return };
        for (place, line) in seen {
            let _ = writing.append(&place, &[line]);
        }
        for (from, followed) in gone {
            let is_moved = followed.iter().all(|(place, closing)| {
                let is_known = match file::read(&place.path(layout)) {
                    Ok(Read::Known(known)) => known.entries.contains_key(&closing.id),
                    _ => false,
                };
                is_known || writing.append(place, &[Line::Closed(closing.clone())]).is_ok()
            });
            if is_moved {
                let _ = writing.remove(&from);
            }
        }
    }
}

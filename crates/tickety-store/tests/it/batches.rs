//! A batch does what its operations would do one by one.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};

use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tickety_core::ident::{IssueKey, IssueNumber, Version};
use tickety_core::issue::{CloseReason, Kind, LinkKind, Priority};
use tickety_core::operation::{Change, Draft, DraftComment, Operation, OperationError, Target};
use tickety_core::query::{Moment, Query};
use tickety_core::schema::Schema;
use tickety_store::{Batch, BatchMode, BatchOutcome, Effect, IssueStorage, MemoryStore, StorageError};

use crate::home::{Home, create};

/// How many issues there are before the batch.
const ISSUES: u32 = 4;

/// An operation before it is known which issues there are.
#[derive(Clone, Debug)]
struct Step {
    /// The issue, or what a new one is linked to: one that is there, or one that an operation makes.
    target: Place,
    other: Place,
    what: What,
    is_outdated: bool,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Existing(u32),
    /// What the operation this far back has made, if it is one that makes something.
    Back(usize),
}

#[derive(Clone, Debug)]
enum What {
    Create { titled: bool, number: Option<u32>, link: Option<LinkKind> },
    Link(LinkKind),
    Unlink(LinkKind),
    Close,
    Reopen,
    Comment,
    Change { priority: Priority, known_kind: bool },
    Delete,
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || prop_oneof![(1..=ISSUES + 3).prop_map(Place::Existing), (1_usize..4).prop_map(Place::Back)];
    let kind = || prop::sample::select(vec![LinkKind::BlockedBy, LinkKind::Parent, LinkKind::Relates]);
    let what = prop_oneof![
        4 => (prop::bool::weighted(0.8), prop::option::weighted(0.2, 1..ISSUES + 6), prop::option::of(kind()))
            .prop_map(|(titled, number, link)| What::Create { titled, number, link }),
        4 => kind().prop_map(What::Link),
        1 => kind().prop_map(What::Unlink),
        1 => Just(What::Close),
        1 => Just(What::Reopen),
        1 => Just(What::Comment),
        2 => (prop::sample::select(Priority::ALL.to_vec()), prop::bool::weighted(0.8))
            .prop_map(|(priority, known_kind)| What::Change { priority, known_kind }),
        1 => Just(What::Delete),
    ];
    let step = (place(), place(), what, prop::bool::weighted(0.2))
        .prop_map(|(target, other, what, is_outdated)| Step { target, other, what, is_outdated });
    prop::collection::vec(step, 1..14)
}

/// Makes operations of steps, with the numbers that new issues ask for or without.
fn operations(steps: &[Step], with_numbers: bool) -> Vec<Operation> {
    let target = |at: usize, place: Place| match place {
        Place::Existing(number) => Target::from(IssueNumber::new(number).unwrap()),
        Place::Back(steps) => Target::Created(at.saturating_sub(steps)),
    };
    let deletes = steps.iter().any(|step| matches!(step.what, What::Delete));
    let operation = |(at, step): (usize, &Step)| {
        let other = target(at, step.other);
        let changes = match &step.what {
            What::Create { titled, number, link } => {
                let title = if *titled { format!("made by {at}") } else { " ".to_owned() };
                let number = number.filter(|_| with_numbers).and_then(IssueNumber::new);
                let links = link.iter().map(|kind| (*kind, other.clone())).collect();
                return Operation::Create(Box::new(Draft { number, links, ..Draft::new(title) }));
            }
            What::Delete => {
                return Operation::Delete { target: target(at, step.target), expected: None };
            }
            What::Link(kind) => vec![Change::AddLink { kind: *kind, target: other }],
            What::Unlink(kind) => vec![Change::RemoveLink { kind: *kind, target: other }],
            What::Close => vec![Change::Close { reason: CloseReason::Cancelled, note: None }],
            What::Reopen => vec![Change::Reopen],
            What::Comment => vec![Change::AddComment(DraftComment::new(format!("said by {at}")))],
            What::Change { priority, known_kind } => {
                let kind = Kind::new(if *known_kind { "bug" } else { "nonsense" });
                vec![Change::AddLabel(format!("of {at}")), Change::Priority(*priority), Change::Kind(kind)]
            }
        };
        // What a batch makes has no version that could be expected.
        let is_old = !deletes && matches!(step.target, Place::Existing(1..=ISSUES));
        let expected = (step.is_outdated && is_old).then(|| Version::new([9; 16]).into());
        Operation::Update { target: target(at, step.target), expected, changes }
    };
    steps.iter().enumerate().map(operation).collect()
}

/// What is the same wherever it happened: the place, and what became of the operation.
#[derive(Debug)]
enum Came {
    Out(Effect, u32),
    Refused(Discriminant<StorageError>, Option<Discriminant<OperationError>>),
    /// It refers to what wasn't made. Something else may be wrong with it, too.
    Dangling,
}

impl PartialEq for Came {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Out(effect, number), Self::Out(other, name)) => (effect, number) == (other, name),
            (Self::Refused(error, source), Self::Refused(other, cause)) => (error, source) == (other, cause),
            (Self::Dangling | Self::Refused(..), Self::Dangling) | (Self::Dangling, Self::Refused(..)) => true,
            (Self::Out(..), _) | (_, Self::Out(..)) => false,
        }
    }
}

fn came_to_grief(error: &StorageError) -> Came {
    let source = match error {
        StorageError::Refused { source, .. } => Some(discriminant(source)),
        _ => None,
    };
    Came::Refused(discriminant(error), source)
}

fn came(outcome: &BatchOutcome) -> Vec<(usize, Came)> {
    let applied = outcome.outcomes.iter();
    let applied = applied.map(|outcome| (outcome.index, Came::Out(outcome.effect, outcome.key.number.get())));
    let failed = outcome.failures.iter().map(|failure| (failure.index, came_to_grief(&failure.error)));
    let mut all: Vec<_> = applied.chain(failed).collect();
    all.sort_by_key(|(index, _)| *index);
    all
}

fn batch(operations: Vec<Operation>) -> Batch {
    let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    Batch::new(operations, Some("ann".to_owned()), now)
}

/// Applies operations one by one and returns what came of each.
fn one_by_one(store: &dyn IssueStorage, operations: Vec<Operation>) -> Vec<(usize, Came)> {
    let mut made: Vec<Result<Option<IssueKey>, ()>> = Vec::new();
    let mut all = Vec::new();
    for (index, mut operation) in operations.into_iter().enumerate() {
        match with_names(&mut operation, &made) {
            Ok(()) => {
                let is_draft = matches!(operation, Operation::Create(_));
                let outcome = block_on(store.submit(batch(vec![operation]), BatchMode::Each)).unwrap();
                made.push(match outcome.outcomes.first() {
                    Some(outcome) => Ok(is_draft.then_some(outcome.key)),
                    None => Err(()),
                });
                all.extend(came(&outcome).into_iter().map(|(_, came)| (index, came)));
            }
            Err(Dangling) => {
                made.push(Err(()));
                all.push((index, Came::Dangling));
            }
        }
    }
    all
}

/// A reference to what wasn't made.
struct Dangling;

/// Puts the names of issues that were made in place of references to their operations.
fn with_names(operation: &mut Operation, made: &[Result<Option<IssueKey>, ()>]) -> Result<(), Dangling> {
    let name = |target: &mut Target| {
        let Target::Created(index) = *target else { return Ok(()) };
        *target = match made.get(index) {
            Some(Ok(Some(key))) => Target::from(*key),
            Some(Err(()) | Ok(None)) | None => return Err(Dangling),
        };
        Ok(())
    };
    match operation {
        Operation::Create(draft) => draft.links.iter_mut().try_for_each(|(_, target)| name(target)),
        Operation::Delete { target, .. } => name(target),
        Operation::Update { target, changes, .. } => {
            name(target)?;
            changes.iter_mut().try_for_each(|change| match change {
                Change::AddLink { target, .. } | Change::RemoveLink { target, .. } => name(target),
                _ => Ok(()),
            })
        }
    }
}

/// What the issues are, but for their ids.
fn contents(store: &dyn IssueStorage) -> Vec<String> {
    let moment = Moment { now: jiff::Timestamp::UNIX_EPOCH, zone: jiff::tz::TimeZone::UTC, me: None };
    let query = Query::parse("is:any sort:number-asc limit:1000", &Schema::default()).unwrap();
    let page = block_on(store.list(&query, &moment)).unwrap();
    let show = |key: IssueKey| {
        let issue = block_on(store.get(key.into())).unwrap().issue;
        let links: Vec<_> = issue.links.iter().map(|link| (link.kind, link.target.number.get())).collect();
        // Those of one moment stand in the order of their ids.
        let comments: BTreeSet<_> = issue.comments.iter().map(|comment| &comment.body).collect();
        let (number, title, labels) = (issue.number.get(), &issue.title, &issue.labels);
        format!("{number} {title} {labels:?} {} {:?} {links:?} {comments:?}", issue.priority, issue.closure)
    };
    page.issues.iter().map(|summary| show(summary.key)).collect()
}

/// Asserts that a batch equals its operations one by one, in two stores that are alike.
fn check(together: &dyn IssueStorage, apart: &dyn IssueStorage, steps: &[Step], mode: BatchMode) -> TestCaseResult {
    for store in [together, apart] {
        let drafts = (1..=ISSUES).map(|number| create(&format!("there {number}"))).collect();
        block_on(store.apply(batch(drafts))).unwrap();
    }
    let before = contents(together);
    let operations = operations(steps, mode == BatchMode::Each);
    let expected = one_by_one(apart, operations.clone());
    let outcome = block_on(together.submit(batch(operations), mode)).unwrap();
    let all_succeed = expected.iter().all(|(_, came)| matches!(came, Came::Out(..)));
    if mode == BatchMode::Each || all_succeed {
        prop_assert!(!outcome.rolled_back);
        prop_assert_eq!(came(&outcome), expected);
        prop_assert_eq!(contents(together), contents(apart));
        let next = |store: &dyn IssueStorage| block_on(store.apply(batch(vec![create("next")]))).unwrap();
        prop_assert_eq!(next(together).outcomes[0].key.number, next(apart).outcomes[0].key.number);
    } else if outcome.rolled_back {
        prop_assert!(outcome.outcomes.is_empty() && !outcome.failures.is_empty());
        prop_assert_eq!(contents(together), before);
    }
    Ok(())
}

/// Asserts that batches which are written together come out as if one had been written after the other.
fn check_group(together: &dyn IssueStorage, apart: &dyn IssueStorage, steps: &[Step]) -> TestCaseResult {
    for store in [together, apart] {
        let drafts = (1..=ISSUES).map(|number| create(&format!("there {number}"))).collect();
        block_on(store.apply(batch(drafts))).unwrap();
    }
    let batches = steps.chunks(2).enumerate().map(|(place, steps)| {
        let mode = if place % 2 == 0 { BatchMode::Atomic } else { BatchMode::Each };
        (batch(operations(steps, false)), mode)
    });
    let batches: Vec<_> = batches.collect();
    let expected = batches.iter().map(|(batch, mode)| came(&block_on(apart.submit(batch.clone(), *mode)).unwrap()));
    let expected: Vec<_> = expected.collect();
    let outcomes = block_on(together.submit_together(batches));
    let versions = |outcome: &BatchOutcome| -> Vec<_> {
        outcome.outcomes.iter().map(|outcome| (outcome.key, outcome.version)).collect()
    };
    let last = outcomes.last().and_then(|outcome| outcome.as_ref().ok()).map(versions).unwrap_or_default();
    prop_assert_eq!(outcomes.into_iter().map(|outcome| came(&outcome.unwrap())).collect::<Vec<_>>(), expected);
    prop_assert_eq!(contents(together), contents(apart));
    for (key, version) in last {
        prop_assert_eq!(block_on(together.get(key.into())).ok().map(|stored| stored.version), version);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn each_by_itself_in_memory(steps in any_steps()) {
        check(&MemoryStore::default(), &MemoryStore::default(), &steps, BatchMode::Each)?;
    }

    #[test]
    fn all_or_nothing_in_memory(steps in any_steps()) {
        check(&MemoryStore::default(), &MemoryStore::default(), &steps, BatchMode::Atomic)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn each_by_itself_in_files(steps in any_steps()) {
        let homes = [Home::new(), Home::new()];
        check(&homes[0].open(), &homes[1].open(), &steps, BatchMode::Each)?;
    }

    #[test]
    fn together_in_files(steps in any_steps()) {
        let homes = [Home::new(), Home::new()];
        let (store, apart) = (homes[0].open(), homes[1].open());
        check_group(&store, &apart, &steps)?;
        prop_assert_eq!(store.doctor(false).unwrap(), []);
    }

    #[test]
    fn all_or_nothing_in_files(steps in any_steps()) {
        let homes = [Home::new(), Home::new()];
        check(&homes[0].open(), &homes[1].open(), &steps, BatchMode::Atomic)?;
    }
}

#[cfg(feature = "effort")]
#[test]
fn batches_about_different_issues_take_one_sync_and_the_same_issue_takes_another() {
    let home = Home::with(&["one", "two"]);
    let store = home.open();
    let title = |number: u32, title: &str| {
        let change = Change::Title(title.to_owned());
        (batch(vec![crate::home::update(crate::home::number(number), vec![change])]), BatchMode::Atomic)
    };
    let refused = (batch(vec![create(" ")]), BatchMode::Atomic);
    let new = (batch(vec![create("three")]), BatchMode::Atomic);
    let before = store.effort().synced;
    let outcomes =
        block_on(store.submit_together(vec![title(1, "1"), refused, title(2, "2"), new, title(1, "one again")]));
    assert_eq!(store.effort().synced - before, 2);
    let refused: Vec<bool> = outcomes.iter().map(|outcome| outcome.as_ref().unwrap().rolled_back).collect();
    assert_eq!(refused, [false, true, false, false, false]);
    assert_eq!(crate::home::titles(&home.open(), "sort:number-asc"), ["one again", "2", "three"]);
}

//! Answers that are longer than those of the server.

use std::sync::Arc;

use pollster::block_on;
use tickety_core::ident::{IssueKey, IssueSelector};
use tickety_core::operation::{Draft, Operation};
use tickety_core::query::{Moment, Query};
use tickety_server::{Limits, Project, Server};
use tickety_store::{Batch, EventLog as _, IssueStorage as _, MemoryStore, Position};

use super::world::{Served, now};

const COUNT: usize = 2_345;

fn store(body: &str) -> Arc<MemoryStore> {
    let store = Arc::<MemoryStore>::default();
    let draft = |n: usize| {
        let mut draft = Draft::new(format!("Issue {n}"));
        draft.body = body.to_owned();
        draft.references.insert(format!("of:{n}"));
        Operation::Create(Box::new(draft))
    };
    block_on(store.apply(Batch::new((1..=COUNT).map(draft).collect(), None, now()))).unwrap();
    store
}

fn moment() -> Moment {
    Moment { now: now(), zone: jiff::tz::TimeZone::UTC, me: None }
}

#[test]
fn a_page_of_more_than_the_server_gives_is_put_together() {
    let store = store("");
    let served = Served::over(Arc::clone(&store) as _, Arc::clone(&store) as _);
    let remote = served.remote();
    for (limit, requests) in [(COUNT + 1, 3), (COUNT, 3), (1_500, 2), (1_000, 1), (1, 1)] {
        let query = Query { limit: Some(u32::try_from(limit).unwrap()), ..Query::default() };
        let own = block_on(store.list(&query, &moment())).unwrap();
        served.taken();
        let page = block_on(remote.list(&query, &moment())).unwrap();
        assert_eq!((served.taken().0, page.issues.len()), (requests, limit.min(COUNT)), "{limit}");
        assert_eq!((&page.issues, &page.next), (&own.issues, &own.next), "{limit}");
        let rest = Query { after: page.next.clone(), ..query };
        if page.next.is_some() {
            assert_eq!(
                block_on(remote.list(&rest, &moment())).unwrap().issues,
                block_on(store.list(&rest, &moment())).unwrap().issues
            );
        }
    }
    assert_eq!(block_on(remote.count(&Query::default(), &moment())).unwrap(), COUNT as u64);
}

#[test]
fn many_names_references_and_events_are_asked_for_in_parts() {
    let store = store(&"x".repeat(2_000));
    let project = Arc::new(Project::new("main", Arc::clone(&store) as _, Arc::clone(&store) as _).unwrap());
    // An answer has room for about ten of the issues.
    let limits = Limits { answer_bytes: 24_000, ..Limits::default() };
    let served = Served::of(Server::new(now).limits(limits).project(project));
    let remote = served.remote();
    let query = Query { limit: Some(450), ..Query::default() };
    let keys: Vec<IssueKey> =
        block_on(store.list(&query, &moment())).unwrap().issues.iter().map(|issue| issue.key).collect();
    let mut selectors: Vec<IssueSelector> = keys.iter().map(|&key| key.into()).collect();
    selectors.insert(7, tickety_core::ident::IssueNumber::new(9_999).unwrap().into());
    let found = block_on(remote.get_many(&selectors));
    assert_eq!(found.len(), 451);
    assert!(found[7].is_err());
    assert!(found.iter().zip(&selectors).all(|(found, selector)| match found {
        Ok(found) => IssueSelector::from(found.issue.key()) == *selector,
        Err(_) => *selector == selectors[7],
    }));
    assert_eq!(block_on(remote.texts(&keys)).unwrap(), block_on(store.texts(&keys)).unwrap());
    let references: Vec<String> = (1..=450).map(|n| format!("of:{n}")).collect();
    assert_eq!(block_on(remote.by_reference(&references)).unwrap(), block_on(store.by_reference(&references)).unwrap());
    for (from, limit) in [(Position::Oldest, usize::MAX), (Position::Last(1_500), 1_200), (Position::Oldest, 0)] {
        assert_eq!(block_on(remote.events(from, limit)).unwrap(), block_on(store.events(from, limit)).unwrap());
    }
}

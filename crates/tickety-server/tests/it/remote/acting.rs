//! Whom a client may act for.

use std::sync::Arc;

use jiff::Timestamp;
use pollster::block_on;
use tickety_api::client::{Remote, RemoteOptions};
use tickety_core::ident::{IssueNumber, IssueSelector};
use tickety_core::operation::{Change, Draft, DraftComment, Operation};
use tickety_core::query::{Moment, Query};
use tickety_server::guard::Policy;
use tickety_server::guard::access::{Credentials, CredentialsError, Grant, Scope};
use tickety_server::guard::token::{Secret, SecretKind};
use tickety_server::{Project, Server};
use tickety_store::{Batch, IssueStorage as _, MemoryStore, Request, StorageError};

use super::world::{Served, now};

/// Knows two people.
struct Two([(String, Grant); 3]);

impl Two {
    fn new() -> (Self, [String; 3]) {
        let token = || Secret::generate(SecretKind::Token).unwrap().reveal().to_owned();
        let tokens = [token(), token(), token()];
        let grant =
            |token: &str, user: &str, scope| Grant { token: token.into(), user: user.into(), scope, project: None };
        let grants = [
            (tokens[0].clone(), grant("a", "Bo", Scope::Write)),
            (tokens[1].clone(), grant("b", "Cy", Scope::Write)),
            (tokens[2].clone(), grant("c", "Di", Scope::Admin)),
        ];
        (Self(grants), tokens)
    }
}

impl Credentials for Two {
    fn verify(&self, token: &Secret) -> Result<Option<Grant>, CredentialsError> {
        Ok(self.0.iter().find(|(known, _)| known == token.reveal()).map(|(_, grant)| grant.clone()))
    }

    fn granted(&self, token: &str) -> Result<Option<Grant>, CredentialsError> {
        Ok(self.0.iter().find(|(_, grant)| &*grant.token == token).map(|(_, grant)| grant.clone()))
    }
}

fn closed() -> (Served, [Remote; 3]) {
    let (two, tokens) = Two::new();
    let store = Arc::<MemoryStore>::default();
    let project = Arc::new(Project::new("main", Arc::clone(&store) as _, store).unwrap());
    let policy = Policy { open: false, credentials: Some(Arc::new(two)), ..Policy::default() };
    let served = Served::of(Server::new(now).project(project).policy(policy));
    let remotes = tokens.map(|token| served.remote_with(RemoteOptions { token: Some(token), ..served.options() }));
    (served, remotes)
}

fn earlier() -> Timestamp {
    now() - jiff::Span::new().hours(24)
}

fn draft() -> Draft {
    Draft { comments: vec![DraftComment::new("hm")], ..Draft::new("One") }
}

fn batch(draft: Draft) -> Batch {
    Batch::new(vec![Operation::Create(Box::new(draft))], Some("Mallory".to_owned()), earlier())
}

fn first(remote: &Remote) -> tickety_core::Issue {
    block_on(remote.get(IssueSelector::from(IssueNumber::FIRST))).unwrap().issue
}

fn count_of(remote: &Remote, text: &str, me: &str) -> u64 {
    let query = Query::parse(text, &tickety_core::Schema::default()).unwrap();
    let moment = Moment { now: now(), zone: jiff::tz::TimeZone::UTC, me: Some(me.to_owned()) };
    block_on(remote.count(&query, &moment)).unwrap()
}

#[test]
fn where_nobody_shows_who_he_is_whom_the_client_names_acts_then() {
    let served = Served::memory();
    let remote = served.remote();
    block_on(remote.apply(batch(draft()))).unwrap();
    let issue = first(&remote);
    assert_eq!((issue.reporter.as_deref(), issue.created), (Some("Mallory"), earlier()));
    assert_eq!((count_of(&remote, "reporter:me", "Mallory"), count_of(&remote, "reporter:me", "Eve")), (1, 0));
    assert_eq!(block_on(remote.identity()).unwrap().user, None);
}

#[test]
fn with_a_token_its_user_acts_now_whoever_is_named() {
    let (_served, [bo, cy, _]) = closed();
    block_on(bo.apply(batch(draft()))).unwrap();
    let issue = first(&bo);
    assert_eq!((issue.reporter.as_deref(), issue.created), (Some("Bo"), now()));
    assert_eq!((issue.comments[0].author.as_deref(), issue.comments[0].created), (Some("Bo"), now()));
    assert_eq!((count_of(&bo, "reporter:me", "Cy"), count_of(&cy, "reporter:me", "Bo")), (1, 0));
    assert_eq!(block_on(cy.identity()).unwrap().user.as_deref(), Some("Cy"));
}

#[test]
fn what_others_wrote_is_brought_in_by_admins() {
    let (_served, [bo, _, di]) = closed();
    let said = DraftComment { author: Some("Eve".to_owned()), ..DraftComment::new("hm") };
    let old = DraftComment { created: Some(earlier()), ..DraftComment::new("hm") };
    let commented = |comment: &DraftComment| Draft { comments: vec![comment.clone()], ..Draft::new("One") };
    let own = block_on(bo.apply(batch(draft()))).unwrap().outcomes[0].key;
    let added = |change: Change| {
        let update = Operation::Update { target: own.into(), expected: None, changes: vec![change] };
        Batch::new(vec![update], None, now())
    };
    let history = [
        batch(commented(&said)),
        batch(commented(&old)),
        batch(Draft { created: Some(earlier()), ..Draft::new("One") }),
        batch(Draft { number: IssueNumber::new(999_999), ..Draft::new("One") }),
        batch(Draft { id: Some("01a1fd57-4f40-7758-b5de-1c9756cebfc8".parse().unwrap()), ..Draft::new("One") }),
        Batch { source: Some("github".to_owned()), ..batch(Draft::new("One")) },
        batch(Draft { imported_updated: Some(earlier()), ..Draft::new("One") }),
        added(Change::AddComment(said)),
        added(Change::AddComment(old)),
        added(Change::Created(earlier())),
        added(Change::ImportedUpdated(Some(earlier()))),
    ];
    for batch in history {
        for mode in [tickety_store::BatchMode::Atomic, tickety_store::BatchMode::Each] {
            let refused = block_on(bo.submit(batch.clone(), mode)).unwrap_err();
            assert!(matches!(&refused, StorageError::Remote { code, .. } if code == "forbidden"), "{refused}");
        }
        block_on(di.apply(batch)).unwrap();
    }
}

#[test]
fn the_key_of_another_tells_nothing() {
    let (_served, [bo, cy, _]) = closed();
    let request = Request::new("key", [1; 16]).unwrap();
    block_on(bo.apply(batch(draft()).once(Some(request.clone())))).unwrap();
    assert!(block_on(bo.recall(&request)).unwrap().is_some_and(|outcome| outcome.replayed));
    for told in
        [block_on(cy.recall(&request)).map(drop), block_on(cy.apply(batch(draft()).once(Some(request)))).map(drop)]
    {
        assert!(matches!(&told, Err(StorageError::KeyReused { .. })), "{told:?}");
    }
}

//! Writes that are done once, and to their end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use pollster::block_on;
use tickety_core::operation::{Draft, Operation};
use tickety_store::{Batch, IssueStorage as _, MemoryStore, Request, StorageError};

use super::world::{Served, now};

fn batch(title: &str) -> Batch {
    Batch::new(vec![Operation::Create(Box::new(Draft::new(title)))], None, now())
}

#[test]
fn a_write_whose_answer_was_lost_is_done_once() {
    let store = Arc::<MemoryStore>::default();
    let served = Served::over(Arc::clone(&store) as _, Arc::clone(&store) as _);
    let remote = served.remote();
    served.lose(1);
    let outcome = block_on(remote.apply(batch("One"))).unwrap();
    assert_eq!((outcome.outcomes.len(), outcome.replayed), (1, false));
    assert_eq!(served.taken(), (2, vec![200]));
    assert!(block_on(store.get(outcome.outcomes[0].key.into())).is_ok());
    // Another like it is another.
    let other = block_on(remote.apply(batch("One"))).unwrap();
    assert_ne!(other.outcomes[0].key, outcome.outcomes[0].key);
    assert_eq!(other.outcomes[0].key.number.get(), 2);
}

#[test]
fn a_write_whose_answers_are_all_lost_says_that_it_may_have_been_done() {
    let served = Served::memory();
    let remote = served.remote();
    served.lose(3);
    let request = Request::new("key", [7; 16]).unwrap();
    let lost = block_on(remote.apply(batch("One").once(Some(request.clone())))).unwrap_err();
    assert!(
        matches!(&lost, StorageError::Unreachable { message, .. } if message.contains("may have been done")),
        "{lost}"
    );
    assert_eq!(served.taken().0, 3);
    let again = block_on(remote.apply(batch("One").once(Some(request)))).unwrap();
    assert!(again.replayed && again.outcomes[0].key.number.get() == 1);
}

#[test]
fn a_write_that_nobody_waits_for_is_done() {
    let store = Arc::<MemoryStore>::default();
    let served = Served::over(Arc::clone(&store) as _, Arc::clone(&store) as _);
    let remote = served.remote();
    {
        let mut write = pin!(remote.apply(batch("One")));
        assert!(write.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    // The last handle waits for what is on its way.
    drop(remote);
    assert_eq!(served.taken(), (1, vec![200]));
    let number = tickety_core::ident::IssueNumber::FIRST;
    assert_eq!(block_on(store.get(number.into())).unwrap().issue.title, "One");
}

#[tokio::test]
async fn a_runtime_that_is_given_is_used() {
    let served = tokio::task::spawn_blocking(Served::memory).await.unwrap();
    let runtime = Some(tokio::runtime::Handle::current());
    let remote = served.remote_with(tickety_api::client::RemoteOptions { runtime, ..served.options() });
    assert_eq!(remote.apply(batch("One")).await.unwrap().outcomes.len(), 1);
    drop(remote);
    tokio::task::spawn_blocking(move || drop(served)).await.unwrap();
}

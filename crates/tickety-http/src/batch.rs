//! Doing the same for many, some at a time.

use std::future::Future;

use futures_util::StreamExt as _;
use futures_util::stream;

/// Does something for each item, for at most `at_once` of them at a time, and returns the results in the order of the items.
/// Nothing is spawned: dropping the future drops what it has begun.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let doubled = tickety_http::batch_map([1, 2, 3], 2, async |number: u32| number * 2).await;
/// assert_eq!(doubled, [2, 4, 6]);
/// # });
/// ```
pub async fn batch_map<I, F, R>(items: impl IntoIterator<Item = I>, at_once: usize, work: impl FnMut(I) -> F) -> Vec<R>
where
    F: Future<Output = R>,
{
    stream::iter(items).map(work).buffered(at_once.max(1)).collect().await
}

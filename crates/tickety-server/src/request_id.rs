//! What tells requests apart in answers and logs.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, there and back.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from who asks.
const LONGEST: usize = 64;

/// The id of a request: the one it came with, if that is a short plain word, or else a new one. It is among the
/// extensions of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId(Arc<str>);

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Does something for a request.
pub(crate) async fn scope<T>(id: RequestId, work: impl Future<Output = T>) -> T {
    CURRENT.scope(id, work).await
}

/// Does something for a request on a thread that waits for disks.
pub(crate) fn scope_of_thread<T>(id: Option<RequestId>, work: impl FnOnce() -> T) -> T {
    match id {
        Some(id) => CURRENT.sync_scope(id, work),
        None => work(),
    }
}

/// Returns the id of the request that is being worked on here, if one is: for the log of a panic.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Makes ids that no other request of this or another process is likely to have.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { process: RandomState::new().hash_one(0_u64), next: AtomicU64::new(1) }
    }
}

impl RequestId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns it as the value of a header.
    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is made of plain letters")
    }

    fn given(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(X_REQUEST_ID)?.to_str().ok()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain);
        fits.then(|| Self(text.into()))
    }
}

impl RequestIds {
    /// Returns the id of a request.
    pub(crate) fn of(&self, headers: &HeaderMap) -> RequestId {
        RequestId::given(headers).unwrap_or_else(|| {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            RequestId(format!("{:016x}-{number}", self.process).into())
        })
    }
}

//! Requests that read: from bytes that are kept, or by asking the store.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use tickety_api::Meta;
use tickety_core::ident::IssueKey;
use tickety_store::{IssueStorage, Look, Stamp};

use crate::cache_tag;
use crate::caller::Caller;
use crate::compressed;
use crate::conditional::Named;
use crate::envelope;
use crate::problem::Problem;
use crate::representations::{Kept, Representation, Shown};
use crate::state::State;

/// A request that reads.
#[derive(Debug)]
pub(crate) struct Reading {
    uri: Uri,
    if_none_match: Option<Named>,
    takes_gzip: bool,
    pub(crate) caller: Caller,
}

/// An answer that was just made.
#[derive(Debug)]
pub(crate) struct Made {
    bytes: Vec<u8>,
    modified: Option<Timestamp>,
    about: Option<HeaderValue>,
    keep: Option<Keep>,
}

#[derive(Debug)]
struct Keep {
    shown: Shown,
    personal: bool,
}

impl FromRequestParts<State> for Reading {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Ok(caller) = Caller::from_request_parts(parts, state).await;
        let if_none_match = Named::read(&parts.headers, &header::IF_NONE_MATCH);
        let takes_gzip = compressed::takes_gzip(&parts.headers);
        Ok(Self { uri: parts.uri.clone(), if_none_match, takes_gzip, caller })
    }
}

impl Made {
    /// Makes an answer.
    pub(crate) fn new(data: impl Serialize, meta: Meta) -> Self {
        Self { bytes: envelope::bytes(data, meta), modified: None, about: None, keep: None }
    }

    /// Has it kept as long as what it shows doesn't change. `personal` where it depends on who asks.
    pub(crate) fn keep(mut self, shown: Shown, personal: bool) -> Self {
        self.keep = Some(Keep { shown, personal });
        self
    }

    /// Says when what it shows was last changed.
    pub(crate) fn modified(mut self, at: Timestamp) -> Self {
        self.modified = Some(at);
        self
    }

    /// Says which issues it shows.
    pub(crate) fn about(mut self, keys: impl IntoIterator<Item = IssueKey>) -> Self {
        self.about = cache_tag::value(keys);
        self
    }

    pub(crate) fn into_representation(self, now: Timestamp) -> (Representation, Option<(Shown, bool)>) {
        let Self { bytes, modified, about, keep } = self;
        let modified = modified.filter(|at| *at <= now).and_then(http_date);
        let representation = Representation::new(bytes, modified).about(about);
        (representation, keep.map(|Keep { shown, personal }| (shown, personal)))
    }
}

impl Reading {
    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// Answers from what is kept, or with what `make` says. That is asked where waiting for a disk keeps nobody else
    /// from being answered; what is kept is given at once.
    pub(crate) async fn answer<F>(self, state: &State, make: F) -> Result<Response, Problem>
    where
        F: AsyncFnOnce(&dyn IssueStorage) -> Result<Made, Problem> + Send + 'static,
    {
        let project = &state.project;
        if let Some(kept) = self.kept(state)
            && (kept.is_at_hand(&*project.storage) || self.is_confirmed(&kept, state).await?)
        {
            return Ok(self.respond(kept.representation(), state));
        }
        let (made, stamp) = state
            .ask(async move |storage| {
                let before = stamp(storage).await;
                let made = make(storage).await?;
                let after = stamp(storage).await;
                Ok::<_, Problem>((made, before.filter(|_| before == after)))
            })
            .await?;
        let (representation, keep) = made.into_representation(state.now());
        if let (Some((shown, personal)), Some(stamp)) = (keep, stamp) {
            let who = self.caller.name.clone().filter(|_| personal);
            let kept = Kept::new(representation.clone(), shown, stamp);
            project.representations.keep(self.target(), who, kept);
        }
        Ok(self.respond(&representation, state))
    }

    fn kept(&self, state: &State) -> Option<Arc<Kept>> {
        state.project.representations.get(self.target(), self.caller.name.as_deref())
    }

    /// Whether a look at the truth finds that nothing has changed since the answer was kept. One at a time looks, since what
    /// it finds usually is good for all that wait.
    async fn is_confirmed(&self, kept: &Arc<Kept>, state: &State) -> Result<bool, Problem> {
        let _looking = state.project.representations.looking.lock().await;
        if kept.is_at_hand(&*state.project.storage) {
            return Ok(true);
        }
        let known = Arc::clone(kept);
        let stamped = state.ask(async move |storage| storage.stamp(known.shown().look()).await).await?;
        Ok(stamped.is_some_and(|stamped| kept.is_of(stamped.stamp)))
    }

    pub(crate) fn respond(&self, representation: &Representation, state: &State) -> Response {
        representation.respond(self.if_none_match.as_ref(), self.takes_gzip, &state.shared.terms)
    }
}

/// Returns the state that answers are given from; `None` where nothing can be kept.
async fn stamp(storage: &dyn IssueStorage) -> Option<Stamp> {
    // Whatever keeps it from being told is said by the answer itself.
    Some(storage.stamp(Look::Nothing).await.ok()??.stamp)
}

/// Writes a time as headers have it.
fn http_date(time: Timestamp) -> Option<HeaderValue> {
    HeaderValue::try_from(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

//! Whom a client may act for.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use tickety_api::ErrorCode;
use tickety_core::operation::{Change, Draft, DraftComment, Operation};

use crate::caller::Caller;
use crate::guard::access::{Identity, Scope, Shown};
use crate::problem::Problem;
use crate::state::State;

/// Who asks, and what of it he may say himself.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    caller: Caller,
    /// Whether nobody has to show who he is, so that whom the client names counts.
    believed: bool,
    /// Whether he may bring in what others wrote, at other times.
    may_import: bool,
}

impl FromRequestParts<State> for Acting {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let who = parts.extensions.get::<Identity>();
        let believed = who.is_some_and(|who| who.shown == Shown::Nothing);
        let may_import = who.is_some_and(|who| who.scope >= Scope::Admin);
        Ok(Self { caller, believed, may_import })
    }
}

impl Acting {
    /// Returns the name that counts, where the client says this one.
    pub(crate) fn actor(&self, named: Option<String>) -> Option<String> {
        named.filter(|_| self.believed).or_else(|| self.caller.actor())
    }

    /// Returns the time that counts, where the client says this one.
    pub(crate) fn time(&self, named: Timestamp, state: &State) -> Timestamp {
        if self.believed { named } else { state.now() }
    }

    /// Returns what keeps the requests of one user from those of another.
    pub(crate) fn name(&self) -> &str {
        self.caller.name.as_deref().unwrap_or_default()
    }

    /// Refuses operations that say what others wrote or when something was, unless one may.
    pub(crate) fn check(&self, operations: &[Operation], source: Option<&str>) -> Result<(), Problem> {
        if self.may_import || (source.is_none() && !operations.iter().any(is_history)) {
            return Ok(());
        }
        let detail =
            "bringing in what others wrote, what was at another time, or names that are chosen, takes the scope admin";
        Err(Problem::new(ErrorCode::Forbidden, detail).hint("use a token of that scope for imports"))
    }
}

/// Whether an operation brings in what wasn't done by who asks, now.
fn is_history(operation: &Operation) -> bool {
    match operation {
        Operation::Create(draft) => {
            let Draft { id, number, comments, closure, created, imported_updated, .. } = &**draft;
            id.is_some()
                || number.is_some()
                || created.is_some()
                || imported_updated.is_some()
                || closure.as_ref().is_some_and(|closure| closure.at.is_some())
                || comments.iter().any(is_of_another)
        }
        Operation::Update { changes, .. } => changes.iter().any(|change| match change {
            Change::Imported { .. } | Change::Created(_) | Change::ImportedUpdated(_) => true,
            Change::AddComment(comment) => is_of_another(comment),
            _ => false,
        }),
        Operation::Delete { .. } => false,
    }
}

fn is_of_another(comment: &DraftComment) -> bool {
    let DraftComment { id: _, author, created, body: _ } = comment;
    author.is_some() || created.is_some()
}

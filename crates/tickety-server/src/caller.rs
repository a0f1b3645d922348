//! Who asks.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::state::State;

/// Who sent a request. Whatever guards the routes puts it among the extensions of the request; where nothing does, it is
/// whom the [server](crate::Server::caller) takes for its caller.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caller {
    /// The name that writes get and that `me` in a query means; `None` where nobody is known.
    pub name: Option<Arc<str>>,
}

impl Caller {
    /// Makes a caller of a name.
    pub fn new(name: &str) -> Self {
        Self { name: Some(name.into()) }
    }

    /// Returns the name as stores take it.
    pub(crate) fn actor(&self) -> Option<String> {
        self.name.as_deref().map(str::to_owned)
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().unwrap_or(&state.shared.caller).clone())
    }
}

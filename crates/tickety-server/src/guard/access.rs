//! Who may do what.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use blake3::Hash;

use crate::guard::token::Secret;

/// What a credential is good for. Each includes the ones before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Reading, events and metrics included.
    Read,
    /// Writing issues, too.
    Write,
    /// What concerns the server itself, too: clearing caches, the details of its health.
    Admin,
}

/// A text that is no scope.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no scope: write read, write or admin")]
pub struct ScopeParseError(String);

impl Scope {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ScopeParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| ScopeParseError(text.to_owned()))
    }
}

/// What a token allows, and whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// What tells the token from others, in logs too; it is no secret.
    pub token: Arc<str>,
    /// Who acts by it.
    pub user: Arc<str>,
    /// What it is good for.
    pub scope: Scope,
    /// The only project that it is good for; `None` for the whole server. One for the first project is also good for what
    /// belongs to no project.
    pub project: Option<Arc<str>>,
}

/// Tokens can't be looked up.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CredentialsError(pub String);

/// Knows tokens. Asked at every request that carries one, so it has to have them at hand.
pub trait Credentials: Send + Sync {
    /// Returns what a token allows; `None` where there is no such token, or none any more.
    fn verify(&self, token: &Secret) -> Result<Option<Grant>, CredentialsError>;

    /// Returns what the token of this name allows still.
    fn granted(&self, token: &str) -> Result<Option<Grant>, CredentialsError>;
}

/// How somebody has shown who he is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    /// Not at all, where that isn't asked for.
    Nothing,
    /// With a token.
    Token(Arc<str>),
    /// With the cookie of a session that was got for a token.
    Session {
        /// The token.
        token: Arc<str>,
        /// The hash of the session's secret.
        session: Hash,
    },
    /// A proxy says so.
    Proxy,
}

/// Who asks. It is among the extensions of an admitted request, unless its route is for everybody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// Whoever the server takes for its caller, where absent.
    pub(crate) user: Option<Arc<str>>,
    pub(crate) scope: Scope,
    pub(crate) project: Option<Arc<str>>,
    pub(crate) shown: Shown,
}

impl Identity {
    /// Somebody at this machine, who may do everything.
    pub(crate) fn open() -> Self {
        Self { user: None, scope: Scope::Admin, project: None, shown: Shown::Nothing }
    }

    pub(crate) fn of(grant: Grant, shown: impl FnOnce(Arc<str>) -> Shown) -> Self {
        let Grant { token, user, scope, project } = grant;
        Self { user: Some(user), scope, project, shown: shown(token) }
    }
}

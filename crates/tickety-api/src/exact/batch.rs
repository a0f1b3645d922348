//! Batches and what became of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tickety_store::storage;

use super::error::ErrorDocument;
use super::issue::Issue;
use super::operation::Operation;
use super::{Exact, Malformed, exact_struct};

/// Operations that are applied together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactBatch))]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// What to do, in order.
    pub operations: Vec<Operation>,
    /// What becomes of the batch if one of them can't be applied.
    pub mode: BatchMode,
    /// Who acts, and when, where the server believes it.
    pub asked: Asked,
    /// From where an import brings the issues: the name of the format.
    pub source: Option<String>,
    /// What tells the write from others, so that it isn't done twice.
    pub request: Option<RequestKey>,
}

/// Who acts, and when. A server believes that where nobody has to show who he is; otherwise the user of the credential
/// acts, now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactAsked))]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Who.
    pub actor: Option<String>,
    /// When.
    #[cfg_attr(feature = "openapi", schema(format = "date-time"))]
    pub now: String,
}

/// What becomes of a batch if one of its operations can't be applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactMode))]
#[serde(rename_all = "snake_case")]
pub enum BatchMode {
    /// None of it is applied.
    Atomic,
    /// The others are applied.
    Each,
}

impl From<storage::BatchMode> for BatchMode {
    fn from(mode: storage::BatchMode) -> Self {
        match mode {
            storage::BatchMode::Atomic => Self::Atomic,
            storage::BatchMode::Each => Self::Each,
        }
    }
}

impl From<BatchMode> for storage::BatchMode {
    fn from(mode: BatchMode) -> Self {
        match mode {
            BatchMode::Atomic => Self::Atomic,
            BatchMode::Each => Self::Each,
        }
    }
}

impl Batch {
    /// Writes a batch.
    pub fn new(batch: &storage::Batch, mode: storage::BatchMode) -> Self {
        let storage::Batch { operations, actor, now, source, request } = batch;
        Self {
            operations: operations.to_wire(),
            mode: mode.into(),
            asked: Asked { actor: actor.clone(), now: now.to_string() },
            source: source.clone(),
            request: request.to_wire(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// If a text in it isn't what it should be.
    pub fn read(self) -> Result<(storage::Batch, storage::BatchMode), Malformed> {
        let Self { operations, mode, asked: Asked { actor, now }, source, request } = self;
        let now = Timestamp::from_wire(now)?;
        let (operations, request) = (Exact::from_wire(operations)?, Exact::from_wire(request)?);
        Ok((storage::Batch { operations, actor, now, source, request }, mode.into()))
    }
}

/// What tells a write from others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactRequest))]
#[serde(deny_unknown_fields)]
pub struct RequestKey {
    /// The key.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub key: String,
    /// A hash of all that is asked for, as 32 hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{32}$"))]
    pub digest: String,
}

impl Exact for storage::Request {
    type Wire = RequestKey;

    fn to_wire(&self) -> RequestKey {
        let digest = format!("{:032x}", u128::from_be_bytes(self.digest()));
        RequestKey { key: self.key().to_owned(), digest }
    }

    fn from_wire(wire: RequestKey) -> Result<Self, Malformed> {
        let RequestKey { key, digest } = wire;
        let is_plain = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u128::from_str_radix(&digest, 16).ok().filter(|_| is_plain);
        let bits = bits.ok_or_else(|| Malformed::new("digest", &digest))?;
        Self::new(&key, bits.to_be_bytes()).map_err(|_| Malformed::new("key of a request", key))
    }
}

/// What a batch did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactOutcome))]
pub struct Outcome {
    /// What the operations that were applied did, in order.
    pub outcomes: Vec<OperationOutcome>,
    /// The operations that couldn't be applied, in order.
    pub failures: Vec<Failure>,
    /// Whether nothing was written because of the failures.
    pub rolled_back: bool,
    /// Whether this is what became of the same request before.
    pub replayed: bool,
}

exact_struct!(storage::BatchOutcome as Outcome { outcomes, failures, rolled_back, replayed });

/// What an operation did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactOperationOutcome))]
pub struct OperationOutcome {
    /// The place of the operation in the batch, from 0.
    pub index: usize,
    /// The issue it was about.
    pub key: String,
    /// Its UUID.
    pub id: String,
    /// `created`, `updated`, `unchanged` or `deleted`.
    pub effect: String,
    /// Its version after the whole batch; `null` once deleted.
    pub version: Option<String>,
    /// Where its record lies, or lay.
    pub path: String,
}

exact_struct!(storage::OperationOutcome as OperationOutcome { index, key, id, effect, version, path });

/// Why an operation couldn't be applied.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactFailure))]
pub struct Failure {
    /// The place of the operation in the batch, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: ErrorDocument,
}

exact_struct!(storage::OperationFailure as Failure { index, error });

/// What a batch would do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactPreview))]
pub struct Preview {
    /// What would become of each operation.
    pub outcome: Outcome,
    /// The issues that would differ afterwards.
    pub changes: Vec<ChangedIssue>,
}

exact_struct!(storage::BatchPreview as Preview { outcome, changes });

/// An issue before and after a batch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactChangedIssue))]
pub struct ChangedIssue {
    /// Its name.
    pub key: String,
    /// As it is; `null` if the batch creates it.
    pub before: Option<Issue>,
    /// As it would be; `null` if the batch deletes it.
    pub after: Option<Issue>,
}

exact_struct!(storage::ChangedIssue as ChangedIssue { key, before, after });

/// What tells an issue apart, whatever its record looks like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ExactIdentity))]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its UUID.
    pub id: String,
    /// What another tracker calls it.
    pub reference: Option<String>,
}

exact_struct!(storage::Identity as Identity { id, reference });

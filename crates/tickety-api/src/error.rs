//! The one error table: every error has a code for programs, an HTTP status and an exit status.

use tickety_core::RelationParseError;
use tickety_core::ident::{SelectorParseError, VersionParseError};
use tickety_core::issue::PartParseError;
use tickety_core::operation::OperationError;
use tickety_core::query::{QueryParseError, QueryProblem};
use tickety_store::StorageError;

/// The exit status of a command that did what it was asked.
pub const EXIT_SUCCESS: u8 = 0;

/// The exit status of a command whose answer is no: `all-closed` with an open issue, `check`, `doctor` and
/// `index verify` with something found. It is an answer, not an error.
pub const EXIT_NO: u8 = 1;

macro_rules! error_table {
    ($($variant:ident $code:literal $http:literal $exit:literal $meaning:literal;)*) => {
        /// What went wrong, as programs tell errors apart.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorCode {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// Returns the code of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == name)
            }

            /// Returns the status of an HTTP answer.
            pub fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http),* }
            }

            /// Returns the exit status of a command.
            pub fn exit_status(self) -> u8 {
                match self { $(Self::$variant => $exit),* }
            }

            /// Returns one sentence on what the code means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }
        }
    };
}

error_table! {
    Usage "usage" 400 2 "The arguments don't make a command.";
    BadQuery "bad_query" 400 2 "The query can't be parsed.";
    BadName "bad_name" 400 2 "A text names no issue.";
    BadValue "bad_value" 400 2 "A value doesn't fit its option, field or setting.";
    BadCursor "bad_cursor" 400 2 "The cursor belongs to another query, or is damaged.";
    ConfirmationRequired "confirmation_required" 400 2 "Something would be deleted and nobody has agreed.";
    NotFound "not_found" 404 3 "There is no such issue.";
    Ambiguous "ambiguous" 409 4 "Several issues have the number.";
    Conflict "conflict" 412 5 "The issue has changed since the version the write was based on.";
    FieldConflict "field_conflict" 409 5 "Somebody else has changed the same field to something else at the same time.";
    Overtaken "overtaken" 409 5 "Another program changed a file at the same moment; that file was left as it is, the rest was written.";
    BadText "bad_text" 422 6 "A text is empty, too long or has characters it can't have.";
    TooMany "too_many" 422 6 "There are too many of something.";
    UnknownStatus "unknown_status" 422 6 "The status isn't configured.";
    UnknownKind "unknown_kind" 422 6 "The kind isn't configured.";
    BadClosure "bad_closure" 422 6 "An issue that isn't closed can't have a reason or a time of closing.";
    NotClosed "not_closed" 422 6 "The issue to reopen isn't closed.";
    BadField "bad_field" 422 6 "The custom field has a key or a value that it can't have.";
    SelfLink "self_link" 422 6 "An issue can't be linked to itself.";
    Cycle "cycle" 422 6 "The link would go in a circle.";
    NoComment "no_comment" 422 6 "The issue has no such comment.";
    IdTaken "id_taken" 422 6 "An issue with the id exists already.";
    NumberTaken "number_taken" 409 6 "Another issue has the number.";
    NumbersExhausted "numbers_exhausted" 507 6 "There are no numbers left.";
    KeyReused "key_reused" 422 6 "The key of the request was used for another one.";
    RefusedBefore "refused_before" 422 6 "What is sent again could not be applied the first time either.";
    NotCreated "not_created" 422 6 "A step of a batch refers to an issue that no step before it creates.";
    NeedsFailed "needs_failed" 422 6 "A step of a batch refers to an issue that could not be created.";
    Unreadable "unreadable" 500 7 "The issue exists but its file can't be read.";
    Locked "locked" 503 8 "Another process holds the write lock.";
    HomeReadOnly "home_readonly" 500 9 "The files of the home can't be written.";
    StateReadOnly "state_readonly" 500 9 "The state directory can't be written, so no write can be acknowledged.";
    Pending "pending" 500 9 "The write is durable, but a file can't be written yet; the next command completes it.";
    NoSpace "no_space" 507 10 "The file system is full or a quota is used up.";
    NoHome "no_home" 404 11 "There is no home here: `tickety init` makes one.";
    HomeMoved "home_moved" 409 11 "The home was moved, or made again, since it was opened.";
    HomeRefused "home_refused" 409 11 "The home can't be made there, or moved.";
    BadConfig "bad_config" 500 12 "A config file can't be used.";
    Damaged "damaged" 500 13 "A file of the state can't be used.";
    Io "io" 500 14 "The system refused something else.";
    Git "git" 500 14 "Git could not tell what only it knows.";
    BadInput "bad_input" 422 15 "A file to import or to restore from, a line of a batch, or the body of a request says what can't be understood.";
    Aborted "aborted" 400 16 "Somebody said no, or left the editor without writing a new issue.";
    Gone "gone" 410 17 "The log of events no longer has all that came after the cursor.";
    BadJson "bad_json" 400 2 "The body of a request isn't JSON, or could not be read to its end.";
    NoRoute "no_route" 404 2 "The server has nothing at this address.";
    BadMethod "method_not_allowed" 405 2 "The address doesn't answer to this method.";
    TooLarge "too_large" 413 6 "The body of a request is longer than the server takes.";
    SlowBody "slow_body" 408 8 "The body of a request arrives too slowly.";
    BadMediaType "unsupported_media_type" 415 2 "The body of a request isn't of the type that is asked for.";
    Internal "internal" 500 14 "The server failed unexpectedly.";
    Unsupported "unsupported" 404 14 "The project has nothing of that sort.";
    Busy "busy" 503 8 "The server has too much to do.";
    Timeout "timeout" 504 8 "The answer took longer than the server allows.";
    Unauthenticated "unauthenticated" 401 18 "The server asks for a token, or the one it got is no good.";
    Forbidden "forbidden" 403 18 "The token isn't good for that.";
    ForeignHost "foreign_host" 403 18 "The request names a host that the server doesn't go by.";
    ForeignOrigin "foreign_origin" 403 18 "The request comes from a page that may not ask.";
    RateLimited "rate_limited" 429 8 "There were too many requests in too short a time.";
    Unreachable "unreachable" 502 19 "The server that keeps the issues can't be reached.";
}

impl From<&StorageError> for ErrorCode {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::NotFound { .. } => Self::NotFound,
            StorageError::Ambiguous { .. } => Self::Ambiguous,
            StorageError::Unreadable { .. } => Self::Unreadable,
            StorageError::Conflict { .. } => Self::Conflict,
            StorageError::FieldConflict { .. } => Self::FieldConflict,
            StorageError::Overtaken { .. } => Self::Overtaken,
            StorageError::Pending { .. } => Self::Pending,
            StorageError::Git { .. } | StorageError::NoReference { .. } => Self::Git,
            StorageError::LastNumber { .. } => Self::BadValue,
            StorageError::NumbersExhausted { .. } => Self::NumbersExhausted,
            StorageError::BatchTooLarge { .. } => Self::TooMany,
            StorageError::NumberTaken { .. } => Self::NumberTaken,
            StorageError::Refused { source, .. } => source.into(),
            StorageError::BadCursor => Self::BadCursor,
            StorageError::EventsGone { .. } => Self::Gone,
            StorageError::KeyReused { .. } => Self::KeyReused,
            StorageError::RefusedBefore { .. } => Self::RefusedBefore,
            StorageError::NoHome { .. } => Self::NoHome,
            StorageError::HomeMoved { .. } => Self::HomeMoved,
            StorageError::HomeRefused { .. } => Self::HomeRefused,
            StorageError::Config { .. }
            | StorageError::ConfigConflict { .. }
            | StorageError::NoConfig { .. }
            | StorageError::NewerHome { .. } => Self::BadConfig,
            StorageError::Setting { .. } => Self::BadValue,
            StorageError::Interrupted => Self::Io,
            StorageError::Locked { .. } => Self::Locked,
            StorageError::HomeReadOnly { .. } => Self::HomeReadOnly,
            StorageError::StateReadOnly { .. } => Self::StateReadOnly,
            StorageError::NoSpace { .. } => Self::NoSpace,
            StorageError::Damaged { .. } => Self::Damaged,
            StorageError::BadBackup { .. } => Self::BadInput,
            StorageError::Unreachable { .. } => Self::Unreachable,
            // One that a newer server has and this program doesn't know is no fault of who asked.
            StorageError::Remote { code, .. } => Self::named(code).unwrap_or(Self::Internal),
            StorageError::Io { .. } => Self::Io,
        }
    }
}

impl From<&OperationError> for ErrorCode {
    fn from(error: &OperationError) -> Self {
        match error {
            OperationError::Text { .. } => Self::BadText,
            OperationError::TooMany { .. } => Self::TooMany,
            OperationError::UnknownStatus { .. } => Self::UnknownStatus,
            OperationError::UnknownKind { .. } => Self::UnknownKind,
            OperationError::ClosureOfOpen { .. } => Self::BadClosure,
            OperationError::NotClosed { .. } => Self::NotClosed,
            OperationError::FieldKey { .. } | OperationError::FieldValue { .. } => Self::BadField,
            OperationError::SelfLink { .. } => Self::SelfLink,
            OperationError::Cycle { .. } => Self::Cycle,
            OperationError::NoComment { .. } => Self::NoComment,
            OperationError::IdTaken { .. } => Self::IdTaken,
            OperationError::NotCreated { .. } => Self::NotCreated,
            OperationError::NeedsFailed { .. } => Self::NeedsFailed,
            OperationError::NoTarget { .. } => Self::NotFound,
            OperationError::AmbiguousTarget { .. } => Self::Ambiguous,
        }
    }
}

impl From<&QueryParseError> for ErrorCode {
    fn from(error: &QueryParseError) -> Self {
        match error.problem() {
            QueryProblem::DamagedCursor | QueryProblem::ForeignCursor => Self::BadCursor,
            QueryProblem::TooLong
            | QueryProblem::TooDeep
            | QueryProblem::TooManyTerms
            | QueryProblem::UnclosedQuote
            | QueryProblem::StrayQuote
            | QueryProblem::UnclosedParenthesis
            | QueryProblem::UnopenedParenthesis
            | QueryProblem::MissingOperand { .. }
            | QueryProblem::MissingValue { .. }
            | QueryProblem::UnknownField { .. }
            | QueryProblem::UnknownValue { .. }
            | QueryProblem::BadValue { .. }
            | QueryProblem::NoOrder { .. }
            | QueryProblem::Backwards { .. }
            | QueryProblem::NotSearchable { .. }
            | QueryProblem::Repeated { .. }
            | QueryProblem::Misplaced { .. }
            | QueryProblem::NothingRanked => Self::BadQuery,
        }
    }
}

impl From<&SelectorParseError> for ErrorCode {
    fn from(error: &SelectorParseError) -> Self {
        match error {
            SelectorParseError::Selector { .. }
            | SelectorParseError::Range { .. }
            | SelectorParseError::Suffix { .. }
            | SelectorParseError::Id { .. } => Self::BadName,
        }
    }
}

impl From<&PartParseError> for ErrorCode {
    fn from(error: &PartParseError) -> Self {
        match error {
            PartParseError::Priority { .. }
            | PartParseError::CloseReason { .. }
            | PartParseError::Minutes { .. }
            | PartParseError::FieldValue { .. } => Self::BadValue,
        }
    }
}

impl From<&VersionParseError> for ErrorCode {
    fn from(_: &VersionParseError) -> Self {
        Self::BadValue
    }
}

impl From<&RelationParseError> for ErrorCode {
    fn from(_: &RelationParseError) -> Self {
        Self::BadValue
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::*;

    /// The table as `docs/exit-status.md` has it.
    fn markdown() -> String {
        let mut table = String::from("| code | exit | HTTP | meaning |\n|---|---|---|---|\n");
        for code in ErrorCode::ALL {
            writeln!(
                table,
                "| `{}` | {} | {} | {} |",
                code.as_str(),
                code.exit_status(),
                code.http_status(),
                code.meaning()
            )
            .expect("writing to a string succeeds");
        }
        table
    }

    #[test]
    fn the_documented_table_is_this_one() {
        let page = include_str!("../../../docs/exit-status.md");
        assert!(page.contains(&markdown()), "docs/exit-status.md should contain this table:\n\n{}", markdown());
    }

    #[test]
    fn codes_are_unique_and_exit_statuses_are_no_answers() {
        let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.iter().all(|code| code.exit_status() > EXIT_NO));
    }
}

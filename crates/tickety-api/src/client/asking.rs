//! Asking the server, and what stands in for its answer.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tickety_http::{Error, RequestBuilder, Response};
use tickety_store::StorageError;

use super::{Core, Outdated};
use crate::error::ErrorCode;
use crate::exact::{ErrorDocument, Exact};

/// How long a server that couldn't be reached isn't asked again: a command asks several questions, and each would wait.
const AWAY: Duration = Duration::from_secs(5);

/// That the server couldn't be reached.
#[derive(Clone, Debug)]
pub(super) struct Away {
    until: SystemTime,
    reason: String,
}

/// What an answer has around it.
#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// An error as the server tells it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    hint: Option<String>,
    exact: Option<Value>,
}

/// A question: where it is asked, and its parameters.
#[derive(Clone, Debug)]
pub(super) struct Question {
    url: String,
    parameters: Vec<(&'static str, String)>,
}

impl Question {
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    pub(super) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// What is said of a server that takes too long.
const LATE: &str = "it did not answer in time";

/// Why there is no answer of the server.
enum Missing {
    /// It can't be reached, for this reason; with whether it may have seen the request.
    Unreachable(String, bool),
    /// It refuses, or says what isn't understood.
    Told(StorageError),
}

impl Core {
    /// Begins a question to the project.
    pub(super) fn question(&self, path: &str) -> Question {
        Question { url: format!("{}/{path}", self.place.project), parameters: Vec::new() }
    }

    /// Begins a question to the server.
    pub(super) fn question_to_server(&self, path: &str) -> Question {
        Question { url: format!("{}/{path}", self.place.server), parameters: Vec::new() }
    }

    /// Asks what a store is asked.
    pub(super) async fn ask<T: Exact>(&self, question: Question) -> Result<T, StorageError> {
        let url = question.url.clone();
        let data = self.read(question).await?;
        T::from_wire(data).map_err(|error| not_understood(&url, error))
    }

    /// Asks for a document with `data`.
    pub(super) async fn read<T: DeserializeOwned>(&self, question: Question) -> Result<T, StorageError> {
        let url = question.url.clone();
        let Envelope { data } = decode(&url, &self.get(question, false).await?)?;
        Ok(data)
    }

    /// Asks for a document that an unwell server sends with an error, too, and that is of no use later.
    pub(super) async fn read_now<T: DeserializeOwned>(&self, question: Question) -> Result<T, StorageError> {
        decode(&question.url.clone(), &self.get(question, true).await?)
    }

    /// Gets the answer of the server or, where that can't be reached, what it said before.
    async fn get(&self, question: Question, also_unwell: bool) -> Result<Vec<u8>, StorageError> {
        let reason = match self.away() {
            Some(reason) => reason,
            None => match self.get_in_time(&question, also_unwell).await {
                Ok(bytes) => {
                    self.is_back();
                    return Ok(bytes);
                }
                Err(Missing::Told(error)) => {
                    self.is_back();
                    return Err(error);
                }
                Err(Missing::Unreachable(reason, _)) => {
                    self.went_away(&reason);
                    reason
                }
            },
        };
        if self.offline
            && let Ok(Some(stored)) = self.prepared(&question).stored()
            && stored.status().is_success()
        {
            let age = stored.cache().age.unwrap_or_default();
            if let Ok(bytes) = stored.bytes().await {
                self.note(age, &reason);
                return Ok(bytes.into());
            }
        }
        Err(self.unreachable(reason))
    }

    /// Asks the server, and waits no longer than who asks would: not long where there is an earlier answer.
    async fn get_in_time(&self, question: &Question, also_unwell: bool) -> Result<Vec<u8>, Missing> {
        let is_known = self.offline && matches!(self.prepared(question).stored(), Ok(Some(_)));
        let bound = if is_known { self.patience } else { self.timeout };
        match tokio::time::timeout(bound, self.get_from_server(question, also_unwell)).await {
            Ok(answered) => answered,
            Err(_) => Err(Missing::Unreachable(LATE.to_owned(), false)),
        }
    }

    async fn get_from_server(&self, question: &Question, also_unwell: bool) -> Result<Vec<u8>, Missing> {
        let response = self.prepared(question).send().await.map_err(|error| self.missing(&question.url, &error))?;
        if also_unwell && !is_problem(&response) && is_json(&response) {
            return self.body(&question.url, response).await;
        }
        self.take(&question.url, response).await
    }

    /// Sends something that may change something, in which case it has a key, and may so be sent again. What comes back is what
    /// became of it.
    pub(super) async fn post<T: Exact>(&self, path: &str, body: Vec<u8>, key: &str) -> Result<T, StorageError> {
        let url = format!("{}/{path}", self.place.project);
        let data = self.send::<T::Wire>(&url, body, key).await?;
        T::from_wire(data).map_err(|error| not_understood(&url, error))
    }

    /// Does the same with another document.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        url: &str,
        body: Vec<u8>,
        key: &str,
    ) -> Result<T, StorageError> {
        let request = self.dressed(self.client.post(url));
        let request = request.header("content-type", "application/json").idempotency_key(key).body(body);
        let sent = match request.send().await {
            Ok(response) => self.take(url, response).await,
            Err(error) => Err(self.missing(url, &error)),
        };
        match sent {
            Ok(bytes) => {
                self.is_back();
                let Envelope { data } = decode(url, &bytes)?;
                Ok(data)
            }
            Err(Missing::Told(error)) => Err(error),
            Err(Missing::Unreachable(reason, false)) => Err(self.unreachable(reason)),
            Err(Missing::Unreachable(reason, true)) => {
                Err(self.unreachable(format!("{reason}; what was sent may have been done: look before you repeat it")))
            }
        }
    }

    fn prepared(&self, question: &Question) -> RequestBuilder {
        let request = self.dressed(self.client.get(&question.url));
        question.parameters.iter().fold(request, |request, (name, value)| request.query(name, value))
    }

    fn dressed(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("user-agent", &self.user_agent).header("accept", "application/json");
        match &self.token {
            Some(token) => request.header("authorization", &format!("Bearer {token}")),
            None => request,
        }
    }

    /// Takes an answer, or what is wrong according to it.
    async fn take(&self, url: &str, response: Response) -> Result<Vec<u8>, Missing> {
        let (status, is_problem, is_json) = (response.status(), is_problem(&response), is_json(&response));
        if status.is_success() && is_json {
            return self.body(url, response).await;
        }
        if is_problem {
            let bytes = self.body(url, response).await?;
            if let Ok(problem) = serde_json::from_slice::<Problem>(&bytes) {
                return Err(Missing::Told(problem.into_error()));
            }
        }
        if [502, 503, 504].contains(&status.as_u16()) {
            // A proxy says that there is nobody behind it.
            return Err(Missing::Unreachable(format!("what is in front of it answers with {}", status.as_u16()), true));
        }
        let code = if status.as_u16() == 401 { ErrorCode::Unauthenticated } else { ErrorCode::Unreachable };
        Err(Missing::Told(StorageError::Remote {
            code: code.as_str().to_owned(),
            message: format!("{url} answers with {} and not as Tickety does", status.as_u16()),
            hint: Some("look whether it is the address of a Tickety server".to_owned()),
        }))
    }

    async fn body(&self, url: &str, response: Response) -> Result<Vec<u8>, Missing> {
        response.bytes().await.map(Into::into).map_err(|error| self.missing(url, &error))
    }

    fn missing(&self, url: &str, error: &Error) -> Missing {
        match error {
            Error::Send { .. } | Error::Body { .. } | Error::Abandoned { .. } => {
                Missing::Unreachable(reason(error), !error.is_connect())
            }
            _ => Missing::Told(StorageError::Remote {
                code: ErrorCode::BadValue.as_str().to_owned(),
                message: format!("{url} could not be asked: {}", reason(error)),
                hint: None,
            }),
        }
    }

    fn unreachable(&self, message: String) -> StorageError {
        StorageError::Unreachable { url: self.place.server.clone(), message }
    }

    /// Returns why the server isn't to be asked just now.
    fn away(&self) -> Option<String> {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.as_ref().filter(|away| self.clock.now() < away.until).map(|away| away.reason.clone())
    }

    fn went_away(&self, reason: &str) {
        let away = Away { until: self.clock.now() + AWAY, reason: reason.to_owned() };
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = Some(away);
    }

    fn is_back(&self) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Notes how old an answer is that is given without the server.
    fn note(&self, age: Duration, reason: &str) {
        let now = Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::MAX);
        let as_of = now.checked_sub(age).unwrap_or(now);
        let noted = Outdated { as_of, age, url: self.place.server.clone(), reason: reason.to_owned() };
        let mut oldest = self.outdated.lock().unwrap_or_else(PoisonError::into_inner);
        if oldest.as_ref().is_none_or(|oldest| noted.as_of < oldest.as_of) {
            *oldest = Some(noted);
        }
    }
}

impl Problem {
    fn into_error(self) -> StorageError {
        let Self { code, detail, hint, exact } = self;
        // What a newer server knows more is told in words.
        let exact = exact.and_then(|exact| serde_json::from_value(exact).ok());
        ErrorDocument { code, message: detail, hint, exact }.into_error()
    }
}

fn decode<T: DeserializeOwned>(url: &str, bytes: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(bytes).map_err(|error| not_understood(url, error))
}

fn not_understood(url: &str, why: impl std::fmt::Display) -> StorageError {
    StorageError::Remote {
        code: ErrorCode::Internal.as_str().to_owned(),
        message: format!("{url} answers what isn't understood: {why}"),
        hint: Some("the server may be of another version: update the older of the two".to_owned()),
    }
}

fn is_problem(response: &Response) -> bool {
    response.header("content-type").is_some_and(|of| of.starts_with("application/problem+json"))
}

fn is_json(response: &Response) -> bool {
    response.header("content-type").is_some_and(|of| of.starts_with("application/json"))
}

/// Says in a few words why there is no answer.
fn reason(error: &Error) -> String {
    if error.is_timeout() {
        return LATE.to_owned();
    }
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

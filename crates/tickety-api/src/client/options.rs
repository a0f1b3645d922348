//! What a remote store is to be like.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tickety_http::Clock;
use tokio::runtime::Handle;
use url::Url;

use super::RemoteError;

/// What a [`Remote`](super::Remote) is to be like.
#[derive(Clone)]
pub struct RemoteOptions {
    /// Where the server is: `http://host:port`, or the address of its API, or of a project in it:
    /// `…/api/v1/projects/NAME`. Without a project it is the first one of the server.
    pub url: String,
    /// The project, where the URL names none.
    pub project: Option<String>,
    /// The token to show.
    pub token: Option<String>,
    /// The folder for caches of answers, for the next process; each URL and token has one of its own in it, for its owner
    /// alone. Default: none, answers are kept in memory.
    pub cache: Option<PathBuf>,
    /// How many bytes of answers are kept. Default: 64 MiB.
    pub capacity: u64,
    /// How long connecting may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long one try of a write may take, and a question in all. Default: 35 s, more than a server takes for a request.
    pub timeout: Duration,
    /// How long a question may take in all that an earlier answer is there for. Default: 5 s.
    pub patience: Duration,
    /// How often a request is tried again. Default: twice.
    pub retries: u32,
    /// Whether questions are answered from the cache where the server can't be reached. Default: yes.
    pub offline: bool,
    /// What the client calls itself. Default: `tickety/VERSION`.
    pub user_agent: String,
    /// The runtime to work in. Default: one of its own, with one thread.
    pub runtime: Option<Handle>,
    /// The clock that ages are told by. Default: the system's.
    pub clock: Option<Arc<dyn Clock>>,
}

impl RemoteOptions {
    /// Makes the default options for a server.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            project: None,
            token: None,
            cache: None,
            capacity: 64 << 20,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(35),
            patience: Duration::from_secs(5),
            retries: 2,
            offline: true,
            user_agent: concat!("tickety/", env!("CARGO_PKG_VERSION")).to_owned(),
            runtime: None,
            clock: None,
        }
    }
}

impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is a secret.
        f.debug_struct("RemoteOptions").field("url", &self.url).field("project", &self.project).finish_non_exhaustive()
    }
}

/// What the addresses of a server begin with.
const API: &str = "/api/v1";

/// The addresses of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// What those of the server begin with, without `/` at the end.
    pub(super) server: String,
    /// What those of the project begin with, without `/` at the end.
    pub(super) project: String,
}

impl Place {
    pub(super) fn new(options: &RemoteOptions) -> Result<Self, RemoteError> {
        let bad = |message: &str| RemoteError::Url { url: options.url.clone(), message: message.to_owned() };
        let url = Url::parse(&options.url).map_err(|error| bad(&error.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(bad("it has to begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let url = format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or_default());
            let message = "it holds a name or password: give a token instead".to_owned();
            return Err(RemoteError::Url { url, message });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it ends with its path: leave out what comes after `?` or `#`"));
        }
        let path = url.path().trim_end_matches('/');
        let origin = url.origin().ascii_serialization();
        let (before, named) = match path.split_once(API) {
            None => (path, None),
            Some((before, "")) => (before, None),
            Some((before, rest)) => match rest.strip_prefix("/projects/") {
                Some(name) if !name.contains('/') => (before, Some(name.to_owned())),
                _ => return Err(bad("what follows /api/v1 is nothing, or /projects/NAME")),
            },
        };
        let name = match (named, &options.project) {
            (Some(named), Some(other)) if named != *other => {
                return Err(bad(&format!("it names the project {named}, and not {other}")));
            }
            (named, other) => named.or_else(|| other.clone()),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if let Some(name) = &name
            && (name.is_empty() || name.starts_with('.') || !name.bytes().all(is_plain))
        {
            return Err(RemoteError::Project { name: name.clone() });
        }
        let server = format!("{origin}{before}");
        let project = match name {
            None => format!("{server}{API}"),
            Some(name) => format!("{server}{API}/projects/{name}"),
        };
        Ok(Self { server, project })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str, project: Option<&str>) -> Result<(String, String), String> {
        let options = RemoteOptions { project: project.map(str::to_owned), ..RemoteOptions::new(url) };
        Place::new(&options).map(|Place { server, project }| (server, project)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_server_an_api_and_a_project_are_found() {
        let of = |server: &str, project: &str| Ok((server.to_owned(), project.to_owned()));
        let host = "http://h:81";
        assert_eq!(place("http://h:81", None), of(host, "http://h:81/api/v1"));
        assert_eq!(place("http://h:81/", Some("a.b")), of(host, "http://h:81/api/v1/projects/a.b"));
        assert_eq!(place("http://h:81/api/v1/", None), of(host, "http://h:81/api/v1"));
        assert_eq!(place("http://h:81/api/v1/projects/x/", Some("x")), of(host, "http://h:81/api/v1/projects/x"));
        assert_eq!(place("https://h/t/api/v1", None), of("https://h/t", "https://h/t/api/v1"));
    }

    #[test]
    fn what_is_no_address_of_a_server_is_told() {
        for (url, project, says) in [
            ("h:81", None, "http://"),
            ("nonsense", None, "relative URL"),
            ("ftp://h", None, "http://"),
            ("http://me:secret@h", None, "token"),
            ("http://h/?a=b", None, "`?`"),
            ("http://h/api/v1/issues", None, "/projects/NAME"),
            ("http://h/api/v1/projects/a", Some("b"), "not b"),
            ("http://h", Some("a/b"), "a/b"),
        ] {
            let error = place(url, project).expect_err(url);
            assert!(error.contains(says) && !error.contains("secret"), "{url}: {error}");
        }
    }
}

//! Tokens at hand for a server, as new as the files are.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tickety_server::guard::access::{Credentials, CredentialsError, Grant};
use tickety_server::guard::token::Secret;

use super::owner::{self, Ownership};
use super::{Token, TokenFile};

/// How long what was read counts without looking whether the file is another: so long may a token be good that was revoked.
const COUNTS: Duration = Duration::from_millis(300);

/// The tokens of the projects of a server. Each is good for the project in whose clone it was made.
pub struct LiveTokens {
    projects: Vec<Project>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

struct Project {
    name: Arc<str>,
    file: TokenFile,
    kept: Mutex<Kept>,
}

/// What was read last.
struct Kept {
    looked: Instant,
    seen: Option<Seen>,
    tokens: Result<HashMap<String, Token>, CredentialsError>,
}

/// What tells a file from another at the same place, and whose the place is.
type Seen = (u64, u64, i64, i64, i64, i64, Option<Ownership>);

impl LiveTokens {
    /// Reads the tokens of some projects. `clock` tells when tokens have ended.
    pub fn open(
        projects: impl IntoIterator<Item = (Arc<str>, TokenFile)>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let project = |(name, file): (Arc<str>, TokenFile)| {
            // First, so that what is read is no older.
            let seen = seen(&file);
            let kept = Kept { looked: Instant::now(), seen, tokens: read(&file) };
            Project { name, file, kept: Mutex::new(kept) }
        };
        Self { projects: projects.into_iter().map(project).collect(), clock: Box::new(clock) }
    }

    fn find(
        &self,
        project: &Project,
        id: &str,
        is_it: impl Fn(&Token) -> bool,
    ) -> Result<Option<Grant>, CredentialsError> {
        let mut kept = project.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.looked.elapsed() >= COUNTS {
            let seen = seen(&project.file);
            if seen != kept.seen || kept.tokens.is_err() {
                (kept.seen, kept.tokens) = (seen, read(&project.file));
            }
            kept.looked = Instant::now();
        }
        let tokens = kept.tokens.as_ref().map_err(Clone::clone)?;
        let found = tokens.get(id).filter(|token| is_it(token) && !token.has_expired((self.clock)()));
        Ok(found.map(|token| Grant {
            token: format!("{}/{id}", project.name).into(),
            user: token.user.as_str().into(),
            scope: token.scope,
            project: Some(Arc::clone(&project.name)),
        }))
    }
}

impl Credentials for LiveTokens {
    fn verify(&self, token: &Secret) -> Result<Option<Grant>, CredentialsError> {
        let hash = token.hash();
        let id = hash.to_hex();
        let id = &id[..super::ID];
        let mut failed = None;
        for project in &self.projects {
            match self.find(project, id, |token| token.hash == hash) {
                Ok(Some(grant)) => return Ok(Some(grant)),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn granted(&self, token: &str) -> Result<Option<Grant>, CredentialsError> {
        let Some((name, id)) = token.split_once('/') else { return Ok(None) };
        match self.projects.iter().find(|project| &*project.name == name) {
            Some(project) => self.find(project, id, |_| true),
            None => Ok(None),
        }
    }
}

fn seen(file: &TokenFile) -> Option<Seen> {
    let metadata = fs::symlink_metadata(file.path()).ok()?;
    let directory = owner::of_directory(&file.path()).ok();
    let (modified, changed) = ((metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec()));
    Some((metadata.ino(), metadata.size(), modified.0, modified.1, changed.0, changed.1, directory))
}

fn read(file: &TokenFile) -> Result<HashMap<String, Token>, CredentialsError> {
    let tokens = file.read().map_err(|error| CredentialsError(error.message()))?;
    Ok(tokens.into_iter().map(|token| (token.id(), token)).collect())
}

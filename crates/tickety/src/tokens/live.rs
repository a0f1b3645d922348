//! Tokens at hand for a server, as new as the files are.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use std::{io, thread};

use jiff::Timestamp;
use tickety_server::guard::access::{Credentials, CredentialsError, Grant};
use tickety_server::guard::token::Secret;

use super::owner::{self, Ownership};
use super::{Token, TokenFile, Uses};

/// How often it is looked whether a file is another: so long may a token be good that was revoked.
const LOOKS: Duration = Duration::from_millis(300);

/// The tokens of the projects of a server. Each is good for the project in whose clone it was made.
///
/// A thread reads files that have changed, and writes when tokens were used. Whoever asks is answered from what was read last, and waits for no disk.
pub struct LiveTokens {
    projects: Arc<[Project]>,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// The thread ends when it is dropped.
    _end: Option<Sender<()>>,
}

struct Project {
    name: Arc<str>,
    file: TokenFile,
    kept: RwLock<Arc<Kept>>,
    /// Held by nobody who waits for a disk.
    uses: Mutex<Noted>,
}

/// What was read last.
struct Kept {
    seen: Option<Seen>,
    tokens: Result<HashMap<String, Token>, CredentialsError>,
}

/// When tokens were used, as far as this process knows.
struct Noted {
    uses: Uses,
    is_written: bool,
}

/// What tells a file from another at the same place, and whose the place is.
type Seen = (u64, u64, i64, i64, i64, i64, Option<Ownership>);

impl LiveTokens {
    /// Reads the tokens of some projects, and goes on reading them. `clock` tells when tokens have ended. Fails where there
    /// can be no thread.
    pub fn open(
        projects: impl IntoIterator<Item = (Arc<str>, TokenFile)>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let live = Self::new(projects, clock);
        let (end, ended) = mpsc::channel();
        let projects = Arc::clone(&live.projects);
        thread::Builder::new().name("tickety-tokens".to_owned()).spawn(move || {
            while ended.recv_timeout(LOOKS) == Err(RecvTimeoutError::Timeout) {
                for project in &*projects {
                    project.look();
                    project.write_uses();
                }
            }
        })?;
        Ok(Self { _end: Some(end), ..live })
    }

    /// Reads them once.
    fn new(
        projects: impl IntoIterator<Item = (Arc<str>, TokenFile)>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let project = |(name, file): (Arc<str>, TokenFile)| {
            let kept = RwLock::new(Arc::new(Kept::read(&file)));
            let uses = Mutex::new(Noted { uses: file.uses(), is_written: true });
            Project { name, file, kept, uses }
        };
        Self { projects: projects.into_iter().map(project).collect(), clock: Box::new(clock), _end: None }
    }

    fn find(
        &self,
        project: &Project,
        id: &str,
        is_it: impl Fn(&Token) -> bool,
    ) -> Result<Option<Grant>, CredentialsError> {
        let (kept, now) = (project.kept(), (self.clock)());
        let tokens = kept.tokens.as_ref().map_err(Clone::clone)?;
        let found = tokens.get(id).filter(|token| is_it(token) && !token.has_expired(now));
        if found.is_some() {
            project.note(id, now);
        }
        Ok(found.map(|token| Grant {
            token: format!("{}/{id}", project.name).into(),
            user: token.user.as_str().into(),
            scope: token.scope,
            project: Some(Arc::clone(&project.name)),
        }))
    }
}

impl Project {
    fn kept(&self) -> Arc<Kept> {
        // It is only ever replaced as a whole.
        Arc::clone(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, id: &str, now: Timestamp) {
        let mut noted = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.uses.note(id, now) {
            noted.is_written = false;
        }
    }

    /// Writes when tokens were used, if there is more to say than was written.
    fn write_uses(&self) {
        let noted = || self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if noted().is_written {
            return;
        }
        let kept = self.kept();
        let Ok(tokens) = &kept.tokens else { return };
        let uses = {
            let mut noted = noted();
            noted.is_written = true;
            noted.uses.clone()
        };
        if let Err(error) = self.file.write_uses(&uses, tokens.keys()) {
            tracing::debug!(%error, "when a token was used can't be written");
        }
    }

    /// Reads the file again if it is another, or could not be read.
    fn look(&self) {
        let kept = self.kept();
        if kept.tokens.is_err() || seen(&self.file) != kept.seen {
            let kept = Arc::new(Kept::read(&self.file));
            *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }
}

impl Kept {
    fn read(file: &TokenFile) -> Self {
        // First, so that what is read is no older.
        let seen = seen(file);
        Self { seen, tokens: read(file) }
    }
}

impl Credentials for LiveTokens {
    fn verify(&self, token: &Secret) -> Result<Option<Grant>, CredentialsError> {
        let hash = token.hash();
        let id = hash.to_hex();
        let id = &id[..super::ID];
        let mut failed = None;
        for project in &*self.projects {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;
    use tickety_server::guard::access::Scope;
    use tickety_server::guard::token::SecretKind;

    use super::*;
    use crate::exit::CliError;

    #[test]
    fn who_asks_is_answered_without_a_look_at_the_file() {
        let folder = TempDir::new().unwrap();
        let file = TokenFile::in_state(folder.path());
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let secret = Secret::generate(SecretKind::Token).unwrap();
        let token = Token {
            name: "one".to_owned(),
            user: "Ann".to_owned(),
            scope: Scope::Write,
            hash: secret.hash(),
            created: now,
            expires: None,
        };
        let set = |tokens: Vec<Token>| {
            let changed = file.change(|kept| {
                *kept = tokens;
                Ok::<_, CliError>(())
            });
            changed.unwrap();
        };
        set(vec![token.clone()]);
        let live = LiveTokens::new([("main".into(), file.clone())], move || now);
        let id = format!("main/{}", token.id());
        let is_good =
            || (live.verify(&secret).map(|grant| grant.is_some()), live.granted(&id).map(|grant| grant.is_some()));
        let both = |good: bool| (Ok(good), Ok(good));
        assert_eq!(is_good(), both(true));
        live.projects[0].write_uses();
        assert_eq!(file.uses().of(&token), Some(now));
        set(Vec::new());
        assert_eq!(is_good(), both(true), "nobody has looked");
        live.projects[0].look();
        assert_eq!(is_good(), both(false));
        fs::write(folder.path().join(super::super::FILE), "{").unwrap();
        live.projects[0].look();
        assert!(is_good().0.is_err() && is_good().1.is_err());
        fs::remove_file(folder.path().join(super::super::FILE)).unwrap();
        set(vec![token.clone()]);
        live.projects[0].look();
        assert_eq!(is_good(), both(true));
        // Where nothing has changed, nothing is read.
        let kept = live.projects[0].kept();
        live.projects[0].look();
        assert!(Arc::ptr_eq(&kept, &live.projects[0].kept()));
    }
}

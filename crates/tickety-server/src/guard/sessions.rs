//! Sessions of pages: a cookie got for a token.
//!
//! They are in memory: a server that begins anew has none, and who has a token gets another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blake3::Hash;

use crate::guard::token::{Secret, SecretKind};

/// How many sessions there are, and how long they last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// How many at a time; of more, the one ends that wasn't used for the longest time. Default: 1,000.
    pub most: usize,
    /// How many at a time for one token. Default: 50.
    pub of_token: usize,
    /// How long one lasts that isn't used. Default: 8 h.
    pub idle: Duration,
    /// How long one lasts at the most. Default: 7 days.
    pub lifetime: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        Self { most: 1_000, of_token: 50, idle: hours(8), lifetime: hours(7 * 24) }
    }
}

/// The sessions there are, by the hash of their secret.
#[derive(Debug)]
pub(crate) struct Sessions {
    limits: SessionLimits,
    kept: Mutex<HashMap<Hash, Session>>,
}

#[derive(Debug)]
struct Session {
    token: Arc<str>,
    begun: Duration,
    used: Duration,
}

impl Sessions {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self { limits, kept: Mutex::default() }
    }

    /// Returns for how long a cookie is kept.
    pub(crate) fn lifetime(&self) -> Duration {
        self.limits.lifetime
    }

    /// Begins a session for a token. `now` is since any moment in the past.
    pub(crate) fn begin(&self, token: &Arc<str>, now: Duration) -> Result<Secret, getrandom::Error> {
        let secret = Secret::generate(SecretKind::Session)?;
        let SessionLimits { most, of_token, .. } = self.limits;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, session| self.lasts(session, now));
        end_oldest(&mut kept, of_token, |session| session.token == *token);
        end_oldest(&mut kept, most, |_| true);
        kept.insert(secret.hash(), Session { token: Arc::clone(token), begun: now, used: now });
        Ok(secret)
    }

    /// Returns the name of the token that a session was got for, unless it has ended.
    pub(crate) fn use_of(&self, secret: &Secret, now: Duration) -> Option<Arc<str>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let session = kept.get_mut(&secret.hash()).filter(|session| self.lasts(session, now))?;
        session.used = now;
        Some(Arc::clone(&session.token))
    }

    /// Whether a session lasts still, by the hash of its secret. Asking doesn't use it.
    pub(crate) fn is_open(&self, session: &Hash, now: Duration) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(session).is_some_and(|session| self.lasts(session, now))
    }

    /// Ends a session.
    pub(crate) fn end(&self, secret: &Secret) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&secret.hash());
    }

    fn lasts(&self, session: &Session, now: Duration) -> bool {
        now.saturating_sub(session.used) < self.limits.idle && now.saturating_sub(session.begun) < self.limits.lifetime
    }
}

/// Makes room for one more, so that there are no more than so many of a sort.
fn end_oldest(kept: &mut HashMap<Hash, Session>, most: usize, is_of_sort: impl Fn(&Session) -> bool) {
    while kept.values().filter(|session| is_of_sort(session)).count() >= most.max(1) {
        let of_sort = kept.iter().filter(|(_, session)| is_of_sort(session));
        let Some(oldest) = of_sort.min_by_key(|(_, session)| session.used).map(|(hash, _)| *hash) else { return };
        kept.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sessions() -> Sessions {
        Sessions::new(SessionLimits { most: 4, of_token: 2, idle: at(10), lifetime: at(100) })
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_after_its_lifetime() {
        let (sessions, token) = (sessions(), Arc::<str>::from("t"));
        let secret = sessions.begin(&token, at(0)).unwrap();
        for second in (0..100).step_by(9) {
            assert_eq!(sessions.use_of(&secret, at(second)).as_deref(), Some("t"), "{second}");
        }
        assert_eq!(sessions.use_of(&secret, at(100)), None);
        let idle = sessions.begin(&token, at(200)).unwrap();
        assert!(sessions.is_open(&idle.hash(), at(209)));
        assert_eq!(sessions.use_of(&idle, at(210)), None);
    }

    #[test]
    fn there_are_no_more_than_allowed_and_the_oldest_goes() {
        let (sessions, one) = (sessions(), Arc::<str>::from("one"));
        let first = sessions.begin(&one, at(0)).unwrap();
        let second = sessions.begin(&one, at(1)).unwrap();
        sessions.use_of(&first, at(2));
        let third = sessions.begin(&one, at(3)).unwrap();
        let is_there = |secret: &Secret| sessions.kept.lock().unwrap().contains_key(&secret.hash());
        assert_eq!([&first, &second, &third].map(is_there), [true, false, true]);
        for token in ["a", "b", "c", "d"] {
            sessions.begin(&token.into(), at(4)).unwrap();
        }
        assert_eq!(sessions.kept.lock().unwrap().len(), 4);
        assert_eq!([&first, &third].map(is_there), [false, false]);
    }

    #[test]
    fn a_secret_that_nobody_was_given_is_no_session() {
        let sessions = sessions();
        let invented = Secret::generate(SecretKind::Session).unwrap();
        assert_eq!(sessions.use_of(&invented, at(0)), None);
        let real = sessions.begin(&"t".into(), at(0)).unwrap();
        sessions.end(&real);
        assert_eq!(sessions.use_of(&real, at(0)), None);
    }
}

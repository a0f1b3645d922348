//! Answers that are kept as they are sent: bytes and their tag, as long as nothing has changed.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use tickety_cache::{Cache, Equivalent, Stats};
use tickety_core::ident::IssueKey;
use tickety_store::{IssueStorage, Look, Stamp, StoredIssue};
use tokio::sync::Mutex;

use crate::cache_tag::CACHE_TAG;
use crate::compressed;
use crate::conditional::{self, Named};
use crate::envelope::JSON;

/// How long a representation is kept at the most.
const TTL: Duration = Duration::from_secs(300);

/// What is counted for an entry beside its bytes.
const ENTRY_BYTES: usize = 512;

/// How many bytes the usual entry takes.
const USUAL_BYTES: u64 = 4 << 10;

/// The longest address that is kept with what it answers.
const LONGEST_ADDRESS: usize = 2 << 10;

/// What an answer looks like on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Representation {
    bytes: Bytes,
    /// The same compressed, once somebody has asked for that, unless it wouldn't be shorter.
    gzip: Arc<OnceLock<Option<Bytes>>>,
    tag: HeaderValue,
    modified: Option<HeaderValue>,
    /// The issues it shows, where that is said.
    about: Option<HeaderValue>,
}

/// What a client and others on the way may do with an answer.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) cache_control: HeaderValue,
}

/// What has to be compared with the truth before an answer is given again.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// An issue with the other ends of its links.
    Issue { key: IssueKey, ends: Vec<IssueKey> },
    /// A list of these issues, or what is made of many.
    List(Vec<IssueKey>),
}

/// A kept answer: it is right as long as the store answers from the state of its stamp.
#[derive(Debug)]
pub(crate) struct Kept {
    representation: Representation,
    shown: Shown,
    stamp: Stamp,
}

/// The kept answers of a project.
#[derive(Debug)]
pub(crate) struct Representations {
    entries: Cache<Address, Arc<Kept>>,
    /// Whether any of them depends on who asks.
    has_personal: AtomicBool,
    /// Held by the one who looks whether anything has changed.
    pub(crate) looking: Mutex<()>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Address {
    target: Box<str>,
    who: Option<Arc<str>>,
}

struct Borrowed<'a> {
    target: &'a str,
    who: Option<&'a str>,
}

impl Address {
    fn borrow(&self) -> Borrowed<'_> {
        Borrowed { target: &self.target, who: self.who.as_deref() }
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrow().hash(state);
    }
}

impl Hash for Borrowed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.hash(state);
        self.who.hash(state);
    }
}

impl Equivalent<Address> for Borrowed<'_> {
    fn equivalent(&self, key: &Address) -> bool {
        *self.target == *key.target && self.who == key.who.as_deref()
    }
}

impl Representation {
    pub(crate) fn new(bytes: Vec<u8>, modified: Option<HeaderValue>) -> Self {
        Self { tag: conditional::tag_of(&bytes), bytes: bytes.into(), gzip: Arc::default(), modified, about: None }
    }

    /// Says which issues it shows.
    pub(crate) fn about(mut self, about: Option<HeaderValue>) -> Self {
        self.about = about;
        self
    }

    pub(crate) fn tag(&self) -> &HeaderValue {
        &self.tag
    }

    /// Answers with it, or says that who asks has it already.
    pub(crate) fn respond(&self, if_none_match: Option<&Named>, takes_gzip: bool, terms: &Terms) -> Response {
        let known = if_none_match.and_then(|named| named.form(&self.tag));
        let is_known = known.is_some();
        let gzip =
            if takes_gzip && !is_known { self.gzip.get_or_init(|| compressed::gzip(&self.bytes)) } else { &None };
        let mut response = match (is_known, gzip) {
            (true, _) => Response::new(Body::empty()),
            (false, Some(gzip)) => Response::new(Body::from(gzip.clone())),
            (false, None) => Response::new(Body::from(self.bytes.clone())),
        };
        let headers = response.headers_mut();
        if gzip.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(header::ETAG, known.unwrap_or_else(|| self.tag.clone()));
        headers.insert(header::CACHE_CONTROL, terms.cache_control.clone());
        headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie, accept-encoding"));
        if let Some(modified) = &self.modified {
            headers.insert(header::LAST_MODIFIED, modified.clone());
        }
        if let Some(about) = &self.about {
            headers.insert(CACHE_TAG, about.clone());
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        }
        response
    }
}

impl Shown {
    /// What has to be looked at before an issue is shown.
    pub(crate) fn of_issue(stored: &StoredIssue) -> Self {
        let ends = stored.derived.links.iter().filter_map(|end| end.target.as_ref()).map(|target| target.key);
        Self::Issue { key: stored.issue.key(), ends: ends.collect() }
    }

    pub(crate) fn look(&self) -> Look<'_> {
        match self {
            Self::Issue { key, ends } => Look::Issue { key: *key, ends },
            Self::List(keys) => Look::List(keys),
        }
    }
}

impl Kept {
    pub(crate) fn new(representation: Representation, shown: Shown, stamp: Stamp) -> Self {
        Self { representation, shown, stamp }
    }

    pub(crate) fn representation(&self) -> &Representation {
        &self.representation
    }

    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Whether it is what the store would say, as far as that is known without waiting.
    pub(crate) fn is_at_hand(&self, storage: &dyn IssueStorage) -> bool {
        storage.stamp_at_hand(self.shown.look()) == Some(self.stamp)
    }

    pub(crate) fn is_of(&self, stamp: Stamp) -> bool {
        self.stamp == stamp
    }
}

impl Representations {
    /// Makes room for so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let entries = Cache::weighted(bytes, bytes / USUAL_BYTES)
            .ttl(TTL)
            .weigher(|address: &Address, kept: &Arc<Kept>| {
                let bytes = kept.representation.bytes.len();
                // The compressed form, which may be made later, usually has less than a quarter.
                let bytes = bytes + bytes / 4 + address.target.len() + ENTRY_BYTES;
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .build();
        Self { entries, has_personal: AtomicBool::new(false), looking: Mutex::default() }
    }

    /// Returns what was answered at an address before, to this person or to anybody.
    pub(crate) fn get(&self, target: &str, who: Option<&str>) -> Option<Arc<Kept>> {
        let personal = || {
            let known = who.is_some() && self.has_personal.load(Ordering::Relaxed);
            if known { self.entries.get(&Borrowed { target, who }) } else { None }
        };
        personal().or_else(|| self.entries.get(&Borrowed { target, who: None }))
    }

    /// Keeps an answer for this person, or for anybody.
    pub(crate) fn keep(&self, target: &str, who: Option<Arc<str>>, kept: Kept) {
        if target.len() > LONGEST_ADDRESS {
            return;
        }
        if who.is_some() {
            self.has_personal.store(true, Ordering::Relaxed);
        }
        self.entries.insert(Address { target: target.into(), who }, Arc::new(kept));
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.entries.clear();
    }

    pub(crate) fn stats(&self) -> Stats {
        self.entries.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_compressed_once_for_all_who_take_that() {
        let terms = Terms { cache_control: HeaderValue::from_static("private, no-cache") };
        let kept = Representation::new(vec![b'a'; 5000], None);
        let plain = kept.respond(None, false, &terms);
        assert!(kept.gzip.get().is_none() && !plain.headers().contains_key(header::CONTENT_ENCODING));
        let first = kept.clone().respond(None, true, &terms);
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        let made = kept.gzip.get().unwrap().clone().unwrap();
        kept.respond(None, true, &terms);
        assert_eq!(kept.gzip.get().unwrap().as_ref().unwrap().as_ptr(), made.as_ptr());
        assert!(made.len() < 500);
    }
}

//! Stored answers as bytes. Numbers are little-endian; texts and bytes come after their length.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tickety_cache::{Codec, CodecError};

use crate::asked::Asked;
use crate::clock::since_epoch;
use crate::key::{Key, Of};
use crate::rules::Rules;
use crate::stored::{Storable, Stored, VARIANTS, Variants};

/// Writes and reads the answers of a client with some rules.
pub(crate) struct Answers<'a> {
    rules: &'a Rules,
    /// The time since the Unix epoch: what comes from later is refused.
    now: Duration,
    schema: String,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(rules: &'a Rules, now: Duration) -> Self {
        // What is stored for one user is no matter for several.
        let kind = if rules.shared { "shared" } else { "private" };
        Self { rules, now, schema: format!("tickety-http 1 {kind}") }
    }

    fn read_stored(&self, from: &mut &[u8]) -> Result<Option<Stored>, CodecError> {
        let status = StatusCode::from_u16(u16::try_from(take_number(from)?)?)?;
        let requested = self.take_time(from)?;
        let received = self.take_time(from)?;
        let asked = Asked::of_stored(take_headers(from)?);
        let headers = take_headers(from)?;
        let body = Bytes::copy_from_slice(take_bytes(from)?);
        let storable = Storable::of(self.rules, &asked, status, &headers, (requested, received));
        Ok(storable.map(|storable| storable.with_body(body)))
    }

    fn take_time(&self, from: &mut &[u8]) -> Result<SystemTime, CodecError> {
        let time = Duration::from_millis(take_number(from)?);
        if time > self.now.saturating_add(Duration::from_secs(60)) {
            return Err("it comes from the future".into());
        }
        Ok(SystemTime::UNIX_EPOCH + time)
    }
}

impl Codec<Key, Arc<Variants>> for Answers<'_> {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn write_key(&self, key: &Key, to: &mut Vec<u8>) -> Result<(), CodecError> {
        to.push(match key.of {
            Of::Get => 0,
            Of::Head => 1,
            Of::Part => 2,
        });
        to.extend(key.url.as_bytes());
        Ok(())
    }

    fn read_key(&self, from: &[u8]) -> Result<Key, CodecError> {
        let (of, url) = from.split_first().ok_or("a key is empty")?;
        let of = match of {
            0 => Of::Get,
            1 => Of::Head,
            2 => Of::Part,
            _ => return Err("a key is of no kind".into()),
        };
        Ok(Key { of, url: std::str::from_utf8(url)?.into() })
    }

    fn write_value(&self, value: &Arc<Variants>, to: &mut Vec<u8>) -> Result<(), CodecError> {
        put_number(to, value.len() as u64);
        for stored in value.iter() {
            put_number(to, u64::from(stored.status.as_u16()));
            for time in [stored.requested, stored.received] {
                put_number(to, u64::try_from(since_epoch(time).as_millis())?);
            }
            put_headers(to, &stored.terms.selecting);
            put_headers(to, &stored.headers);
            put_bytes(to, &stored.body);
        }
        Ok(())
    }

    fn read_value(&self, mut from: &[u8]) -> Result<Arc<Variants>, CodecError> {
        let count = usize::try_from(take_number(&mut from)?)?;
        if count > VARIANTS {
            return Err("there are too many answers of a URL".into());
        }
        let mut variants = Variants::new();
        for _ in 0..count {
            variants.extend(self.read_stored(&mut from)?.map(Arc::new));
        }
        if from.is_empty() { Ok(Arc::new(variants)) } else { Err("an entry goes on after its last answer".into()) }
    }
}

fn put_number(to: &mut Vec<u8>, number: u64) {
    to.extend(number.to_le_bytes());
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend(bytes);
}

fn put_headers(to: &mut Vec<u8>, headers: &HeaderMap) {
    put_number(to, headers.len() as u64);
    for (name, value) in headers {
        put_bytes(to, name.as_str().as_bytes());
        put_bytes(to, value.as_bytes());
    }
}

fn take_number(from: &mut &[u8]) -> Result<u64, CodecError> {
    let (number, rest) = from.split_first_chunk::<8>().ok_or("an entry ends too early")?;
    *from = rest;
    Ok(u64::from_le_bytes(*number))
}

fn take_bytes<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], CodecError> {
    let length = usize::try_from(take_number(from)?)?;
    let (bytes, rest) = from.split_at_checked(length).ok_or("an entry ends too early")?;
    *from = rest;
    Ok(bytes)
}

fn take_headers(from: &mut &[u8]) -> Result<HeaderMap, CodecError> {
    let mut headers = HeaderMap::new();
    for _ in 0..take_number(from)? {
        let name = HeaderName::from_bytes(take_bytes(from)?)?;
        headers.append(name, HeaderValue::from_bytes(take_bytes(from)?)?);
    }
    Ok(headers)
}

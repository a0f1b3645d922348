//! The token for a server: from `TICKETY_TOKEN`, or from the file that the user's own configuration names for the server.
//! Never from an argument, which everybody on the machine can read.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use tickety_api::ErrorCode;

use super::{expanded, mentioning, settings};
use crate::context::Context;
use crate::exit::CliError;

/// The longest file that is read.
const MAX_BYTES: u64 = 4 << 10;

/// Returns the token for the server of an address, if there is one.
pub fn find(url: &str, context: &Context) -> Result<Option<String>, CliError> {
    if let Some(token) = context.token()? {
        return plain(&token).map(Some).ok_or_else(|| {
            CliError::new(ErrorCode::BadValue, "TICKETY_TOKEN: a token is one word")
                .hint("`tickety token create` makes one")
        });
    }
    let Some(config) = mentioning(context)? else { return Ok(None) };
    let known = settings(&config)?;
    // A token is for the server that it was noted for: another one never sees it.
    let fits = known.into_iter().filter(|known| is_at(url, &known.url) && known.token_file.is_some());
    let Some(file) = fits.max_by_key(|known| known.url.len()).and_then(|known| known.token_file) else {
        return Ok(None);
    };
    read(&expanded(&file, context)).map(Some)
}

/// Whether an address is another one, or one below it.
fn is_at(url: &str, known: &str) -> bool {
    let (url, known) = (url.trim().trim_end_matches('/'), known.trim().trim_end_matches('/'));
    url.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn read(path: &Path) -> Result<String, CliError> {
    let text = read_own(path).map_err(|error| {
        CliError::io("read the token in", path, &error)
            .hint("it is named by `token-file` in your own configuration; `tickety help config` tells more")
    })?;
    plain(&text).ok_or_else(|| {
        CliError::new(ErrorCode::BadConfig, format_args!("{} has no token: one word is expected", path.display()))
    })
}

fn plain(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// Reads a file that is a secret of its owner: no link, no pipe, and nobody else can read or write it.
fn read_own(path: &Path) -> io::Result<String> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other("others can read or write it: `chmod 600` it"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_the_server_that_it_was_noted_for() {
        for (url, known, expected) in [
            ("http://a:7420", "http://a:7420", true),
            ("http://a:7420/", "http://a:7420", true),
            ("http://a:7420/api/v1/projects/x", "http://a:7420", true),
            ("http://a:74200", "http://a:7420", false),
            ("http://a.example.com", "http://a", false),
            ("http://a@evil", "http://a", false),
            ("https://a", "http://a", false),
            ("http://a/api/v1", "http://a/api/v1/projects/x", false),
        ] {
            assert_eq!(is_at(url, known), expected, "{url} {known}");
        }
    }
}

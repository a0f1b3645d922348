//! Texts from arguments, files and standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use tickety_api::ErrorCode;
use tickety_core::operation::limits;

use crate::exit::CliError;

/// Reads a text from a file, or from standard input for `-`.
pub fn text(file: &Path) -> Result<String, CliError> {
    // A little more than fits, so that what is too long is refused and never cut off.
    let most = limits::BODY as u64 + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        let read = io::stdin().lock().take(most).read_to_end(&mut bytes);
        read.map_err(|error| CliError::io("read", Path::new("standard input"), &error))?;
    } else {
        let read = fs::File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes));
        read.map_err(|error| CliError::io("read", file, &error))?;
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| CliError::new(ErrorCode::BadValue, error.utf8_error()).about(file.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Returns the text of an argument or of the file that another one names, if either is given.
pub fn argument_or_file(argument: Option<&str>, file: Option<&Path>) -> Result<Option<String>, CliError> {
    match (argument, file) {
        (Some("-"), _) => text(Path::new("-")).map(Some),
        (Some(argument), _) => Ok(Some(argument.to_owned())),
        (None, Some(file)) => text(file).map(Some),
        (None, None) => Ok(None),
    }
}

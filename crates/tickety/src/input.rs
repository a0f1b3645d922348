//! Texts from arguments, files and standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use tickety_api::ErrorCode;
use tickety_core::operation::limits;

use crate::exit::CliError;

/// How much of a text is read: more than any text may have, so that what is too long is refused and never cut off.
const MOST: usize = 16 << 20;

/// Reads a text from a file, or from standard input for `-`.
pub fn text(file: &Path) -> Result<String, CliError> {
    let most = MOST as u64 + 1;
    let mut bytes = Vec::new();
    let read = if is_standard_input(file) {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes))
    };
    let name = name_of(file);
    read.map_err(|error| CliError::io("read", name, &error))?;
    if bytes.len() > MOST {
        let message = format!("has more than {MOST} bytes; the limit is {}", limits::BODY);
        return Err(CliError::new(ErrorCode::BadText, message).about(name.display()));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| CliError::new(ErrorCode::BadValue, error.utf8_error()).about(name.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Whether an argument means standard input.
pub fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// Returns what people call a file that was named in an argument.
pub fn name_of(file: &Path) -> &Path {
    if is_standard_input(file) { Path::new("standard input") } else { file }
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

//! Who acts, as files tell it.
//!
//! Starting git to ask for `user.name` costs more than a whole command, so its configuration files
//! are read here; includes are not followed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compose::read_foreign_text;

/// The longest configuration file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// Returns the actor that the user's own configuration names.
pub fn configured_actor(path: &Path) -> Option<String> {
    let text = read_foreign_text(path, MAX_BYTES).ok()?;
    // The only key at the top of this file, so no more of TOML than a quoted text is needed.
    text.lines().take_while(|line| !line.trim_start().starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "actor").then(|| unquoted(value))
    })
}

/// Writes the actor into the user's own configuration; everything else in the file stays.
pub fn configure_actor(path: &Path, actor: &str) -> io::Result<()> {
    let text = match read_foreign_text(path, MAX_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let name: String = actor.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
    let others = text.lines().filter(|line| line.split_once('=').is_none_or(|(key, _)| key.trim() != "actor"));
    let mut lines = vec![format!("actor = \"{name}\"")];
    lines.extend(others.map(str::to_owned));
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = path.with_extension("toml.tmp");
    fs::write(&beside, lines.join("\n") + "\n")?;
    fs::rename(&beside, path)
}

/// Returns git's `user.name`, which the first of the configuration files decides that has one.
pub fn git_user(configs: impl IntoIterator<Item = PathBuf>) -> Option<String> {
    configs.into_iter().find_map(|path| user_name(&read_foreign_text(&path, MAX_BYTES).ok()?))
}

/// Returns the last `name` of the `[user]` sections of a git configuration.
fn user_name(config: &str) -> Option<String> {
    let mut in_user = false;
    let mut found = None;
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_user = section.split(']').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("user"));
        } else if in_user
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("name")
        {
            found = Some(unquoted(value));
        }
    }
    found
}

/// Takes a value without its quotes or, where it has none, without a comment after it.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((quoted, _)) => quoted.to_owned(),
        None => value.split(['#', ';']).next().unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_section_names_the_actor() {
        let config =
            "[core]\n\tname = no\n[user]\n\temail = a@b\n\tName = Ann Lee # me\n[user \"x\"]\n\tname = other\n";
        assert_eq!(user_name(config).as_deref(), Some("Ann Lee"));
        assert_eq!(user_name("[User]\nname=\"Ann; Lee\"\n").as_deref(), Some("Ann; Lee"));
        assert_eq!(user_name("[alias]\nname = x\n"), None);
    }
}

//! Who acts, as git's files tell it.
//!
//! Starting git to ask for `user.name` costs more than a whole command, so its configuration files
//! are read here; includes are not followed.

use std::path::PathBuf;

use crate::compose::read_foreign_text;

/// The longest configuration file that is read.
const MAX_BYTES: u64 = 4 << 20;

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

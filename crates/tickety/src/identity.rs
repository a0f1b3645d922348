//! Who acts, as git's files tell it.
//!
//! Starting git to ask for `user.name` costs more than a whole command, so its configuration files
//! are read here. Git is asked only where they include others, where a work tree has a configuration of its own, and
//! where variables name other files.

use std::path::PathBuf;

use crate::compose::read_foreign_text;

/// The longest configuration file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// What git's configuration files say of `user.name`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GitUser {
    /// The name.
    Name(String),
    /// Nothing.
    Nobody,
    /// That other files count too: git has to be asked.
    Elsewhere,
}

/// Returns git's `user.name`, which the first of the configuration files decides that has one. What is empty is none.
pub fn git_user(configs: impl IntoIterator<Item = PathBuf>) -> GitUser {
    for path in configs {
        let Some(config) = read_foreign_text(&path, MAX_BYTES).ok() else { continue };
        let Config { name, is_whole } = Config::read(&config);
        match name {
            _ if !is_whole => return GitUser::Elsewhere,
            Some(name) => return GitUser::Name(name),
            None => {}
        }
    }
    GitUser::Nobody
}

/// Returns what the files say themselves.
pub fn plain_git_user(configs: impl IntoIterator<Item = PathBuf>) -> Option<String> {
    configs.into_iter().find_map(|path| Config::read(&read_foreign_text(&path, MAX_BYTES).ok()?).name)
}

/// What a configuration file says.
#[derive(Debug)]
struct Config {
    /// The last `name` of its `[user]` sections that isn't empty.
    name: Option<String>,
    /// Whether it includes no other files, and says of none that they count.
    is_whole: bool,
}

impl Config {
    fn read(config: &str) -> Self {
        let mut read = Self { name: None, is_whole: true };
        let mut section = String::new();
        for line in config.lines().map(str::trim) {
            let mut line = line;
            if let Some(header) = line.strip_prefix('[') {
                let (name, rest) = header.split_once(']').unwrap_or((header, ""));
                section = name.trim().to_ascii_lowercase();
                let kind = section.split([' ', '\t', '.', '"']).next().unwrap_or_default();
                read.is_whole &= !matches!(kind, "include" | "includeif");
                // A setting may follow on the same line.
                line = rest.trim();
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            match (section.as_str(), key.trim().to_ascii_lowercase().as_str()) {
                ("user", "name") => read.name = Some(unquoted(value)).filter(|name| !name.is_empty()).or(read.name),
                ("extensions", "worktreeconfig") => read.is_whole = false,
                _ => {}
            }
        }
        read
    }
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
        let name = |config: &str| Config::read(config).name;
        assert_eq!(name(config).as_deref(), Some("Ann Lee"));
        assert_eq!(name("[User]\nname=\"Ann; Lee\"\n").as_deref(), Some("Ann; Lee"));
        assert_eq!(name("[user] name = Ann\n[user]\nname =\n").as_deref(), Some("Ann"));
        assert_eq!(name("[alias]\nname = x\n[user]\nname =\n"), None);
    }

    #[test]
    fn what_counts_beside_a_file_is_noticed() {
        for (config, is_whole) in [
            ("[user]\nname = Ann\n[includes]\npath = x\n", true),
            ("[include]\npath = x\n", false),
            ("[IncludeIf \"gitdir:~/x/\"]\npath = x\n", false),
            ("[extensions]\n\tworktreeConfig = true\n", false),
        ] {
            assert_eq!(Config::read(config).is_whole, is_whole, "{config}");
        }
    }
}

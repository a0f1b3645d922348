//! Who the user is, as git's configuration says.

use std::io;
use std::path::{Path, PathBuf};

use super::super::discovery;
use super::super::files::read_foreign_text;
use super::super::layout::Layout;
use super::{GitError, command_in, files, or_no, run, setting};

/// The longest configuration file that is read.
const CONFIG_BYTES: u64 = 4 << 20;

/// The configuration files outside of the repository, the weakest first: usually
/// `/etc/gitconfig`, `$XDG_CONFIG_HOME/git/config` and `~/.gitconfig`. Missing ones don't matter.
pub type ConfigFiles = [PathBuf];

/// A name and an address, as far as they are configured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// `user.name`.
    pub name: Option<String>,
    /// `user.email`.
    pub email: Option<String>,
}

/// Returns who the user is: from the files given, then from the clone's and the checkout's own.
///
/// The files are read here. Only where one of them includes others, git is asked, which costs its
/// start.
pub fn identity(layout: &Layout, files: &ConfigFiles) -> Result<Identity, GitError> {
    let mut identity = Identity::default();
    let own =
        layout.checkout.iter().flat_map(|git| [git.common_dir.join("config"), git.git_dir.join("config.worktree")]);
    for path in files.iter().cloned().chain(own) {
        let text = match read_foreign_text(&path, CONFIG_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(GitError::Read { path, source }),
        };
        if read_config(&text, &mut identity).is_none() {
            return ask(layout);
        }
    }
    Ok(identity)
}

/// Asks git for the `user.name` that counts in a directory: the last that isn't empty. Costs git's start; for where its
/// configuration is not in the usual files alone.
pub fn user_name(directory: &Path) -> Result<Option<String>, GitError> {
    match discovery::work_tree(directory) {
        Ok(Some(git)) => files::check(&git)?,
        Ok(None) | Err(_) => files::check_users()?,
    }
    let arguments = ["config", "--null", "--get-all", "user.name"];
    let names = or_no(run(command_in(directory, arguments), &arguments))?.unwrap_or_default();
    let names = String::from_utf8_lossy(&names);
    Ok(names.split('\0').map(str::trim).rfind(|name| !name.is_empty()).map(str::to_owned))
}

fn ask(layout: &Layout) -> Result<Identity, GitError> {
    layout.checkout.as_ref().map_or(Ok(()), files::check)?;
    let root = layout.checkout.as_ref().map_or(&layout.root, |git| &git.work_tree);
    let mut identity = Identity::default();
    for (key, value) in [("user.name", &mut identity.name), ("user.email", &mut identity.email)] {
        let arguments = ["config", "--null", "--get", key];
        *value = setting(run(command_in(root, arguments), &arguments))?;
    }
    Ok(identity)
}

/// Reads the settings of a configuration file; `None` if it includes others or isn't understood.
fn read_config(text: &str, identity: &mut Identity) -> Option<()> {
    let mut section = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut rest = line.trim_start();
        if let Some(header) = rest.strip_prefix('[') {
            let (name, after) = header.split_once(']')?;
            section = name.trim().to_ascii_lowercase();
            if section == "include" || section.starts_with("includeif") {
                return None;
            }
            // A setting may follow on the same line.
            rest = after.trim_start();
        }
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            continue;
        }
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        let value = read_value(value, &mut lines)?;
        let target = match (section.as_str(), key.trim().to_ascii_lowercase().as_str()) {
            ("user", "name") => &mut identity.name,
            ("user", "email") => &mut identity.email,
            _ => continue,
        };
        *target = Some(value).filter(|value| !value.is_empty());
    }
    Some(())
}

/// Takes quotes, escapes, comments and continued lines out of a value; `None` if a quote isn't
/// closed.
fn read_value(text: &str, lines: &mut std::str::Lines<'_>) -> Option<String> {
    let mut value = String::new();
    // Blanks at the end count only within quotes.
    let mut kept = 0;
    let mut quoted = false;
    let mut chars = text.trim_start().chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                quoted = !quoted;
                kept = value.len();
            }
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('b') => drop(value.pop()),
                Some(escaped @ ('"' | '\\')) => value.push(escaped),
                Some(_) => return None,
                None => {
                    chars = lines.next().unwrap_or_default().chars();
                    continue;
                }
            },
            '#' | ';' if !quoted => break,
            blank if blank.is_whitespace() && !quoted => {
                value.push(blank);
                continue;
            }
            other => value.push(other),
        }
        kept = value.len().max(kept);
    }
    value.truncate(kept);
    (!quoted).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Option<String>, Option<String>)> {
        let mut identity = Identity::default();
        read_config(text, &mut identity)?;
        Some((identity.name, identity.email))
    }

    fn name(text: &str) -> Option<String> {
        read(&format!("[user]\n{text}")).and_then(|(name, _)| name)
    }

    #[test]
    fn settings_are_read_as_git_reads_them() {
        for (text, expected) in [
            ("name = Ada Lovelace", "Ada Lovelace"),
            ("\tNAME=Ada  Lovelace  ; comment", "Ada  Lovelace"),
            ("name = \"Ada # not a comment \"  # one", "Ada # not a comment "),
            ("name = Ada \\\"Countess\\\" L\\\\x", "Ada \"Countess\" L\\x"),
            ("name = Ada \\\n  Lovelace", "Ada   Lovelace"),
            ("# comment\n; comment\n\nname = Ada", "Ada"),
            ("name = first\nname = last", "last"),
        ] {
            assert_eq!(name(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(
            read("[user] name = Ada\n[core]\nname = x\n[user \"sub\"]\nname = y").unwrap().0.as_deref(),
            Some("Ada")
        );
        assert_eq!(read("[User]\nemail = a@b.c\nname").unwrap(), (None, Some("a@b.c".to_owned())));
    }

    #[test]
    fn includes_and_nonsense_are_left_to_git() {
        for text in [
            "[include]\npath = x",
            "[includeIf \"gitdir:x\"]\npath = x",
            "[user",
            "[user]\nname = \"open",
            "[user]\nname = \\x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

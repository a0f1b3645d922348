//! Who acts, as files tell it.
//!
//! Starting git to ask for `user.name` costs more than a whole command, so its configuration files
//! are read here; includes are not followed.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the actor that the user's own configuration names.
pub fn configured_actor(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    // The only key at the top of this file, so no more of TOML than a quoted text is needed.
    text.lines().take_while(|line| !line.trim_start().starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "actor").then(|| unquoted(value))
    })
}

/// Returns git's `user.name` as seen from a directory: the repository's own before the user's.
pub fn git_user(directory: &Path, user_configs: &[PathBuf]) -> Option<String> {
    let local = git_common_dir(directory).map(|git| git.join("config"));
    local.iter().chain(user_configs).find_map(|path| user_name(&fs::read_to_string(path).ok()?))
}

/// Finds the git directory that the worktrees of a clone share.
fn git_common_dir(directory: &Path) -> Option<PathBuf> {
    let start = fs::canonicalize(directory).ok()?;
    let dot_git = start.ancestors().map(|ancestor| ancestor.join(".git")).find(|path| path.exists())?;
    let git = if dot_git.is_file() {
        let text = fs::read_to_string(&dot_git).ok()?;
        dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim())
    } else {
        dot_git
    };
    match fs::read_to_string(git.join("commondir")) {
        Ok(common) => Some(git.join(common.trim())),
        Err(_) => Some(git),
    }
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

    #[test]
    fn a_linked_worktree_has_the_name_of_its_repository() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        write("repo/.git/config", "[user]\nname = Local\n");
        write("repo/.git/worktrees/wt/commondir", "../..\n");
        write("wt/.git", &format!("gitdir: {}\n", root.path().join("repo/.git/worktrees/wt").display()));
        write("wt/deep/file", "");
        assert_eq!(git_user(&root.path().join("wt/deep"), &[]).as_deref(), Some("Local"));
    }
}

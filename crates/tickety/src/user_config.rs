//! The user's own configuration: one setting a line, `key = "text"` or `key = 7`.
//!
//! All keys stand at the top of the file, so no more of TOML than texts and numbers is needed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compose::read_foreign_text;

/// The longest configuration file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// The settings of a file.
#[derive(Clone, Debug, Default)]
pub struct UserConfig {
    path: PathBuf,
    text: String,
}

/// A setting of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// The number of the line, from 1.
    pub number: usize,
    /// What is set.
    pub key: &'a str,
    /// To what.
    pub value: String,
}

impl UserConfig {
    /// Reads the settings of a file; one that doesn't exist has none.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = match read_foreign_text(path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        Ok(Self { path: path.to_owned(), text })
    }

    /// Returns where the file is, whether or not it exists.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its settings.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let top = self.text.lines().take_while(|line| !line.trim_start().starts_with('['));
        top.enumerate().filter_map(|(index, line)| {
            let (key, value) = line.split_once('=')?;
            let key = key.trim();
            (!key.starts_with('#')).then(|| Line { number: index + 1, key, value: unquoted(value) })
        })
    }

    /// Returns what is set for a key.
    pub fn line(&self, key: &str) -> Option<Line<'_>> {
        self.lines().find(|line| line.key == key)
    }

    /// Writes a setting, a text or a number; everything else in the file stays.
    pub fn set(&self, key: &str, value: &str, is_text: bool) -> io::Result<()> {
        let value: String = value.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
        let mut lines = vec![if is_text { format!("{key} = \"{value}\"") } else { format!("{key} = {value}") }];
        let replaced: Vec<usize> = self.lines().filter(|line| line.key == key).map(|line| line.number).collect();
        let others = self.text.lines().enumerate().filter(|(index, _)| !replaced.contains(&(index + 1)));
        lines.extend(others.map(|(_, line)| line.to_owned()));
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = self.path.with_extension("toml.tmp");
        fs::write(&beside, lines.join("\n") + "\n")?;
        fs::rename(&beside, &self.path)
    }
}

/// Takes a value without its quotes or, where it has none, without a comment after it.
pub fn unquoted(value: &str) -> String {
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
    fn a_setting_is_found_with_its_line() {
        let text =
            "# actor = \"no\"\n\nactor = \"Ann # Lee\" # me\ncache-max-entries=7 # few\n[table]\ncache = \"off\"\n";
        let config = UserConfig { path: PathBuf::new(), text: text.to_owned() };
        let line = |number, key, value: &str| Line { number, key, value: value.to_owned() };
        let expected = [line(3, "actor", "Ann # Lee"), line(4, "cache-max-entries", "7")];
        assert_eq!(config.lines().collect::<Vec<_>>(), expected);
        assert_eq!(config.line("cache"), None);
    }

    #[test]
    fn a_setting_is_replaced_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("tickety-user-config-{}", std::process::id()));
        let path = folder.join("new").join("config.toml");
        UserConfig::read(&path).unwrap().set("actor", "Ann \"A\" Lee\n", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "actor = \"Ann A Lee\"\n");
        fs::write(&path, "# mine\ncache = \"off\"\nactor = \"x\"\n[t]\ncache = 1\n").unwrap();
        UserConfig::read(&path).unwrap().set("cache", "on", true).unwrap();
        UserConfig::read(&path).unwrap().set("cache-max-entries", "70", false).unwrap();
        let expected = "cache-max-entries = 70\ncache = \"on\"\n# mine\nactor = \"x\"\n[t]\ncache = 1\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        fs::remove_dir_all(folder).unwrap();
    }
}

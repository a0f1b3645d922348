//! Which server a command asks instead of a home here, if it asks one.
//!
//! Whoever runs the command says so: with `--remote`, with `TICKETY_REMOTE`, or in his own configuration. No file of a
//! repository is asked, since it may come from anybody and issues and a token would go where it says.

#[cfg(feature = "server")]
mod token;

use std::fs;
use std::path::{Path, PathBuf};

use tickety_api::ErrorCode;

use crate::args::Global;
use crate::commands::Place;
use crate::compose;
use crate::context::Context;
use crate::exit::CliError;
use crate::user_config::{Table, UserConfig};

#[cfg(feature = "server")]
pub use token::find as find_token;

/// The setting of the address where there is no home.
pub const KEY: &str = "remote";

/// The settings of servers, each a table under its address.
const TABLES: &str = "remotes";

/// A server that a command asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Its address, as it was given.
    pub url: String,
    /// Where that was said.
    pub said_by: SaidBy,
}

/// Where an address was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SaidBy {
    /// By `--remote`.
    Option,
    /// By `TICKETY_REMOTE`.
    Variable,
    /// By the user's own configuration.
    Config,
}

/// What the user's own configuration says of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Settings {
    /// Its address.
    url: String,
    /// The folders in which, and below which, it is asked, whatever home is there.
    directories: Vec<String>,
    /// The file with the token for it.
    token_file: Option<String>,
}

/// Finds out which server a command asks.
pub fn choose(place: Place, global: &Global, context: &Context, command: &str) -> Result<Option<Chosen>, CliError> {
    let Some(chosen) = chosen(place, global, context)? else { return Ok(None) };
    match (place, chosen.said_by) {
        (Place::Own, _) | (Place::Here, SaidBy::Option) => Err(CliError::usage(format_args!(
            "`tickety {command}` asks no server: it works {}",
            if place == Place::Own { "here" } else { "in the repository, on its files and its clone" }
        ))
        .hint(format_args!("leave out --remote{}", instead(command)))),
        (Place::Here, _) => Err(CliError::usage(format_args!(
            "`tickety {command}` works in the repository, and {} says that the issues are at {}",
            chosen.said_by.in_words(),
            chosen.url
        ))
        .hint(format_args!("`--no-remote` does it in the home here{}", instead(command)))),
        (Place::Storage | Place::Told, _) if global.freshness.is_some() => Err(CliError::usage(format_args!(
            "--freshness is about files here, and {} says that the issues are at {}",
            chosen.said_by.in_words(),
            chosen.url
        ))
        .hint("leave it out: `tickety serve --freshness MODE` says what a server checks before it answers")),
        (Place::Storage | Place::Told, _) => Ok(Some(chosen)),
    }
}

fn chosen(place: Place, global: &Global, context: &Context) -> Result<Option<Chosen>, CliError> {
    let address =
        |url: &str, said_by| Some(Chosen { url: url.trim().to_owned(), said_by }).filter(|it| !it.url.is_empty());
    if global.no_remote {
        return Ok(None);
    }
    if let Some(url) = &global.remote {
        return Ok(address(url, SaidBy::Option));
    }
    if place == Place::Own {
        return Ok(None);
    }
    if let Some(chosen) = context.remote()?.and_then(|url| address(&url, SaidBy::Variable)) {
        return Ok(Some(chosen));
    }
    let Some(config) = mentioning(context)? else { return Ok(None) };
    let by_folder = in_folder(&settings(&config)?, context)?;
    let configured = match by_folder {
        Some(url) => Some(url),
        None => config.text(KEY)?.filter(|_| compose::has_no_home(context.directory())).map(str::to_owned),
    };
    Ok(configured.and_then(|url| address(&url, SaidBy::Config)))
}

/// Returns the user's own configuration if it says anything of servers. Nothing else of it is read for that.
fn mentioning(context: &Context) -> Result<Option<UserConfig>, CliError> {
    match context.user_config_that(|text| text.contains(KEY)) {
        // Where it may not be read, as in a sandbox, it says nothing.
        Err(error) if error.is(ErrorCode::Io) => Ok(None),
        read => read,
    }
}

impl SaidBy {
    fn in_words(self) -> &'static str {
        match self {
            Self::Option => "--remote",
            Self::Variable => "TICKETY_REMOTE",
            Self::Config => "your own configuration",
        }
    }
}

/// Reads the tables of servers.
fn settings(config: &UserConfig) -> Result<Vec<Settings>, CliError> {
    config.tables(TABLES)?.into_iter().map(|table| setting(config, table)).collect()
}

fn setting(config: &UserConfig, table: Table) -> Result<Settings, CliError> {
    let mut read = Settings { url: table.name, ..Settings::default() };
    for (number, key, values) in table.values {
        let wrong = |message: &str| Err(config.wrong_line(number, &format!("`{key}` {message}")));
        let Some(values) = values else { return wrong("has to be a string, or a list of strings") };
        match (key.as_str(), &values[..]) {
            ("directories", _) => read.directories = values,
            ("token-file", [file]) => read.token_file = Some(file.clone()),
            ("token-file", _) => return wrong("names one file"),
            _ => return wrong("is no setting of a server: `directories` and `token-file` are"),
        }
    }
    Ok(read)
}

/// Returns the server of the folder that a command works in: that of the innermost folder that has one.
fn in_folder(settings: &[Settings], context: &Context) -> Result<Option<String>, CliError> {
    if settings.iter().all(|settings| settings.directories.is_empty()) {
        return Ok(None);
    }
    let Ok(here) = fs::canonicalize(context.directory()) else { return Ok(None) };
    let folders =
        settings.iter().flat_map(|settings| settings.directories.iter().map(move |folder| (folder, settings)));
    let around = folders.filter_map(|(folder, settings)| {
        // One that isn't there is around nothing.
        let folder = fs::canonicalize(expanded(folder, context)).ok()?;
        here.starts_with(&folder).then(|| (folder.components().count(), &settings.url))
    });
    Ok(around.max_by_key(|(depth, _)| *depth).map(|(_, url)| url.clone()))
}

/// Puts the user's home in place of a `~` at the beginning.
fn expanded(path: &str, context: &Context) -> PathBuf {
    match (path.strip_prefix('~'), context.home()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => Path::new(path).to_owned(),
    }
}

/// Says what to do instead of a command that no server does.
fn instead(command: &str) -> &'static str {
    match command {
        "branch" => ", which then has to have the issue; or name a branch for it: `git switch -c NUMBER-WORDS`",
        "current" => "; `git branch --show-current` tells what the branch is called",
        "merge" | "scan" => "; `tickety close` closes issues by name, wherever they are",
        "diff" => "; `tickety log ISSUE` and `tickety events` tell what has changed at a server",
        "status" | "sync" => "; `tickety serve --sync 60s` has a server exchange its issues",
        "restore" | "backup" => "; where the server runs, its issues are saved and put back",
        "renumber" | "resolve" | "home" | "index" | "doctor" | "check" => {
            "; for the issues of a server it is done where that runs"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> UserConfig {
        UserConfig::of(Path::new("config.toml"), text.to_owned()).expect("TOML")
    }

    #[test]
    fn servers_have_tables_under_their_addresses() {
        let text = "remote = \"http://a\"\n[remotes.\"http://b:7420\"]\ndirectories = [\"~/b\", '/srv/b']\n\
                    [remotes.'https://c/api/v1/projects/x']\ntoken-file = \"~/.c\"\ndirectories = \"/srv/c\"\n";
        let read = settings(&config(text)).expect("settings");
        let expected = [
            Settings {
                url: "http://b:7420".to_owned(),
                directories: vec!["~/b".to_owned(), "/srv/b".to_owned()],
                token_file: None,
            },
            Settings {
                url: "https://c/api/v1/projects/x".to_owned(),
                directories: vec!["/srv/c".to_owned()],
                token_file: Some("~/.c".to_owned()),
            },
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_with_its_line() {
        for (text, says) in [
            ("[remotes.\"http://a\"]\ntoken = \"tky\"\n", "config.toml:2: `token` is no setting of a server"),
            ("[remotes.\"http://a\"]\n\ntoken-file = 7\n", "config.toml:3: `token-file` has to be a string"),
            ("[remotes.\"http://a\"]\ntoken-file = [\"a\", \"b\"]\n", "config.toml:2: `token-file` names one file"),
            ("remotes = \"http://a\"\n", "config.toml:1: `remotes` has to be a table"),
            ("[remotes]\n\"http://a\" = \"/srv\"\n", "config.toml:2: `http://a` has to be a table"),
        ] {
            match settings(&config(text)) {
                Err(CliError::Failed(failed)) => assert!(failed.message.starts_with(says), "{}", failed.message),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}

//! What the user says about caching in memory, in variables and in the [user's own configuration](UserConfig).

use std::time::Duration;

use tickety_api::ErrorCode;
use tickety_engine::layers::CacheSettings;

use crate::compose::Setting;
use crate::exit::CliError;
use crate::user_config::UserConfig;

/// A setting: its key in the file, and the variable that comes before it.
#[derive(Clone, Copy)]
struct Name {
    key: &'static str,
    variable: &'static str,
}

const SWITCH: Name = Name { key: "cache", variable: "TICKETY_CACHE" };
const TTL: Name = Name { key: "cache-ttl-seconds", variable: "TICKETY_CACHE_TTL_SECONDS" };
const ENTRIES: Name = Name { key: "cache-max-entries", variable: "TICKETY_CACHE_MAX_ENTRIES" };

/// How long things are kept where what they are decides.
const BY_KIND: &str = "auto";

/// A year.
const LONGEST: u64 = 31_536_000;

/// What takes some hundred megabytes.
const MOST: u64 = 1_000_000;

/// Returns the value of a variable.
pub type Variables = dyn Fn(&str) -> Result<Option<String>, CliError>;

/// Where settings come from.
pub struct Sources {
    /// The environment.
    pub variable: Box<Variables>,
    /// The user's own file.
    pub config: UserConfig,
}

impl Sources {
    /// Returns how a process that stays is to cache.
    pub fn settings(&self) -> Result<CacheSettings, CliError> {
        if let Some(line) = self.config.lines().iter().find(|line| line.key.starts_with("cache") && !is_key(&line.key))
        {
            let message = format!("there is no setting `{}`: {} are there", line.key, keys());
            return Err(self.config.wrong_line(line.number, &message));
        }
        let usual = CacheSettings::default();
        let enabled = self.given(SWITCH, switch)?.unwrap_or(usual.enabled);
        let ttl = self.given(TTL, seconds)?.unwrap_or(usual.ttl);
        let settings = CacheSettings { enabled, ttl, ..usual };
        Ok(match self.given(ENTRIES, entries)? {
            Some(entries) => settings.max_entries(entries),
            None => settings,
        })
    }

    /// Lists the settings in force.
    pub fn list(&self) -> Result<[Setting; 3], CliError> {
        let settings = self.settings()?;
        let setting = |name: Name, value| -> Result<Setting, CliError> {
            let explicit = self.variable(name)?.is_some() || self.config.line(name.key).is_some();
            Ok(Setting { key: name.key.to_owned(), value, explicit })
        };
        let ttl = settings.ttl.map_or_else(|| BY_KIND.to_owned(), |ttl| ttl.as_secs().to_string());
        Ok([
            setting(SWITCH, if settings.enabled { "on" } else { "off" }.to_owned())?,
            setting(TTL, ttl)?,
            setting(ENTRIES, settings.issues.to_string())?,
        ])
    }

    /// Returns a setting's value, which has to be right. A variable without a value says nothing.
    fn given<T>(&self, name: Name, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, CliError> {
        if let Some(text) = self.variable(name)? {
            let wrong = |message| CliError::new(ErrorCode::BadValue, format!("{}: {message}", name.variable));
            return parse(text.trim()).map(Some).map_err(wrong);
        }
        let Some(line) = self.config.line(name.key) else { return Ok(None) };
        let wrong = |message| self.config.wrong_line(line.number, &format!("{}: {message}", name.key));
        parse(&line.value).map(Some).map_err(wrong)
    }

    fn variable(&self, name: Name) -> Result<Option<String>, CliError> {
        Ok((self.variable)(name.variable)?.filter(|text| !text.trim().is_empty()))
    }
}

/// Whether a key is one of these settings.
pub fn is_key(key: &str) -> bool {
    [SWITCH, TTL, ENTRIES].iter().any(|name| name.key == key)
}

/// Refuses a value that a setting can't have.
pub fn check(key: &str, value: &str) -> Result<(), CliError> {
    let checked = match key {
        _ if key == SWITCH.key => switch(value).map(drop),
        _ if key == TTL.key => seconds(value).map(drop),
        _ => entries(value).map(drop),
    };
    checked.map_err(|message| CliError::new(ErrorCode::BadValue, format!("{key}: {message}")))
}

fn keys() -> String {
    let [switch, ttl, entries] = [SWITCH, TTL, ENTRIES].map(|name| name.key);
    format!("`{switch}`, `{ttl}` and `{entries}`")
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`{text}` is neither `on` nor `off`")),
    }
}

fn seconds(text: &str) -> Result<Option<Duration>, String> {
    if text == BY_KIND {
        return Ok(None);
    }
    let seconds = number(text, LONGEST).map_err(|message| format!("{message}, nor `{BY_KIND}`"))?;
    Ok(Some(Duration::from_secs(seconds)))
}

fn entries(text: &str) -> Result<u64, String> {
    number(text, MOST)
}

fn number(text: &str, most: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("`{text}` is no whole number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(variable: impl Fn(&str) -> Option<String> + 'static) -> Sources {
        Sources { variable: Box::new(move |name| Ok(variable(name))), config: UserConfig::default() }
    }

    fn refused(variable: &'static str, value: &'static str) -> String {
        match given(move |name| (name == variable).then(|| value.to_owned())).settings() {
            Err(CliError::Failed(failed)) => failed.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let said = [
            refused("TICKETY_CACHE", "maybe"),
            refused("TICKETY_CACHE_TTL_SECONDS", "1m"),
            refused("TICKETY_CACHE_TTL_SECONDS", "0"),
            refused("TICKETY_CACHE_MAX_ENTRIES", "-1"),
            refused("TICKETY_CACHE_MAX_ENTRIES", "18446744073709551616"),
            refused("TICKETY_CACHE_MAX_ENTRIES", "auto"),
        ];
        insta::assert_snapshot!(said.join("\n"), @"
        TICKETY_CACHE: `maybe` is neither `on` nor `off`
        TICKETY_CACHE_TTL_SECONDS: `1m` is no whole number from 1 to 31536000, nor `auto`
        TICKETY_CACHE_TTL_SECONDS: `0` is no whole number from 1 to 31536000, nor `auto`
        TICKETY_CACHE_MAX_ENTRIES: `-1` is no whole number from 1 to 1000000
        TICKETY_CACHE_MAX_ENTRIES: `18446744073709551616` is no whole number from 1 to 1000000
        TICKETY_CACHE_MAX_ENTRIES: `auto` is no whole number from 1 to 1000000
        ");
    }

    #[test]
    fn an_empty_variable_says_nothing() {
        let sources = given(|_| Some(" ".to_owned()));
        assert_eq!(sources.settings().ok(), Some(CacheSettings::default()));
        assert!(sources.list().is_ok_and(|list| list.iter().all(|setting| !setting.explicit)));
    }
}

//! The configuration of a home.

use std::path::Path;

use tickety_store::repo::config::Config;

/// Settings that any configuration takes, if it has none that contradicts them.
const SETTINGS: [(&str, &str); 4] =
    [("prefix", "ABC"), ("statuses.paused", "in-progress"), ("fields.size", "number"), ("freshness", "verify")];

/// Reads a configuration. Each setting can be written as it is listed, which changes nothing, and others can be set.
pub fn config(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let path = Path::new("config.toml");
    let config = match Config::parse(text, path) {
        Ok(config) => config,
        Err(error) => return drop(error.to_string()),
    };
    let settings = Config::settings(text, path).expect("what can be read can be listed");
    for setting in &settings {
        // An odd spelling that a file may have can't be set.
        if let Ok(written) = Config::with(text, path, &setting.key, &setting.value) {
            let read = Config::parse(&written, path).expect("what was set can be read");
            assert_eq!(read.schema, config.schema, "{setting:?} as it is listed");
            assert_eq!(read.freshness, config.freshness, "{setting:?} as it is listed");
        }
    }
    for (key, value) in SETTINGS {
        let written = match Config::with(text, path, key, value) {
            Ok(written) => written,
            Err(error) => {
                drop(error.to_string());
                continue;
            }
        };
        let listed = Config::settings(&written, path).expect("what was set can be read");
        assert!(listed.iter().any(|setting| setting.key == key && setting.value == value), "{key} wasn't set");
        let before = settings.iter().filter(|setting| setting.key != key);
        let after = listed.iter().filter(|setting| setting.key != key);
        assert!(before.eq(after), "setting {key} changed others");
    }
}

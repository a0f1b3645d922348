//! `tickety config`

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};
use tickety_store::StorageError;

use crate::compose::Setting;
use crate::exit::{CliError, Ended};
use crate::identity;
use crate::render::palette;
use crate::session::Session;

/// Look at the settings, or change one
///
/// The settings of the repository lie in .tickety/config.toml and are committed with it. `actor` is your own and lies
/// in your config directory.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do with the settings.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print one setting
    Get {
        /// As in `prefix` or `statuses.review`
        key: String,
    },
    /// Change one setting; everything else in the file stays as it is
    Set {
        /// As in `prefix` or `statuses.review`
        key: String,
        /// As TOML has it, or a plain word: `AB`, `in-progress`, `["s1", "s2"]`
        value: String,
    },
    /// Print all settings that are in force
    #[command(visible_alias = "ls")]
    List,
}

/// The setting that belongs to the user and not to the repository.
const ACTOR: &str = "actor";

/// The `data` of the answer.
#[derive(Serialize)]
struct Settings {
    settings: Vec<WireSetting>,
}

/// A setting.
#[derive(Serialize)]
struct WireSetting {
    key: String,
    value: String,
    /// Whether a file says so, or it is the default.
    explicit: bool,
}

pub fn run(args: Args, session: &Session) -> Result<Ended, CliError> {
    match args.action {
        Action::List => {
            let mut settings = session.repo()?.settings()?;
            settings.extend(actor(session));
            list(settings, session)
        }
        Action::Get { key } => get(&key, session),
        Action::Set { key, value } if key == ACTOR => {
            let path = session.context.user_config().ok_or_else(|| CliError::usage("there is no config directory: HOME is not set"))?;
            identity::configure_actor(&path, &value).map_err(|error| CliError::io("write", &path, &error))?;
            tell(Setting { key, value, explicit: true }, session)
        }
        Action::Set { key, value } => {
            let repo = session.repo()?;
            repo.set(&key, &value).map_err(|error| match &error {
                StorageError::Config { message, .. } => {
                    CliError::new(ErrorCode::BadConfig, message).hint("nothing was changed; docs/config.md describes the settings")
                }
                _ => error.into(),
            })?;
            get(&key, session)
        }
    }
}

fn get(key: &str, session: &Session) -> Result<Ended, CliError> {
    let found = if key == ACTOR {
        actor(session)
    } else {
        session.repo()?.settings()?.into_iter().find(|setting| setting.key == key)
    };
    let setting = found.ok_or_else(|| {
        CliError::new(ErrorCode::BadConfig, format!("there is no setting `{key}`")).hint("`tickety config list` shows all")
    })?;
    tell(setting, session)
}

fn actor(session: &Session) -> Option<Setting> {
    let value = session.context.actor()?.to_owned();
    let explicit = session.context.user_config().and_then(|path| identity::configured_actor(&path)).is_some();
    Some(Setting { key: ACTOR.to_owned(), value, explicit })
}

fn tell(setting: Setting, session: &Session) -> Result<Ended, CliError> {
    if session.json() { list(vec![setting], session) } else {
        let mut screen = session.screen();
        screen.put(palette::PLAIN, &setting.value).raw("\n");
        session.show(screen)
    }
}

fn list(settings: Vec<Setting>, session: &Session) -> Result<Ended, CliError> {
    if session.json() {
        let settings =
            settings.into_iter().map(|Setting { key, value, explicit }| WireSetting { key, value, explicit }).collect();
        return session.answer(Settings { settings }, Meta::default());
    }
    let mut screen = session.screen();
    for Setting { key, value, explicit } in &settings {
        screen.put(palette::NAME, key).raw(" = ").put(palette::PLAIN, value);
        if screen.is_terminal() && !explicit {
            screen.put(palette::FAINT, "  (default)");
        }
        screen.raw("\n");
    }
    session.show(screen)
}

//! `tickety config`

use serde::Serialize;
use tickety_api::{ErrorCode, Meta};

use crate::caching;
use crate::compose::Setting;
use crate::exit::{CliError, Ended, SETTINGS_HINT};
use crate::remote;
use crate::render::palette;
use crate::session::Session;

/// Look at the settings, or change one
///
/// The settings of the repository lie in .tickety/config.toml and are committed with it:
///
///   prefix          what names begin with in commit messages, as in TIK-42
///   kinds           the kinds of issue: ["bug", "feature"], or bug,feature
///   default-kind    the kind of an issue that names none
///   freshness       what is checked before an answer: auto, verify, shards or trust
///   statuses.NAME   a further status, and what it counts as: open, in-progress or closed
///   fields.KEY      the type of a custom field: text, number, date, bool or a list of choices
///   format          the version of the files
///
/// Your own lie in your config directory:
///
///   actor              who acts, unless --as or TICKETY_ACTOR says otherwise
///   cache              whether a process that stays keeps issues and answers in memory: on or off
///   cache-ttl-seconds  how long it keeps them at the most
///   cache-max-entries  how many issues it keeps at the most, and a tenth as many answers
///   remote             the server that is asked where there is no home
///   remotes."URL"      a table about a server: its directories and token-file
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
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
        /// A word or a list: AB, in-progress, s1,s2; or as TOML has it: ["s1", "s2"]
        value: String,
    },
    /// Print all settings that are in force
    #[command(visible_alias = "ls")]
    List,
}

/// Who acts. Like the settings of caching, it belongs to the user and not to the repository.
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
            settings.extend(actor(session)?);
            match session.context.caching() {
                Ok(caching) => {
                    settings.extend(caching.list()?);
                    settings.extend(distant(session)?);
                }
                // They are left out where the file may not be read.
                Err(error) if error.is(ErrorCode::Io) => {}
                Err(error) => return Err(error),
            }
            list(settings, session)
        }
        Action::Get { key } => get(&key, session),
        Action::Set { key, value } if key == ACTOR || key == remote::KEY || caching::is_key(&key) => {
            if caching::is_key(&key) {
                caching::check(&key, &value)?;
            }
            let is_text = !caching::is_key(&key) || value.parse::<u64>().is_err();
            let config = session.context.user_config()?;
            config.set(&key, &value, is_text)?;
            tell(Setting { key, value, explicit: true }, session)
        }
        Action::Set { key, value } => {
            let repo = session.repo()?;
            repo.set(&key, &value)?;
            get(&key, session)
        }
    }
}

fn get(key: &str, session: &Session) -> Result<Ended, CliError> {
    let found = if key == ACTOR {
        actor(session)?
    } else if key == remote::KEY {
        let unset = || CliError::new(ErrorCode::BadValue, "`remote` is not set").hint("issues are in the home here");
        Some(distant(session)?.ok_or_else(unset)?)
    } else if caching::is_key(key) {
        session.context.caching()?.list()?.into_iter().find(|setting| setting.key == key)
    } else {
        session.repo()?.settings()?.into_iter().find(|setting| setting.key == key)
    };
    let setting = found.ok_or_else(|| {
        CliError::new(ErrorCode::BadValue, format!("there is no setting `{key}`")).hint(SETTINGS_HINT)
    })?;
    tell(setting, session)
}

fn actor(session: &Session) -> Result<Option<Setting>, CliError> {
    let Some(value) = session.context.actor()?.map(str::to_owned) else { return Ok(None) };
    let explicit = session.context.configured_actor()?.is_some();
    Ok(Some(Setting { key: ACTOR.to_owned(), value, explicit }))
}

/// Returns the server that is asked where there is no home.
fn distant(session: &Session) -> Result<Option<Setting>, CliError> {
    let config = session.context.user_config_that(|_| true)?;
    let url = config.as_ref().map(|config| config.text(remote::KEY)).transpose()?.flatten();
    Ok(url.map(|url| Setting { key: remote::KEY.to_owned(), value: url.to_owned(), explicit: true }))
}

fn tell(setting: Setting, session: &Session) -> Result<Ended, CliError> {
    if session.json() {
        list(vec![setting], session)
    } else {
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

//! What a command knows of the world around it: directory, time, actor, terminal.
//!
//! Nothing else in this crate reads the environment, the clock or the terminal's state. Whatever costs more
//! than a system call is found out when it is first asked for: most commands need neither the time zone nor
//! the actor.
//!
//! Three variables exist for tests, so that what a command prints is the same every time:
//! `TICKETY_TEST_CLOCK` (an RFC 3339 time) is the time it is, `TICKETY_TEST_SEED` (a number) is what new ids
//! are drawn from, and with `TICKETY_TEST_TERMINAL` (`80x24`) standard output counts as a terminal of that size,
//! without a pager. Only this module reads them.

#![expect(clippy::disallowed_methods, reason = "this is the module that reads environment, clock and directory")]

use std::cell::OnceCell;
use std::env::{self, VarError};
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tickety_api::ErrorCode;

use crate::args::{ColourChoice, Global};
use crate::caching;
use crate::exit::CliError;
use crate::identity::GitUser;
use crate::user_config::UserConfig;
use crate::{compose, identity};

/// The world around a command.
#[derive(Debug)]
pub struct Context {
    directory: PathBuf,
    actor: OnceCell<Option<String>>,
    given_actor: Option<String>,
    zone: OnceCell<TimeZone>,
    now: Timestamp,
    #[cfg(feature = "server")]
    fixed_time: Option<Timestamp>,
    test_seed: Option<u64>,
    /// What is known of the terminal.
    pub terminal: Terminal,
    /// Whether to use colours on standard output.
    pub colour: bool,
    pager: bool,
    /// What the user's own configuration says, once it was read.
    user_config: OnceCell<String>,
}

impl Context {
    /// Looks around.
    pub fn new(global: &Global) -> Result<Self, CliError> {
        let directory = match &global.directory {
            Some(directory) => directory.clone(),
            None => {
                env::current_dir().map_err(|error| CliError::io("find", Path::new("the current directory"), &error))?
            }
        };
        let terminal = Terminal::detect();
        let fixed_time = test_hook("TICKETY_TEST_CLOCK")?;
        Ok(Self {
            directory,
            actor: OnceCell::new(),
            given_actor: global.actor.clone(),
            zone: OnceCell::new(),
            now: fixed_time.unwrap_or_else(Timestamp::now),
            #[cfg(feature = "server")]
            fixed_time,
            test_seed: test_hook("TICKETY_TEST_SEED")?,
            colour: use_colour(global.colour, terminal.stdout),
            terminal,
            pager: !global.no_pager,
            user_config: OnceCell::new(),
        })
    }

    /// Makes the world of a test: noon of a day in UTC, and a terminal if it has a width.
    #[cfg(test)]
    pub fn fixed(width: Option<usize>, colour: bool) -> Self {
        let width_or = width.unwrap_or(80);
        let terminal = Terminal {
            stdin: false,
            stdout: width.is_some(),
            stderr: false,
            width: width_or,
            height: 24,
            pretended: true,
        };
        Self {
            directory: PathBuf::new(),
            actor: OnceCell::from(None),
            given_actor: None,
            zone: OnceCell::from(TimeZone::UTC),
            now: "2026-11-21T12:00:00Z".parse().expect("a time"),
            #[cfg(feature = "server")]
            fixed_time: None,
            test_seed: None,
            terminal,
            colour,
            pager: false,
            user_config: OnceCell::new(),
        }
    }

    /// Returns the directory where the search for the home begins.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the time of the command.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the time to write into records: in whole seconds.
    pub fn time_of_writing(&self) -> Timestamp {
        Timestamp::from_second(self.now.as_second()).unwrap_or(self.now)
    }

    /// Returns the time zone of the person.
    pub fn zone(&self) -> &TimeZone {
        self.zone.get_or_init(TimeZone::system)
    }

    /// Returns who acts, if anything tells. Fails where the user's own configuration is asked and is wrong.
    pub fn actor(&self) -> Result<Option<&str>, CliError> {
        let actor = match self.actor.get() {
            Some(actor) => actor,
            None => {
                let found = self.find_actor()?;
                self.actor.get_or_init(|| found)
            }
        };
        Ok(actor.as_deref())
    }

    fn find_actor(&self) -> Result<Option<String>, CliError> {
        // What is empty says nothing, as if it weren't there.
        let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let variable = |name: &str| Ok::<_, CliError>(text_variable(name)?.and_then(named));
        if let Some(given) = &self.given_actor {
            return Ok(Some(given.clone()));
        }
        if let Some(given) = variable("TICKETY_ACTOR")? {
            return Ok(Some(given));
        }
        let configured = self.configured_actor()?.and_then(named);
        match configured.or_else(|| self.git_user()) {
            Some(found) => Ok(Some(found)),
            None => variable("USER"),
        }
    }

    /// Returns git's `user.name`, for which git itself is asked only where it isn't in the usual files.
    fn git_user(&self) -> Option<String> {
        let moved = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"].iter().any(|name| env::var_os(name).is_some());
        let read = if moved { GitUser::Elsewhere } else { identity::git_user(self.git_configs()) };
        match read {
            GitUser::Name(name) => Some(name),
            GitUser::Nobody => None,
            // Where git is missing, what can be read has to do.
            GitUser::Elsewhere => {
                compose::ask_git_user(&self.directory).or_else(|| identity::plain_git_user(self.git_configs()))
            }
        }
    }

    /// Returns the actor that the user's own configuration names.
    pub fn configured_actor(&self) -> Result<Option<String>, CliError> {
        match self.user_config_that(|_| true) {
            Ok(config) => {
                Ok(config.map(|config| config.text("actor").map(|name| name.map(str::to_owned))).transpose()?.flatten())
            }
            // Where it may not be read, as in a sandbox, others tell who acts.
            Err(error) if error.is(ErrorCode::Io) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the user's own configuration if what it says is `wanted`. The file is read once for all who ask; `None` where it
    /// isn't wanted, or there is no place for it.
    pub fn user_config_that(&self, wanted: impl FnOnce(&str) -> bool) -> Result<Option<UserConfig>, CliError> {
        let Some(path) = user_config_path() else { return Ok(None) };
        let text = match self.user_config.get() {
            Some(text) => text,
            None => {
                let text = UserConfig::read_text(&path)?;
                self.user_config.get_or_init(|| text)
            }
        };
        if wanted(text) { UserConfig::of(&path, text.clone()).map(Some) } else { Ok(None) }
    }

    /// Returns the actor that `--as` names.
    pub fn given_actor(&self) -> Option<&str> {
        self.given_actor.as_deref()
    }

    /// Returns the server that the environment names.
    pub fn remote(&self) -> Result<Option<String>, CliError> {
        text_variable("TICKETY_REMOTE")
    }

    /// Returns the user's home.
    pub fn home(&self) -> Option<PathBuf> {
        env::var_os("HOME").map(PathBuf::from)
    }

    /// Reads the user's own configuration.
    pub fn user_config(&self) -> Result<UserConfig, CliError> {
        let path =
            user_config_path().ok_or_else(|| CliError::usage("there is no config directory: HOME is not set"))?;
        UserConfig::read(&path)
    }

    /// Returns where it says how to cache.
    pub fn caching(&self) -> Result<caching::Sources, CliError> {
        let config = if user_config_path().is_some() { self.user_config()? } else { UserConfig::default() };
        Ok(caching::Sources { variable: Box::new(text_variable), config })
    }

    /// Returns the configuration files of git, the more important first.
    fn git_configs(&self) -> impl Iterator<Item = PathBuf> {
        let home = env::var_os("HOME").map(PathBuf::from);
        let users =
            [home.map(|home| home.join(".gitconfig")), config_home().map(|home| home.join("git").join("config"))];
        compose::git_config(&self.directory).into_iter().chain(users.into_iter().flatten())
    }

    /// Returns the seed of new ids where a test fixes it.
    pub fn test_seed(&self) -> Option<u64> {
        self.test_seed
    }

    /// Returns where temporary files go.
    pub fn temporary_directory(&self) -> PathBuf {
        env::temp_dir()
    }

    /// Returns the command of the pager, unless there is to be none. It comes from the user's
    /// environment alone.
    pub fn pager(&self) -> Result<Option<String>, CliError> {
        if !self.pager || !self.terminal.stdout || self.terminal.pretended {
            return Ok(None);
        }
        Ok(match text_variable("PAGER")? {
            // Without a locale less would take what is no ASCII for bytes.
            None => Some("LESSCHARSET=${LESSCHARSET-utf-8} less -FRX".to_owned()),
            Some(command) if command.trim().is_empty() || command.trim() == "cat" => None,
            Some(command) => Some(command),
        })
    }

    /// Returns the command of the editor. It comes from the user's environment alone.
    pub fn editor(&self) -> Result<String, CliError> {
        for name in EDITORS {
            if let Some(command) = text_variable(name)?.filter(|command| !command.trim().is_empty()) {
                return Ok(command);
            }
        }
        Ok("vi".to_owned())
    }

    /// Whether the environment names an editor.
    pub fn has_editor(&self) -> bool {
        EDITORS.into_iter().filter_map(env::var_os).any(|command| !command.to_string_lossy().trim().is_empty())
    }

    /// Whether somebody is there to be asked.
    pub fn can_ask(&self) -> bool {
        self.terminal.stdin && self.terminal.stderr
    }
}

/// What who asks a server wants to know.
#[cfg(feature = "server")]
impl Context {
    /// Returns the token that the environment has.
    pub fn token(&self) -> Result<Option<String>, CliError> {
        Ok(text_variable("TICKETY_TOKEN")?.filter(|text| !text.trim().is_empty()))
    }

    /// Returns where what servers answered is kept for the next command; `None` where there is no place for it.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        let explicit = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        explicit.or_else(|| self.home().map(|home| home.join(".cache"))).map(|folder| folder.join("tickety"))
    }
}

/// What a process that stays asks.
#[cfg(feature = "server")]
impl Context {
    /// Returns the time that it stays, where a test fixes it.
    pub fn fixed_time(&self) -> Option<Timestamp> {
        self.fixed_time
    }

    /// Returns the time that it is now, for what outlives a command: in whole seconds, as records have it.
    pub fn current_time() -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Returns what the environment says about the log of a process that stays.
    pub fn log_level(&self) -> Result<Option<String>, CliError> {
        Ok(text_variable("TICKETY_LOG")?.filter(|text| !text.trim().is_empty()))
    }
}

/// What is known of the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether standard input is one.
    pub stdin: bool,
    /// Whether standard output is one.
    pub stdout: bool,
    /// Whether standard error is one.
    pub stderr: bool,
    /// Its columns.
    pub width: usize,
    /// Its lines.
    pub height: usize,
    /// Whether a test pretends that there is one.
    pub pretended: bool,
}

impl Terminal {
    fn detect() -> Self {
        let mut terminal = Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            width: 80,
            height: 24,
            pretended: false,
        };
        let pretended = env::var("TICKETY_TEST_TERMINAL").ok().and_then(|size| {
            let (width, height) = size.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        });
        if let Some((width, height)) = pretended {
            return Self { stdout: true, width, height, pretended: true, ..terminal };
        }
        if terminal.stdout
            && let Some((terminal_size::Width(width), terminal_size::Height(height))) = terminal_size::terminal_size()
        {
            (terminal.width, terminal.height) = (usize::from(width), usize::from(height));
        }
        terminal
    }
}

/// Decides on colours by <https://no-color.org> and <https://bixense.com/clicolors>: the option
/// first, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether this is a terminal that `CLICOLOR`
/// and `TERM` don't speak against.
fn use_colour(choice: ColourChoice, terminal: bool) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value: OsString| !value.is_empty());
    let is_on = |name| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto if is_set("NO_COLOR") => false,
        ColourChoice::Auto if is_on("CLICOLOR_FORCE") => true,
        ColourChoice::Auto => {
            terminal
                && env::var_os("CLICOLOR").is_none_or(|value| value != "0")
                && env::var_os("TERM").is_none_or(|value| value != "dumb")
        }
    }
}

fn config_home() -> Option<PathBuf> {
    let explicit = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    explicit.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".config")))
}

fn user_config_path() -> Option<PathBuf> {
    config_home().map(|home| home.join("tickety").join("config.toml"))
}

/// The variables that name the editor, the more important first.
const EDITORS: [&str; 2] = ["VISUAL", "EDITOR"];

/// Reads a variable whose value is a text. One that is none is not passed over: somebody has set it.
fn text_variable(name: &str) -> Result<Option<String>, CliError> {
    match env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(bytes)) => {
            let message = format!("the variable {name} is no UTF-8: `{}`", bytes.to_string_lossy());
            Err(CliError::new(ErrorCode::BadValue, message).hint(format!("write it in UTF-8, or `unset {name}`")))
        }
    }
}

/// Reads what a test fixes so that its output is the same every time; see ARCHITECTURE.md.
fn test_hook<T: FromStr<Err: std::fmt::Display>>(name: &str) -> Result<Option<T>, CliError> {
    let Some(text) = text_variable(name)? else { return Ok(None) };
    let value = text.parse().map_err(|error| CliError::usage(format!("{name}: {error}")))?;
    Ok(Some(value))
}
